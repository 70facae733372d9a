/**
 * A request that is refused for its form, before it is parsed. Each API answers it in its own shape, with this status. It is
 * built like the host's own errors, so that code that maps those maps it too.
 */
export class Refusal extends Error {
  readonly statusCode: 405 | 406 | 408 | 413 | 415;

  /** `message` is read by users: what went wrong, and what to do. */
  constructor(statusCode: Refusal["statusCode"], message: string) {
    super(message);
    this.name = "Refusal";
    this.statusCode = statusCode;
  }
}

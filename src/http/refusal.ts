/**
 * What is refused about how a request came, before anything is made of it: each face answers it in its own shape, with this status. It is
 * built as the host's own errors are, so that whoever maps those maps it too.
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

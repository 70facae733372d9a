/**
 * Thrown for a request whose form is refused before it is parsed. Each API responds with this status in its own shape.
 * It has the shape of Fastify's own errors, so code that maps those maps it too.
 */
export class Refusal extends Error {
  readonly statusCode: 405 | 406 | 408 | 413 | 415;

  /** `message` tells users what went wrong and what to do. */
  constructor(statusCode: Refusal["statusCode"], message: string) {
    super(message);
    this.name = "Refusal";
    this.statusCode = statusCode;
  }
}

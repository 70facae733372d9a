/**
 * The idempotency key of a call that writes, with what tells this call from others: the key counts for one person, API
 * and operation, and for one input only.
 */
export interface IdempotencyKey {
  readonly api: "GRAPHQL" | "V1" | "V2" | "MAIL";
  readonly operation: string;
  readonly key: string;
  /** The whole input as text. Equal inputs have equal texts. */
  readonly input: string;
  /** Called before the result if an earlier call has written under this key. */
  readonly onReplay?: (() => void) | undefined;
}

/** An input that may have an idempotency key. */
export interface Retryable {
  readonly idempotencyKey?: IdempotencyKey | undefined;
}

const validKey = /^[\x21-\x7e]{1,255}$/;
/** A key as the IETF's draft of `Idempotency-Key` writes it: a string of RFC 8941. */
const quotedKey = /^"((?:[^"\\]|\\["\\])*)"$/;

/** What a key must be, for error messages. */
export const keyRule = "An idempotency key must be 1 to 255 visible ASCII characters without spaces.";

/** Returns the key in `text` without the quotes that it may have, or undefined if there is no valid key in it. */
export function readKey(text: string): string | undefined {
  const quoted = quotedKey.exec(text)?.[1];
  const key = quoted === undefined ? text : quoted.replaceAll(/\\(["\\])/g, "$1");
  return validKey.test(key) ? key : undefined;
}

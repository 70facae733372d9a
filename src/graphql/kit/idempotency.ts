import { invalid } from "../../errors.ts";
import { type IdempotencyKey, keyRule, readKey } from "../../lib/idempotency-key.ts";

/** The description of `idempotencyKey` in the inputs of mutations. */
export const idempotencyKeyDescription =
  "A key that makes it safe to send the mutation again: 1 to 255 visible ASCII characters, such as a new UUID. A mutation with " +
  "the same key and input that has already been executed in the last 24 hours is not executed again, and returns what it wrote " +
  "as it is now. With another input it is a ConflictError.";

/**
 * Returns the idempotency key of the input of the mutation `operation`, or undefined if it has none. Throws
 * `InvalidInput` if the key is not valid.
 */
export function readIdempotencyKey(
  operation: string,
  input: { readonly idempotencyKey?: string | null | undefined },
): IdempotencyKey | undefined {
  const { idempotencyKey, ...rest } = input;
  if (typeof idempotencyKey !== "string") return undefined;
  const key = readKey(idempotencyKey);
  if (key === undefined) throw invalid("idempotencyKey", keyRule);
  // An input has its fields in the order of the schema, whatever the order in the request.
  return { api: "GRAPHQL", operation, key, input: JSON.stringify(rest) };
}

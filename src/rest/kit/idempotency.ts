import type { FastifyReply, FastifyRequest } from "fastify";
import { type IdempotencyKey, readKey } from "../../lib/idempotency-key.ts";

/** The methods that write. `Idempotency-Key` has no meaning on others. */
const writingMethods: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH", "DELETE"]);

/**
 * Returns the key in the header `Idempotency-Key` of a write, `malformed` if it is not valid, or undefined if there is
 * none. If an earlier request has written under the key, the response says so in `Idempotent-Replayed`.
 */
export function idempotencyKeyIn(
  { method, url, body, headers }: Pick<FastifyRequest, "method" | "url" | "headers"> & { readonly body?: unknown },
  reply: FastifyReply,
  operation: Pick<IdempotencyKey, "api" | "operation">,
): IdempotencyKey | "malformed" | undefined {
  const sent = headers["idempotency-key"];
  if (sent === undefined || !writingMethods.has(method)) return undefined;
  const key = readKey(String(sent));
  if (key === undefined) return "malformed";
  return {
    ...operation,
    key,
    input: JSON.stringify([method, url, body ?? null]),
    onReplay: () => void reply.header("idempotent-replayed", "true"),
  };
}

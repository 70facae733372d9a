import { createHmac, hash } from "node:crypto";
import type { PersonViewer } from "../viewer.ts";
import type { IdempotencyKey } from "../lib/idempotency-key.ts";

/** The hashes of a key and of its input, as UUIDs. */
export interface KeyHashes {
  readonly keyHash: string;
  readonly inputHash: string;
}

/** 128 bits in hexadecimal, which PostgreSQL stores as a UUID in 16 bytes. */
const digitsOfUuid = 32;

/**
 * Returns the hashes of a key that `person` sent. The key of the HMAC of the input is not stored, so a
 * reader of the database cannot find out a text by comparing hashes.
 */
export function hashesOf({ person, account }: PersonViewer, { api, operation, key, input }: IdempotencyKey): KeyHashes {
  const scope = JSON.stringify([account.id, person.id, api, operation, key]);
  return {
    keyHash: hash("sha256", scope).slice(0, digitsOfUuid),
    inputHash: createHmac("sha256", scope).update(input).digest("hex").slice(0, digitsOfUuid),
  };
}

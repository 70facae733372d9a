import { hash, randomBytes } from "node:crypto";

/** Prefixes that mark a secret as one of this gateway, for people and for scanners that search for leaked secrets. */
const prefixes = { API_KEY: "tnk_", OAUTH_CLIENT: "tns_" } as const;

/** Returns a new secret of 256 random bits, and its hash. Only the hash is stored. */
export function newSecret(kind: keyof typeof prefixes): { secret: string; hash: Uint8Array<ArrayBuffer> } {
  const secret = `${prefixes[kind]}${randomBytes(32).toString("base64url")}`;
  return { secret, hash: hashOf(secret) };
}

/**
 * Returns the SHA-256 hash of a secret, which is what the database stores. A slow hash would add no protection, because
 * the secret is too random to be guessed.
 */
export function hashOf(secret: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(hash("sha256", secret, "buffer"));
}

/** Returns {@link hashOf} in base64url. */
export function hashTextOf(secret: string): string {
  return hash("sha256", secret, "base64url");
}

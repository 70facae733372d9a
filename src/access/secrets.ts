import { hash, randomBytes } from "node:crypto";

/** Mark a text as one of ours, for people and for the scanners that look for leaked ones. */
const prefixes = { API_KEY: "tnk_", OAUTH_CLIENT: "tns_" } as const;

/** A new secret: 256 random bits. It is shown once, and only its hash is kept. */
export function newSecret(kind: keyof typeof prefixes): { secret: string; hash: Uint8Array<ArrayBuffer> } {
  const secret = `${prefixes[kind]}${randomBytes(32).toString("base64url")}`;
  return { secret, hash: hashOf(secret) };
}

/** What is kept of a secret. It is too random to be guessed, so a slow hash would protect nothing more. */
export function hashOf(secret: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(hash("sha256", secret, "buffer"));
}

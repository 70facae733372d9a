import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { calculateJwkThumbprint, type CryptoKey, exportJWK, generateKeyPair, importJWK, type JWK } from "jose";
import { type Clock, dayMs } from "../lib/clock.ts";
import type { Database } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import { insertInto } from "../database/table.ts";
import { signingKeysTable } from "./tables.ts";

/** How long an access token is valid, in seconds. */
export const tokenLifetimeSeconds = 3600;

/** The algorithm of every key: Ed25519, whose signatures are small and quick to verify. */
export const signingAlgorithm = "EdDSA";

/** The keys that sign access tokens. All processes on one database share them. */
export interface SigningKeys {
  /** Returns the key that signs now. */
  current(): Promise<{ readonly id: string; readonly privateKey: CryptoKey }>;
  /** Returns the public key with that id, or null if there is none or all of its tokens have expired. */
  publicKey(id: string): Promise<CryptoKey | null>;
  /**
   * Returns the keys of the key set document: those whose tokens may still be valid, and the next one before it begins
   * to sign.
   */
  published(): Promise<JWK[]>;
}

interface SigningKey {
  readonly id: string;
  readonly activeFrom: Date;
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
  readonly publicJwk: JWK;
}

interface SealedKey {
  readonly id: string;
  readonly activeFrom: Date;
  readonly sealedKey: Uint8Array;
}

/** How long a key signs. Periods are counted from 1970, so all processes agree on them without communicating. */
const periodMs = 30 * dayMs;
/** How long before it begins to sign the next key is published. Longer than anybody caches the key set document. */
const publishedAheadMs = dayMs;
/** The greatest difference expected between the clocks of two machines. */
const graceMs = 5 * 60 * 1000;
/** The shortest time between two reads of keys that other processes may have added. */
const reloadMs = 250;

export function createSigningKeys(dependencies: { database: Database; clock: Clock; signingSecret: string }): SigningKeys {
  const { database, clock, signingSecret } = dependencies;
  const sealing = createSealing(signingSecret);
  let known: ReadonlyMap<string, SigningKey> = new Map();
  let loadedAt = -Infinity;
  let loading: Promise<void> | undefined;

  const periodAt = (time: Date): Date => new Date(Math.floor(time.getTime() / periodMs) * periodMs);
  const keyOf = (period: Date): SigningKey | undefined =>
    [...known.values()].find((key) => key.activeFrom.getTime() === period.getTime());
  const isAlive = (key: { activeFrom: Date }): boolean =>
    key.activeFrom.getTime() + periodMs + tokenLifetimeSeconds * 1000 + graceMs > clock().getTime();

  async function load(): Promise<void> {
    const oldest = new Date(clock().getTime() - periodMs - tokenLifetimeSeconds * 1000 - graceMs);
    const rows = await database.query<SealedKey & Record<string, unknown>>(sql`
      SELECT k.id, k.active_from AS "activeFrom", k.sealed_key AS "sealedKey" FROM signing_keys k
      WHERE k.sealed_by = ${sealing.id} AND k.active_from > ${oldest}::timestamptz`);
    const keys = await Promise.all(rows.map(async (row) => known.get(row.id) ?? sealing.open(row)));
    known = new Map(keys.map((key) => [key.id, key]));
    loadedAt = performance.now();
  }

  function reload(): Promise<void> {
    loading ??= load().finally(() => {
      loading = undefined;
    });
    return loading;
  }

  /**
   * Returns the key of a period, and makes it if there is none. If several processes make one at once, the first one's
   * is stored and the others read it.
   */
  async function ensured(period: Date): Promise<SigningKey> {
    if (!keyOf(period)) await reload();
    if (!keyOf(period)) {
      const { id, sealedKey } = await sealing.make(period);
      const row = { id, activeFrom: period, sealedBy: sealing.id, sealedKey: Buffer.from(sealedKey), createdAt: clock() };
      await database.query(sql`
        ${insertInto(signingKeysTable, row)}
        ON CONFLICT (active_from, sealed_by) DO NOTHING`);
      await load();
    }
    const key = keyOf(period);
    if (!key) throw new Error("A signing key was made and is not there.");
    return key;
  }

  /** Returns the key of the current period. Also makes the next key if its period begins soon. */
  async function ensureAll(): Promise<SigningKey> {
    const now = clock();
    const current = await ensured(periodAt(now));
    const next = periodAt(new Date(now.getTime() + publishedAheadMs));
    if (next > current.activeFrom) await ensured(next);
    return current;
  }

  return {
    current: ensureAll,

    async publicKey(id) {
      if (!known.has(id) && performance.now() - loadedAt > reloadMs) await reload();
      const key = known.get(id);
      return key && isAlive(key) ? key.publicKey : null;
    },

    async published() {
      await ensureAll();
      return [...known.values()]
        .filter(isAlive)
        .toSorted((one, other) => one.activeFrom.getTime() - other.activeFrom.getTime())
        .map((key) => key.publicJwk);
    },
  };
}

const sealNonceLength = 12;
const sealTagLength = 16;

/**
 * Encrypts private keys with a key derived from `secret` (AES-256-GCM). Each ciphertext is bound to the id and the
 * period of its key.
 */
function createSealing(secret: string): {
  readonly id: string;
  make(activeFrom: Date): Promise<SealedKey>;
  open(sealed: SealedKey): Promise<SigningKey>;
} {
  const sealingKey = Buffer.from(hkdfSync("sha256", secret, "", "signing-keys", 32));
  // The id is derived from the secret with another label, so it reveals nothing about the sealing key.
  const sealingId = Buffer.from(hkdfSync("sha256", secret, "", "signing-keys id", 12)).toString("base64url");
  const boundTo = ({ id, activeFrom }: Pick<SealedKey, "id" | "activeFrom">) =>
    Buffer.from(`${id} ${activeFrom.toISOString()}`);

  return {
    id: sealingId,

    async make(activeFrom) {
      const { privateKey, publicKey } = await generateKeyPair(signingAlgorithm, { extractable: true });
      const id = await calculateJwkThumbprint(await exportJWK(publicKey));
      const nonce = randomBytes(sealNonceLength);
      const cipher = createCipheriv("aes-256-gcm", sealingKey, nonce, { authTagLength: sealTagLength });
      cipher.setAAD(boundTo({ id, activeFrom }));
      const text = Buffer.from(JSON.stringify(await exportJWK(privateKey)));
      const sealedKey = Buffer.concat([nonce, cipher.update(text), cipher.final(), cipher.getAuthTag()]);
      return { id, activeFrom, sealedKey };
    },

    async open(sealed) {
      const bytes = Buffer.from(sealed.sealedKey);
      const decipher = createDecipheriv("aes-256-gcm", sealingKey, bytes.subarray(0, sealNonceLength), {
        authTagLength: sealTagLength,
      });
      decipher.setAAD(boundTo(sealed));
      decipher.setAuthTag(bytes.subarray(-sealTagLength));
      const text = Buffer.concat([decipher.update(bytes.subarray(sealNonceLength, -sealTagLength)), decipher.final()]);
      // `make` wrote this JSON, and the authentication tag proves that it is unchanged.
      const jwk = JSON.parse(text.toString()) as JWK & { readonly x: string };
      const publicJwk: JWK = { kty: "OKP", crv: "Ed25519", x: jwk.x, kid: sealed.id, alg: signingAlgorithm, use: "sig" };
      // importJWK returns a CryptoKey for an asymmetric key, and bytes only for a symmetric one.
      const [privateKey, publicKey] = (await Promise.all([
        importJWK(jwk, signingAlgorithm),
        importJWK(publicJwk, signingAlgorithm),
      ])) as [CryptoKey, CryptoKey];
      return { id: sealed.id, activeFrom: sealed.activeFrom, privateKey, publicKey, publicJwk };
    },
  };
}

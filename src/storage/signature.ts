import { createHmac, hkdfSync, timingSafeEqual } from "node:crypto";

/** Signs lists of texts and verifies its own signatures. */
export interface Signer {
  /** Returns a signature over `parts` in this order: 43 characters that are safe in a URL. */
  sign(parts: readonly string[]): string;
  /** Whether `signature` was made by {@link Signer.sign} for exactly these parts. Takes as long for a near miss as for a far one. */
  verify(parts: readonly string[], signature: string): boolean;
}

/**
 * Returns a signer with HMAC-SHA256. It derives a key for each `purpose` from `secret`: a signature for one purpose is not valid
 * for another, even with the same parts. Give each kind of signed thing its own purpose.
 */
export function createSigner(secret: string, purpose: string): Signer {
  const key = Buffer.from(hkdfSync("sha256", secret, "", purpose, 32));

  function sign(parts: readonly string[]): string {
    // JSON keeps the parts apart: ["ab", "c"] and ["a", "bc"] are two texts, as no joining by a separator could promise.
    return createHmac("sha256", key).update(JSON.stringify(parts)).digest("base64url");
  }

  return {
    sign,

    verify(parts, signature) {
      // The texts are compared, not the bytes that they encode: base64url has several spellings of one value, and one is enough.
      const expected = Buffer.from(sign(parts));
      const given = Buffer.from(signature);
      return given.length === expected.length && timingSafeEqual(given, expected);
    },
  };
}

import { createHmac, hkdfSync, timingSafeEqual } from "node:crypto";

/** Signs lists of texts and verifies its own signatures. */
export interface Signer {
  /** Returns a signature over `parts` in this order: 43 characters that are safe in a URL. */
  sign(parts: readonly string[]): string;
  /**
   * Returns whether {@link Signer.sign} made `signature` for exactly these parts. How long it takes does not depend on
   * where they differ.
   */
  verify(parts: readonly string[], signature: string): boolean;
}

/**
 * Returns a signer with HMAC-SHA256. It derives a key for each `purpose` from `secret` (HKDF, RFC 5869): a signature
 * for one purpose is not valid for another, even with the same parts. Give each kind of signed text its own purpose.
 */
export function createSigner(secret: string, purpose: string): Signer {
  const key = Buffer.from(hkdfSync("sha256", secret, "", purpose, 32));

  function sign(parts: readonly string[]): string {
    // JSON keeps the parts apart: ["ab", "c"] and ["a", "bc"] are different texts. A separator between the parts could
    // also be in a part.
    return createHmac("sha256", key).update(JSON.stringify(parts)).digest("base64url");
  }

  return {
    sign,

    verify(parts, signature) {
      // The encoded texts are compared, not their bytes, because several base64url texts decode to the same bytes.
      const expected = Buffer.from(sign(parts));
      const given = Buffer.from(signature);
      return given.length === expected.length && timingSafeEqual(given, expected);
    },
  };
}

import { array, assert, constantFrom, property, string, uniqueArray } from "fast-check";
import { describe, expect, test } from "vitest";
import { createSigner } from "../src/storage/signature.ts";

const secret = "a secret of at least thirty-two characters";
const signer = createSigner(secret, "file-url");

describe("a signature", () => {
  test("is HMAC-SHA256 under an HKDF key, so that URLs outlive an update of the gateway", () => {
    // Computed with Python's hmac and hashlib.
    expect(signer.sign(["PUT", "a/b", "é\n"])).toBe("GCMVTW5H2HNyjG2uI7jn11oZveA0oObbNZXMljPMvPg");
  });

  test("is verified for the parts it was made for", () => {
    expect(signer.verify(["PUT", "a/b"], signer.sign(["PUT", "a/b"]))).toBe(true);
    expect(signer.verify([], signer.sign([]))).toBe(true);
  });

  test.each([
    ["another part", ["GET", "a/b"]],
    ["another order", ["a/b", "PUT"]],
    ["one part more", ["PUT", "a/b", ""]],
    ["one part less", ["PUT"]],
    ["the same letters, parted elsewhere", ["PUTa", "/b"]],
    ["the same letters in one part", ['PUT","a/b']],
  ])("is not verified for %s", (_what, parts) => {
    expect(signer.verify(parts, signer.sign(["PUT", "a/b"]))).toBe(false);
  });

  test("is not verified for another purpose or under another secret", () => {
    const signature = signer.sign(["PUT", "a/b"]);
    expect(createSigner(secret, "cursor").verify(["PUT", "a/b"], signature)).toBe(false);
    expect(createSigner(`${secret}!`, "file-url").verify(["PUT", "a/b"], signature)).toBe(false);
  });

  test("has one spelling only", () => {
    const signature = signer.sign(["x"]);
    // 43 characters hold 258 bits for 256: four last characters stand for the same bytes.
    const sameBytes = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"]
      .map((last) => signature.slice(0, -1) + last)
      .filter((spelling) => Buffer.from(spelling, "base64url").equals(Buffer.from(signature, "base64url")));
    expect(sameBytes).toHaveLength(4);
    expect(sameBytes.filter((spelling) => signer.verify(["x"], spelling))).toEqual([signature]);
  });

  test.each([
    ["nothing", () => ""],
    ["a truncated one", (whole: string) => whole.slice(0, -1)],
    ["one with more behind", (whole: string) => `${whole}A`],
    ["padding", (whole: string) => `${whole}=`],
    ["as many letters that take more bytes", (whole: string) => "é".repeat(whole.length)],
    ["as many bytes in fewer letters", (whole: string) => `${"é".repeat(21)}${whole.slice(-1)}`],
  ])("%s is none, and no failure", (_what, change) => {
    expect(signer.verify(["x"], change(signer.sign(["x"])))).toBe(false);
  });

  test("tells any two lists apart", () => {
    const part = string({ unit: constantFrom("a", '"', ",", "\\", "[", "\n", "\u0000", "é", "\ud800", "\udc00", "💡") });
    const lists = uniqueArray(array(part, { maxLength: 4 }), {
      minLength: 2,
      selector: (list) => list.join("\u0001") + list.length,
    });
    assert(property(lists, (several) => new Set(several.map((list) => signer.sign(list))).size === several.length));
  });
});

import { createHash, type Hash } from "node:crypto";

/** How many characters of the hash are in the tag: 160 bits. */
const tagCharacters = 27;

/** How many bytes are hashed at once, which takes a millisecond. Between two pieces others are served. */
const pieceBytes = 262_144;

/**
 * How long a client is told that an answer with signed URLs is unchanged. The URLs are valid for twice as long.
 */
const signedPeriodMs = 4 * 60 * 60 * 1_000;

const time = String.raw`"\d{4}-\d\d-\d\dT[\d:.]+Z`;

/**
 * A signed URL of one of the stores, and the time of its expiry before or after it. A signature has the exact form that
 * the stores make: a text that somebody wrote, and that is redacted or changed, has another one.
 */
const signedUrl = new RegExp(
  String.raw`(?:("\w+":)${time}",)?("\w+":"https?://[^"?\\\s]*\?[^"\\\s]*[?&](?:signature=[\w-]{43}|X-Amz-Signature=[0-9a-f]{64})(?:&[^"\\\s]*)?)"(?:(,"\w+":)${time})?`,
  "g",
);

/** What differs from one signed URL to the next that leads to the same bytes. Its filename and its type stay. */
const volatile =
  /([?&](?:expires=(?=\d{13}\b)|signature=|X-Amz-Date=|X-Amz-Signature=))(?:\d{13}|[\w-]{43}|\d{8}T\d{6}Z|[0-9a-f]{64})(?=&|$)|(?<=%2F)\d{8}(?=%2F)/g;

/**
 * Returns the weak entity tag of an answer as JSON. Answers that differ only in the signatures of signed URLs have the
 * same tag within one period.
 */
export async function answerTag(body: string | Buffer, now: Date): Promise<string> {
  const hash = createHash("sha256");
  const hasSigned = typeof body === "string" ? addTo(hash, body, "utf8") : await addInPieces(hash, body);
  if (hasSigned) hash.update(String(Math.floor(now.getTime() / signedPeriodMs)));
  return `W/"${hash.digest("base64url").slice(0, tagCharacters)}"`;
}

/** Adds `json` to `hash`. Returns whether it has signed URLs. */
function addTo(hash: Hash, json: string, encoding: "utf8" | "latin1"): boolean {
  const stable = json.replaceAll(signedUrl, (_, before = "", url: string, after = "") => {
    return `${before}${url.replaceAll(volatile, "$1")}"${after}`;
  });
  hash.update(stable, encoding);
  return stable.length < json.length;
}

async function addInPieces(hash: Hash, body: Buffer): Promise<boolean> {
  let hasSigned = false;
  for (let start = 0; start < body.length;) {
    // An object with a signed URL has no object in it, so that a piece that ends before an object divides none.
    const brace = body.indexOf("{", start + pieceBytes);
    const end = brace === -1 ? body.length : brace;
    // Each byte is one character: the pieces may divide characters.
    const isSigned = addTo(hash, body.toString("latin1", start, end), "latin1");
    hasSigned ||= isSigned;
    start = end;
    if (start < body.length) await new Promise<void>((resolve) => void setImmediate(resolve));
  }
  return hasSigned;
}

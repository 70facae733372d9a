/**
 * Texts from this many characters on are sent as bytes. Node.js counts the bytes of a text, and joins it with the
 * headers to send it. V8 makes a copy of the whole text for each of them, which only a full collection frees. A shorter
 * text is sent faster with its headers.
 */
const largeText = 16_384;

/** Returns the body that consists of `parts`, as text or, if it is large, as its bytes in UTF-8. */
export function responseBody(parts: readonly string[]): string | Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  if (length < largeText) return parts.join("");
  const bytes = Buffer.allocUnsafeSlow(parts.reduce((sum, part) => sum + Buffer.byteLength(part), 0));
  let end = 0;
  for (const part of parts) end += bytes.write(part, end);
  return bytes;
}

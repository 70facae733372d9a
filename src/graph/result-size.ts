import { AnswerTooLarge } from "../errors.ts";

/** @throws {AnswerTooLarge} where `text` has more than `maximumBytes` of UTF-8. */
export function requireBytes(text: string, maximumBytes: number): void {
  // No character takes more than three bytes for each of its units: most texts are never measured.
  if (text.length * 3 <= maximumBytes) return;
  const bytes = Buffer.byteLength(text);
  if (bytes > maximumBytes) throw new AnswerTooLarge(maximumBytes, bytes);
}

/**
 * Counts what `value` takes as JSON, at least, without writing it: one text may stand in a result many times and takes its memory once, until
 * it is written.
 *
 * @throws {AnswerTooLarge} as soon as it is more than `maximumBytes`.
 */
export function requireJsonBytes(value: unknown, maximumBytes: number): void {
  let bytes = 0;
  const pending: unknown[] = [value];
  while (pending.length > 0) {
    const one = pending.pop();
    if (typeof one === "string") bytes += one.length + 2;
    else if (typeof one === "object" && one !== null) {
      if (Array.isArray(one)) pending.push(...(one as unknown[]));
      else
        for (const name in one) {
          bytes += name.length + 4;
          pending.push((one as Readonly<Record<string, unknown>>)[name]); // an object, as has been asked
        }
    } else bytes += 4;
    if (bytes > maximumBytes) throw new AnswerTooLarge(maximumBytes);
  }
}

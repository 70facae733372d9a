import { AnswerTooLarge } from "../../../errors.ts";

/** Throws {@link AnswerTooLarge} if the text in `parts` has more than `maximumBytes` in UTF-8. */
export function requireBytes(parts: readonly string[], maximumBytes: number): void {
  // A UTF-16 code unit takes at most three bytes in UTF-8, so most texts need no count.
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  if (length * 3 <= maximumBytes) return;
  const bytes = parts.reduce((sum, part) => sum + Buffer.byteLength(part), 0);
  if (bytes > maximumBytes) throw new AnswerTooLarge(maximumBytes, bytes);
}

/**
 * Counts the minimum size of `value` as JSON without writing it: a text that occurs many times takes its memory once
 * until it is written.
 *
 * Throws {@link AnswerTooLarge} as soon as the size exceeds `maximumBytes`.
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

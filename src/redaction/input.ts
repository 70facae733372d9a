import type { RedactionReason } from "#generated/prisma/client.ts";
import { InvalidInput } from "../errors.ts";
import { redactionMark } from "../lib/redaction-mark.ts";
import type { Retryable } from "../lib/idempotency-key.ts";
import type { MarkedText } from "./hidden-characters.ts";

/** A part of a text, in Unicode code points. */
export interface TextSpan {
  readonly offset: number;
  readonly length: number;
}

export interface RedactNoteInput extends Retryable {
  readonly id: string;
  /** The parts to redact. Absent: the whole note. */
  readonly spans?: readonly TextSpan[] | undefined;
  readonly reason: RedactionReason;
  /** The versions that the caller accepts. Absent: any version. */
  readonly expectedVersions?: readonly number[] | undefined;
}

export interface RedactAttachmentInput extends Retryable {
  readonly id: string;
  readonly reason: RedactionReason;
}

const maxSpans = 1_000;

/**
 * Returns which characters of `text` are redacted if `spans` are. Throws {@link InvalidInput} with the path of each
 * span that overlaps another one or is not within the text.
 */
export function markSpans(text: string, spans: readonly TextSpan[]): MarkedText {
  const characters = [...text];
  checkSpans(spans, characters.length);
  const isHidden = characters.map(() => false);
  for (const { offset, length } of spans) isHidden.fill(true, offset, offset + length);
  // A mark beside a span is a part of the same run: to redact it again changes nothing.
  const isOfMark = (index: number) => characters[index] === redactionMark[0];
  for (let index = 1; index < characters.length; index += 1) if (isHidden[index - 1] && isOfMark(index)) isHidden[index] = true;
  for (let index = characters.length - 2; index >= 0; index -= 1)
    if (isHidden[index + 1] && isOfMark(index)) isHidden[index] = true;
  return { characters, isHidden };
}

/**
 * Returns `text` with a {@link redactionMark} in place of a filename, wherever it is not a part of a longer word, and
 * of the key by which the text shows the file.
 */
export function redactFilename(text: string, filename: string, key: string | null): string {
  const withoutKey = key === null ? text : text.replaceAll(key, redactionMark);
  const name = new RegExp(String.raw`(?<![\p{L}\p{N}_])${RegExp.escape(filename)}(?![\p{L}\p{N}_])`, "gu");
  return withoutKey.replaceAll(name, redactionMark);
}

function checkSpans(spans: readonly TextSpan[], end: number): void {
  if (spans.length === 0) throw new InvalidInput([{ path: ["spans"], message: "Name one span at least, or leave spans out." }]);
  if (spans.length > maxSpans) throw new InvalidInput([{ path: ["spans"], message: `At most ${maxSpans} spans are taken.` }]);
  const problem = (index: number, message: string) => ({ path: ["spans", String(index)], message });
  const outside = spans.flatMap(({ offset, length }, index) => {
    if (length < 1) return [problem(index, "The span must have a length of at least 1.")];
    const isWithin = offset >= 0 && offset + length <= end;
    return isWithin ? [] : [problem(index, `The span must be within the text, which has ${end} characters.`)];
  });
  const inOrder = spans.map((span, index) => ({ ...span, index })).toSorted((one, other) => one.offset - other.offset);
  const overlapping = inOrder.flatMap(({ offset, index }, place) => {
    const before = inOrder[place - 1];
    return before && before.offset + before.length > offset ? [problem(index, "The span overlaps another one.")] : [];
  });
  const problems = [...outside, ...overlapping];
  if (problems.length > 0) throw new InvalidInput(problems);
}

import type { RedactionReason } from "#generated/prisma/client.ts";
import { InvalidInput } from "../errors.ts";
import type { Retryable } from "../lib/idempotency-key.ts";

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

/** What is shown in place of each run of redacted characters. */
export const redactionMark = "▇▇▇";

const maxSpans = 1_000;

/**
 * Returns `text` with a {@link redactionMark} in place of each run of characters in `spans`. Line breaks stay. Throws
 * {@link InvalidInput} with the path of each span that overlaps another one or is not within the text.
 */
export function redactSpans(text: string, spans: readonly TextSpan[]): string {
  const characters = [...text];
  checkSpans(spans, characters.length);
  const isRedacted = new Uint8Array(characters.length);
  for (const { offset, length } of spans) isRedacted.fill(1, offset, offset + length);
  let redacted = "";
  let isInRun = false;
  characters.forEach((character, index) => {
    const isLineBreak = character === "\n" || character === "\r";
    const isHidden = isRedacted[index] === 1 && !isLineBreak;
    if (!isHidden) redacted += character;
    else if (!isInRun) redacted += redactionMark;
    isInRun = isHidden;
  });
  return redacted;
}

function checkSpans(spans: readonly TextSpan[], end: number): void {
  if (spans.length === 0) throw new InvalidInput([{ path: ["spans"], message: "Name one span at least, or leave spans out." }]);
  if (spans.length > maxSpans) throw new InvalidInput([{ path: ["spans"], message: `At most ${maxSpans} spans are taken.` }]);
  const problem = (index: number, message: string) => ({ path: ["spans", String(index)], message });
  const outside = spans.flatMap(({ offset, length }, index) => {
    const isWithin = offset >= 0 && length >= 1 && offset + length <= end;
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

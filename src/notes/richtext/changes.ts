import { diffArrays } from "diff";

/** A part of the changes between two texts. */
export interface TextChange {
  /** Whether the part is in both texts, only in the later one, or only in the earlier one. */
  readonly kind: "EQUAL" | "INSERTED" | "DELETED";
  readonly text: string;
}

/** Words, runs of white space, and single other characters. Together they are the whole text. */
const words = /[\p{L}\p{N}\p{M}_]+|\s+|[^\p{L}\p{N}\p{M}_\s]/gu;
const lines = /[^\n]*\n|[^\n]+/g;

/**
 * The number of edits up to which two texts are compared by words, and by lines. The time of a comparison grows with
 * the product of this number and the length of the texts.
 */
const maxWordEdits = 1_000;
const maxLineEdits = 500;

/**
 * Returns what leads from `before` to `after`, by words. Texts that differ too much are compared by lines, and those
 * that have too little in common even so become one deletion and one insertion.
 *
 * The EQUAL and DELETED parts together are `before`, and the EQUAL and INSERTED parts are `after`.
 */
export function changesBetween(before: string, after: string): readonly TextChange[] {
  if (before === after) return before === "" ? [] : [{ kind: "EQUAL", text: before }];
  return compare(before, after, words, maxWordEdits) ?? compare(before, after, lines, maxLineEdits) ?? replaced(before, after);
}

function replaced(before: string, after: string): readonly TextChange[] {
  const parts: readonly TextChange[] = [
    { kind: "DELETED", text: before },
    { kind: "INSERTED", text: after },
  ];
  return parts.filter(({ text }) => text !== "");
}

/** Returns undefined if more than `maxEditLength` parts were inserted and deleted. */
function compare(before: string, after: string, parts: RegExp, maxEditLength: number): readonly TextChange[] | undefined {
  const [older, newer] = [before.match(parts) ?? [], after.match(parts) ?? []];
  // Both ends are often the same. Comparing them costs as much as the rest.
  const start = equalAtStart(older, newer);
  const end = equalAtEnd(older.slice(start), newer.slice(start));
  const middle = diffArrays(older.slice(start, older.length - end), newer.slice(start, newer.length - end), { maxEditLength });
  if (middle === undefined) return undefined;
  return mergeNeighbours([
    { kind: "EQUAL", text: older.slice(0, start).join("") },
    ...middle.map(({ added, removed, value }): TextChange => {
      return { kind: added ? "INSERTED" : removed ? "DELETED" : "EQUAL", text: value.join("") };
    }),
    { kind: "EQUAL", text: older.slice(older.length - end).join("") },
  ]);
}

function equalAtStart(one: readonly string[], other: readonly string[]): number {
  let count = 0;
  while (count < one.length && one[count] === other[count]) count += 1;
  return count;
}

function equalAtEnd(one: readonly string[], other: readonly string[]): number {
  let count = 0;
  while (count < one.length && count < other.length && one.at(-1 - count) === other.at(-1 - count)) count += 1;
  return count;
}

/** Returns the changes with neighbours of one kind as one, and without empty ones. */
function mergeNeighbours(changes: readonly TextChange[]): readonly TextChange[] {
  const result: TextChange[] = [];
  for (const change of changes) {
    const last = result.at(-1);
    if (change.text === "") continue;
    if (last?.kind === change.kind) result[result.length - 1] = { kind: last.kind, text: last.text + change.text };
    else result.push(change);
  }
  return result;
}

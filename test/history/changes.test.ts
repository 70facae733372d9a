import fc from "fast-check";
import { expect, test } from "vitest";
import { changesBetween, type TextChange } from "../../src/notes/richtext/changes.ts";

const older = (changes: readonly TextChange[]) =>
  changes
    .filter(({ kind }) => kind !== "INSERTED")
    .map(({ text }) => text)
    .join("");
const newer = (changes: readonly TextChange[]) =>
  changes
    .filter(({ kind }) => kind !== "DELETED")
    .map(({ text }) => text)
    .join("");

test.each<[before: string, after: string, changes: readonly [TextChange["kind"], string][]]>([
  ["", "", []],
  ["", "new", [["INSERTED", "new"]]],
  ["old", "", [["DELETED", "old"]]],
  ["same", "same", [["EQUAL", "same"]]],
  [
    "one two three",
    "one 2 three",
    [
      ["EQUAL", "one "],
      ["DELETED", "two"],
      ["INSERTED", "2"],
      ["EQUAL", " three"],
    ],
  ],
  [
    "a a",
    "a a a",
    [
      ["EQUAL", "a a"],
      ["INSERTED", " a"],
    ],
  ],
  [
    "👩‍👩‍👧 ok",
    "👩‍👩‍👦 ok",
    [
      ["EQUAL", "👩‍👩‍"],
      ["DELETED", "👧"],
      ["INSERTED", "👦"],
      ["EQUAL", " ok"],
    ],
  ],
  [
    "naïve é",
    "naive é",
    [
      ["DELETED", "naïve"],
      ["INSERTED", "naive"],
      ["EQUAL", " é"],
    ],
  ],
])("%j to %j", (before, after, changes) => {
  expect(changesBetween(before, after).map(({ kind, text }) => [kind, text])).toEqual(changes);
});

const word = fc.constantFrom(
  "the",
  "gearbox",
  "grinds",
  "in",
  "third",
  "🔧",
  "👩‍👩‍👧",
  "é",
  "e\u0301",
  "\n",
  "\r\n",
  " ",
  "  ",
  "\t",
  ".",
  "_x",
  "９００",
);
const text = fc.array(word, { maxLength: 60 }).map((words) => words.join(""));

test("10,000 edits: the parts of each are the text before and the text after, to the byte", () => {
  fc.assert(
    fc.property(text, text, fc.string({ unit: "binary", maxLength: 20 }), (before, after, any) => {
      for (const [one, other] of [
        [before, after],
        [before, before + any],
        [any, after],
      ] as const) {
        const changes = changesBetween(one, other);
        expect([older(changes), newer(changes)]).toEqual([one, other]);
        expect(changes.every((change, index) => change.text !== "" && change.kind !== changes[index - 1]?.kind)).toBe(true);
      }
    }),
    { numRuns: 3_400 },
  );
});

const long = (seed: number) =>
  Array.from({ length: 12_000 }, (_, index) => `w${(index * seed) % 9_973}`)
    .join(" ")
    .slice(0, 65_536);

test.each([
  ["nothing in common", long(7), long(13)],
  ["a word in the middle", long(7), long(7).replace("w4", "other")],
  ["every second word", long(7), long(7).replaceAll(/w\d*[02468]\b/g, "x")],
  ["one line of one character", "a".repeat(65_536), "b".repeat(65_536)],
  ["only punctuation", ".,".repeat(32_768), ",.".repeat(32_768)],
  ["lines in another order", long(7).replaceAll(" ", "\n"), long(7).split(" ").toReversed().join("\n")],
])("64 KB with %s", (_what, before, after) => {
  const changes = changesBetween(before, after);
  expect(older(changes) === before && newer(changes) === after).toBe(true);
});

import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import type { Database } from "../src/database/database.ts";
import {
  nameOf,
  type OrderKey,
  type Ordering,
  type Page,
  type Position,
  positionOf,
  neighboursOf,
  type Slice,
} from "../src/query/model/page.ts";
import {
  combinePredicates,
  conditionPredicate,
  fieldPredicate,
  inPredicate,
  type Predicate,
} from "../src/query/model/field-filter.ts";
import type { PagedTable, Rows } from "../src/query/model/paged-table.ts";
import { pageFrom } from "../src/query/plan/pages.ts";
import { countUpTo, totalFrom } from "../src/query/plan/totals.ts";
import { param, sql } from "../src/database/sql.ts";
import { createResponseBudget } from "../src/lib/response-budget.ts";
import { createStatementRunner } from "../src/query/run/runner.ts";
import { openWorkerDatabase } from "./support/database.ts";
import { recordStatements } from "./support/statements.ts";

/** Returns the page of the rows that were read: without the row beyond it, in the order that was asked for. */
function toSlice<Item>(all: readonly Item[], page: Page): Slice<Item> {
  const kept = all.slice(0, page.size);
  const rows = page.from === "start" ? kept : kept.toReversed();
  return { rows, ...neighboursOf(page, all.length > page.size) };
}

let database: Database;

beforeAll(async () => {
  database = await openWorkerDatabase();
});

interface Row {
  readonly id: string;
  readonly number: number;
  readonly authorNumber: number;
  readonly createdAt: Date;
  readonly medium: string;
  readonly isPublic: boolean;
}

const byId = { field: "id", type: "uuid" } as const;
const byNumber = { field: "number", type: "integer" } as const;

/** What there is to sort by: one field that is unique, and two with ties, each broken in its own way. */
const keys: readonly Omit<OrderKey, "direction">[] = [
  { field: "createdAt", type: "timestamptz", ties: byId },
  { field: "authorNumber", type: "integer", ties: byNumber },
  { field: "number", type: "integer" },
];

const media = ["DEFAULT", "EMAIL", "SYSTEM", "NEVER"];
const moment = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second));

// All rows tied with each other, most of them, or next to none.
const tables: fc.Arbitrary<Row[]> = fc.constantFrom(0, 3, 1000).chain((most) =>
  fc
    .array(fc.tuple(fc.uuid(), fc.integer({ min: 0, max: most }), fc.integer({ min: 0, max: most }), fc.nat(2), fc.boolean()), {
      maxLength: 14,
    })
    .map((rows) => {
      const unique = [...new Map(rows.map((row) => [row[0], row])).values()];
      return unique.map(([id, author, second, medium, isPublic], index) => ({
        id,
        number: index + 1,
        authorNumber: author,
        createdAt: moment(second),
        medium: media[medium]!,
        isPublic,
      }));
    }),
);

/** What may be asked of rows, and which of them are meant. */
interface Wish {
  readonly predicate: Partial<Predicate>;
  readonly holds: (row: Row) => boolean;
}

const typedMedium = { field: "medium", type: "text" };
const typedAuthor = { field: "authorNumber", type: "integer" };
const wishes: fc.Arbitrary<Wish> = fc.oneof(
  fc
    .subarray(media)
    .map((asked): Wish => ({ predicate: inPredicate(typedMedium, asked), holds: ({ medium }) => asked.includes(medium) })),
  fc.subarray(media, { minLength: 1 }).map((asked): Wish => ({
    predicate: fieldPredicate("n", typedMedium, { notIn: asked }, media),
    holds: ({ medium }) => !asked.includes(medium),
  })),
  fc.boolean().map((asked): Wish => ({
    predicate: conditionPredicate({ isPublic: asked }),
    holds: ({ isPublic }) => isPublic === asked,
  })),
  fc.array(fc.nat(3), { minLength: 1, maxLength: 3 }).map((asked): Wish => ({
    predicate: fieldPredicate("n", typedAuthor, { in: asked }),
    holds: ({ authorNumber }) => asked.includes(authorNumber),
  })),
  fc.nat(3).map((asked): Wish => ({
    predicate: { inFilters: [{ ...typedAuthor, values: [sql`(SELECT ${asked}::integer)`] }] },
    holds: ({ authorNumber }) => authorNumber === asked,
  })),
  fc.tuple(fc.nat(3), fc.nat(3)).map(([from, to]): Wish => ({
    predicate: fieldPredicate("n", typedAuthor, { gte: from, lt: to }),
    holds: ({ authorNumber }) => authorNumber >= from && authorNumber < to,
  })),
  fc
    .nat(14)
    .map((asked): Wish => ({ predicate: fieldPredicate("n", byNumber, { gt: asked }), holds: ({ number }) => number > asked })),
  fc.tuple(fc.nat(3), fc.nat(3)).map(([from, to]): Wish => ({
    predicate: fieldPredicate("n", { field: "createdAt", type: "timestamptz" }, { within: [[moment(from), moment(to)]] }),
    holds: ({ createdAt }) => createdAt >= moment(from) && createdAt < moment(to),
  })),
);

// Which of them there are decides in which form a page is read; the rows must be the same in each.
const allIndexes = [
  ["number"],
  ["createdAt", "id"],
  ["createdAt", "number"],
  ["authorNumber", "number"],
  ["isPublic", "number"],
  ["medium", "number"],
  ["medium", "authorNumber", "number"],
  ["isPublic", "medium", "createdAt", "number"],
  ["authorNumber", "medium", "isPublic", "number"],
  // Without what breaks ties.
  ["createdAt"],
  ["authorNumber", "createdAt"],
  ["medium", "isPublic", "createdAt"],
  ["isPublic", "authorNumber"],
  // With fields after the order, which are tested in the index.
  ["createdAt", "id", "isPublic"],
  ["authorNumber", "number", "medium", "isPublic"],
  ["medium", "number", "isPublic", "authorNumber"],
].map((fields) => ["scope", ...fields]);
const allPartialIndexes = [
  ["createdAt", "id"],
  ["number"],
  ["authorNumber", "number"],
  ["medium", "number", "authorNumber"],
].map((fields) => ({ only: "isPublic", fields: ["scope", ...fields] }));
const indexes = fc.oneof(fc.constant(allIndexes), fc.subarray(allIndexes));
const partialIndexes = fc.oneof(fc.constant(allPartialIndexes), fc.subarray(allPartialIndexes));

interface Question {
  readonly indexes: readonly (readonly string[])[];
  readonly partialIndexes?: PagedTable["partialIndexes"];
  readonly isPartitioned?: boolean;
  readonly wishes: readonly Wish[];
}

const questions: fc.Arbitrary<Question> = fc.record({
  indexes,
  partialIndexes,
  isPartitioned: fc.boolean(),
  wishes: fc.array(wishes, { maxLength: 3 }),
});
const closed = [
  { ...typedMedium, values: media },
  { field: "isPublic", type: "boolean", values: [true, false] },
];

const orderings: fc.Arbitrary<Ordering> = fc
  .shuffledSubarray([...keys], { minLength: 1 })
  .chain((chosen) =>
    fc.tuple(
      ...chosen.map((key) =>
        fc.constantFrom("ASC" as const, "DESC" as const).map((direction): OrderKey => ({ ...key, direction })),
      ),
    ),
  )
  .map(([first, ...rest]) => [first!, ...rest]);

const comparable = (row: Row, field: string) => {
  const value = row[field as keyof Row];
  return value instanceof Date ? value.getTime() : value;
};

/** The order, as a reader of the documentation would put it: key by key, and what breaks the last one's ties. */
function compare(ordering: Ordering, one: Row, other: Row): number {
  const last = ordering.at(-1)!;
  const all = [...ordering, ...(last.ties ? [{ ...last.ties, direction: last.direction }] : [])];
  for (const { field, direction } of all) {
    const [left, right] = [comparable(one, field), comparable(other, field)];
    if (left !== right) return (left < right ? -1 : 1) * (direction === "ASC" ? 1 : -1);
  }
  return 0;
}

/** Returns the table of `rows`, and those of them that the question wants. */
function askedOf(rows: readonly Row[], question: Question): { readonly table: PagedTable; readonly wanted: Rows } {
  const from = sql`unnest(
    ${rows.map((row) => row.id)}::uuid[], ${rows.map((row) => row.number)}::integer[],
    ${rows.map((row) => row.authorNumber)}::integer[], ${rows.map((row) => row.createdAt)}::timestamptz[],
    ${rows.map((row) => row.medium)}::text[], ${rows.map((row) => row.isPublic)}::boolean[]
  ) AS n(id, number, author_number, created_at, medium, is_public) WHERE true`;
  const wanted = {
    from,
    scope: "scope",
    visibleBy: [],
    predicate: combinePredicates(
      "n",
      question.wishes.map(({ predicate }) => predicate),
    ),
  };
  const { indexes: declared, partialIndexes: partial, isPartitioned } = question;
  return { table: { alias: "n", indexes: declared, partialIndexes: partial, closed, isPartitioned }, wanted };
}

function pageOf(rows: readonly Row[], ordering: Ordering, page: Page, question: Question) {
  const { table, wanted } = askedOf(rows, question);
  return pageFrom(table, wanted, ordering, page);
}

/** The page as the gateway reads it: as an array, in which rows stand as they come out of the page's statement. */
async function read(rows: readonly Row[], ordering: Ordering, page: Page, question: Question = { indexes: [], wishes: [] }) {
  const { rows: statement } = pageOf(rows, ordering, page, question);
  const [found] = await database.query<{ ids: string[] }>(
    sql`SELECT coalesce(json_agg(n.id), '[]'::json) AS ids FROM (${statement}) n`,
  );
  const byIds = new Map(rows.map((row) => [row.id, row]));
  return toSlice(
    found!.ids.map((id) => byIds.get(id)!),
    page,
  );
}

const numbers = (rows: readonly Row[]) => rows.map((row) => row.number);

describe("pages of any table in any order", () => {
  test("are the stretches of that order between the cursors, counted from either end", async () => {
    const cases = fc.record({
      rows: tables,
      question: questions,
      ordering: orderings,
      size: fc.integer({ min: 0, max: 6 }),
      from: fc.constantFrom("start" as const, "end" as const),
      after: fc.option(fc.nat()),
      before: fc.option(fc.nat()),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ rows, question, ordering, size, from, after, before }) => {
        const sorted = rows.toSorted((one, other) => compare(ordering, one, other));
        const at = (place: number | null): number | undefined =>
          place === null || sorted.length === 0 ? undefined : place % sorted.length;
        const [afterIndex, beforeIndex] = [at(after), at(before)];
        const positionAt = (index: number | undefined): Position | undefined =>
          index === undefined ? undefined : positionOf(ordering, sorted[index]!);

        const page = { size, from, after: positionAt(afterIndex), before: positionAt(beforeIndex) };
        const slice = await read(rows, ordering, page, question);
        // A cursor may stand on a row that is not meant: a filter may change on the way.
        const stretch = sorted
          .slice(afterIndex === undefined ? 0 : afterIndex + 1, beforeIndex)
          .filter((row) => question.wishes.every(({ holds }) => holds(row)));
        const expected = from === "start" ? stretch.slice(0, size) : stretch.slice(Math.max(0, stretch.length - size));
        expect(numbers(slice.rows)).toEqual(numbers(expected));
        expect(from === "start" ? slice.hasNext : slice.hasPrevious).toBe(
          stretch.length > size || (from === "start" ? beforeIndex !== undefined : afterIndex !== undefined),
        );
      }),
      { numRuns: 600 },
    );
  });

  test("lose and repeat nothing on a walk, though rows come and go meanwhile", async () => {
    const cases = fc.record({
      rows: tables.filter((rows) => rows.length >= 4),
      question: questions,
      ordering: orderings,
      size: fc.integer({ min: 1, max: 3 }),
      from: fc.constantFrom("start" as const, "end" as const),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ rows, question, ordering, size, from }) => {
        const kept = rows.filter((row) => row.number % 3 !== 0);
        const seen: Row[] = [];
        let table = rows;
        let place: Position | undefined;
        for (let pages = 0; pages <= rows.length; pages++) {
          const side = from === "start" ? { after: place } : { before: place };
          const slice = await read(table, ordering, { size, from, ...side }, question);
          const last = from === "start" ? slice.rows.at(-1) : slice.rows[0];
          seen.push(...(from === "start" ? slice.rows : slice.rows.toReversed()));
          if (!last) break;
          place = positionOf(ordering, last);
          // After the first page every third row is gone, the one the cursor stands on perhaps among them.
          table = kept;
        }
        const wanted = kept.filter((row) => question.wishes.every(({ holds }) => holds(row)));
        const sorted = wanted.toSorted((one, other) => (from === "start" ? 1 : -1) * compare(ordering, one, other));
        expect(numbers(seen.filter((row) => row.number % 3 !== 0))).toEqual(numbers(sorted));
        expect(new Set(seen).size).toBe(seen.length);
      }),
      { numRuns: 60 },
    );
  });
});

/** A page that may have ended early: its rows in the order in which they were read, and where the next one begins. */
interface ScannedPage {
  readonly rows: readonly Row[];
  readonly next: Row | undefined;
}

async function scan(rows: readonly Row[], ordering: Ordering, page: Page, question: Question): Promise<ScannedPage> {
  const { rows: statement, mayEndEarly } = pageOf(rows, ordering, page, question);
  const marks = mayEndEarly ? sql`n.is_met, n.is_scan_end` : sql`true, false`;
  const [found] = await database.query<{ read: [id: string, isMet: boolean, isScanEnd: boolean][] }>(
    sql`SELECT coalesce(json_agg(json_build_array(n.id, ${marks})), '[]'::json) AS read FROM (${statement}) n`,
  );
  const byIds = new Map(rows.map((row) => [row.id, row]));
  const marked = found!.read.map(([id, isMet, isScanEnd]) => ({ row: byIds.get(id)!, isMet, isScanEnd }));
  const met = marked.filter(({ isMet }) => isMet);
  const end = marked.find(({ isScanEnd }) => isScanEnd);
  // A row was read beyond the page, or reading ended before that, or there is no more.
  const next = met.length > page.size ? met[page.size - 1] : end;
  return { rows: met.slice(0, page.size).map(({ row }) => row), next: next?.row };
}

test("pages that end early lose and repeat nothing, and few rows are read for each", async () => {
  const cases = fc.record({
    rows: tables,
    question: questions,
    ordering: orderings,
    size: fc.integer({ min: 1, max: 4 }),
    from: fc.constantFrom("start" as const, "end" as const),
    maxScanned: fc.integer({ min: 2, max: 8 }),
  });
  let ended = 0;
  await fc.assert(
    fc.asyncProperty(cases, async ({ rows, question, ordering, size, from, maxScanned }) => {
      const seen: Row[] = [];
      let position: Position | undefined;
      for (let pages = 0; pages <= rows.length; pages++) {
        const side = from === "start" ? { after: position } : { before: position };
        const page = await scan(rows, ordering, { size, from, maxScanned, ...side }, question);
        seen.push(...page.rows);
        if (page.rows.length < size && page.next) ended++;
        if (!page.next) break;
        position = positionOf(ordering, page.next);
      }
      const wanted = rows.filter((row) => question.wishes.every(({ holds }) => holds(row)));
      expect(numbers(seen)).toEqual(
        numbers(wanted.toSorted((one, other) => (from === "start" ? 1 : -1) * compare(ordering, one, other))),
      );
    }),
    { numRuns: 600 },
  );
  expect(ended).toBeGreaterThan(10);
});

test("an offset counts rows of the order, in whichever form they are read", async () => {
  const cases = fc.record({
    rows: tables,
    question: questions,
    ordering: orderings,
    size: fc.integer({ min: 1, max: 4 }),
    offset: fc.integer({ min: 1, max: 8 }),
  });
  await fc.assert(
    fc.asyncProperty(cases, async ({ rows, question, ordering, size, offset }) => {
      const slice = await read(rows, ordering, { size, from: "start", offset }, question);
      const wanted = rows.filter((row) => question.wishes.every(({ holds }) => holds(row)));
      const inOrder = wanted.toSorted((one, other) => compare(ordering, one, other));
      expect(numbers(slice.rows)).toEqual(numbers(inOrder.slice(offset, offset + size)));
    }),
    { numRuns: 300 },
  );
});

test("an offset may be beyond all rows", async () => {
  const rows = Array.from({ length: 7 }, (_, index) => ({
    id: crypto.randomUUID(),
    number: index + 1,
    authorNumber: index % 2,
    createdAt: new Date(0),
    medium: "DEFAULT",
    isPublic: true,
  }));
  const ordering: Ordering = [{ ...keys[1]!, direction: "DESC" }];
  const sorted = rows.toSorted((one, other) => compare(ordering, one, other));
  for (const offset of [0, 1, 5, 7, 2 ** 40]) {
    const slice = await read(rows, ordering, { size: 3, from: "start", offset });
    expect(numbers(slice.rows)).toEqual(numbers(sorted.slice(offset, offset + 3)));
    expect([slice.hasPrevious, slice.hasNext]).toEqual([offset > 0, offset + 3 < 7]);
  }
});

test("pages of every form can be read as one, each from its own position", async () => {
  const rows = Array.from({ length: 12 }, (_, index) => ({
    id: crypto.randomUUID(),
    number: index + 1,
    authorNumber: index % 3,
    createdAt: moment(0),
    medium: media[index % 2]!,
    isPublic: true,
  }));
  const ordering: Ordering = [
    { ...keys[1]!, direction: "ASC" },
    { ...keys[2]!, direction: "DESC" },
  ];
  const question = {
    indexes: allIndexes,
    wishes: [{ predicate: inPredicate(typedMedium, media.slice(0, 2)), holds: () => true }],
  };
  const page = { size: 4, from: "start", after: [param("author"), param("number")] } as const;
  const statement = sql`SELECT json_agg(n.id)::text AS json FROM (${pageOf(rows, ordering, page, question).rows}) n`;
  expect(statement.sql).toContain("WITH RECURSIVE");
  const { maximumBytes, withoutResponse } = createResponseBudget({ maximumBytes: 1_000_000 });
  const runner = createStatementRunner({ database, maximumBytes, sharedParams: () => ({}) });
  const { batch } = runner.prepare(statement, 1, "everybody");
  const sorted = rows.toSorted((one, other) => compare(ordering, one, other));
  const { result, statements } = await recordStatements(database.pool).during(() =>
    Promise.all(sorted.slice(0, -1).map((row) => batch.one(positionOf(ordering, row).map(String), withoutResponse))),
  );
  expect(statements.length).toBe(1);
  const expected = sorted.slice(0, -1).map((_, place) => sorted.slice(place + 1, place + 6).map(({ id }) => id));
  expect(result.map(({ json }) => JSON.parse(json!))).toEqual(expected);
});

test("a count may end early", async () => {
  const some = { from: sql`generate_series(1, 10) n WHERE true`, scope: "scope", predicate: combinePredicates("n", []) };
  const count = async (most: number | undefined) =>
    Number((await database.query<{ count: bigint }>(countUpTo({ alias: "n" }, some, most)))[0]?.count);
  expect([await count(undefined), await count(3), await count(99)]).toEqual([10, 3, 10]);
});

test("a total is exact, or it says that it is not and is no more than there are", async () => {
  const bounds = fc.record({ maxCount: fc.integer({ min: 1, max: 12 }), maxRead: fc.integer({ min: 1, max: 12 }) });
  const cases = fc.record({ rows: tables, question: questions, bounds });
  let inexact = 0;
  await fc.assert(
    fc.asyncProperty(cases, async ({ rows, question, bounds: most }) => {
      const { table, wanted } = askedOf(rows, question);
      const [total] = await database.query<{ total: bigint; is_exact: boolean }>(totalFrom(table, wanted, most));
      const count = rows.filter((row) => question.wishes.every(({ holds }) => holds(row))).length;
      if (total!.is_exact) expect(Number(total!.total)).toBe(count);
      else expect(Number(total!.total)).toBeLessThanOrEqual(Math.min(count, most.maxCount + 1));
      // With so few rows it is exact, whatever the conditions are.
      if (rows.length < most.maxRead && count <= most.maxCount) expect(total!.is_exact).toBe(true);
      if (!total!.is_exact) inexact++;
    }),
    { numRuns: 600 },
  );
  expect(inexact).toBeGreaterThan(40);
});

test("orders that differ have names that differ", () => {
  const all = fc.sample(orderings, 200);
  const names = new Map(all.map((ordering) => [nameOf(ordering), JSON.stringify(ordering)]));
  expect(names.size).toBe(new Set(all.map((ordering) => JSON.stringify(ordering))).size);
});

test("a row without what it is sorted by has no position", () => {
  expect(() => positionOf([{ ...keys[0]!, direction: "ASC" }], { id: "x" })).toThrow(TypeError);
});

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  apiKeysTable,
  auditEventsTable,
  identityLinksTable,
  oauthClientsTable,
  signingKeysTable,
} from "../src/access/tables.ts";
import { attachmentsTable, discardedObjectsTable, uploadsTable } from "../src/attachments/tables.ts";
import { notesTable, withdrawnNotesTable } from "../src/notes/table.ts";
import { sql } from "../src/database/sql.ts";
import { defineTable, insertInto, recordset, selectList, setList } from "../src/database/table.ts";
import { ticketsTable } from "../src/tickets/table.ts";
import { startApp, type TestApp } from "./support/app.ts";

// That a table names every field, and none that is not there, is for the compiler to say. What is marked as an error
// here is one: `npm run types` fails where it is not.

const tables = [
  apiKeysTable,
  attachmentsTable,
  auditEventsTable,
  discardedObjectsTable,
  identityLinksTable,
  notesTable,
  oauthClientsTable,
  signingKeysTable,
  ticketsTable,
  uploadsTable,
  withdrawnNotesTable,
];

interface Row {
  readonly id: string;
  readonly number: number;
  readonly kinds: readonly ("FLAT" | "STEEP")[];
  readonly sentAt: Date | null;
}

const rowTable = defineTable<Row, "number">({
  name: "rows",
  types: { id: "uuid", number: "integer", kinds: '"Kind"[]', sentAt: "timestamptz" },
});

describe("every table", () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await startApp();
  });

  afterAll(() => app.close());

  test.each(tables)("$name has the columns that it has in the database, of these types", async (table) => {
    const columns = await app.database.query<{ name: string; type: string }>(sql`
      SELECT a.attname AS name, a.atttypid::regtype::text AS type FROM pg_attribute a
      WHERE a.attrelid = ${table.name}::regclass AND a.attnum > 0 AND NOT a.attisdropped`);
    const named = await app.database.query<{ name: string; type: string }>(sql`
      SELECT name, type::regtype::text AS type
      FROM unnest(${Object.keys(table.types).map(snakeCase)}::text[], ${Object.values<string>(table.types)}::text[]) AS named (name, type)`);
    const byName = (one: { name: string }, other: { name: string }) => (one.name < other.name ? -1 : 1);
    expect(named.toSorted(byName)).toEqual(columns.toSorted(byName));
  });
});

test("an INSERT names each column beside its value, in whatever order they are given", () => {
  const values = { sentAt: sql`now()`, kinds: ["FLAT"], id: "1" } as const;
  const { text, values: bound } = insertInto(rowTable, values);
  expect(text).toBe('INSERT INTO rows (id, kinds, sent_at) SELECT $1::uuid, $2::"Kind"[], now()');
  expect(bound).toEqual(["1", ["FLAT"]]);
});

test("an UPDATE sets what is given, null as well", () => {
  const { text, values } = setList(rowTable, { sentAt: null, kinds: undefined });
  expect(text).toBe("sent_at = $1::timestamptz");
  expect(values).toEqual([null]);
});

test("a SELECT names all columns but those that are hidden", () => {
  expect(selectList(rowTable, "r", ["number"]).text).toBe('r.id AS "id", r.kinds::text[] AS "kinds", r.sent_at AS "sentAt"');
});

test("rows that are given as one value have the types of their columns", () => {
  const given = recordset(rowTable, "given", ["id", "sentAt"], { place: "integer" });
  const { text, values } = given.part([{ id: "1", sentAt: null, place: 0 }]);
  expect(text).toBe(
    'given AS (SELECT * FROM json_to_recordset($1::json) AS given ("id" uuid, "sentAt" timestamptz, "place" integer))',
  );
  expect(values).toEqual(['[{"id":"1","sentAt":null,"place":0}]']);
  expect(given.column("sentAt").text).toBe('given."sentAt"');
});

test("what is left out, does not exist or has another type does not compile", () => {
  const types = { id: "uuid", number: "integer", kinds: '"Kind"[]', sentAt: "timestamptz" } as const;
  const { sentAt: _sentAt, ...withoutOne } = types;
  const mistaken = [
    // @ts-expect-error A field is missing.
    defineTable<Row>({ name: "rows", types: withoutOne }),
    // @ts-expect-error There is no such field.
    defineTable<Row>({ name: "rows", types: { ...types, colour: "text" } }),
    // @ts-expect-error A time is no text.
    defineTable<Row>({ name: "rows", types: { ...types, sentAt: "text" } }),
  ];
  const values = { id: "1", kinds: [], sentAt: null };
  const statements = [
    // @ts-expect-error A column that may be null is given as null, not left out.
    insertInto(rowTable, { id: "1", kinds: [] }),
    // @ts-expect-error The database fills it.
    insertInto(rowTable, { ...values, number: 1 }),
    // @ts-expect-error There is no such field.
    insertInto(rowTable, { ...values, colour: "red" }),
    // @ts-expect-error There is no such value.
    insertInto(rowTable, { ...values, kinds: ["ROUND"] }),
    // @ts-expect-error There is no such field.
    setList(rowTable, { sentAt: null, colour: "red" }),
    // @ts-expect-error The id cannot be null.
    setList(rowTable, { id: null }),
  ];
  expect([...mistaken, ...statements]).toHaveLength(9);
});

function snakeCase(field: string): string {
  return field.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

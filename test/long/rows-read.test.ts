import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openDatabase, type Database } from "../../src/database/database.ts";
import { startApp, type TestApp } from "../support/app.ts";
import { createScratchDatabase, type ScratchDatabase } from "../support/database.ts";
import { type FilledAccount, fillAccounts, roles } from "./rows-read/accounts.ts";
import { excessesOf } from "./rows-read/bounds.ts";
import { exceeding } from "./rows-read/exceeding.ts";
import { createMeasure, type Measurement } from "./rows-read/measure.ts";
import { nameOf, operations } from "./rows-read/operations.ts";
import { tableOf } from "./rows-read/table.ts";

// What every kind of read costs in an account with 10,000 notes and in one with 1,000,000, for each role. In the mode
// `table` (npm run rows-read) it writes docs/rows-read.md.

const table = resolve(import.meta.dirname, "../../docs/rows-read.md");

let scratch: ScratchDatabase;
let database: Database;
let app: TestApp;
let accounts: readonly FilledAccount[];
const measurements: Measurement[] = [];

beforeAll(async () => {
  scratch = await createScratchDatabase();
  database = await openDatabase(scratch.config, { warn: () => undefined });
  app = await startApp({ database });
  accounts = await fillAccounts(app, database);
  const measure = createMeasure(app);
  const asked = operations.flatMap((operation) =>
    roles.flatMap((role) => accounts.map((filled) => ({ operation, role, filled }))),
  );
  for (const { operation, role, filled } of asked) {
    const measured = measure(operation, role, filled).catch((error: unknown) => {
      throw new Error(`${operation.text}, ${role}, of ${filled.notes}`, { cause: error });
    });
    measurements.push(await measured);
  }
}, 1_800_000);

afterAll(async () => {
  await app.close();
  await database.close();
  await scratch.drop();
});

const excesses = () =>
  measurements.flatMap((measured) =>
    excessesOf(measured).map((excess) => ({
      name: nameOf(measured.operation),
      text: `${measured.role}, of ${measured.filled.notes}: ${excess}`,
    })),
  );

test("each operation reads as many rows as it may, but for those that are known to read more", () => {
  const unknown = excesses().filter(({ name }) => !exceeding.has(name));
  expect(unknown.map(({ name, text }) => `${name}, ${text}`)).toEqual([]);
});

test("what is known to read more is an operation", () => {
  const names = new Set(operations.map(nameOf));
  expect([...exceeding.keys()].filter((name) => !names.has(name))).toEqual([]);
});

test("each operation is answered to an administrator, and its page is as long as it was asked for", () => {
  expect(measurements.filter(({ isRefused, role }) => isRefused && role === "administrator")).toEqual([]);
  for (const { operation, answered } of measurements) if (operation.text === "notes(first: 25)") expect(answered).toBe(25);
});

test.runIf(process.env["MODE"] === "table")("the table is written, and what is known to read more does", () => {
  writeFileSync(table, tableOf(measurements));
  execFileSync("oxfmt", [table]);
  const exceeded = new Set(excesses().map(({ name }) => name));
  expect([...exceeding.keys()].filter((name) => !exceeded.has(name))).toEqual([]);
});

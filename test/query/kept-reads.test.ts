import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { addAccount, sendText, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addNote, addTicket } from "../support/factories.ts";

let app: TestApp;
let account: TestAccount;

beforeAll(async () => {
  app = await startApp();
  account = await addAccount(app);
  await addNote(app, await addTicket(app, account), account.specialist);
});
afterAll(() => app.close());

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void; // what the flag gives every new context

function heapMegabytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed / 1_000_000;
}

const times = 805;

/** What stays in memory of operations that are never asked again. */
async function growthOf(query: string, variables: () => Record<string, unknown>): Promise<number> {
  const ask = async () => {
    const { errors } = await sendText(app.url, account.specialist.key, query, variables());
    expect(errors).toEqual([]);
  };
  for (let time = 0; time < 5; time += 1) await ask();
  const before = heapMegabytes();
  for (let time = 5; time < times; time += 1) await ask();
  return heapMegabytes() - before;
}

const ids = () => Array.from({ length: 1_000 }, () => crypto.randomUUID());

test.each([
  ["of all notes", "query ($ids: [ID!]) { notes(filter: { ids: $ids }) { nodes { uuid } } }"],
  ["of each ticket's notes", "query ($ids: [ID!]) { tickets { nodes { notes(filter: { ids: $ids }) { nodes { uuid } } } } }"],
])("filters %s by a thousand ids are not kept", async (_of, query) => {
  // Together they have some 80 MB of ids. The caches may keep as much as their bounds allow.
  expect(await growthOf(query, () => ({ ids: ids() }))).toBeLessThan(30);
});

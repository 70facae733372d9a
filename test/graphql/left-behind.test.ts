import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { addAccount, sendText, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addNotes, addTicket } from "../support/factories.ts";

// A rejected promise that nobody awaits can end the process. graphql-js leaves those of a list behind if a later item
// throws at once.

let app: TestApp;
let account: TestAccount;

beforeAll(async () => {
  app = await startApp();
  account = await addAccount(app);
  for (let count = 0; count < 2; count += 1) {
    const ticket = await addTicket(app, account, { requester: account.customer });
    await addNotes(app, ticket, account.specialist, 3);
  }
});
afterAll(() => app.close());

test.each([
  '{ notes(first: 3) { edges { node { account { people { nodes { notes(first: 2) { nodes { id } } wrong: notes(after: "none") { nodes { id } } } } } } } } }',
  '{ notes(first: 3) { nodes { account { people(first: 3) { nodes { wrong: notes(after: "none") { nodes { id } } } } } } } }',
  '{ tickets { nodes { notes { nodes { author { notes(first: 1) { nodes { id } } } wrong: attachments(after: "none") { nodes { id } } } } } } }',
  '{ tickets { nodes { notes { nodes { account { people { nodes { id } } } author { wrong: notes(after: "none") { nodes { id } } } } } } } }',
  '{ tickets { nodes { account { people { nodes { role } } } notes(first: 1) { nodes { wrong: attachments(after: "none") { nodes { id } } } } } } }',
  '{ tickets { nodes { participants { nodes { notes(first: 1) { nodes { id } } wrong: notes(after: "none") { nodes { id } } } } } } }',
])("a wrong cursor below lists leaves no rejected promise behind: %s", async (text) => {
  const unhandled: unknown[] = [];
  const listen = (reason: unknown) => void unhandled.push(reason);
  process.on("unhandledRejection", listen);
  for (const { key } of [account.specialist, account.customer]) {
    const { errors } = await sendText(app.url, key, text);
    expect(errors.map(({ extensions }) => extensions["code"])).toEqual(["INVALID_INPUT"]);
  }
  await wait(200);
  process.off("unhandledRejection", listen);
  expect(unhandled).toEqual([]);
});

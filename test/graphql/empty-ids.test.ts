import { afterAll, beforeAll, expect, test } from "vitest";
import { addAccount, sendText, startApp, type TestAccount, type TestApp } from "../support/app.ts";

// An empty text is no id. Taken for a filter that is left out, it would show everything.

let app: TestApp;
let account: TestAccount;

beforeAll(async () => {
  app = await startApp();
  account = await addAccount(app);
});
afterAll(() => app.close());

test.each([
  "notes(filter: { ticketId: $id }) { totalCount }",
  "notes(filter: { authorId: $id }) { totalCount }",
  'searchNotes(query: "word", filter: { ticketId: $id }) { isPartial }',
  "tickets(filter: { requesterId: $id }) { totalCount }",
  "apiKeys(filter: { personId: $id }) { totalCount }",
  "auditEvents(filter: { personId: $id }) { pageInfo { endCursor } }",
])("%s with an empty id is refused", async (field) => {
  const { errors } = await sendText(app.url, account.administrator.key, `query ($id: ID!) { ${field} }`, { id: "" });
  expect(errors).toMatchObject([
    { message: expect.stringContaining("not the id of") as string, extensions: { code: "INVALID_INPUT" } },
  ]);
});

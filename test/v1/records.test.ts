import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Ticket } from "#generated/prisma/client.ts";
import { auditEventsIn } from "../../src/access/audit-events.ts";
import { sql } from "../../src/database/sql.ts";
import { addAccount, call, keyWith, sendText, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addNote, addTicket, globalId, nodeId, statementsOf } from "../support/factories.ts";
import { offerStorage, uploadFile } from "../support/upload-form.ts";
import { v1, type V1Answer } from "../support/v1.ts";

let app: TestApp;
let account: TestAccount;
let ticket: Ticket;

beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());
beforeEach(async () => {
  account = await addAccount(app);
  ticket = await addTicket(app, account, { requester: account.customer, subject: "Brakes" });
});

const patch = (body: unknown, key = account.specialist.key, path = `/v1/requests/${ticket.number}`) =>
  v1(app, path, { key, method: "PATCH", body, headers: { "x-4me-source": "Importer" } });
const open = (body: unknown, key = account.specialist.key) =>
  v1(app, "/v1/requests", { key, method: "POST", body, headers: { "x-4me-source": "Importer" } });
const notes = async (key = account.specialist.key, id = ticket.number): Promise<Shown[]> =>
  (await v1(app, `/v1/requests/${id}/notes?per_page=100`, { key })).body;
const uploaded = async (name: string, key = account.specialist.key) =>
  (await uploadFile(await offerStorage(app, key), name)).key;
const row = () => app.database.prisma.ticket.findFirstOrThrow({ where: { accountId: account.id, id: ticket.id } });
const events = () =>
  app.database.query(sql`
    SELECT e.action, e.entity, e.entity_id AS "entityId", e.person_id AS "personId" FROM ${auditEventsIn(account.id)}
    WHERE e.entity IN ('TICKET', 'NOTE', 'ATTACHMENT') ORDER BY e.created_at, e.entity`);
/** All that a write could have written. */
const written = async () => {
  const where = { accountId: account.id };
  const { prisma } = app.database;
  return [await row(), await prisma.note.count({ where }), await prisma.ticket.count({ where }), (await events()).length];
};

interface Shown {
  readonly id: number;
  readonly text: string;
  readonly internal: boolean;
  readonly attachments: readonly { readonly name: string; readonly inline: boolean }[];
}

function expectErrors({ status, body }: V1Answer, ...errors: readonly (readonly [string, string])[]): void {
  expect([status, body]).toEqual([422, { message: "Validation Failed", errors }]);
}

describe("PATCH of a record", () => {
  test("adds a note, and answers with the record", async () => {
    const answer = await patch({ note: "**Done**" });
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual((await v1(app, `/v1/requests/${ticket.number}`, { key: account.specialist.key })).body);
    expect(await notes()).toEqual([
      expect.objectContaining({ text: "**Done**", internal: false, medium: "default", attachments: [] }),
    ]);
    const note = await app.database.prisma.note.findFirstOrThrow({ where: { ticketId: ticket.id } });
    expect([note.source, note.requesterId, note.authorNumber]).toEqual([
      "Importer",
      account.customer.id,
      account.specialist.number,
    ]);
    expect((await row()).updatedAt).toEqual(ticket.updatedAt);
  });

  test("adds a note and an internal one, each with its files, and changes the rest, in one statement", async () => {
    const [a, b, c] = [await uploaded("a.png"), await uploaded("same.png"), await uploaded("same.png")];
    const body = {
      note: `See ![](${a})`,
      note_attachments: [{ key: a }, { key: b }],
      internal_note: "Between us",
      internal_note_attachments: [{ key: c, inline: "TRUE" }],
      ...{ subject: "Brakes and tyres", status: "waiting_for", requested_by_id: account.administrator.number },
    };
    const statements = await statementsOf(app, async () => expect((await patch(body)).status).toBe(200));
    expect(statements.filter(({ text }) => /INSERT|UPDATE/.test(text))).toHaveLength(1);
    expect(await notes()).toEqual([
      expect.objectContaining({
        text: body.note,
        internal: false,
        attachments: [
          expect.objectContaining({ name: "a.png", inline: true }),
          expect.objectContaining({ name: "same.png", inline: false }),
        ],
      }),
      expect.objectContaining({
        text: "Between us",
        internal: true,
        attachments: [expect.objectContaining({ name: "same.png", inline: true })],
      }),
      expect.objectContaining({ text: expect.stringMatching(/^Status: \w+ → OUTSOURCED$/), medium: "system", internal: false }),
    ]);
    expect(await row()).toMatchObject({
      subject: "Brakes and tyres",
      status: "OUTSOURCED",
      requesterId: account.administrator.id,
    });
    const rows = await app.database.prisma.note.findMany({ where: { ticketId: ticket.id } });
    expect(new Set(rows.map(({ requesterId }) => requesterId))).toEqual(new Set([account.administrator.id]));
    const kept = (await events()).map(({ action, entity }) => `${action} ${entity}`);
    expect(kept.toSorted()).toEqual([
      ...["CREATED ATTACHMENT", "CREATED ATTACHMENT", "CREATED ATTACHMENT"],
      ...["CREATED NOTE", "CREATED NOTE", "CREATED NOTE", "EDITED TICKET"],
    ]);
  });

  test("the record by its node id, and for the person by theirs", async () => {
    const path = `/v1/requests/${nodeId("Ticket", ticket.id)}`;
    const requested_by_id = nodeId("Person", account.specialist.id);
    expect((await patch({ requested_by_id }, undefined, path)).body.requested_by.id).toBe(account.specialist.number);
    // The Ruby SDK writes numbers as texts, and nothing as an empty one.
    expect((await patch({ requested_by_id: String(account.customer.number) })).body.requested_by.id).toBe(
      account.customer.number,
    );
    expect((await patch({ requested_by_id: "" })).body.requested_by).toBeNull();
    expect((await patch({ requested_by_id: account.customer.number })).body.requested_by.id).toBe(account.customer.number);
    expect((await patch({ requested_by_id: null })).body.requested_by).toBeNull();
  });

  test("a requester who comes and goes sees the public notes while they are the requester", async () => {
    await patch({ note: "Public", internal_note: "Internal", requested_by_id: null });
    expect((await v1(app, `/v1/requests/${ticket.number}`, { key: account.customer.key })).status).toBe(404);
    await patch({ requested_by_id: account.customer.number });
    expect((await notes(account.customer.key)).map(({ text }) => text)).toEqual(["Public"]);
  });

  test("what is so already is no change: nothing is written", async () => {
    const before = await written();
    for (const body of [
      {},
      { subject: "Brakes" },
      { status: "assigned" },
      { requested_by_id: account.customer.number },
      { note: "" },
    ]) {
      expect([body, (await patch(body)).status]).toEqual([body, 200]);
    }
    expect((await patch({ note: null, source: "x", sourceID: "y", suppress_note_added_notifications: true })).status).toBe(200);
    expect(await written()).toEqual(before);
  });

  test.each([
    ["another field", { category: "incident" }, ["category", "category is not a field of a request"]],
    ["the text of a note", { text: "x" }, ["text", "text is not a field of a request"]],
    ["no subject", { subject: " " }, ["subject", "Subject can't be blank"]],
    ["a subject that is none", { subject: 5 }, ["subject", "Subject is invalid"]],
    ["a long subject", { subject: "x".repeat(256) }, ["subject", "The subject must have at most 255 characters."]],
    ["no status", { status: null }, ["status", "Status can't be blank"]],
    ["a status that is none", { status: 1 }, ["status", "Status is invalid"]],
    ["a person who is nobody", { requested_by_id: 2_147_483_647 }, ["requested_by_id", "Requested by is invalid"]],
    ["a person that is none", { requested_by_id: { id: 1 } }, ["requested_by_id", "Requested by is invalid"]],
    ["files without a note", { note_attachments: [{ key: "k" }] }, ["note", "Note can't be blank"]],
    ["a note that is none", { note: ["x"] }, ["note", "Note is invalid"]],
    ["files that are none", { note: "x", note_attachments: [1] }, ["note_attachments", "Note attachments is invalid"]],
    [
      "files that were not uploaded",
      { internal_note: "x", internal_note_attachments: [{ key: "k" }] },
      ["internal_note_attachments", "Attachments key 'k' was not uploaded or is already used"],
    ],
    [
      "a long note",
      { note: "x", internal_note: "x".repeat(65_537) },
      ["internal_note", "The text must have at most 65536 bytes of UTF-8."],
    ],
    ["a note with NUL", { note: "a\u{0}b" }, ["note", "The text must not contain the character NUL."]],
  ] as [string, object, [string, string]][])(
    "%s is refused, and nothing of the rest is written",
    async (_name, body, error) => {
      const before = await written();
      const rest = {
        ...("status" in body ? {} : { status: "completed" }),
        ...("note" in body || "note_attachments" in body ? {} : { note: "n" }),
      };
      expectErrors(await patch({ ...rest, ...body }), error);
      expect(await written()).toEqual(before);
    },
  );

  test("every field that cannot be used is told at once", async () => {
    expectErrors(
      await patch({ subject: "", status: "x", requested_by_id: "x", note: 1, strange: 1 }),
      ["subject", "Subject can't be blank"],
      ["status", "Status is invalid"],
      ["requested_by_id", "Requested by is invalid"],
      ["note", "Note is invalid"],
      ["strange", "strange is not a field of a request"],
    );
    const task = await addTicket(app, account, { kind: "PROJECT_TASK" });
    const answer = await patch({ strange: 1 }, undefined, `/v1/project_tasks/${task.number}`);
    expectErrors(answer, ["strange", "strange is not a field of a project task"]);
  });

  test("a file that two notes name is given to neither", async () => {
    const key = await uploaded("a.png");
    const before = await written();
    const both = { note: "x", note_attachments: [{ key }], internal_note: "y", internal_note_attachments: [{ key }] };
    expect((await patch({ ...both, status: "completed" })).status).toBe(422);
    expect(await written()).toEqual(before);
  });

  test("a file that is taken meanwhile: nothing is changed", async () => {
    const key = await uploaded("a.png");
    const others = [await addTicket(app, account), await addTicket(app, account)];
    const body = { status: "completed", note: "y", note_attachments: [{ key }] };
    const answers = await Promise.all(
      [ticket, ...others].map(({ number }) => patch(body, undefined, `/v1/requests/${number}`)),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 422, 422]);
    const { prisma } = app.database;
    expect(await prisma.ticket.count({ where: { accountId: account.id, status: "CLOSED" } })).toBe(1);
    expect(await prisma.note.count({ where: { accountId: account.id } })).toBe(2);
    expect((await events()).map(({ entity }) => entity).toSorted()).toEqual(["ATTACHMENT", "NOTE", "NOTE", "TICKET"]);
  });

  test("an answer that could not be given is refused before anything is written", async () => {
    const before = await written();
    const answer = await patch({ note: "x" }, undefined, `/v1/requests/${ticket.number}?fields=strange`);
    expect([answer.status, answer.body]).toEqual([400, { message: "Unknown fields: strange" }]);
    expect((await patch("[1]")).status).toBe(400);
    expect(await written()).toEqual(before);
  });

  test("a customer adds notes to what they requested, and changes nothing else", async () => {
    const { key } = account.customer;
    const file = await uploaded("a.png", key);
    expect((await patch({ note: "From me", note_attachments: [{ key: file }] }, key)).status).toBe(200);
    expect((await notes(key)).map(({ text, attachments }) => [text, attachments.length])).toEqual([["From me", 1]]);
    const before = await written();
    for (const body of [
      ...[{ subject: "Mine" }, { status: "completed" }, { requested_by_id: null }, { internal_note: "x" }],
      ...[
        { note: "x", status: "completed" },
        { note: "x", internal_note: "y" },
      ],
    ]) {
      const answer = await patch(body, key);
      expect([body, answer.status, answer.body]).toEqual([body, 403, { message: "Forbidden" }]);
    }
    expect(await written()).toEqual(before);
  });

  test("who does not see the record is told that there is none", async () => {
    const before = await written();
    const elsewhere = await addAccount(app);
    const others = await addTicket(app, account);
    for (const [key, path] of [
      [elsewhere.administrator.key, `/v1/requests/${ticket.number}`],
      [account.customer.key, `/v1/requests/${others.number}`],
      [account.specialist.key, `/v1/problems/${ticket.number}`],
      [account.specialist.key, `/v1/requests/${globalId("Person", account.customer.id)}`],
    ] as const) {
      const answer = await patch({ note: "x", status: "completed" }, key, path);
      expect([answer.status, answer.body]).toEqual([404, { message: "Not Found" }]);
    }
    expect((await v1(app, `/v1/requests/${ticket.number}`, { method: "PATCH", body: {} })).status).toBe(401);
    expect(await written()).toEqual([before[0], before[1], Number(before[2]) + 1, before[3]]);
  });

  test("a person of another account becomes no requester", async () => {
    const elsewhere = await addAccount(app);
    expectErrors(await patch({ requested_by_id: elsewhere.specialist.number }), ["requested_by_id", "Requested by is invalid"]);
  });

  test("a credential does what its scopes allow", async () => {
    const before = await written();
    const writer = await keyWith(app, account.specialist, ["tickets:read", "notes:read", "notes:write"]);
    expect((await patch({ status: "completed", note: "x" }, writer)).status).toBe(403);
    const editor = await keyWith(app, account.specialist, ["tickets:read", "tickets:write"]);
    expect((await patch({ status: "completed", note: "x" }, editor)).status).toBe(403);
    expect((await patch({ internal_note: "x" }, writer)).status).toBe(403);
    expect(await written()).toEqual(before);
    expect((await patch({ status: "completed" }, editor)).body.status).toBe("completed");
    expect((await patch({ note: "x" }, writer)).status).toBe(200);
  });

  test("GraphQL and /v2 show what was written, and the audit who did it", async () => {
    await patch({ note: "From the record", status: "declined" });
    const { data } = await sendText<{ ticket: object }>(
      app.url,
      account.specialist.key,
      "query ($id: ID!) { ticket(id: $id) { status notes { nodes { text isPublic source medium author { number } } } } }",
      // The id as /v1 hands it out.
      { id: nodeId("Ticket", ticket.id) },
    );
    expect(data.ticket).toEqual({
      status: "CANCELLED",
      notes: {
        nodes: [
          {
            ...{ text: expect.stringMatching(/→ CANCELLED$/), isPublic: true, source: null, medium: "SYSTEM" },
            author: { number: account.specialist.number },
          },
          {
            ...{ text: "From the record", isPublic: true, source: "Importer", medium: "DEFAULT" },
            author: { number: account.specialist.number },
          },
        ],
      },
    });
    const { body } = await call(
      app,
      account.specialist.key,
      "GET",
      `/v2/tickets/notes?ticket_id=${ticket.id}&limit=5&offset=0`,
    );
    expect(body).toMatchObject({ total: 2, result: [{ value: "From the record", author_id: account.specialist.id }, {}] });
    expect(await events()).toContainEqual({
      ...{ action: "EDITED", entity: "TICKET", entityId: ticket.id },
      personId: account.specialist.id,
    });
  });
});

describe("POST of a request", () => {
  test("opens it with its first notes, and says where it is", async () => {
    const [a, b] = [await uploaded("a.png"), await uploaded("b.png")];
    const { status, body, headers } = await open({
      subject: "No heating",
      note: "Since Monday",
      note_attachments: [{ key: a }],
      internal_note: "VIP",
      internal_note_attachments: [{ key: b }],
      ...{ status: "on_backlog", requested_by_id: account.customer.number },
    });
    expect([status, body]).toEqual([201, { id: expect.any(Number) }]);
    expect(headers.get("location")).toMatch(new RegExp(`^http://[^/]+/v1/requests/${body.id}$`));
    const record = (await v1(app, `/v1/requests/${body.id}`, { key: account.specialist.key })).body;
    expect(record).toMatchObject({
      subject: "No heating",
      status: "on_backlog",
      requested_by: { id: account.customer.number },
    });
    expect(
      (await notes(undefined, body.id)).map(({ text, internal, attachments }) => [text, internal, attachments[0]?.name]),
    ).toEqual([
      ["Since Monday", false, "a.png"],
      ["VIP", true, "b.png"],
    ]);
    expect((await notes(account.customer.key, body.id)).map(({ text }) => text)).toEqual(["Since Monday"]);
    const kept = (await events()).map(({ action, entity }) => `${action} ${entity}`);
    expect(kept.toSorted()).toEqual([
      ...["CREATED ATTACHMENT", "CREATED ATTACHMENT", "CREATED NOTE", "CREATED NOTE", "CREATED TICKET"],
    ]);
  });

  test("without a note too, for nobody", async () => {
    const { status, body } = await open({ subject: "Later" });
    expect(status).toBe(201);
    expect((await v1(app, `/v1/requests/${body.id}`, { key: account.specialist.key })).body).toMatchObject({
      ...{ status: "assigned", requested_by: null },
    });
    expect(await notes(undefined, body.id)).toEqual([]);
  });

  test("a customer opens theirs, and none for another", async () => {
    const { key, number } = account.customer;
    const { status, body } = await open({ subject: "Mine", note: "Please" }, key);
    expect(status).toBe(201);
    expect((await notes(key, body.id)).map(({ text }) => text)).toEqual(["Please"]);
    expect((await open({ subject: "Mine", requested_by_id: number }, key)).status).toBe(201);
    await addNote(app, await addTicket(app, account, { requester: account.customer }), account.specialist);
    const before = await written();
    // Whom they have not met is nobody to them.
    expect((await open({ subject: "x", note: "y", requested_by_id: account.otherCustomer.number }, key)).status).toBe(422);
    expect((await open({ subject: "x", note: "y", requested_by_id: account.specialist.number }, key)).status).toBe(403);
    expect((await open({ subject: "x", internal_note: "y" }, key)).status).toBe(403);
    expect(await written()).toEqual(before);
  });

  test.each([
    ["no subject", { note: "x" }, ["subject", "Subject can't be blank"]],
    ["another field", { subject: "x", category: "incident" }, ["category", "category is not a field of a request"]],
    ["a status that is none", { subject: "x", status: "closed" }, ["status", "Status is invalid"]],
    [
      "a file that was not uploaded",
      { subject: "x", note: "y", note_attachments: [{ key: "k" }] },
      ["note_attachments", "Attachments key 'k' was not uploaded or is already used"],
    ],
    ["a long note", { subject: "x", note: "é".repeat(32_769) }, ["note", "The text must have at most 65536 bytes of UTF-8."]],
  ] as [string, object, [string, string]][])("%s is refused, and nothing is opened", async (_name, body, error) => {
    const before = await written();
    expectErrors(await open(body), error);
    expect(await written()).toEqual(before);
  });

  test("other kinds of records are not opened", async () => {
    for (const collection of ["tasks", "problems", "risks"]) {
      const answer = await v1(app, `/v1/${collection}`, {
        key: account.specialist.key,
        method: "POST",
        body: { subject: "x" },
      });
      expect([answer.status, answer.body]).toEqual([404, { message: "Not Found" }]);
    }
  });

  test("a file that is taken meanwhile: nothing is opened", async () => {
    const key = await uploaded("a.png");
    const before = await written();
    const body = { subject: "x", note: "y", note_attachments: [{ key }] };
    const answers = await Promise.all([open(body), open(body), open(body)]);
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 422, 422]);
    expect(await app.database.prisma.ticket.count({ where: { accountId: account.id } })).toBe(Number(before[2]) + 1);
  });
});

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { graphql } from "../generated/gql.ts";
import type { AuditEventFilter } from "../generated/graphql.ts";
import { addAccount, call, keyWith, send, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addNote, addTicket, upload } from "../support/factories.ts";
import { addClient, tokenOf } from "../support/oauth.ts";

const AuditEvents = graphql(`
  query AuditEvents($first: Int, $last: Int, $after: String, $before: String, $filter: AuditEventFilter) {
    auditEvents(first: $first, last: $last, after: $after, before: $before, filter: $filter) {
      totalCount
      pageInfo {
        hasNextPage
        hasPreviousPage
        startCursor
        endCursor
      }
      nodes {
        id
        action
        entity
        entityId
        person {
          uuid
        }
        credentialKind
        credentialId
        address
        userAgent
        requestId
        createdAt
      }
    }
  }
`);

let app: TestApp;
let account: TestAccount;
let other: TestAccount;

beforeAll(async () => {
  app = await startApp();
  [account, other] = [await addAccount(app), await addAccount(app)];
});
afterAll(() => app.close());

async function events(filter: AuditEventFilter, as = account) {
  const { data } = await send(app, as.administrator.key, AuditEvents, { first: 100, filter });
  return data.auditEvents.nodes;
}

/** What was done to one thing, oldest first. */
async function actionsOn(entityId: string) {
  return (await events({ entityId })).map(({ action }) => action).toReversed();
}

async function newNote(): Promise<string> {
  const ticket = await addTicket(app, account);
  const body = { ticket_id: ticket.id, value: "Looked at it", is_public: true, categories: [] };
  const answer = await call(app, account.specialist.key, "POST", "/v2/tickets/notes", body, { "user-agent": "workshop/1.2" });
  return (answer.body as { id: string }).id;
}

describe("the audit keeps", () => {
  test("who added, edited and deleted a note, when, with what, from where", async () => {
    const ticket = await addTicket(app, account);
    const token = await tokenOf(
      app,
      await addClient(app, account.specialist, ["notes:read", "notes:write", "tickets:read", "notes:internal"]),
    );
    const body = { ticket_id: ticket.id, value: "Looked at it", is_public: false, categories: [] };
    const bearer = { authorization: `Bearer ${token}`, "user-agent": "workshop/1.2" };
    const added = await call(app, undefined, "POST", "/v2/tickets/notes", body, bearer);
    const { id, created_at: createdAt } = added.body as { id: string; created_at: string };
    const [event] = await events({ entityId: id });
    expect(event).toEqual({
      id: expect.any(String),
      action: "CREATED",
      entity: "NOTE",
      entityId: id,
      person: { uuid: account.specialist.id },
      credentialKind: "OAUTH_CLIENT",
      credentialId: expect.any(String),
      address: "127.0.0.1",
      userAgent: "workshop/1.2",
      requestId: added.headers.get("x-request-id"),
      createdAt,
    });
    await call(app, account.administrator.key, "PUT", `/v2/tickets/notes/${id}`, { ...body, value: "Looked again" });
    await call(app, account.administrator.key, "DELETE", `/v2/tickets/notes/${id}`);
    expect(await actionsOn(id)).toEqual(["CREATED", "EDITED", "DELETED"]);
    const [deletion] = await events({ entityId: id });
    expect(deletion).toMatchObject({ person: { uuid: account.administrator.id }, credentialKind: "API_KEY" });
  });

  test("who asked for an attachment's upload, where its bytes came from, and who deleted it", async () => {
    const note = await newNote();
    await upload(app, account.specialist.key, note, "scan.txt", "bytes", "text/plain");
    const row = await app.database.prisma.attachment.findFirstOrThrow({ where: { noteId: note } });
    const [arrival, request] = await events({ entityId: row.id });
    expect(request).toMatchObject({
      action: "UPLOAD_REQUESTED",
      entity: "ATTACHMENT",
      person: { uuid: account.specialist.id },
    });
    // A signed URL carries no credential. The upload is attributed to the person who requested the URL.
    expect(arrival).toMatchObject({
      action: "UPLOAD_ARRIVED",
      person: { uuid: account.specialist.id },
      credentialKind: "API_KEY",
      credentialId: request!.credentialId,
      address: "127.0.0.1",
    });
    const mutation = `mutation { deleteAttachment(input: { noteId: "${note}", filename: "scan.txt" }) { __typename } }`;
    await call(app, account.specialist.key, "POST", "/graphql", { query: mutation });
    expect(await actionsOn(row.id)).toEqual(["UPLOAD_REQUESTED", "UPLOAD_ARRIVED", "DELETED"]);
  });

  test("the attachments that went with a note", async () => {
    const note = await newNote();
    for (const name of ["one.txt", "two.txt"]) await upload(app, account.specialist.key, note, name, "bytes", "text/plain");
    const rows = await app.database.prisma.attachment.findMany({ where: { noteId: note } });
    await call(app, account.specialist.key, "DELETE", `/v2/tickets/notes/${note}`);
    for (const { id } of rows) expect((await actionsOn(id)).at(-1)).toBe("DELETED");
    expect(rows).toHaveLength(2);
  });

  test("who made and revoked a key, and its use, once an hour", async () => {
    const { id: personId, accountId } = account.specialist;
    const { key, apiKey } = await app.provisioning.addApiKey({ accountId, personId, name: "audited", scopes: ["notes:read"] });
    const use = () => call(app, key, "GET", "/v2/tickets/notes/019a0000-0000-7000-8000-000000000000");
    const second = await startApp();
    try {
      for (let count = 0; count < 3; count++) await use();
      // Another process keeps no second one.
      await call(second, key, "GET", "/v2/tickets/notes/019a0000-0000-7000-8000-000000000000");
    } finally {
      await second.close();
    }
    expect(await actionsOn(apiKey.id)).toEqual(["CREATED", "USED"]);
    const [used, created] = await events({ entityId: apiKey.id });
    expect(created).toMatchObject({ person: null, credentialKind: null, address: null, userAgent: "provisioning" });
    expect(used).toMatchObject({
      person: { uuid: personId },
      credentialKind: "API_KEY",
      credentialId: apiKey.id,
      address: "127.0.0.1",
    });

    app.time.now = new Date(Date.now() + 3_601_000);
    const third = await startApp();
    third.time.now = app.time.now;
    try {
      await call(third, key, "GET", "/v2/tickets/notes/019a0000-0000-7000-8000-000000000000");
    } finally {
      app.time.now = undefined;
      await third.close();
    }
    await app.provisioning.revoke(apiKey.id);
    expect((await actionsOn(apiKey.id)).toSorted()).toEqual(["CREATED", "REVOKED", "USED", "USED"]);
  });

  test("nothing of what was refused or changed nothing", async () => {
    const note = await newNote();
    await call(app, account.customer.key, "DELETE", `/v2/tickets/notes/${note}`);
    await call(app, other.specialist.key, "DELETE", `/v2/tickets/notes/${note}`);
    const edit = { ticket_id: "019a0000-0000-7000-8000-000000000000", value: "x", is_public: true };
    expect((await call(app, account.specialist.key, "PUT", `/v2/tickets/notes/${note}`, edit)).status).toBe(400);
    expect(await actionsOn(note)).toEqual(["CREATED"]);
  });

  test("at no statement more than the act itself", async () => {
    const note = await newNote();
    const mutation = `mutation { updateNote(input: { id: "${note}", text: "Again" }) { __typename } }`;
    await call(app, account.specialist.key, "POST", "/graphql", { query: "{ viewer { role } }" });
    const { statements, transactions } = await app.statements.during(() =>
      call(app, account.specialist.key, "POST", "/graphql", { query: mutation }),
    );
    const about = statements.filter(({ text }) => !text.includes("every_account"));
    expect(about).toHaveLength(2);
    expect(about[1]?.text).toMatch(/UPDATE notes[^]*INSERT INTO audit_events/);
    expect(transactions).toEqual([]);
  });
});

describe("the audit is kept", () => {
  test.each([
    `UPDATE audit_events SET person_ref = NULL`,
    `UPDATE audit_events SET person_ref = NULL WHERE false`,
    `DELETE FROM audit_events WHERE id = '019a0000-0000-7000-8000-000000000000'`,
    `TRUNCATE audit_events`,
    `TRUNCATE audit_events, tickets CASCADE`,
    `INSERT INTO audit_events SELECT * FROM audit_events LIMIT 1 ON CONFLICT (account_id, created_at, id) DO UPDATE SET person_ref = NULL`,
    `MERGE INTO audit_events e USING (SELECT 1) one ON true WHEN MATCHED THEN DELETE`,
    `SET LOCAL session_replication_role = replica; DELETE FROM audit_events`,
  ])("from %s", async (statement) => {
    await newNote();
    const count = async () =>
      Number((await app.database.pool.query("SELECT count(*) AS count FROM audit_events")).rows[0].count);
    const before = await count();
    await expect(app.database.pool.query(statement)).rejects.toThrow("audit_events is append-only");
    expect(await count()).toBe(before);
  });
});

describe("the audit is read", () => {
  test("by administrators with the scope admin, and by nobody else", async () => {
    const refusal = { extensions: { code: "FORBIDDEN" } };
    for (const person of [account.specialist, account.customer]) {
      expect((await send(app, person.key, AuditEvents)).errors).toMatchObject([refusal]);
      expect((await send(app, await keyWith(app, person, ["admin"]), AuditEvents)).errors).toMatchObject([refusal]);
    }
    const narrow = await keyWith(app, account.administrator, ["notes:read"]);
    expect((await send(app, narrow, AuditEvents)).errors).toMatchObject([refusal]);
    expect((await send(app, undefined, AuditEvents)).errors).toMatchObject([{ extensions: { code: "UNAUTHENTICATED" } }]);
  });

  test("of one's own account, whatever is asked for", async () => {
    const note = await newNote();
    expect(await events({ entityId: note }, other)).toEqual([]);
    expect(await events({ personId: account.specialist.id }, other)).toEqual([]);
    expect(await events({ entityId: note })).toHaveLength(1);
  });

  test("not by what is no id", async () => {
    for (const entityId of ["", " ", "x"])
      expect((await send(app, account.administrator.key, AuditEvents, { filter: { entityId } })).errors).toMatchObject([
        { extensions: { code: "INVALID_INPUT" } },
      ]);
  });

  test("by what was done, with what, by whom and when", async () => {
    const own = await addAccount(app);
    const filtered = (filter: AuditEventFilter) => events(filter, own);
    expect(await filtered({ action: ["CREATED"], entity: ["API_KEY"] })).toHaveLength(4);
    expect(await filtered({ action: ["CREATED"], entity: ["PERSON"] })).toHaveLength(4);
    expect(await filtered({ action: ["DELETED"] })).toEqual([]);
    expect(await filtered({ action: ["USED"], personId: own.administrator.id })).toHaveLength(1);
    expect(await filtered({ createdAt: { lt: "2000-01-01T00:00:00Z" } })).toEqual([]);
    expect(await filtered({ createdAt: { gt: "2000-01-01T00:00:00Z" } })).toHaveLength(9);
  });

  test("a page with its persons, its cursors and its total in one statement", async () => {
    await newNote();
    const read = () => send(app, account.administrator.key, AuditEvents, { first: 10 });
    const { result, statements } = await app.statements.during(read);
    expect(statements.filter(({ text }) => !text.includes("every_account"))).toHaveLength(1);
    const { nodes, totalCount } = result.data.auditEvents;
    expect(totalCount).toBeGreaterThan(nodes.length);
    expect(nodes.map(({ person }) => person?.uuid)).toContain(account.specialist.id);
    expect(nodes.map(({ person }) => person)).toContain(null);
  });

  test("page by page, newest first, from either end", async () => {
    const ticket = await addTicket(app, account);
    const note = await addNote(app, ticket, account.specialist, { isPublic: true });
    const put = (value: string) =>
      call(app, account.specialist.key, "PUT", `/v2/tickets/notes/${note.id}`, {
        ticket_id: ticket.id,
        value,
        is_public: true,
      });
    for (let count = 0; count < 7; count++) await put(`Edit ${count}`);
    const filter = { entityId: note.id };
    const all = (await events(filter)).map(({ id }) => id);
    expect(all).toHaveLength(7);
    const page = async (variables: object) =>
      (await send(app, account.administrator.key, AuditEvents, { filter, ...variables })).data.auditEvents;
    const first = await page({ first: 3 });
    const second = await page({ first: 3, after: first.pageInfo.endCursor });
    const third = await page({ first: 3, after: second.pageInfo.endCursor });
    expect([first, second, third].flatMap(({ nodes }) => nodes.map(({ id }) => id))).toEqual(all);
    expect([first.totalCount, first.pageInfo.hasNextPage, third.pageInfo.hasNextPage]).toEqual([7, true, false]);
    const back = await page({ last: 3, before: third.pageInfo.startCursor });
    expect(back.nodes).toEqual(second.nodes);
  });
});

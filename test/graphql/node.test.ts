import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Attachment, Note, Ticket } from "#generated/prisma/client.ts";
import { graphql } from "../generated/gql.ts";
import { addAccount, call, keyWith, send, sendText, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addAttachment, addNote, addNotes, addTicket, globalId, statementsOf } from "../support/factories.ts";
import { addClient } from "../support/oauth.ts";
import { type PlanNode, scansOf } from "../support/rows-read.ts";
import type { RecordedStatement } from "../support/statements.ts";

const NodeQuery = graphql(`
  query Node($id: ID!) {
    node(id: $id) {
      __typename
      id
      ... on Ticket {
        subject
      }
      ... on Note {
        text
      }
      ... on Attachment {
        filename
      }
      ... on Person {
        name
      }
      ... on Account {
        slug
      }
      ... on ApiKey {
        name
        uuid
        person {
          name
        }
      }
      ... on OAuthClient {
        name
        clientId
      }
      ... on AuditEvent {
        action
        entityId
        uuid
        userAgent
        createdAt
      }
    }
  }
`);

const AdministeredQuery = graphql(`
  query Administered($noteId: ID!) {
    apiKeys(last: 1) {
      nodes {
        id
        uuid
      }
    }
    oauthClients(first: 1) {
      nodes {
        id
        clientId
      }
    }
    auditEvents(first: 1, filter: { entityId: $noteId, action: [CREATED] }) {
      nodes {
        id
        uuid
        createdAt
      }
    }
  }
`);

const NodesQuery = graphql(`
  query Nodes($ids: [ID!]!) {
    nodes(ids: $ids) {
      __typename
      id
    }
  }
`);

interface ExplainedRow {
  readonly "QUERY PLAN": readonly [{ readonly Plan: PlanNode }];
}

let app: TestApp;
let account: TestAccount;
let other: TestAccount;
let ticket: Ticket;
let note: Note;
let internal: Note;
let attachment: Attachment;
let internalAttachment: Attachment;

beforeAll(async () => {
  app = await startApp();
  [account, other] = [await addAccount(app), await addAccount(app)];
  ticket = await addTicket(app, account, { requester: account.customer });
  note = await addNote(app, ticket, account.specialist);
  internal = await addNote(app, ticket, account.specialist, { isPublic: false });
  attachment = await addAttachment(app, note, "a.png");
  internalAttachment = await addAttachment(app, internal, "b.png");
});
afterAll(() => app.close());

const everything = () => ({
  ticket: globalId("Ticket", ticket.id),
  note: globalId("Note", note.id),
  attachment: globalId("Attachment", attachment.id),
  person: globalId("Person", account.customer.id),
  account: globalId("Account", account.id),
  internal: globalId("Note", internal.id),
  internalAttachment: globalId("Attachment", internalAttachment.id),
});

const typesOf = async (key: string, ids: readonly string[]) => {
  const { data, errors } = await send(app, key, NodesQuery, { ids: [...ids] });
  expect(errors).toEqual([]);
  return data.nodes.map((node) => node?.__typename ?? null);
};

test("node finds every kind of object by its id", async () => {
  const all = everything();
  const read = async (id: string) => (await send(app, account.specialist.key, NodeQuery, { id })).data.node;
  expect(await read(all.ticket)).toEqual({ __typename: "Ticket", id: all.ticket, subject: ticket.subject });
  expect(await read(all.note)).toEqual({ __typename: "Note", id: all.note, text: note.text });
  expect(await read(all.attachment)).toEqual({ __typename: "Attachment", id: all.attachment, filename: "a.png" });
  expect(await read(all.person)).toEqual({ __typename: "Person", id: all.person, name: "Cleo Customer" });
  expect(await read(all.account)).toEqual({ __typename: "Account", id: all.account, slug: account.slug });
});

describe("what node shows", () => {
  test("to staff is everything of the account", async () => {
    expect(await typesOf(account.specialist.key, Object.values(everything()))).toEqual([
      "Ticket",
      "Note",
      "Attachment",
      "Person",
      "Account",
      "Note",
      "Attachment",
    ]);
  });

  test("to the ticket's requester is everything but what is internal", async () => {
    const seen = await typesOf(account.customer.key, Object.values(everything()));
    expect(seen).toEqual(["Ticket", "Note", "Attachment", "Person", "Account", null, null]);
  });

  test("to another customer are the account and its people", async () => {
    const seen = await typesOf(account.otherCustomer.key, Object.values(everything()));
    expect(seen).toEqual([null, null, null, "Person", "Account", null, null]);
  });

  test("to another account is nothing, not even its type", async () => {
    expect(await typesOf(other.administrator.key, Object.values(everything()))).toEqual(Array(7).fill(null));
    for (const id of Object.values(everything())) {
      expect(await send(app, other.administrator.key, NodeQuery, { id })).toEqual({
        status: 200,
        data: { node: null },
        errors: [],
      });
    }
  });

  test("to nobody is nothing", async () => {
    for (const id of Object.values(everything())) {
      const { data, errors } = await send(app, undefined, NodeQuery, { id });
      expect(data).toEqual({ node: null });
      expect(errors).toMatchObject([{ extensions: { code: "UNAUTHENTICATED" } }]);
    }
  });

  test("to a key without the scope is a refusal, the same for what is there and what is not", async () => {
    const narrow = await keyWith(app, account.specialist, ["tickets:read"]);
    const there = await send(app, narrow, NodeQuery, { id: globalId("Note", note.id) });
    const absent = await send(app, narrow, NodeQuery, { id: globalId("Note", randomUUID()) });
    expect(there.errors).toMatchObject([{ extensions: { code: "FORBIDDEN" } }]);
    expect(there).toEqual(absent);
  });
});

describe("what only administrators see", () => {
  /** Adds a note and a client. Returns the key of the first person, the client, and the event of the note. */
  async function administered() {
    const client = await addClient(app, account.specialist, ["notes:read"]);
    const body = { ticket_id: ticket.id, value: "Looked at it", is_public: true, categories: [] };
    const added = await call(app, account.specialist.key, "POST", "/v2/tickets/notes", body, { "user-agent": "workshop/1.2" });
    const noteId = (added.body as { id: string }).id;
    const { data, errors } = await send(app, account.administrator.key, AdministeredQuery, { noteId });
    expect(errors).toEqual([]);
    const [apiKey, oauthClient] = [data.apiKeys.nodes[0]!, data.oauthClients.nodes[0]!];
    expect(oauthClient.clientId).toBe(client.id);
    return { noteId, apiKey, oauthClient, event: data.auditEvents.nodes[0]! };
  }

  /** Returns what a statement reads where no table is small enough to be read as a whole. */
  async function scansByIndex({ text, values }: RecordedStatement) {
    const client = await app.database.pool.connect();
    try {
      await client.query("BEGIN");
      await client.query("SET LOCAL enable_seqscan = off");
      const { rows } = await client.query<ExplainedRow>(`EXPLAIN (ANALYZE, FORMAT JSON) ${text}`, [...values]);
      return scansOf(rows[0]!["QUERY PLAN"][0].Plan);
    } finally {
      await client.query("ROLLBACK");
      client.release();
    }
  }

  test("has global ids, by which an administrator reads it", async () => {
    const { noteId, apiKey, oauthClient, event } = await administered();
    expect(apiKey.id).toBe(globalId("ApiKey", apiKey.uuid));
    expect(oauthClient.id).toBe(globalId("OAuthClient", oauthClient.clientId));
    const read = async (id: string) => (await send(app, account.administrator.key, NodeQuery, { id })).data.node;
    expect(await read(apiKey.id)).toEqual({
      ...{ __typename: "ApiKey", ...apiKey },
      ...{ name: "test", person: { name: "Ada Administrator" } },
    });
    expect(await read(oauthClient.id)).toMatchObject({ __typename: "OAuthClient", clientId: oauthClient.clientId });
    const expected = { __typename: "AuditEvent", action: "CREATED", entityId: noteId, userAgent: "workshop/1.2" };
    expect(await read(event.id)).toEqual({ ...expected, ...event });
  });

  test("is nothing to the administrator of another account, and refused to everybody else", async () => {
    const { apiKey, oauthClient, event } = await administered();
    for (const { id } of [apiKey, oauthClient, event]) {
      const foreign = await send(app, other.administrator.key, NodeQuery, { id });
      expect(foreign).toEqual({ status: 200, data: { node: null }, errors: [] });
      for (const key of [account.specialist.key, account.customer.key]) {
        const refused = await send(app, key, NodeQuery, { id });
        expect(refused).toMatchObject({ data: { node: null }, errors: [{ extensions: { code: "FORBIDDEN" } }] });
      }
    }
    const absent = globalId("ApiKey", randomUUID());
    expect(await send(app, account.specialist.key, NodeQuery, { id: absent })).toEqual(
      await send(app, account.specialist.key, NodeQuery, { id: apiKey.id }),
    );
  });

  test("is read in a statement for each type, and an event by its place in the index", async () => {
    const { apiKey, oauthClient, event } = await administered();
    const ids = [apiKey.id, oauthClient.id, event.id, event.id];
    const read = () => send(app, account.administrator.key, NodesQuery, { ids });
    expect((await read()).data.nodes.map((node) => node?.id)).toEqual(ids);
    const all = (await app.statements.during(read)).statements;
    // Without the one that finds out who asks.
    expect(all.filter(({ text }) => !text.includes("every_account, c."))).toHaveLength(3);
    const { statements } = await app.statements.during(() => send(app, account.administrator.key, NodeQuery, { id: event.id }));
    const reads = statements.filter(({ text }) => text.includes("audit_events s"));
    expect(reads).toHaveLength(1);
    expect(await scansByIndex(reads[0]!)).toContainEqual({ table: "audit_events", index: "audit_events_pkey", rows: 1 });
  });

  test.each([
    ["without its time", (uuid: string) => uuid],
    ["with a time that is none", (uuid: string) => `1e3.${uuid}`],
    ["with a time beyond all calendars", (uuid: string) => `${"9".repeat(20)}.${uuid}`],
    ["with two times", (uuid: string) => `1.2.${uuid}`],
    ["with a time in two spellings", (uuid: string) => `01.${uuid}`],
  ])("is no event by an id %s", async (_name, key) => {
    const { errors } = await send(app, account.administrator.key, NodeQuery, { id: btoa(`AuditEvent:${key(randomUUID())}`) });
    expect(errors).toMatchObject([{ extensions: { code: "INVALID_INPUT" } }]);
  });

  test("is no event where the time or the UUID are of another", async () => {
    const { event } = await administered();
    const at = new Date(event.createdAt).getTime();
    for (const key of [`${at + 1}.${event.uuid}`, `${at}.${randomUUID()}`, `99999999999999.${event.uuid}`]) {
      const { data, errors } = await send(app, account.administrator.key, NodeQuery, { id: globalId("AuditEvent", key) });
      expect([data.node, errors]).toEqual([null, []]);
    }
  });

  test("is revoked by its global id, and found as what events are about", async () => {
    const { apiKey, oauthClient, noteId } = await administered();
    const about = async (entityId: string) => {
      const query = `{ auditEvents(first: 5, filter: { entityId: "${entityId}" }) { nodes { entityId } } }`;
      const { data } = await sendText<{ auditEvents: { nodes: unknown[] } }>(app.url, account.administrator.key, query);
      return data.auditEvents.nodes;
    };
    expect(await about(apiKey.id)).toEqual(await about(apiKey.uuid));
    expect(await about(globalId("Note", noteId))).toEqual([{ entityId: noteId }]);
    const revoke = `mutation { revokeOAuthClient(input: { id: "${oauthClient.id}" }) { ... on RevokeOAuthClientPayload { oauthClient { id clientId revokedAt } } } }`;
    const { data } = await sendText(app.url, account.administrator.key, revoke);
    expect(data).toEqual({ revokeOAuthClient: { oauthClient: { ...oauthClient, revokedAt: expect.any(String) } } });
    const wrong = `mutation { revokeApiKey(input: { id: "${oauthClient.id}" }) { ... on Error { code } } }`;
    expect((await sendText(app.url, account.administrator.key, wrong)).data).toEqual({
      revokeApiKey: { code: "INVALID_INPUT" },
    });
  });
});

describe("an id", () => {
  test.each(["Account", "Person", "Ticket", "Note", "Attachment"] as const)(
    "of a %s that is not there finds null",
    async (type) => {
      const answer = await send(app, account.specialist.key, NodeQuery, { id: globalId(type, randomUUID()) });
      expect(answer).toEqual({ status: 200, data: { node: null }, errors: [] });
    },
  );

  test("of one type does not find an object of another", async () => {
    expect((await send(app, account.specialist.key, NodeQuery, { id: globalId("Note", ticket.id) })).data.node).toBeNull();
    expect((await send(app, account.specialist.key, NodeQuery, { id: globalId("Ticket", note.id) })).data.node).toBeNull();
  });

  test.each([
    ["a bare UUID", () => ticket.id],
    ["nothing", () => ""],
    ["a number", () => "7"],
    ["a type that is none", () => btoa(`Secret:${ticket.id}`)],
    ["a type that is an object's own", () => btoa(`__proto__:${ticket.id}`)],
    ["a type in another case", () => btoa(`ticket:${ticket.id}`)],
    ["a type without a UUID", () => btoa("Ticket:1")],
    ["a type with two", () => btoa(`Ticket:${ticket.id}:${ticket.id}`)],
    ["one without its padding", () => globalId("Ticket", ticket.id).replace(/=+$/, "") + " "],
    ["a NUL", () => "\0"],
    ["a lone surrogate", () => "\ud800"],
  ])("that is %s is refused", async (_name, id) => {
    const { data, errors, status } = await send(app, account.specialist.key, NodeQuery, { id: id() });
    expect(data ?? { node: null }).toEqual({ node: null });
    expect(errors).toMatchObject([{ extensions: { code: "INVALID_INPUT" } }]);
    expect(status).toBeLessThan(500);
  });
});

describe("nodes", () => {
  test("answers in the order of the ids, null where there is nothing, as often as asked", async () => {
    const all = everything();
    const ids = [all.note, globalId("Ticket", randomUUID()), all.ticket, all.note, globalId("Note", ticket.id)];
    const { data, errors } = await send(app, account.specialist.key, NodesQuery, { ids });
    expect(errors).toEqual([]);
    expect(data.nodes.map((node) => node?.id ?? null)).toEqual([all.note, null, all.ticket, all.note, null]);
  });

  test("refuses one by one what the credential lacks the scope for", async () => {
    const all = everything();
    const ids = [all.note, globalId("ApiKey", randomUUID()), all.ticket, globalId("OAuthClient", randomUUID()), all.note];
    const { data, errors } = await send(app, account.customer.key, NodesQuery, { ids });
    expect(data.nodes.map((node) => node?.id ?? null)).toEqual([all.note, null, all.ticket, null, all.note]);
    expect(errors).toMatchObject([1, 3].map((place) => ({ path: ["nodes", place], extensions: { code: "FORBIDDEN" } })));
    const narrow = await keyWith(app, account.customer, ["tickets:read"]);
    const seen = await send(app, narrow, NodesQuery, { ids: [all.ticket, all.note, all.attachment] });
    expect(seen.data.nodes.map((node) => node?.id ?? null)).toEqual([all.ticket, null, null]);
    expect(seen.errors).toMatchObject([1, 2].map((place) => ({ path: ["nodes", place], extensions: { code: "FORBIDDEN" } })));
  });

  test("of nothing is nothing", async () => {
    expect((await send(app, account.specialist.key, NodesQuery, { ids: [] })).data.nodes).toEqual([]);
  });

  test("takes 100 ids and no more", async () => {
    const ids = Array.from({ length: 101 }, () => globalId("Ticket", randomUUID()));
    expect((await send(app, account.specialist.key, NodesQuery, { ids: ids.slice(1) })).data.nodes).toEqual(
      Array(100).fill(null),
    );
    const { errors } = await send(app, account.specialist.key, NodesQuery, { ids });
    expect(errors).toMatchObject([{ extensions: { code: "INVALID_INPUT", fields: [{ path: ["ids"] }] } }]);
  });

  test("with an id that is none is a refusal that says so", async () => {
    const { errors, status } = await send(app, account.specialist.key, NodesQuery, {
      ids: [globalId("Ticket", ticket.id), "nonsense"],
    });
    expect(status).toBeLessThan(500);
    expect(errors).toMatchObject([{ extensions: { code: "INVALID_INPUT" } }]);
  });

  test("of 2 objects and of 40 cost a statement for each type", async () => {
    const notes = await addNotes(app, ticket, account.specialist, 20);
    const cost = (ids: string[]) => statementsOf(app, () => send(app, account.specialist.key, NodesQuery, { ids }));
    const all = everything();
    expect(await cost([all.ticket, all.note])).toHaveLength(2);
    expect(await cost([...notes.map(({ id }) => globalId("Note", id)), ...Array(20).fill(all.ticket)])).toHaveLength(2);
  });
});

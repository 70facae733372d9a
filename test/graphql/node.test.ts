import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Attachment, Note, Ticket } from "#generated/prisma/client.ts";
import { graphql } from "../generated/gql.ts";
import { addAccount, keyWith, send, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addAttachment, addNote, addNotes, addTicket, globalId, statementsOf } from "../support/factories.ts";

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

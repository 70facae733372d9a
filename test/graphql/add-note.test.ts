import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Ticket } from "#generated/prisma/client.ts";
import { graphql } from "../generated/gql.ts";
import type { AddNoteInput } from "../generated/graphql.ts";
import { addAccount, keyWith, send, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addTicket, globalId, statementsOf } from "../support/factories.ts";

const AddNoteMutation = graphql(`
  mutation AddNote($input: AddNoteInput!) {
    addNote(input: $input) {
      __typename
      ... on AddNotePayload {
        note {
          id
          uuid
          number
          text
          categories
          isPublic
          medium
          author {
            uuid
          }
          createdAt
          updatedAt
        }
        noteEdge {
          cursor
          node {
            uuid
          }
        }
      }
      ... on Error {
        code
        message
      }
      ... on InvalidInputError {
        fields {
          path
        }
      }
    }
  }
`);

const NotesAroundCursor = graphql(`
  query NotesAroundCursor($id: ID!, $after: String, $before: String) {
    ticket(id: $id) {
      older: notes(after: $after) {
        nodes {
          text
        }
      }
      newer: notes(before: $before) {
        nodes {
          text
        }
      }
      notes {
        totalCount
      }
    }
  }
`);

let app: TestApp;
let account: TestAccount;
let other: TestAccount;
let ticket: Ticket;

beforeAll(async () => {
  app = await startApp();
  [account, other] = [await addAccount(app), await addAccount(app)];
  ticket = await addTicket(app, account, { requester: account.customer });
});
afterAll(() => app.close());

async function add(key: string | undefined, input: Partial<AddNoteInput> = {}) {
  const { data, errors } = await send(app, key, AddNoteMutation, { input: { ticketId: ticket.id, text: "Done.", ...input } });
  return { result: data?.addNote, errors };
}

const noteCount = () => app.database.prisma.note.count({ where: { accountId: { in: [account.id, other.id] } } });

async function expectNothingAdded<Result>(work: () => Promise<Result>): Promise<Result> {
  const before = await noteCount();
  const result = await work();
  expect(await noteCount()).toBe(before);
  return result;
}

test("a note is the credential's person's, written now, internal and without categories unless said otherwise", async () => {
  app.time.now = new Date("2026-04-01T08:00:00.123Z");
  const { result } = await add(account.specialist.key).finally(() => (app.time.now = undefined));
  expect(result).toMatchObject({
    __typename: "AddNotePayload",
    note: {
      text: "Done.",
      categories: [],
      isPublic: false,
      medium: "DEFAULT",
      author: { uuid: account.specialist.id },
      createdAt: "2026-04-01T08:00:00.123Z",
      updatedAt: null,
    },
  });
});

test("the ticket is named by its global id or its UUID", async () => {
  for (const ticketId of [globalId("Ticket", ticket.id), ticket.id.toUpperCase()]) {
    expect((await add(account.specialist.key, { ticketId })).result?.__typename).toBe("AddNotePayload");
  }
});

test("categories are kept once each, in their own order", async () => {
  const { result } = await add(account.specialist.key, { categories: ["POST_SCAN", "PRE_SCAN", "POST_SCAN"], isPublic: true });
  expect(result).toMatchObject({ note: { categories: ["PRE_SCAN", "POST_SCAN"], isPublic: true } });
});

test.each([
  ["spaces around it", "  two  \n\n"],
  ["every line ending", "a\r\nb\nc\rd\u2028e"],
  ["a BOM and odd spaces", "\ufeff \u00a0\u200b"],
  ["decomposed and composed letters", "e\u0301 é"],
  ["control characters but NUL", "\u0001\u0007\u001b[31m\u007f\u0085"],
  ["markup", "<script>alert(1)</script> **bold** <@1|Ann>"],
  ["emoji and noncharacters", "👩‍👩‍👧‍👦 \uffff \u{10ffff}"],
  ["the look of SQL", "'; DROP TABLE notes; --"],
])("a text with %s is stored untouched", async (_name, text) => {
  const { result } = await add(account.specialist.key, { text });
  if (result?.__typename !== "AddNotePayload") throw new Error("There is a note");
  expect(result.note.text).toBe(text);
  expect((await app.database.prisma.note.findFirstOrThrow({ where: { id: result.note.uuid } })).text).toBe(text);
});

test.each([
  ["65,536 bytes of ASCII", "a".repeat(65_536), true],
  ["65,536 bytes of emoji", "🛠".repeat(16_384), true],
  ["one byte", "a", true],
  ["65,537 bytes of ASCII", "a".repeat(65_537), false],
  ["65,537 bytes, of which few are characters", `${"🛠".repeat(16_384)}a`, false],
  ["nothing", "", false],
  ["a NUL", "a\0", false],
  ["a lone high surrogate", "\ud83d", false],
  ["a lone low surrogate", "a\udc00b", false],
])("of a text, %s is taken: %j…", async (_name, text, isTaken) => {
  const before = await noteCount();
  const { result } = await add(account.specialist.key, { text });
  if (isTaken) {
    expect(result).toMatchObject({ note: { text } });
  } else {
    expect(result).toMatchObject({ __typename: "InvalidInputError", code: "INVALID_INPUT", fields: [{ path: ["text"] }] });
    expect(await noteCount()).toBe(before);
  }
});

test("the edge stands where the note stands in the ticket's list", async () => {
  const own = await addTicket(app, account);
  const edges = [];
  for (const [second, text] of ["one", "two", "three"].entries()) {
    app.time.now = new Date(Date.UTC(2026, 5, 1, 0, 0, second));
    const { result } = await add(account.specialist.key, { ticketId: own.id, text });
    if (result?.__typename !== "AddNotePayload") throw new Error("There is a note");
    expect(result.noteEdge.node.uuid).toBe(result.note.uuid);
    edges.push(result.noteEdge);
  }
  app.time.now = undefined;
  const { cursor } = edges[1]!;
  const { data } = await send(app, account.specialist.key, NotesAroundCursor, { id: own.id, after: cursor, before: cursor });
  expect(data.ticket).toMatchObject({
    older: { nodes: [{ text: "one" }] },
    newer: { nodes: [{ text: "three" }] },
    notes: { totalCount: 3 },
  });
});

describe("who may add", () => {
  test("public and internal notes: staff of the account", async () => {
    for (const { key } of [account.specialist, account.administrator]) {
      for (const isPublic of [true, false]) expect((await add(key, { isPublic })).result).toMatchObject({ note: { isPublic } });
    }
  });

  test("public notes: the ticket's requester; who may not add internal ones", async () => {
    expect((await add(account.customer.key, { isPublic: true })).result).toMatchObject({
      note: { author: { uuid: account.customer.id } },
    });
    const { result } = await expectNothingAdded(() => add(account.customer.key, { isPublic: false }));
    expect(result).toMatchObject({ __typename: "ForbiddenError", code: "FORBIDDEN" });
  });

  test("nobody: another customer and another account, to whom the ticket does not exist", async () => {
    const missing = await add(account.specialist.key, { ticketId: randomUUID() });
    expect(missing.result).toMatchObject({ __typename: "NotFoundError", code: "NOT_FOUND" });
    for (const { key } of [account.otherCustomer, other.customer, other.specialist, other.administrator]) {
      expect(await expectNothingAdded(() => add(key, { isPublic: true }))).toEqual(missing);
    }
  });

  test("nobody without a credential", async () => {
    const { errors } = await expectNothingAdded(() => add(undefined));
    expect(errors).toMatchObject([{ extensions: { code: "UNAUTHENTICATED" } }]);
  });

  test("nobody whose key lacks notes:write, or notes:internal for an internal one", async () => {
    const reading = await keyWith(app, account.specialist, ["tickets:read", "notes:read", "notes:internal"]);
    expect((await expectNothingAdded(() => add(reading))).result).toMatchObject({ __typename: "ForbiddenError" });
    const open = await keyWith(app, account.specialist, ["tickets:read", "notes:read", "notes:write"]);
    const { result } = await expectNothingAdded(() => add(open, { isPublic: false }));
    expect(result).toMatchObject({ __typename: "ForbiddenError", message: expect.stringContaining("notes:internal") });
    expect((await add(open, { isPublic: true })).result?.__typename).toBe("AddNotePayload");
  });
});

test.each([["42"], [""], [globalId("Note", randomUUID())], ["\0"]])("%j is not the id of a ticket", async (ticketId) => {
  const { result } = await expectNothingAdded(() => add(account.specialist.key, { ticketId }));
  expect(result).toMatchObject({ __typename: "InvalidInputError", fields: [{ path: ["ticketId"] }] });
});

test("several mutations of one request are done in their order, and one that fails stops nothing", async () => {
  const own = await addTicket(app, account);
  const ThreeNotes = graphql(`
    mutation ThreeNotes($ticketId: ID!) {
      one: addNote(input: { ticketId: $ticketId, text: "one" }) {
        ... on AddNotePayload {
          note {
            number
            ticket {
              notes {
                totalCount
              }
            }
          }
        }
      }
      two: addNote(input: { ticketId: $ticketId, text: "" }) {
        ... on Error {
          code
        }
      }
      three: addNote(input: { ticketId: $ticketId, text: "three" }) {
        ... on AddNotePayload {
          note {
            number
            ticket {
              notes {
                totalCount
              }
            }
          }
        }
      }
    }
  `);
  const { data } = await send(app, account.specialist.key, ThreeNotes, { ticketId: own.id });
  expect(data.one).toMatchObject({ note: { ticket: { notes: { totalCount: 1 } } } });
  expect(data.two).toEqual({ code: "INVALID_INPUT" });
  expect(data.three).toMatchObject({ note: { ticket: { notes: { totalCount: 2 } } } });
});

test("adding a note takes one statement, and its author another", async () => {
  expect(await statementsOf(app, () => add(account.specialist.key))).toHaveLength(2);
});

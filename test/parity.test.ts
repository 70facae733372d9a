import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Note, Ticket } from "#generated/prisma/client.ts";
import { graphql } from "./generated/gql.ts";
import {
  addAccount,
  call,
  type GraphqlAnswer,
  keyWith,
  type RestAnswer,
  send,
  startApp,
  type TestAccount,
  type TestApp,
} from "./support/app.ts";
import { addNote, addTicket, upload } from "./support/factories.ts";

const ParityAddNote = graphql(`
  mutation ParityAddNote($input: AddNoteInput!) {
    addNote(input: $input) {
      __typename
      ... on AddNotePayload {
        note {
          uuid
        }
      }
      ... on Error {
        code
      }
    }
  }
`);

const ParityUpdateNote = graphql(`
  mutation ParityUpdateNote($input: UpdateNoteInput!) {
    updateNote(input: $input) {
      __typename
      ... on Error {
        code
      }
    }
  }
`);

const ParityDeleteNote = graphql(`
  mutation ParityDeleteNote($input: DeleteNoteInput!) {
    deleteNote(input: $input) {
      __typename
      ... on Error {
        code
      }
    }
  }
`);

const ParityRequestUpload = graphql(`
  mutation ParityRequestUpload($input: RequestAttachmentUploadInput!) {
    requestAttachmentUpload(input: $input) {
      __typename
      ... on RequestAttachmentUploadPayload {
        upload {
          url
          headers {
            name
            value
          }
        }
      }
      ... on Error {
        code
      }
    }
  }
`);

const ParityNote = graphql(`
  query ParityNote($id: ID!) {
    note(id: $id) {
      uuid
      author {
        uuid
        name
      }
      categories
      createdAt
      isPublic
      ticket {
        uuid
      }
      updatedAt
      text
      attachments(first: 100) {
        nodes {
          filename
          state
          download {
            url
          }
        }
      }
    }
  }
`);

const ParityNotesOfTicket = graphql(`
  query ParityNotesOfTicket($id: ID!) {
    ticket(id: $id) {
      notes(first: 100, orderBy: { field: CREATED_AT, direction: ASC }) {
        totalCount
        nodes {
          uuid
        }
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

interface V2Note {
  readonly id: string;
  readonly value: string;
  readonly updated_at: string | null;
}

const v2Note = async (id: string, key = account.specialist.key) =>
  (await call(app, key, "GET", `/v2/tickets/notes/${id}`)).body as V2Note;

/** A note of GraphQL, in the terms of /v2. */
async function graphNote(id: string, key = account.specialist.key) {
  const { data } = await send(app, key, ParityNote, { id });
  const note = data.note!;
  return {
    id: note.uuid,
    author_id: note.author.uuid,
    author_name: note.author.name,
    categories: note.categories.map((category) => category.toLowerCase().replace("_", "-")),
    created_at: note.createdAt,
    is_public: note.isPublic,
    ticket_id: note.ticket.uuid,
    updated_at: note.updatedAt ?? null,
    value: note.text,
  };
}

describe("what is written through one API is read through the other", () => {
  test("a note added through GraphQL", async () => {
    const input = { ticketId: ticket.id, text: "Both 👓", categories: ["POST_SCAN" as const], isPublic: true };
    const { data } = await send(app, account.specialist.key, ParityAddNote, { input });
    if (data.addNote.__typename !== "AddNotePayload") throw new Error(data.addNote.code);
    const { uuid } = data.addNote.note;
    expect(await v2Note(uuid)).toEqual(await graphNote(uuid));
    expect(await v2Note(uuid, account.customer.key)).toMatchObject({
      value: "Both 👓",
      categories: ["post-scan"],
      is_public: true,
      updated_at: null,
    });
  });

  test("a note added, edited and deleted through /v2", async () => {
    const added = await call(app, account.specialist.key, "POST", "/v2/tickets/notes", {
      ticket_id: ticket.id,
      value: "One",
      categories: ["pre-scan"],
    });
    const { id } = added.body as V2Note;
    expect(await graphNote(id)).toEqual(added.body);
    const edited = await call(app, account.specialist.key, "PUT", `/v2/tickets/notes/${id}`, {
      ticket_id: ticket.id,
      value: "Two",
      is_public: true,
    });
    expect((edited.body as V2Note).updated_at).not.toBeNull();
    expect(await graphNote(id)).toEqual(edited.body);
    await call(app, account.specialist.key, "DELETE", `/v2/tickets/notes/${id}`);
    expect((await send(app, account.specialist.key, ParityNote, { id })).data.note).toBeNull();
  });

  test("an edit and a deletion through GraphQL", async () => {
    const note = await addNote(app, ticket, account.specialist);
    await send(app, account.specialist.key, ParityUpdateNote, {
      input: { id: note.id, text: "Edited", categories: ["PRE_SCAN"] },
    });
    expect(await v2Note(note.id)).toEqual(await graphNote(note.id));
    await send(app, account.specialist.key, ParityDeleteNote, { input: { id: note.id } });
    expect((await call(app, account.specialist.key, "GET", `/v2/tickets/notes/${note.id}`)).status).toBe(404);
  });

  test("a file uploaded through either", async () => {
    const note = await addNote(app, ticket, account.specialist);
    await upload(app, account.specialist.key, note.id, "by v2.txt", "from v2", "text/plain");
    const { data } = await send(app, account.specialist.key, ParityRequestUpload, {
      input: { noteId: note.id, filename: "by GraphQL.txt" },
    });
    if (data.requestAttachmentUpload.__typename !== "RequestAttachmentUploadPayload")
      throw new Error(data.requestAttachmentUpload.code);
    const { url, headers } = data.requestAttachmentUpload.upload;
    await fetch(url, {
      method: "PUT",
      headers: headers.map(({ name, value }): [string, string] => [name, value]),
      body: "from GraphQL",
    });

    const list = await call(app, account.customer.key, "GET", `/v2/tickets/note-attachments?note_id=${note.id}`);
    const throughV2 = await Promise.all(
      (list.body as { result: { filename: string; signed_url: string }[] }).result.map(async (one) => [
        one.filename,
        await (await fetch(one.signed_url)).text(),
      ]),
    );
    const graph = await send(app, account.customer.key, ParityNote, { id: note.id });
    const throughGraph = await Promise.all(
      graph.data.note!.attachments.nodes.map(async (node) => [node.filename, await (await fetch(node.download!.url)).text()]),
    );
    expect(throughV2).toEqual([
      ["by v2.txt", "from v2"],
      ["by GraphQL.txt", "from GraphQL"],
    ]);
    expect(throughGraph).toEqual(throughV2);
  });

  test("the notes of a ticket, in one order and of one number, for everybody who may read them", async () => {
    const own = await addTicket(app, account, { requester: account.customer });
    for (let index = 0; index < 6; index++)
      await addNote(app, own, account.specialist, {
        isPublic: index % 2 === 0,
        createdAt: new Date(Date.UTC(2026, 1, 1, 0, 0, index % 3)),
      });
    for (const key of [
      account.specialist.key,
      account.customer.key,
      await keyWith(app, account.administrator, ["tickets:read", "notes:read"]),
    ]) {
      const { body } = await call(app, key, "GET", `/v2/tickets/notes?ticket_id=${own.id}`);
      const { result, total } = body as { result: V2Note[]; total: number };
      const { data } = await send(app, key, ParityNotesOfTicket, { id: own.id });
      expect(data.ticket!.notes.nodes.map(({ uuid }) => uuid)).toEqual(result.map(({ id }) => id));
      expect(data.ticket!.notes.totalCount).toBe(total);
    }
  });

  test("an empty text, which only /v2 takes, is read through both", async () => {
    const { body } = await call(app, account.specialist.key, "POST", "/v2/tickets/notes", { ticket_id: ticket.id, value: "" });
    const { id } = body as V2Note;
    expect(await graphNote(id)).toEqual(body);
    const { data } = await send(app, account.specialist.key, ParityUpdateNote, { input: { id, isPublic: true } });
    expect(data.updateNote.__typename).toBe("UpdateNotePayload");
  });

  test("a text that is longer than /v2 takes is whole through GraphQL and cut through /v2", async () => {
    const text = "ü".repeat(2000);
    const { data } = await send(app, account.specialist.key, ParityAddNote, { input: { ticketId: ticket.id, text } });
    if (data.addNote.__typename !== "AddNotePayload") throw new Error(data.addNote.code);
    expect((await graphNote(data.addNote.note.uuid)).value).toBe(text);
    expect((await v2Note(data.addNote.note.uuid)).value).toBe(`${"ü".repeat(1499)}…`);
  });
});

describe("the same rules refuse through both, each in its own words:", () => {
  let open: Note;
  let internal: Note;
  let customers: Note;
  let readOnly: string;
  let withoutInternal: string;

  beforeAll(async () => {
    open = await addNote(app, ticket, account.specialist);
    internal = await addNote(app, ticket, account.specialist, { isPublic: false });
    customers = await addNote(app, ticket, account.customer);
    readOnly = await keyWith(app, account.specialist, ["tickets:read", "notes:read", "notes:internal", "attachments:read"]);
    withoutInternal = await keyWith(app, account.specialist, [
      "tickets:read",
      "notes:read",
      "notes:write",
      "attachments:read",
      "attachments:write",
    ]);
  });

  const callers: [string, () => string | undefined][] = [
    ["an administrator", () => account.administrator.key],
    ["a specialist", () => account.specialist.key],
    ["the requester", () => account.customer.key],
    ["another customer", () => account.otherCustomer.key],
    ["a stranger", () => other.administrator.key],
    ["a key that only reads", () => readOnly],
    ["a key without notes:internal", () => withoutInternal],
    ["nobody", () => undefined],
    ["a key that is none", () => "tnk_none"],
  ];
  const statusOf: Record<string, number> = { INVALID_INPUT: 400, UNAUTHENTICATED: 401, FORBIDDEN: 403, NOT_FOUND: 404 };

  /** What GraphQL said, as a status. */
  function statusIn({ data, errors }: Pick<GraphqlAnswer<object | null>, "data" | "errors">): number {
    const [result] = Object.values(data ?? {}) as ({ code?: string } | undefined)[];
    const code = errors[0]?.extensions["code"] ?? result?.code;
    return code === undefined ? 200 : (typeof code === "string" && statusOf[code]) || 500;
  }

  const notes = () => ({ open, internal, customers, missing: { id: randomUUID() } });
  const done = ({ status }: RestAnswer) => (status < 300 ? 200 : status);

  test.each(callers)("%s reading a note", async (_name, keyOf) => {
    for (const [name, { id }] of Object.entries(notes())) {
      const rest = await call(app, keyOf(), "GET", `/v2/tickets/notes/${id}`);
      const { data, errors } = await send(app, keyOf(), ParityNote, { id });
      // A read that finds nothing is null in GraphQL, and no error.
      const graph = errors.length === 0 && !data.note ? 404 : statusIn({ data: null, errors });
      expect([name, graph]).toEqual([name, done(rest)]);
    }
  });

  test.each(callers)("%s adding a note", async (_name, keyOf) => {
    const foreign = await addTicket(app, other);
    for (const ticketId of [ticket.id, foreign.id, randomUUID()]) {
      for (const isPublic of [true, false]) {
        for (const text of ["x", "a\0b", "\ud800"]) {
          const rest = await call(app, keyOf(), "POST", "/v2/tickets/notes", {
            ticket_id: ticketId,
            value: text,
            is_public: isPublic,
          });
          const graph = await send(app, keyOf(), ParityAddNote, { input: { ticketId, text, isPublic } });
          expect([ticketId, isPublic, text, statusIn(graph)]).toEqual([ticketId, isPublic, text, done(rest)]);
        }
      }
    }
  });

  test.each(callers)("%s editing a note", async (_name, keyOf) => {
    for (const [name, { id }] of Object.entries(notes())) {
      // A caller who may change it writes the value that it has already, so that later callers find the same.
      const isPublic = name !== "internal";
      const rest = await call(app, keyOf(), "PUT", `/v2/tickets/notes/${id}`, {
        ticket_id: ticket.id,
        value: "same",
        is_public: isPublic,
      });
      const graph = await send(app, keyOf(), ParityUpdateNote, { input: { id, text: "same", isPublic } });
      expect([name, statusIn(graph)]).toEqual([name, done(rest)]);
    }
  });

  test.each(callers)("%s asking for an upload", async (_name, keyOf) => {
    for (const [name, { id }] of Object.entries(notes())) {
      for (const filename of ["a.png", "..", ""]) {
        const rest = await call(app, keyOf(), "POST", "/v2/tickets/note-attachments", { note_id: id, filename });
        const graph = await send(app, keyOf(), ParityRequestUpload, { input: { noteId: id, filename } });
        expect([name, filename, statusIn(graph)]).toEqual([name, filename, done(rest)]);
      }
    }
  });

  test.each(callers)("%s deleting a note", async (_name, keyOf) => {
    for (const [author, isPublic] of [
      [account.specialist, true],
      [account.specialist, false],
      [account.customer, true],
    ] as const) {
      const [one, two] = [await addNote(app, ticket, author, { isPublic }), await addNote(app, ticket, author, { isPublic })];
      const rest = await call(app, keyOf(), "DELETE", `/v2/tickets/notes/${one.id}`);
      const graph = await send(app, keyOf(), ParityDeleteNote, { input: { id: two.id } });
      expect([author.role, isPublic, statusIn(graph)]).toEqual([author.role, isPublic, done(rest)]);
      const left = await app.database.prisma.note.count({ where: { id: { in: [one.id, two.id] } } });
      expect(left).toBe(done(rest) === 200 ? 0 : 2);
    }
  });
});

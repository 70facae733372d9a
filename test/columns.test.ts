import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Note, Ticket } from "#generated/prisma/client.ts";
import { v1Document } from "../src/rest/v1/server/routes.ts";
import { v2Document } from "../src/rest/v2/server/routes.ts";
import { addAccount, call, sendText, startApp, type TestAccount, type TestApp } from "./support/app.ts";
import { addNote, addTicket, at } from "./support/factories.ts";
import { contract } from "./support/v2-contract.ts";

// Every column of a note, and what each API calls it. The compiler requires an entry for each column, so nobody adds
// without deciding for each API whether it is shown and written there. The tests then read and write it through each
// API.

type Api = "graphql" | "v1" | "v2";

interface Column<Value> {
  /** The values of two notes. Left out where they come from the ticket, the author or the database. */
  readonly values?: readonly [Value, Value];
  /** The member that shows it, with dots between the levels. */
  readonly names: Partial<Record<Api, string>>;
  /** The APIs whose `addNote` writes it under that name. */
  readonly added: readonly Api[];
  /** The APIs whose `updateNote` writes it under that name. */
  readonly updated: readonly Api[];
}

const never = { added: [], updated: [] } as const;
const all = ["graphql", "v1", "v2"] as const;

const columns: { readonly [Name in keyof Note]: Column<Note[Name]> } = {
  id: { names: { graphql: "uuid", v1: "nodeID", v2: "id" }, ...never },
  number: { names: { graphql: "number", v1: "id" }, ...never },
  accountId: { names: { graphql: "account.uuid", v1: "internal_account.id" }, ...never },
  ticketId: { names: { graphql: "ticket.uuid", v1: "request.id", v2: "ticket_id" }, ...never },
  // For the policy only. The APIs show the requester of the ticket.
  requesterId: { names: {}, ...never },
  authorNumber: { names: { graphql: "author.number", v1: "person.id", v2: "author_id" }, ...never },
  text: {
    values: ["One", "Two"],
    names: { graphql: "text", v1: "text", v2: "value" },
    added: all,
    updated: ["graphql", "v2"],
  },
  isPublic: {
    values: [true, false],
    names: { graphql: "isPublic", v1: "internal", v2: "is_public" },
    added: all,
    updated: ["graphql", "v2"],
  },
  categories: {
    values: [[], ["PRE_SCAN"]],
    names: { graphql: "categories", v2: "categories" },
    added: ["graphql", "v2"],
    updated: ["graphql", "v2"],
  },
  medium: { values: ["DEFAULT", "SYSTEM"], names: { graphql: "medium", v1: "medium" }, added: ["graphql", "v1"], updated: [] },
  // /v1 takes it from a header.
  source: { values: [null, "Importer"], names: { graphql: "source" }, ...never },
  createdAt: { values: [at(1), at(2)], names: { graphql: "createdAt", v1: "created_at", v2: "created_at" }, ...never },
  updatedAt: { values: [null, at(3)], names: { graphql: "updatedAt", v2: "updated_at" }, ...never },
  // /v2 has it in the entity tag. The database raises it.
  version: { values: [1, 2], names: { graphql: "version" }, ...never },
  // What `isEdited` and `editor` are made of for those who see public notes only.
  publicEditedAt: { names: {}, ...never },
  publicEditorNumber: { names: {}, ...never },
  // Shown by `redactions`, with those of the attachments.
  redactedAt: { names: {}, ...never },
  editorNumber: { names: { graphql: "editor.number" }, ...never },
};

const cases = Object.entries(columns).flatMap(([column, { names, added, updated }]) =>
  all.flatMap((api) => {
    const name = names[api];
    return name === undefined ? [] : [{ column, api, name, isAdded: added.includes(api), isUpdated: updated.includes(api) }];
  }),
);

/** A note with the values of one side, in an account of its own. */
interface Side {
  readonly account: TestAccount;
  readonly ticket: Ticket;
  readonly note: Note;
}

let app: TestApp;
let one: Side;
let other: Side;

beforeAll(async () => {
  app = await startApp();
  [one, other] = [await addSide(0), await addSide(1)];
});
afterAll(() => app.close());

async function addSide(index: 0 | 1): Promise<Side> {
  const account = await addAccount(app);
  const ticket = await addTicket(app, account, { requester: account.customer });
  const given = { ...valuesOf(index), ...(index === 1 && { editorNumber: account.administrator.number }) };
  return { account, ticket, note: await addNote(app, ticket, account.specialist, given) };
}

function valuesOf(index: 0 | 1): object {
  return Object.fromEntries(
    Object.entries(columns).flatMap(([column, { values }]) => (values ? [[column, values[index]]] : [])),
  );
}

/** Returns what an API shows under `name` of a note. */
async function shown(api: Api, name: string, { account, note }: Side): Promise<unknown> {
  const { key } = account.administrator;
  const path = name.split(".");
  if (api === "graphql") {
    const selection = `{ ${path.join(" { ")}${" }".repeat(path.length)}`;
    const { data, errors } = await sendText<{ note: object }>(app.url, key, `query ($id: ID!) { note(id: $id) ${selection} }`, {
      id: note.id,
    });
    expect(errors).toEqual([]);
    return memberOf(data.note, path);
  }
  const place = api === "v1" ? `/v1/notes/${note.number}` : `/v2/tickets/notes/${note.id}`;
  const { status, body } = await call(app, key, "GET", place, undefined, { authorization: `Bearer ${key}` });
  expect(status).toBe(200);
  return memberOf(body, path);
}

function memberOf(value: unknown, path: readonly string[]): unknown {
  return path.reduce((within: unknown, name) => Object(within)[name] as unknown, value);
}

/** Writes a note through an API, a new one unless `changed` is given, and returns its row. */
async function write(api: Api, fields: object, changed?: Note): Promise<Note> {
  const { account, ticket } = other;
  const { key } = account.administrator;
  const where = (id: string) => app.database.prisma.note.findFirstOrThrow({ where: { id, accountId: account.id } });
  if (api === "graphql") {
    const operation = changed ? "updateNote" : "addNote";
    const [type, payload] = changed ? ["UpdateNoteInput", "UpdateNotePayload"] : ["AddNoteInput", "AddNotePayload"];
    const input = changed ? { id: changed.id, ...fields } : { ticketId: ticket.id, text: "Text", isPublic: true, ...fields };
    const document = `mutation ($input: ${type}!) { ${operation}(input: $input) { ... on ${payload} { note { uuid } } } }`;
    const { data, errors } = await sendText<Record<string, { note: { uuid: string } }>>(app.url, key, document, { input });
    expect(errors).toEqual([]);
    return where(data[operation]!.note.uuid);
  }
  if (api === "v1") {
    const path = `/v1/requests/${ticket.number}/notes`;
    const headers = { authorization: `Bearer ${key}` };
    const { status, body } = await call(app, key, "POST", path, { text: "Text", ...fields }, headers);
    expect(status).toBe(201);
    const { id: number } = body as { id: number };
    return app.database.prisma.note.findFirstOrThrow({ where: { number, accountId: account.id } });
  }
  const path = `/v2/tickets/notes${changed ? `/${changed.id}` : ""}`;
  const sent = { ticket_id: ticket.id, value: "Text", is_public: true, ...fields };
  const { status, body } = await call(app, key, changed ? "PUT" : "POST", path, sent);
  expect(status).toBe(changed ? 200 : 201);
  return where((body as { id: string }).id);
}

describe("a column", () => {
  test.each(cases)("$column is shown by $api as $name", async ({ api, name }) => {
    const [first, second] = [await shown(api, name, one), await shown(api, name, other)];
    expect(second).not.toBeUndefined();
    expect(second, "the same for two notes of which it differs").not.toEqual(first);
  });

  test.each(cases.filter(({ isAdded }) => isAdded))(
    "$column of a new note is written by $api",
    async ({ column, api, name }) => {
      const added = await write(api, { [name]: await shown(api, name, other) });
      expect(Reflect.get(added, column)).toEqual(Reflect.get(other.note, column));
    },
  );

  test.each(cases.filter(({ isUpdated }) => isUpdated))("$column is changed by $api", async ({ column, api, name }) => {
    const note = await addNote(app, other.ticket, other.account.specialist, valuesOf(0));
    const updated = await write(api, { [name]: await shown(api, name, other) }, note);
    expect(Reflect.get(updated, column)).toEqual(Reflect.get(other.note, column));
    expect(updated.version).toBe(note.version + 1);
  });
});

/** What the documents of the REST APIs say of a note, and of the body of a new one. */
const documents = [
  { api: "v1", document: "src/rest/v1/server/openapi.yaml", shape: v1Document, body: ["schemas", "NewNote"] },
  { api: "v2", document: "src/rest/v2/server/openapi.yaml", shape: v2Document, body: bodyOfV2() },
  { api: "v2", document: "test/v2/contract.openapi.yaml", shape: contract, body: bodyOfV2() },
] as const;

function bodyOfV2(): readonly string[] {
  return ["requestBodies", "NoteWrite", "content", "application/json", "schema"];
}

test.each(documents)("$document has the columns that $api shows and takes", ({ api, shape, body }) => {
  const said = (path: readonly string[]) => Object.keys(Object(memberOf(shape, ["components", ...path, "properties"])));
  const own = cases.filter((each) => each.api === api);
  const topLevel = (names: readonly (typeof own)[number][]) => names.map(({ name }) => name.split(".")[0]);
  expect(said(["schemas", "Note"])).toEqual(expect.arrayContaining(topLevel(own)));
  expect(said(body)).toEqual(expect.arrayContaining(topLevel(own.filter(({ isAdded }) => isAdded))));
});

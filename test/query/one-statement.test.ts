import { defaultFieldResolver, type GraphQLResolveInfo, isObjectType } from "graphql";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Attachment, Note, Ticket } from "#generated/prisma/client.ts";
import { attachmentEntity } from "../../src/attachments/relations.ts";
import { createGraphContext } from "../../src/graphql/server/execution/context.ts";
import { createSelectionBuilders } from "../../src/graphql/select/select.ts";
import { schema } from "../../src/schema.ts";
import { noteEntity } from "../../src/notes/relations.ts";
import { accountEntity, personEntity } from "../../src/people/relations.ts";
import { ticketEntity } from "../../src/tickets/relations.ts";
import { addAccount, sendText, startApp, type TestAccount, type TestApp, viewerOf } from "../support/app.ts";
import { addAttachment, addNotes, addTickets, at, globalId, statementsOf } from "../support/factories.ts";

const builders = createSelectionBuilders();
let app: TestApp;
let account: TestAccount;
let tickets: Ticket[];
let notes: Note[];
let attachment: Attachment;
let after: string;

beforeAll(async () => {
  app = await startApp();
  account = await addAccount(app);
  tickets = await addTickets(app, account, 4, () => ({ requester: account.customer }));
  notes = [];
  for (const ticket of tickets) notes.push(...(await addNotes(app, ticket, account.specialist, 6)));
  attachment = await addAttachment(app, notes[0]!, "a.png");
  await addAttachment(app, notes[0]!, "b.png", { state: "PENDING", size: null, uploadExpiresAt: new Date("2999-01-01") });
  const { data } = await ask(`{ ticket(id: "${tickets[0]!.id}") { notes(first: 2) { pageInfo { endCursor } } } }`);
  after = data.ticket.notes.pageInfo.endCursor;
});
afterAll(() => app.close());

const ask = (query: string, variables: Record<string, unknown> = {}) =>
  // oxlint-disable-next-line typescript/no-explicit-any -- of operations that are put together here
  sendText<any>(app.url, account.specialist.key, query, variables);

async function costOf(query: string, variables: Record<string, unknown> = {}) {
  let answer: Awaited<ReturnType<typeof ask>> | undefined;
  const statements = await statementsOf(app, async () => {
    answer = await ask(query, variables);
  });
  expect(answer!.errors).toEqual([]);
  return { data: answer!.data, statements: statements.length };
}

const note = "uuid text isPublic createdAt";
const files = (size: number) => `attachments(first: ${size}) { nodes { filename size } }`;
const ofNotes = (size: number, extra = "") =>
  `notes(first: ${size}) { ${extra} nodes { ${note} author { uuid name } ${files(5)} } }`;

describe("one statement reads", () => {
  test.each<[string, string]>([
    ["a note", `query ($id: ID!) { note(id: $noteId) { ${note} } }`],
    ["a ticket with its notes", `query ($id: ID!) { ticket(id: $id) { uuid subject ${ofNotes(25)} } }`],
    ["with smaller pages", `query ($id: ID!) { ticket(id: $id) { uuid ${ofNotes(1)} } }`],
    ["tickets with their notes", `query { tickets(first: 50) { nodes { uuid subject ${ofNotes(10)} } } }`],
    ["a count too", `query ($id: ID!) { ticket(id: $id) { uuid subject ${ofNotes(25, "totalCount")} } }`],
    ["the notes across tickets", `query { notes(first: 50) { nodes { ${note} author { uuid name } } } }`],
    [
      "aliases of a relation",
      `query ($id: ID!) { ticket(id: $id) { a: notes(first: 1) { nodes { uuid } } b: notes(last: 2) { totalCount edges { cursor } } c: notes(filter: { isPublic: true }, orderBy: { field: AUTHOR, direction: ASC }) { pageInfo { endCursor } } } }`,
    ],
    [
      "nodes and edges beside each other",
      `query ($id: ID!) { ticket(id: $id) { notes { nodes { x: attachments(first: 1) { nodes { id } } } edges { cursor node { x: attachments(first: 2) { totalCount } author { email } } } } } }`,
    ],
    [
      "fragments and directives",
      `query ($id: ID!) { ...q @include(if: true) } fragment q on Query { ticket(id: $id) { ...t @skip(if: false) ... on Node { id } } }
       fragment t on Ticket { requester { ...p } account { slug } notes { nodes { author { ...p } } } } fragment p on Person { name email }`,
    ],
    [
      "the rest of a nested page",
      `query ($id: ID!, $after: String) { ticket(id: $id) { notes(first: 2, after: $after) { edges { cursor node { ${note} } } pageInfo { hasNextPage } } } }`,
    ],
    [
      "what a node is",
      `query ($node: ID!) { node(id: $node) { id __typename ... on Note { text ticket { subject requester { name } } attachments { nodes { filename download { url } note { author { name } } } } } ... on Ticket { subject } } }`,
    ],
    ["a count alone", `query ($id: ID!) { ticket(id: $id) { notes(filter: { isPublic: false }) { totalCount } } }`],
    ["who is asking", `query { viewer { role scopes person { name } } }`],
  ])("%s", async (_what, written) => {
    const known: Record<string, unknown> = {
      id: tickets[0]!.id,
      noteId: notes[0]!.id,
      after,
      node: globalId("Note", notes[0]!.id),
    };
    const query = written.replace("$id: ID!) { note(id: $noteId)", "$noteId: ID!) { note(id: $noteId)");
    const variables = Object.fromEntries(Object.entries(known).filter(([name]) => query.includes(`$${name}:`)));
    // At first by graphql-js, then compiled.
    for (let time = 0; time < 4; time += 1) expect(await costOf(query, variables)).toMatchObject({ statements: 1 });
  });
});

describe("what is more than one statement takes", () => {
  test.each([
    ["Ticket", "requester { uuid }"],
    ["Ticket", "account { uuid }"],
    ["Ticket", "notes(last: 2) { totalCount nodes { uuid } edges { cursor } }"],
    ["Note", "ticket { uuid }"],
    ["Note", "author { uuid email }"],
    ["Note", "account { uuid }"],
    ["Note", "attachments(first: 2) { totalCount nodes { filename } pageInfo { endCursor } }"],
    ["Attachment", "note { uuid viewerCanUpdate }"],
  ])("is read by a few: of a %s, sixty times %s", async (type, field) => {
    const ids = { Ticket: tickets[0]!.id, Note: notes[0]!.id, Attachment: attachment.id };
    const id = globalId(type as keyof typeof ids, ids[type as keyof typeof ids]); // as above
    const aliases = Array.from({ length: 60 }, (_, index) => `a${index}: ${field}`).join(" ");
    const { data, statements } = await costOf(`{ node(id: "${id}") { ... on ${type} { ${aliases} } } }`);
    const values = Object.values(data.node);
    expect(values).toHaveLength(60);
    for (const value of values) expect(value).toEqual(values[0]);
    expect(JSON.stringify(values[0]).length).toBeGreaterThan(20);
    expect(statements).toBeLessThanOrEqual(1 + 20);
  });
});

describe("from what it is declared to be read from, every field is worked out as from the whole row", () => {
  const entities = {
    Ticket: ticketEntity,
    Note: noteEntity,
    Attachment: attachmentEntity,
    Person: personEntity,
    Account: accountEntity,
  };
  const rowsOf: Readonly<Record<keyof typeof entities, () => Promise<object[]>>> = {
    Ticket: () => app.database.prisma.ticket.findMany({ where: { accountId: account.id } }),
    Note: () => app.database.prisma.note.findMany({ where: { accountId: account.id } }),
    Attachment: () => app.database.prisma.attachment.findMany({ where: { accountId: account.id } }),
    // The role is of the membership.
    Person: async () => {
      const people = await app.database.prisma.person.findMany({ where: { accountId: account.id } });
      return people.map((person) => ({ ...person, role: null }));
    },
    Account: () => app.database.prisma.account.findMany({ where: { id: account.id } }),
  };

  test.each(Object.keys(entities) as (keyof typeof entities)[])("of a %s", async (name) => {
    // its own keys
    await app.database.prisma.note.update({
      where: { accountId_id: { accountId: account.id, id: notes[1]!.id } },
      data: { updatedAt: at(9), isPublic: false, categories: ["POST_SCAN"] },
    });
    const type = schema.getType(name);
    const [rows, entity] = [await rowsOf[name](), entities[name]];
    const viewers = (["customer", "specialist"] as const).map((which) => viewerOf(account, account[which]));
    const compared: string[] = [];
    for (const field of Object.values(isObjectType(type) ? type.getFields() : {})) {
      const { fieldOptions: options, pothosExposedField: exposed } = field.extensions as {
        fieldOptions?: { kind: string; columns: string[] };
        pothosExposedField?: string; // see src/graphql/kit/field-options.ts
      };
      if (options !== undefined && options.kind !== "columns") continue;
      const declared = options?.columns ?? (exposed === undefined ? undefined : [exposed]);
      if (declared === undefined && field.name !== "id") continue;
      compared.push(field.name);
      for (const viewer of viewers) {
        const context = createGraphContext({ viewer, services: app.app.services }, builders, "rows");
        // Fields that are worked out of a row look at nothing else of the execution than where they stand.
        const info = { fieldName: field.name, parentType: type, schema } as unknown as GraphQLResolveInfo;
        const valueOf = async (row: object): Promise<unknown> =>
          (field.resolve ?? defaultFieldResolver)(row, {}, context, info);
        for (const row of rows) {
          const wanted = new Set([...entity.always, ...(declared ?? [])]);
          const less = Object.fromEntries(Object.entries(row).filter(([key]) => wanted.has(key)));
          // Of one moment: a signed URL says until when it works.
          app.time.now = new Date();
          const [whole, part] = [await valueOf(row), await valueOf(less)];
          app.time.now = undefined;
          expect([field.name, JSON.stringify(part)]).toEqual([field.name, JSON.stringify(whole)]);
          expect([field.name, whole === undefined]).toEqual([field.name, false]);
        }
      }
    }
    expect(compared.length).toBeGreaterThan(3);
  });
});

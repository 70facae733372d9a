import fc from "fast-check";
import { type GraphQLInputType, isEnumType, isInputObjectType, isListType, isNonNullType, isObjectType } from "graphql";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Note, Ticket } from "#generated/prisma/client.ts";
import { schema } from "../../src/schema.ts";
import { addAccount, sendText, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addAttachment, addNote, addTicket, globalId } from "../support/factories.ts";

let app: TestApp;
let account: TestAccount;
let ticket: Ticket;
let note: Note;

beforeAll(async () => {
  app = await startApp();
  account = await addAccount(app);
  ticket = await addTicket(app, account, { requester: account.customer });
  note = await addNote(app, ticket, account.specialist);
  await addAttachment(app, note, "a.png");
});
afterAll(() => app.close());

const ask = (query: string, variables?: unknown) => sendText<unknown>(app.url, account.specialist.key, query, variables);

async function rows(): Promise<object> {
  const { prisma } = app.database;
  const where = { accountId: account.id };
  const order = { orderBy: { id: "asc" } } as const;
  return {
    tickets: await prisma.ticket.findMany({ where, ...order }),
    notes: await prisma.note.findMany({ where, ...order }),
    attachments: await prisma.attachment.findMany({ where, ...order }),
  };
}

/** Whatever an error says, it does not reveal how the gateway works. */
function expectDiscreet(said: unknown): void {
  expect(JSON.stringify(said)).not.toMatch(
    /node_modules|\.ts\b|\bat [\w.]+ \(|SELECT |INSERT |prisma|postgres|\/work\/|\/tmp\/|ECONN/i,
  );
}

test.each<[string, string, unknown?]>([
  ["an empty document", ""],
  ["no document but a comment", "# nothing"],
  ["a document that does not end", "{ viewer {"],
  ["an unknown field", "{ secrets }"],
  ["an unknown argument", "{ viewer(admin: true) { role } }"],
  ["an argument that is missing", "{ ticket { id } }"],
  ["an unknown type", "query ($x: Secret) { viewer { role } }"],
  ["a variable that is not declared", "{ ticket(id: $id) { id } }"],
  ["a variable that is missing", "query ($id: ID!) { ticket(id: $id) { id } }"],
  ["a variable that is null", "query ($id: ID!) { ticket(id: $id) { id } }", { id: null }],
  ["a variable of another type", "query ($id: ID!) { ticket(id: $id) { id } }", { id: { $ne: null } }],
  ["a boolean for an id", "query ($id: ID!) { ticket(id: $id) { id } }", { id: true }],
  ["a string for a number", "query ($n: Int) { tickets(first: $n) { totalCount } }", { n: "5" }],
  ["a number beyond 32 bits", "query ($n: Int) { tickets(first: $n) { totalCount } }", { n: 2_147_483_648 }],
  ["a number beyond 32 bits in the document", "{ tickets(first: 99999999999999999999) { totalCount } }"],
  ["a fraction", "query ($n: Int) { tickets(first: $n) { totalCount } }", { n: 1.5 }],
  ["a list for a number", "query ($n: Int) { tickets(first: $n) { totalCount } }", { n: [1] }],
  ["an enum value that is none", "{ tickets(filter: { kind: [CAR] }) { totalCount } }"],
  ["an enum value in quotes", '{ tickets(filter: { kind: ["RISK"] }) { totalCount } }'],
  [
    "an enum value that every object has",
    "query ($k: [TicketKind!]) { tickets(filter: { kind: $k }) { totalCount } }",
    { k: ["__proto__"] },
  ],
  ["a filter that is none", "query ($f: TicketFilter) { tickets(filter: $f) { totalCount } }", { f: { secret: 1 } }],
  [
    "an order without a direction",
    "query ($o: TicketOrder) { tickets(orderBy: $o) { totalCount } }",
    { o: { field: "NUMBER" } },
  ],
  ["a null in a list of ids", "query ($i: [ID!]) { tickets(filter: { ids: $i }) { totalCount } }", { i: [null] }],
  ["a mutation without its input", "mutation { addNote { __typename } }"],
  ["a subscription", "subscription { viewer { role } }"],
  ["variables that are a list", "{ viewer { role } }", [1]],
  ["variables that are a string", "{ viewer { role } }", "x"],
])(
  "%s is refused with INVALID_INPUT, and the answer says nothing of how the gateway is made",
  async (_name, query, variables) => {
    const { status, errors, data } = await ask(query, variables);
    expect(status).toBeGreaterThanOrEqual(200);
    expect(status).toBeLessThan(500);
    expect(data ?? null).toBeNull();
    expect(errors.length).toBeGreaterThan(0);
    for (const { extensions } of errors) expect({ ...extensions, fields: undefined }).toEqual({ code: "INVALID_INPUT" });
    expectDiscreet(errors);
  },
);

describe("an instant", () => {
  const query = "query ($at: DateTime!) { notes(filter: { createdAt: { gte: $at } }) { totalCount } }";

  test.each([
    "2026-03-12T11:33:00Z",
    "2026-03-12T11:33:00.123456Z",
    "2026-03-12T11:33:00+14:00",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999Z",
    "2024-02-29T00:00:00Z",
  ])("%s is one", async (at) => {
    expect(await ask(query, { at })).toMatchObject({ status: 200, errors: [] });
  });

  test.each([
    "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00+00:01",
    "10000-01-01T00:00:00Z",
    "+010000-01-01T00:00:00Z",
    "-000001-01-01T00:00:00Z",
    "9999-12-31T23:59:59-00:01",
    "2026-02-30T00:00:00Z",
    "2025-02-29T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-01-01T25:00:00Z",
    "2026-01-01T00:00:00",
    "2026-01-01",
    "yesterday",
    "infinity",
    "",
    "2026-01-01T00:00:00Z\0",
    "２０２６-01-01T00:00:00Z",
    {},
    [],
    true,
  ])("%j is none that can be asked for", async (at) => {
    const { status, errors } = await ask(query, { at });
    expect(status).toBeLessThan(500);
    expect(errors[0]?.extensions).toMatchObject({ code: "INVALID_INPUT" });
  });
});

test("whatever is sent for whichever argument of a query, nothing breaks and nothing is changed", async () => {
  // Texts that are known to break programs, and ids that exist.
  const texts = fc.oneof(
    fc.constantFrom(
      "",
      "\0",
      "\ud800",
      "\udc00x",
      "2026-01-01T00:00:00Z",
      "0000-01-01T00:00:00Z",
      "1",
      "-1",
      "NaN",
      "null",
      "__proto__",
      "'; --",
    ),
    fc.constantFrom(
      ...[ticket.id, globalId("Ticket", ticket.id), note.id.toUpperCase(), globalId("Note", note.id), "a.png", btoa("Note:x")],
    ),
    fc.string({ unit: "binary", maxLength: 40 }),
  );
  const scalars = fc.oneof(texts, fc.integer(), fc.double(), fc.boolean(), fc.constant(null), fc.bigInt().map(Number));
  const anything = fc.oneof(
    scalars,
    fc.array(scalars, { maxLength: 3 }),
    fc.dictionary(fc.string({ maxLength: 5 }), scalars, { maxKeys: 3 }),
  );

  const valueOf = (type: GraphQLInputType, depth: number): fc.Arbitrary<unknown> => {
    if (isNonNullType(type)) return valueOf(type.ofType, depth);
    if (isListType(type)) return fc.array(valueOf(type.ofType, depth), { maxLength: 3 });
    if (isEnumType(type))
      return fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...type.getValues().map(({ name }) => name)) }, anything);
    if (isInputObjectType(type) && depth > 0) {
      const fields = Object.values(type.getFields()).map((field): [string, fc.Arbitrary<unknown>] => [
        field.name,
        valueOf(field.type, depth - 1),
      ]);
      return fc.record(Object.fromEntries(fields), {
        requiredKeys: Object.values(type.getFields())
          .filter(({ type: of }) => isNonNullType(of))
          .map(({ name }) => name),
      });
    }
    if (String(type) === "Boolean") return fc.oneof({ weight: 4, arbitrary: fc.boolean() }, scalars);
    if (String(type) === "Int") return fc.oneof({ weight: 4, arbitrary: fc.integer({ min: -3, max: 104 }) }, scalars);
    return fc.oneof({ weight: 6, arbitrary: texts }, anything);
  };

  const reads = Object.values(schema.getQueryType()!.getFields()).filter((field) => field.args.length > 0);
  const before = await rows();

  await fc.assert(
    fc.asyncProperty(
      fc
        .constantFrom(...reads)
        .chain((field) =>
          fc.tuple(
            fc.constant(field),
            fc.record(Object.fromEntries(field.args.map((argument) => [argument.name, valueOf(argument.type, 3)]))),
          ),
        ),
      async ([field, variables]) => {
        const declared = field.args.map((argument) => `$${argument.name}: ${String(argument.type)}`).join(", ");
        const given = field.args.map((argument) => `${argument.name}: $${argument.name}`).join(", ");
        const selection = String(field.type).replaceAll(/[[\]!]/g, "");
        const inner =
          isObjectType(schema.getType(selection)) && selection.endsWith("Connection")
            ? "{ totalCount nodes { id } pageInfo { endCursor } }"
            : "{ __typename }";
        const { status, errors } = await ask(`query (${declared}) { ${field.name}(${given}) ${inner} }`, variables);
        expect(status).toBeLessThan(500);
        for (const error of errors) expect(error.extensions["code"]).not.toBe("INTERNAL");
        expectDiscreet(errors.map(({ path, extensions }) => ({ path, extensions })));
      },
    ),
    { numRuns: 300 },
  );
  expect(await rows()).toEqual(before);
});

test("whatever is sent to a mutation, it is done or refused, and never fails", async () => {
  const texts = fc.oneof(
    fc.constantFrom(
      "",
      "\0",
      "\ud800",
      "x\udc00",
      " ",
      "..",
      "a/b",
      "a.png",
      "__proto__",
      "🔧".repeat(300),
      "x".repeat(70_000),
    ),
    fc.string({ unit: "binary", maxLength: 300 }),
  );
  const ids = fc.oneof(
    fc.constantFrom(
      globalId("Ticket", ticket.id),
      ticket.id,
      globalId("Note", note.id),
      note.id,
      globalId("Person", account.customer.id),
    ),
    texts,
    fc.uuid(),
  );
  const some = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined });
  const inputs = {
    AddTicket: fc.record({
      kind: fc.constantFrom("REQUEST", "RISK"),
      subject: texts,
      status: some(fc.constantFrom("CLOSED", "PENDING", null)),
      requesterId: some(ids),
    }),
    AddNote: fc.record({
      ticketId: ids,
      text: texts,
      categories: some(fc.array(fc.constantFrom("PRE_SCAN", "POST_SCAN"))),
      isPublic: some(fc.constantFrom(true, false, null)),
    }),
    UpdateNote: fc.record({
      id: ids,
      text: some(texts),
      categories: some(fc.array(fc.constantFrom("PRE_SCAN", "POST_SCAN"))),
      isPublic: some(fc.boolean()),
    }),
    DeleteNote: fc.record({ id: fc.oneof(texts, fc.uuid()) }),
    RequestAttachmentUpload: fc.record({
      noteId: ids,
      filename: texts,
      contentType: some(texts),
      size: some(fc.oneof(fc.integer(), fc.maxSafeInteger())),
    }),
    DeleteAttachment: fc.record({ noteId: ids, filename: texts }),
  };
  const calls = fc.oneof(
    ...Object.entries(inputs).map(([name, input]) => fc.tuple(fc.constant(name), input as fc.Arbitrary<object>)),
  );

  await fc.assert(
    fc.asyncProperty(calls, async ([name, input]) => {
      const field = `${name.charAt(0).toLowerCase()}${name.slice(1)}`;
      const { status, errors, data } = await ask(
        `mutation ($input: ${name}Input!) { ${field}(input: $input) { __typename ... on Error { code message } } }`,
        { input },
      );
      expect([status, errors]).toEqual([200, []]);
      const result = (data as Record<string, { __typename: string; message?: string }>)[field];
      expect([`${name}Payload`, "InvalidInputError", "NotFoundError", "ForbiddenError"]).toContain(result?.__typename);
      expectDiscreet(result?.__typename);
    }),
    { numRuns: 200 },
  );
});

import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Note, Ticket } from "#generated/prisma/client.ts";
import { addAccount, sendText, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addAttachment, addNotes, addTickets, globalId, statementsOf } from "../support/factories.ts";

let app: TestApp;
let account: TestAccount;
let tickets: Ticket[];
let notes: Note[];

beforeAll(async () => {
  app = await startApp();
  account = await addAccount(app);
  tickets = await addTickets(app, account, 3, () => ({ requester: account.customer }));
  notes = [];
  for (const ticket of tickets) notes.push(...(await addNotes(app, ticket, account.specialist, 3)));
  await addAttachment(app, notes[0]!, "a.png");
});
afterAll(() => app.close());

const ask = (query: string, variables: Record<string, unknown> = {}) =>
  // oxlint-disable-next-line typescript/no-explicit-any -- of operations that no typed client could send
  sendText<any>(app.url, account.specialist.key, query, variables);

/** Asks so often that the operation runs in its compiled form too. */
async function askOften(query: string, variables: Record<string, unknown> = {}) {
  const answers = [];
  for (let time = 0; time < 4; time += 1) answers.push(await ask(query, variables));
  for (const answer of answers) expect(answer).toEqual(answers[0]);
  return answers[0]!;
}

describe("one operation with other variables", () => {
  test.each([
    ["at the field", "{ ticket(id: $id) { uuid } ticket(id: $id) @include(if: $more) { subject } }"],
    ["around it", "{ ticket(id: $id) { uuid } ... @include(if: $more) { ticket(id: $id) { subject } } }"],
    [
      "of a fragment",
      "{ ticket(id: $id) { uuid } ...f @include(if: $more) } fragment f on Query { ticket(id: $id) { subject } }",
    ],
    ["of what is left out", "{ ticket(id: $id) { uuid } ticket(id: $id) @skip(if: $less) { subject } }"],
  ])("gives what a directive %s lets in, whatever it let in before", async (_where, body) => {
    const less = body.includes("$less");
    const query = `query ${less ? "($id: ID!, $less: Boolean!)" : "($id: ID!, $more: Boolean!)"} ${body}`;
    const { id: uuid, subject } = tickets[0]!;
    for (const more of [false, true, false, true]) {
      const { data, errors } = await askOften(query, { id: uuid, ...(less ? { less: !more } : { more }) });
      expect({ errors, data }).toEqual({ errors: [], data: { ticket: more ? { uuid, subject } : { uuid } } });
    }
  });

  test("gives a page what a directive lets in", async () => {
    const query = `query ($more: Boolean!) {
      notes(first: 2) { nodes { uuid } }
      notes(first: 2) @include(if: $more) { totalCount pageInfo { hasNextPage } edges { cursor node { text author { name } } } }
    }`;
    for (const more of [false, true, false]) {
      const { data, errors } = await askOften(query, { more });
      expect(errors).toEqual([]);
      expect(data.notes.nodes).toHaveLength(2);
      expect("totalCount" in data.notes).toBe(more);
    }
  });

  test("reads other fields of the same place where its first node is the same and the others are not", async () => {
    // Deeper than one statement goes, so that the inner fields read by themselves.
    const down = (levels: number, inner: string): string =>
      levels === 0 ? inner : `ticket { notes(first: 1) { nodes { ${down(levels - 1, inner)} } } }`;
    const query = `{ note(id: "${notes[0]!.id}") { ${down(4, "ticket { notes(first: 1) { nodes { ...f } edges { node { ...f author { email } } } } }")} } }
      fragment f on Note { author { name } attachments(first: 1) { totalCount } }`;
    const { data, errors } = await askOften(query);
    expect(errors).toEqual([]);
    expect(JSON.stringify(data)).toContain("@example.com");
  });

  test("tells what is left out from null, whatever the variables are called", async () => {
    const query =
      "query ($toString: Int, $constructor: NoteFilter) { notes(first: $toString, filter: $constructor) { nodes { uuid } } }";
    for (const variables of [{}, { toString: 1 }, { toString: null }, { toString: 2, constructor: { ids: [notes[0]!.id] } }]) {
      const { data, errors } = await askOften(query, variables);
      expect(errors).toEqual([]);
      const wanted =
        "constructor" in variables && Object.hasOwn(variables, "constructor")
          ? 1
          : Object.hasOwn(variables, "toString")
            ? ((variables.toString as unknown as number | null) ?? 9)
            : 9;
      expect(data.notes.nodes).toHaveLength(wanted);
    }
  });

  test("reads by its own ids, cursors and filters", async () => {
    const query = `query ($id: ID!, $ids: [ID!], $first: Int, $after: String, $isPublic: Boolean, $by: NoteOrderField!) {
      ticket(id: $id) {
        uuid
        notes(first: $first, after: $after, filter: { ids: $ids, isPublic: $isPublic }, orderBy: { field: $by, direction: ASC }) {
          edges { cursor node { uuid } }
        }
      }
    }`;
    const uuids = async (variables: Record<string, unknown>): Promise<string[]> => {
      const { data, errors } = await askOften(query, { by: "NUMBER", ...variables });
      expect(errors).toEqual([]);
      return data.ticket.notes.edges.map(({ node }: { node: { uuid: string } }) => node.uuid);
    };
    for (const ticket of tickets) {
      const own = notes.filter((note) => note.ticketId === ticket.id).map((note) => note.id);
      expect(await uuids({ id: ticket.id })).toEqual(own);
      expect(await uuids({ id: ticket.id.toUpperCase(), first: 2 })).toEqual(own.slice(0, 2));
      expect(await uuids({ id: ticket.id, ids: [own[1]!.toUpperCase()] })).toEqual([own[1]]);
      expect(await uuids({ id: ticket.id, ids: [own[1], own[2]] })).toEqual([own[1], own[2]]);
      expect(await uuids({ id: ticket.id, isPublic: false })).toEqual([]);
      const { data } = await ask(query, { id: ticket.id, by: "NUMBER" });
      for (const [place, { cursor }] of data.ticket.notes.edges.entries())
        expect(await uuids({ id: ticket.id, after: cursor, first: 5 })).toEqual(own.slice(place + 1));
    }
  });
});

describe("names and sizes", () => {
  test("that JavaScript has uses for are names like any other", async () => {
    const names = ["__proto__", "constructor", "toString", "hasOwnProperty", "then", "length", "toJSON"];
    const inner = names.map((name) => `${name}: text`).join(" ");
    const pages = names.map(
      (name, index) =>
        `${name}: notes(first: ${index + 1}) { nodes { ${inner} author { ${names.map((one) => `${one}: name`).join(" ")} } } totalCount }`,
    );
    const response = await fetch(`${app.url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-api-key": account.specialist.key },
      body: JSON.stringify({ query: `{ ticket(id: "${tickets[0]!.id}") { ${pages.join(" ")} } }` }),
    });
    const text = await response.text();
    expect(text).not.toContain("errors");
    for (const name of names) expect(text).toContain(`"${name}":{"nodes":[{`);
    expect(text.split(`"__proto__":"Note`)).toHaveLength(1 + 1 + 2 + 3 * 5);
  });

  test("as variables too", async () => {
    const query = `query ($__proto__: Boolean!) { ticket(id: "${tickets[0]!.id}") { notes { nodes { uuid @include(if: $__proto__) } } } }`;
    const response = await fetch(`${app.url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-api-key": account.specialist.key },
      body: JSON.stringify({ query }).replace(/}$/, ',"variables":{"__proto__":true}}'),
    });
    const text = await response.text();
    expect(text).not.toContain("INTERNAL");
    expect(response.status).toBeLessThan(500);
  });

  test("a thousand aliases of a relation are answered, by a bounded number of statements", async () => {
    const many = Array.from({ length: 1_000 }, (_, index) => `a${index}: notes { totalCount }`).join(" ");
    let answer: Awaited<ReturnType<typeof ask>> | undefined;
    const statements = await statementsOf(app, async () => {
      answer = await ask(`{ ticket(id: "${tickets[0]!.id}") { ${many} } }`);
    });
    expect(answer).toMatchObject({ status: 200, errors: [] });
    expect(Object.values(answer!.data.ticket)).toEqual(Array.from({ length: 1_000 }, () => ({ totalCount: 3 })));
    // 40 with the ticket, and the others some at a time.
    expect(statements.length).toBeLessThanOrEqual(40);
  });

  test("what goes round is answered as deep as documents go, by a bounded number of statements", async () => {
    const down = (levels: number): string =>
      levels === 0 ? "uuid" : `ticket { notes(first: 2) { nodes { ${down(levels - 1)} } } }`;
    let answer: Awaited<ReturnType<typeof ask>> | undefined;
    const statements = await statementsOf(app, async () => {
      answer = await ask(`{ note(id: "${notes[0]!.id}") { ${down(6)} } }`);
    });
    expect(answer!.errors).toEqual([]);
    expect(JSON.stringify(answer!.data).split('"uuid"')).toHaveLength(2 ** 6 + 1);
    expect(statements.length).toBeLessThanOrEqual(3);
  });

  test("a thousand ids filter as one does", async () => {
    const ids = [
      ...Array.from({ length: 994 }, () => crypto.randomUUID()),
      ...notes.slice(0, 6).map(({ id }) => globalId("Note", id)),
    ];
    const { data, errors } = await askOften(
      "query ($ids: [ID!]) { tickets { nodes { uuid notes(first: 2, filter: { ids: $ids }) { totalCount } } } notes(filter: { ids: $ids }, first: 100) { totalCount nodes { uuid } } }",
      { ids },
    );
    expect(errors).toEqual([]);
    expect(data.notes.totalCount).toBe(6);
    expect(data.tickets.nodes.map((node: { notes: { totalCount: number } }) => node.notes.totalCount).toSorted()).toEqual([
      0, 3, 3,
    ]);
  });
});

describe("cursors", () => {
  test("of another ticket name a position, and show nothing but the rows of the ticket that is asked for", async () => {
    const { data } = await ask(`{ ticket(id: "${tickets[1]!.id}") { notes(first: 1) { pageInfo { endCursor } } } }`);
    const query = `query ($ids: [ID!]!, $after: String) { nodes(ids: $ids) { ... on Ticket { uuid notes(first: 5, after: $after) { nodes { uuid ticket { uuid } } } } } }`;
    const answer = await askOften(query, {
      ids: tickets.map(({ id }) => globalId("Ticket", id)),
      after: data.ticket.notes.pageInfo.endCursor,
    });
    expect(answer.errors).toEqual([]);
    expect(answer.data.nodes[1].notes.nodes).toHaveLength(2);
    for (const { uuid: id, notes: page } of answer.data.nodes)
      expect(new Set(page.nodes.map((note: { ticket: { uuid: string } }) => note.ticket.uuid))).toEqual(
        new Set(page.nodes.length === 0 ? [] : [id]),
      );
  });

  const uuid = "0190000a-0000-7000-8000-000000000000";
  const instant = "20260101000000000";
  /** What follows the tag of a cursor. */
  const forged: readonly string[] = [
    ...["00000000000000000", "00000101000000000", "20260230000000000", "20260228240000000", "20261301000000000"].map(
      (one) => `.${one}.${uuid}`,
    ),
    `.20260101000060000.${uuid}`,
    `.'; DROP TABLE notes; --.${uuid}`,
    `.${instant}.' OR '1'='1`,
    `.${instant}.${uuid.toUpperCase()}`,
    `.${instant}.01900000-0000-7000-8000-00000000000g`,
    `.infinity.${uuid}`,
    `.${instant}`,
    `.${instant}.${uuid}.1`,
    `.${instant}.${uuid}.`,
    `..${uuid}`,
    ...[".99999999999", ".2147483648", ".1e300", ".-1", ".1.5.7", ".1\u0000", ".١", ".0x10", ". 1", ".", "", "x"],
  ];
  const harmless: readonly string[] = [
    `.99991231235959999.${uuid}`,
    `.00010101000000000.${uuid}`,
    ".2147483647",
    ".0",
    ".999999999.1",
    ".1.5",
  ];
  const fields = { CREATED_AT: "createdAt", NUMBER: "number", AUTHOR: "authorNumber" };
  const tagOf = (name: string, field: string, direction = "DESC") =>
    createHash("sha256").update(`${name} ${field} ${direction}`).digest("base64url").slice(0, 8);

  function everywhere(side: string): readonly (readonly [body: string, name: string, field: string, direction?: string])[] {
    const ofNotes = Object.entries(fields).flatMap(([field, column]) => {
      const page = `(first: 2, ${side}: $cursor, orderBy: { field: ${field}, direction: DESC }) { nodes { uuid } }`;
      return [
        [`notes${page}`, "Query.notes", column],
        [`ticket(id: "${tickets[0]!.id}") { uuid notes${page} }`, "Ticket.notes", column],
        [`tickets { nodes { uuid notes${page} } }`, "Ticket.notes", column],
      ] as const;
    });
    const attachments = `note(id: "${notes[0]!.id}") { attachments(${side}: $cursor) { nodes { id } } }`;
    return [...ofNotes, [attachments, "Note.attachments", "createdAt", "ASC"]];
  }

  test.each(forged)("that say %j are refused, wherever they are sent", async (rest) => {
    for (const side of ["after", "before"])
      for (const [body, name, field, direction] of everywhere(side)) {
        const cursor = `${tagOf(name, field, direction)}${rest}`;
        const { errors, status } = await ask(`query ($cursor: String) { ${body} }`, { cursor });
        expect([body, status]).toEqual([body, 200]);
        expect(errors.length).toBeGreaterThan(0);
        expect(new Set(errors.map(({ extensions }) => extensions["code"]))).toEqual(new Set(["INVALID_INPUT"]));
      }
  });

  test.each(harmless)("that say %j and are made up are a position like any other, or refused", async (rest) => {
    let accepted = 0;
    for (const side of ["after", "before"])
      for (const [body, name, field, direction] of everywhere(side)) {
        const cursor = `${tagOf(name, field, direction)}${rest}`;
        const { errors, status } = await ask(`query ($cursor: String) { ${body} }`, { cursor });
        expect([body, status]).toEqual([body, 200]);
        if (errors.length === 0) accepted += 1;
        else expect(new Set(errors.map(({ extensions }) => extensions["code"]))).toEqual(new Set(["INVALID_INPUT"]));
      }
    expect(accepted).toBeGreaterThan(0);
  });
});

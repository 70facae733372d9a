import { Readable } from "node:stream";
import fc from "fast-check";
import {
  execute,
  GraphQLError,
  type GraphQLArgument,
  GraphQLEnumType,
  type GraphQLField,
  type GraphQLInputType,
  GraphQLList,
  type GraphQLNamedType,
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLSchema,
  GraphQLString,
  getNamedType,
  isAbstractType,
  isCompositeType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
} from "graphql";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type GraphContext } from "../../src/graphql/kit/context.ts";
import { createGraphContext } from "../../src/graphql/server/execution/context.ts";
import { createDocuments, type Operation } from "../../src/graphql/documents/documents.ts";
import { documentLimits } from "../../src/graphql/kit/document-limits.ts";
import { createSelectionBuilders } from "../../src/graphql/select/select.ts";
import { schema } from "../../src/schema.ts";
import type { S3Storage } from "../../src/storage/s3-storage.ts";
import { type PersonViewer, type Scope, scopes } from "../../src/viewer.ts";
import { addClient } from "../support/oauth.ts";
import { createAsJsonOnly } from "../support/as-json-only.ts";
import { addAccount, sendText, startApp, type TestApp, viewerOf } from "../support/app.ts";
import { addAttachment, addNote, addTicket, at, globalId } from "../support/factories.ts";

const answer = createAsJsonOnly(schema);

/** The one operation of a text that is valid. */
function operationOf(text: string, of: GraphQLSchema = schema): Operation {
  const { errors, operation } = createDocuments(of, documentLimits, 400_000).prepare(text);
  expect(errors).toEqual([]);
  return operation(undefined)!;
}

/** The body that goes out. */
const bodyOf = (result: Awaited<ReturnType<typeof answer>>): string =>
  (result as { stringify: () => string } | undefined)?.stringify() ?? ""; // as Yoga asks for it

const builders = createSelectionBuilders();

describe("whatever is asked, graphql-js and the database", () => {
  let app: TestApp;
  let viewer: PersonViewer;
  let ids: readonly string[];
  const contextOf = (as: "json" | "rows"): GraphContext =>
    createGraphContext({ viewer, services: app.app.services, rateLimit }, builders, as);
  const rateLimit = { limit: 10, cost: 1, nodeCount: 0, remaining: 9, used: 1, resetAt: at(0) };

  beforeAll(async () => {
    app = await startApp();
    // Signed URLs say when they end.
    app.time.now = at(100_000);
    const account = await addAccount(app);
    const tickets = [];
    for (let index = 0; index < 4; index += 1)
      tickets.push(
        await addTicket(app, account, {
          requester: account.customer,
          createdAt: at(index),
          kind: index % 2 === 0 ? "RISK" : "REQUEST",
        }),
      );
    const notes = [];
    for (let index = 0; index < 10; index += 1)
      notes.push(
        await addNote(app, tickets[index % 3]!, index % 2 === 0 ? account.specialist : account.customer, {
          createdAt: at(index + 10),
          isPublic: index % 3 === 0,
          categories: index % 4 === 0 ? ["PRE_SCAN", "POST_SCAN"] : [],
          text: `Note ${index} ${oddTexts[index] ?? ""}`,
        }),
      );
    await addAttachment(app, notes[0]!, "a.png");
    await addAttachment(app, notes[0]!, "b.png", { state: "PENDING" });
    await addAttachment(app, notes[3]!, "c.png");
    await addClient(app, account.customer, ["notes:read", "attachments:read"]);
    await app.provisioning.revoke((await addClient(app, account.specialist, ["tickets:read"])).id);
    viewer = viewerOf(account, account.administrator);
    ids = [
      ...tickets.slice(0, 2).flatMap(({ id }) => [id, globalId("Ticket", id)]),
      ...notes.slice(0, 3).flatMap(({ id }) => [id, globalId("Note", id)]),
      globalId("Person", account.customer.id),
      globalId("Account", account.id),
      globalId("Note", account.id),
    ];
  });
  afterAll(() => app.close());

  test("write the same, to the last character", async () => {
    const counts = { inJson: 0, asRows: 0, failed: 0 };
    await fc.assert(
      fc.asyncProperty(
        documents(() => ids),
        async ({ text, variables }) => {
          const document = createDocuments(schema, documentLimits, 400_000).prepare(text);
          fc.pre(document.errors.length === 0);
          const operation = document.operation(undefined)!;
          fc.pre(!(operation.cost(variables) instanceof GraphQLError));
          const contextValue = contextOf("rows");
          const wanted = await execute({ schema, document: operation.document, contextValue, variableValues: variables });
          const got = await answer(operation, contextOf("json"), variables);
          if (wanted.errors) counts.failed += 1;
          else if (got) counts.inJson += 1;
          else counts.asRows += 1;
          if (wanted.errors) expect(got).toBeUndefined();
          if (!got) return;
          expect(bodyOf(got)).toBe(JSON.stringify(wanted));
          expect(got.data).toEqual(JSON.parse(JSON.stringify(wanted.data)));
        },
      ),
      // Of other seeds, some have too few documents of a kind for the bounds below.
      { numRuns: 400, endOnFailure: true, seed: 20_260_105 },
    );
    // Otherwise this has compared little.
    expect(counts.inJson).toBeGreaterThan(100);
    expect(counts.asRows).toBeLessThan(counts.inJson / 10);
    expect(counts.failed).toBeGreaterThan(5);
  });

  test.each([
    ["texts that JSON escapes, and that mark gaps here", "{ notes(first: 10) { nodes { text textPlain source } } }"],
    [
      "everything that is worked out, in one answer",
      `{ viewer { role scopes person { email } account { timeZone } }
         tickets(first: 3) { pageInfo { endCursor hasNextPage startCursor hasPreviousPage __typename } edges { cursor __typename node { id viewerCanAddNote
           notes(last: 3) { totalCount nodes { id viewerCanUpdate viewerCanDelete textHtml author { email }
             attachments(first: 1) { pageInfo { hasNextPage endCursor } nodes { id size state download { url expiresAt __typename } } } } } } } } }`,
    ],
    [
      "the same rows in several shapes",
      "{ tickets(last: 2) { a: nodes { subject } b: nodes { kind status } edges { node { number } } totalCount } }",
    ],
    [
      "a page of nothing",
      "{ tickets(filter: { ids: [] }) { nodes { id } edges { cursor } pageInfo { endCursor hasNextPage } totalCount } }",
    ],
    [
      "what administrators read",
      `{ apiKeys(first: 3) { totalCount pageInfo { endCursor hasNextPage } edges { cursor node { id name scopes expiresAt person { id name } } } }
         oauthClients(last: 1, filter: { isRevoked: true }) { totalCount pageInfo { startCursor hasPreviousPage } nodes { id scopes createdAt revokedAt lastUsedAt person { email } } }
         auditEvents(last: 20) { totalCount pageInfo { startCursor hasPreviousPage } edges { cursor } nodes { id action entity entityId
           person { id } credentialKind credentialId address userAgent requestId createdAt __typename } } }`,
    ],
    ["names that JavaScript knows", "{ viewer { __proto__: role constructor: role toString: __typename } __typename }"],
  ])("write %s the same", async (_of, text) => {
    const operation = operationOf(text);
    const contextValue = contextOf("rows");
    const wanted = await execute({ schema, document: operation.document, contextValue });
    expect(wanted.errors).toBeUndefined();
    expect(bodyOf(await answer(operation, contextOf("json"), {}))).toBe(JSON.stringify(wanted));
  });

  test("take a cursor of another ticket for the position that it is, and none of another order", async () => {
    const operation = operationOf(
      "query ($id: ID!, $after: String) { ticket(id: $id) { notes(first: 1, after: $after) { pageInfo { endCursor } } } }",
    );
    const otherOrder = operationOf(
      "query ($id: ID!, $after: String) { ticket(id: $id) { notes(after: $after, orderBy: { field: NUMBER, direction: ASC }) { totalCount } } }",
    );
    const [one, , other] = ids;
    const ask = (id: string | undefined, after?: unknown) => answer(operation, contextOf("json"), { id, after });
    const first = await ask(one);
    const endCursor = /"endCursor":"([^"]+)"/.exec(bodyOf(first))?.[1];
    expect(endCursor).toBeDefined();
    expect(await ask(one, endCursor)).toBeDefined();
    expect(await ask(other, endCursor)).toBeDefined();
    expect(await answer(otherOrder, contextOf("json"), { id: one, after: endCursor })).toBeUndefined();
  });

  test("leave a field of many names to rows, which have it once", async () => {
    const names = (count: number) => Array.from({ length: count }, (_, index) => `a${index}: text`).join(" ");
    const ask = (count: number) => answer(operationOf(`{ notes { nodes { ${names(count)} } } }`), contextOf("json"), {});
    expect(await ask(4)).toBeDefined();
    expect(await ask(5)).toBeUndefined();
  });

  test("read nothing ahead of what a scope refuses", async () => {
    const all = viewer;
    viewer = { ...all, scopes: new Set(scopes.filter((scope: Scope) => scope !== "attachments:read")) };
    const operation = operationOf("{ tickets { nodes { notes { nodes { attachments { totalCount } } } } } }");
    const { statements, result } = await app.statements.during(() => answer(operation, contextOf("json"), {}));
    viewer = all;
    expect(result).toBeUndefined();
    expect(statements).toEqual([]);
  });
});

test("what a store that tells nobody of arrivals may have taken meanwhile, is asked for before it is shown", async () => {
  const first = await startApp();
  // It keeps what has arrived under another key, as a bucket does.
  const collect: S3Storage["collect"] = async ({ from, to }) => {
    const bytes = await first.storage.read(from);
    return bytes && first.storage.write(to, bytes, { maximumBytes: 10 });
  };
  const app = await startApp({ storage: { ...first.storage, announcesArrivals: false, collect } });
  const account = await addAccount(app);
  const note = await addNote(app, await addTicket(app, account), account.specialist);
  const settled = await addAttachment(app, note, "a.png");
  const viewer = viewerOf(account, account.specialist);
  const text = `{ note(id: "${note.id}") { attachments { totalCount nodes { filename state size } } } }`;
  const inJson = async () => {
    const context = createGraphContext({ viewer, services: app.app.services }, builders, "json");
    return bodyOf(await answer(operationOf(text), context, {}));
  };
  const asked = async () => (await sendText(app.url, account.specialist.key, text)).data;
  const shown = [{ filename: "a.png", state: "READY", size: Number(settled.size) }];
  const answered = (nodes: object[]) => ({ note: { attachments: { totalCount: nodes.length, nodes } } });

  expect(JSON.parse(await inJson())).toEqual({ data: answered(shown) });
  const { uploadKey } = await app.app.services.attachments.requestUpload(viewer, { noteId: note.id, filename: "b.png" });
  expect(await inJson()).toBe("");
  expect(await asked()).toEqual(answered([...shown, { filename: "b.png", state: "PENDING", size: null }]));
  await app.storage.write(uploadKey, Readable.from(["bytes"]), { maximumBytes: 10 });
  expect(await inJson()).toBe("");
  expect(await asked()).toEqual(answered([...shown, { filename: "b.png", state: "READY", size: 5 }]));
  await app.close();
  await first.close();
});

/** By the number of their note. */
const oddTexts: Readonly<Record<number, string>> = {
  1: '"quoted" and \\ back \\u0001',
  2: "line\nfeed\ttab\r\f\b",
  3: "\u0001 0:{} \u0001 \u0002 \u001f \u007f",
  4: "\u2028\u2029 é 中文 👩‍🚒 \ufeff",
  5: "</script> ' ; -- $1 E'\\x01'",
};

interface Asked {
  readonly text: string;
  readonly variables: Record<string, unknown>;
}

const introspective = (name: string) => name.startsWith("__");

/** Queries over the whole schema: aliases, fragments, variables, pages, merged fields, and sometimes invalid input. */
function documents(idsOf: () => readonly string[]): fc.Arbitrary<Asked> {
  return fc.gen().map((gen) => {
    const number = (max: number) => gen(fc.integer, { min: 0, max });
    const oneIn = (count: number) => number(count - 1) === 0;
    const pick = <Item>(items: readonly Item[]): Item => items[number(items.length - 1)]!;
    const variables: Record<string, unknown> = {};
    const declared: string[] = [];
    const fragments: string[] = [];
    /** The arguments of a field are the same wherever it stands, so that its nodes can be merged. */
    const callOf = new Map<GraphQLField<unknown, unknown>, string>();

    const id = () => (oneIn(12) ? "none" : pick(idsOf()));
    function valueOf(type: GraphQLInputType, depth: number): unknown {
      if (isNonNullType(type)) return valueOf(type.ofType, depth);
      if (oneIn(15)) return null;
      if (isListType(type))
        return oneIn(8) ? valueOf(type.ofType, depth) : Array.from({ length: number(2) }, () => valueOf(type.ofType, depth));
      if (isEnumType(type)) return oneIn(30) ? "NONE" : pick(type.getValues()).name;
      if (isInputObjectType(type)) {
        const fields = Object.values(type.getFields()).filter((field) => isNonNullType(field.type) || (depth > 0 && oneIn(3)));
        return Object.fromEntries(fields.map((field) => [field.name, valueOf(field.type, depth - 1)]));
      }
      if (type.name === "ID") return id();
      if (type.name === "Int") return oneIn(20) ? -1 : number(3) + 1;
      if (type.name === "Boolean") return oneIn(2);
      if (type.name === "DateTime") return at(number(50)).toISOString();
      return oneIn(2) ? "a.png" : "text";
    }
    function literal(value: unknown, type: GraphQLInputType): string {
      if (isNonNullType(type)) return literal(value, type.ofType);
      if (value === null || value === undefined) return "null";
      if (Array.isArray(value) && isListType(type)) return `[${value.map((item) => literal(item, type.ofType)).join(", ")}]`;
      if (isListType(type)) return literal(value, type.ofType);
      if (isEnumType(type) && typeof value === "string") return value;
      if (isInputObjectType(type)) {
        // An input object's value is a record of its fields' values.
        const entries = Object.entries(value as Record<string, unknown>);
        const given = entries.map(([name, item]) => {
          const { type: of } = type.getFields()[name]!;
          return `${name}: ${oneIn(8) ? variable(of, item) : literal(item, of)}`;
        });
        return `{ ${given.join(", ")} }`;
      }
      return JSON.stringify(value);
    }
    function variable(type: GraphQLInputType, value: unknown): string {
      const name = `v${declared.length}`;
      const isOptional = !isNonNullType(type);
      const withDefault =
        isOptional && oneIn(4) && !isInputObjectType(getNamedType(type)) ? ` = ${literal(valueOf(type, 1), type)}` : "";
      declared.push(`$${name}: ${String(type)}${withDefault}`);
      // Left out now and then, also where it may not be.
      if (!oneIn(isOptional ? 3 : 25)) variables[name] = oneIn(40) ? { odd: 1 } : value;
      return `$${name}`;
    }
    function argument({ name, type }: GraphQLArgument): string {
      const value = name === "first" || name === "last" ? (oneIn(20) ? 0 : number(2) + 1) : valueOf(type, 2);
      return `${name}: ${oneIn(2) ? variable(type, value) : literal(value, type)}`;
    }
    function call(field: GraphQLField<unknown, unknown>): string {
      const known = callOf.get(field);
      if (known !== undefined) return known;
      const given = field.args.filter(({ name, type }) => isNonNullType(type) || oneIn(name === "first" ? 2 : 6)).map(argument);
      const made = `${field.name}${given.length > 0 ? `(${given.join(", ")})` : ""}`;
      callOf.set(field, made);
      return made;
    }
    function selection(type: GraphQLNamedType, depth: number): string {
      const parts: string[] = [];
      const size = number(2) + 1;
      for (let index = 0; index < size; index += 1) parts.push(part(type, depth));
      return `{ ${parts.join(" ")} }`;
    }
    function part(type: GraphQLNamedType, depth: number): string {
      const of = isAbstractType(type) && !oneIn(4) ? pick(schema.getPossibleTypes(type)) : type;
      if (of !== type || oneIn(6)) return `... on ${of.name} ${selection(of, depth)}`;
      if (oneIn(12)) return `... ${oneIn(20) ? "@include(if: true) " : ""}${selection(type, depth)}`;
      if (oneIn(8) && depth > 0) {
        const name = `f_${fragments.length}`;
        fragments.push("");
        fragments[Number(name.slice(2))] = `fragment ${name} on ${type.name} ${selection(type, depth - 1)}`;
        return oneIn(2) ? `...${name}` : `...${name} ...${name}`;
      }
      const fields = isObjectType(type) || isInterfaceType(type) ? Object.values(type.getFields()) : [];
      const possible = fields.filter((field) => depth > 0 || !isCompositeType(getNamedType(field.type)));
      if (possible.length === 0 || oneIn(12)) return oneIn(2) ? "__typename" : "kind: __typename";
      const field = pick(possible);
      const alias = oneIn(4)
        ? `${pick(["constructor", "toString", "x", "idx0", "Note", "data", oneIn(10) ? "under_score" : "y"])}${field.name}: `
        : "";
      const named = getNamedType(field.type);
      const inner = isCompositeType(named) ? ` ${selection(named, depth - 1)}` : "";
      return `${alias}${call(field)}${inner}`;
    }

    const root = Array.from({ length: number(2) + 1 }, () => part(schema.getQueryType()!, 4)).filter(
      (text) => !introspective(text),
    );
    const body = `{ ${root.length > 0 ? root.join(" ") : "viewer { role }"} }`;
    const head = declared.length > 0 ? `query Q(${declared.join(", ")}) ` : "";
    return { text: [`${head}${body}`, ...fragments].join("\n"), variables };
  });
}

describe("of a schema that is made for it", () => {
  const Thing = new GraphQLObjectType<object>({
    name: "Thing",
    fields: { name: { type: new GraphQLNonNull(GraphQLString) }, names: { type: new GraphQLList(GraphQLString) } },
  });
  const later = async (work: () => unknown): Promise<unknown> => {
    await new Promise((resolve) => setImmediate(resolve));
    return work();
  };
  const refuse = (): never => {
    throw new Error("It is broken.");
  };
  const small = new GraphQLSchema({
    query: new GraphQLObjectType({
      name: "Query",
      fields: {
        text: { type: GraphQLString, resolve: () => "text" },
        texts: { type: new GraphQLList(new GraphQLNonNull(GraphQLString)), resolve: () => ["a", later(() => "b")] },
        nothing: { type: GraphQLString, resolve: () => later(() => null) },
        thing: { type: Thing, resolve: () => later(() => ({ name: () => "called", names: [null] })) },
        getter: {
          type: Thing,
          resolve: async () => ({
            get name(): string {
              return refuse();
            },
          }),
        },
        list: { type: Thing, resolve: async () => ({ names: 1 }) },
        holes: { type: new GraphQLList(new GraphQLNonNull(GraphQLString)), resolve: () => ["a", null] },
        error: { type: GraphQLString, resolve: () => new Error("It is an error.") },
        unserializable: {
          type: new GraphQLEnumType({ name: "Enum", values: { A: { value: "a" } } }),
          resolve: async () => "b",
        },
        now: { type: GraphQLString, resolve: refuse },
        soon: { type: GraphQLString, resolve: () => later(refuse) },
        soonToo: { type: GraphQLString, resolve: () => later(refuse) },
        none: { type: new GraphQLNonNull(GraphQLString), resolve: () => null },
      },
    }),
  });
  const ask = createAsJsonOnly(small);
  // Nothing of it is asked for by these resolvers.
  const context = {} as GraphContext;

  test("values are written as graphql-js writes them", async () => {
    const operation = operationOf("{ text texts nothing thing { name names __typename } __typename }", small);
    const wanted = await execute({ schema: small, document: operation.document });
    expect(bodyOf(await ask(operation, context, {}))).toBe(JSON.stringify(wanted));
    expect(wanted.errors).toBeUndefined();
  });

  test.each([
    "{ list { names } }",
    "{ holes }",
    "{ unserializable }",
    "{ none }",
    "{ text none }",
    "{ __schema { queryType { name } } }",
    '{ __type(name: "Thing") { name } }',
  ])("%s is left to graphql-js, and nothing of it is left behind", async (text) => {
    const unhandled: unknown[] = [];
    const listen = (reason: unknown) => void unhandled.push(reason);
    process.on("unhandledRejection", listen);
    expect(await ask(operationOf(text, small), context, {})).toBeUndefined();
    await new Promise((resolve) => setTimeout(resolve, 20));
    process.off("unhandledRejection", listen);
    expect(unhandled).toEqual([]);
  });

  test.each(["{ getter { name } }", "{ error }", "{ soon now soonToo }", "{ text soon soonToo none }"])(
    "%s is a fault, and nothing of it is left behind",
    async (text) => {
      const unhandled: unknown[] = [];
      const listen = (reason: unknown) => void unhandled.push(reason);
      process.on("unhandledRejection", listen);
      await expect(ask(operationOf(text, small), context, {})).rejects.toThrow(/^It is (broken|an error)[.]$/);
      await new Promise((resolve) => setTimeout(resolve, 20));
      process.off("unhandledRejection", listen);
      expect(unhandled).toEqual([]);
    },
  );
});

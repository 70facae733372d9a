import fc from "fast-check";
import {
  execute,
  type GraphQLArgument,
  GraphQLEnumType,
  GraphQLError,
  type GraphQLField,
  type GraphQLFieldResolver,
  type GraphQLInputType,
  GraphQLInt,
  GraphQLList,
  type GraphQLNamedType,
  GraphQLNonNull,
  GraphQLObjectType,
  type GraphQLResolveInfo,
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
  parse,
  validate,
} from "graphql";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compile, mayBeCompiled } from "../../src/graph/compilation.ts";
import { createGraphContext, type GraphContext } from "../../src/graph/context.ts";
import { createDocuments, type Operation } from "../../src/graph/documents.ts";
import { createExecutor } from "../../src/graph/execution.ts";
import { schema } from "../../src/graph/schema.ts";
import { createCursorCodec } from "../../src/platform/cursor.ts";
import { type PersonViewer, scopes } from "../../src/viewer.ts";
import { addAccount, signingSecret, startApp, type TestApp } from "../support/app.ts";
import { addAttachment, addNote, addTicket, at, globalId } from "../support/factories.ts";

/** The one operation of a text that is valid. */
function operationOf(text: string, of: GraphQLSchema = schema): Operation {
  const { errors, operation } = createDocuments(of)(text);
  expect(errors).toEqual([]);
  return operation(undefined)!;
}

describe("whatever is asked, graphql-js and the compiled form", () => {
  let app: TestApp;
  let viewer: PersonViewer;
  let ids: readonly string[];
  const cursors = createCursorCodec(signingSecret);
  const contextOf = (): GraphContext => createGraphContext({ viewer, services: app.app.services, cursors });

  /** What the resolvers of each execution were told, by the place they were asked for. */
  const told = new WeakMap<object, Map<string, GraphQLResolveInfo[]>>();
  const toldOf = (context: object) => {
    const places = told.get(context) ?? new Map<string, GraphQLResolveInfo[]>();
    told.set(context, places);
    return places;
  };
  const original = new Map<GraphQLField<unknown, unknown>, GraphQLFieldResolver<unknown, unknown>>();

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
        }),
      );
    await addAttachment(app, notes[0]!, "a.png");
    await addAttachment(app, notes[0]!, "b.png", { state: "PENDING" });
    await addAttachment(app, notes[3]!, "c.png");
    const { slug } = account;
    viewer = {
      kind: "person",
      person: account.administrator,
      account: { id: account.id, slug, name: "An account", timeZone: "Europe/Amsterdam" },
      role: "ADMINISTRATOR",
      scopes: new Set(scopes),
    };
    ids = [
      ...tickets.slice(0, 2).flatMap(({ id }) => [id, globalId("Ticket", id)]),
      ...notes.slice(0, 3).flatMap(({ id }) => [id, globalId("Note", id)]),
      globalId("Person", account.customer.id),
      globalId("Account", account.id),
      globalId("Note", account.id),
    ];
    for (const type of Object.values(schema.getTypeMap())) {
      if (!isObjectType(type) || type.name.startsWith("__")) continue;
      for (const field of Object.values(type.getFields())) {
        const { resolve } = field;
        if (!resolve) continue;
        original.set(field, resolve);
        field.resolve = (parent, args, context, info) => {
          const place = JSON.stringify(placeOf(info));
          const places = toldOf(context);
          places.set(place, [...(places.get(place) ?? []), { ...info }]);
          return resolve(parent, args, context, info);
        };
      }
    }
  });
  afterAll(async () => {
    for (const [field, resolve] of original) field.resolve = resolve;
    await app.close();
  });

  test("answer the same, by resolvers that are told the same", async () => {
    const counts = { compiled: 0, failed: 0 };
    await fc.assert(
      fc.asyncProperty(
        documents(() => ids),
        async ({ text, variables }) => {
          const document = createDocuments(schema)(text);
          fc.pre(document.errors.length === 0);
          const operation = document.operation(undefined)!;
          fc.pre(operation.refusal(variables) === undefined);
          if (!mayBeCompiled(schema, operation)) return;
          const compiled = compile(schema, operation)!;
          expect(compiled).toBeDefined();

          const [contextValue, context] = [contextOf(), contextOf()];
          const wanted = await execute({ schema, document: operation.document, contextValue, variableValues: variables });
          const got = await compiled(context, variables);

          if (wanted.errors) {
            counts.failed += 1;
            expect(got).toBeUndefined();
            return;
          }
          counts.compiled += 1;
          expect(JSON.stringify(got)).toBe(JSON.stringify(wanted));
          const [toldByGraphqlJs, toldByCompiled] = [toldOf(contextValue), toldOf(context)];
          expect([...toldByCompiled.keys()].toSorted()).toEqual([...toldByGraphqlJs.keys()].toSorted());
          for (const [place, infos] of toldByGraphqlJs) expectSameInfos(toldByCompiled.get(place)!, infos);
        },
      ),
      { numRuns: 300 },
    );
    // Otherwise this has compared little.
    expect(counts.compiled).toBeGreaterThan(30);
    expect(counts.failed).toBeGreaterThan(5);
  });

  test("give merged fields all their nodes, where they stand in the text", async () => {
    const text = `
      query Merged($n: Int) {
        tickets(first: 2) { nodes { notes(first: $n) { nodes { uuid } } ...more } }
        ...top
      }
      fragment more on Ticket { notes(first: $n) { totalCount } ... on Ticket { notes(first: $n) { pageInfo { hasNextPage } } } }
      fragment top on Query { tickets(first: 2) { totalCount nodes { notes(first: $n) { nodes { author { name } } } } } }`;
    const operation = operationOf(text);
    expect(mayBeCompiled(schema, operation)).toBe(true);
    const context = contextOf();
    expect(await compile(schema, operation)!(context, { n: 3 })).toMatchObject({ data: { tickets: { totalCount: 4 } } });
    const [info] = toldOf(context).get(JSON.stringify(["tickets", "nodes", 0, "notes"]))!;
    expect(info?.fieldNodes.map(({ loc }) => text.slice(loc?.start, loc?.end))).toEqual([
      "notes(first: $n) { nodes { uuid } }",
      "notes(first: $n) { totalCount }",
      "notes(first: $n) { pageInfo { hasNextPage } }",
      "notes(first: $n) { nodes { author { name } } }",
    ]);
    expect(info).toMatchObject({ variableValues: { n: 3 }, fieldName: "notes" });
    expect(Object.keys(info?.fragments ?? {})).toEqual(["more", "top"]);
    expect([String(info?.parentType), String(info?.returnType)]).toEqual(["Ticket", "NoteConnection!"]);
  });
});

function placeOf({ path }: GraphQLResolveInfo): (string | number)[] {
  const place: (string | number)[] = [];
  for (let step: GraphQLResolveInfo["path"] | undefined = path; step; step = step.prev) place.unshift(step.key);
  return place;
}

/** But for the name of the type in a path, which graphql-jit does not keep. */
function expectSameInfos(got: readonly GraphQLResolveInfo[], wanted: readonly GraphQLResolveInfo[]): void {
  expect(got.length).toBe(wanted.length);
  for (const [index, info] of wanted.entries()) {
    const other = got[index]!;
    expect(Object.keys(other).toSorted()).toEqual(Object.keys(info).toSorted());
    expect(other.fieldNodes.length).toBe(info.fieldNodes.length);
    // The nodes themselves, not copies: what is kept of them, such as loc, is kept.
    for (const [at_, node] of info.fieldNodes.entries()) expect(other.fieldNodes[at_] === node).toBe(true);
    for (const name of ["fieldName", "operation", "parentType", "schema", "rootValue"] as const)
      expect([name, other[name] === info[name]]).toEqual([name, true]);
    expect(String(other.returnType)).toBe(String(info.returnType));
    expect(other.variableValues).toEqual(info.variableValues);
    expect(Object.keys(other.fragments)).toEqual(Object.keys(info.fragments));
    for (const [name, fragment] of Object.entries(info.fragments)) expect(other.fragments[name] === fragment).toBe(true);
  }
}

interface Asked {
  readonly text: string;
  readonly variables: Record<string, unknown>;
}

const introspective = (name: string) => name.startsWith("__");

/** Documents of the whole schema's queries: aliases, fragments, variables, pages, merged fields, and now and then what is refused. */
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

describe("is left to graphql-js:", () => {
  test.each([
    ["a mutation", 'mutation { deleteNote(input: { id: "x" }) { __typename } }'],
    ["introspection", "{ __schema { queryType { name } } }"],
    ["a field that may be skipped", "query ($no: Boolean!) { viewer { role @skip(if: $no) } }"],
    ["a fragment that may be left out", "query ($yes: Boolean!) { viewer { ... @include(if: $yes) { role } } }"],
    ["an alias that is every object's prototype", "{ viewer { __proto__: role } }"],
    ["an alias that could be two places", "{ a_b: viewer { role } a: viewer { b: role } }"],
    ["a variable of such a name", "query ($__proto__: Int) { tickets(first: $__proto__) { totalCount } }"],
    ["a variable within a literal that may be left out", "query ($i: [ID!]) { tickets(filter: { ids: $i }) { totalCount } }"],
    ["one that has a default value", 'query ($i: [ID!]! = ["x"]) { tickets(filter: { ids: $i }) { totalCount } }'],
    ["a variable that is never null for its default value", 'query ($i: ID! = "x") { note(id: $i) { text } }'],
    ["a date", '{ notes(filter: { createdAt: { gte: "2026-01-01T00:00:00Z" } }) { totalCount } }'],
    [
      "a date by default",
      'query ($d: DateTime = "2026-01-01T00:00:00Z") { notes(filter: { createdAt: { gte: $d } }) { totalCount } }',
    ],
    ["an object by default", "query ($f: NoteFilter = { isPublic: true }) { notes(filter: $f) { totalCount } }"],
    [
      "a text that would become code",
      '{ note(id: "__MAGIC_DATE__33a9e76d_02e0_4128_8e92_3530ad3da74d0);globalThis.taken=true;(0") { text } }',
    ],
    ["a text with quotes", String.raw`{ note(id: "\"") { text } }`],
    ["a text in a list", '{ nodes(ids: ["(", "__MAGIC_NAN__57f286b9_4c20_487f_b409_79804ddcb4f8"]) { id } }'],
    ["a large document", `{ viewer { ${Array.from({ length: 500 }, (_, index) => `f${index}: role`).join(" ")} } }`],
  ])("%s", (_name, text) => {
    expect(mayBeCompiled(schema, operationOf(text))).toBe(false);
  });

  test("and nothing of what clients ask every day", () => {
    for (const text of [
      "{ viewer { role person { name } } }",
      "query Note($id: ID!) { note(id: $id) { uuid text author { name } __typename } }",
      '{ note(id: "Tm90ZTowMTk=") { kind: __typename } }',
      "query ($n: Int = 10, $after: String) { notes(first: $n, after: $after, orderBy: { field: NUMBER, direction: ASC }) { edges { cursor node { id } } } }",
      "query ($id: ID!) { notes(filter: { authorId: $id, isPublic: true, categories: [PRE_SCAN] }) { totalCount } }",
      "query ($ids: [ID!]!) { nodes(ids: $ids) { id ...n } } fragment n on Note { text }",
    ])
      expect([text, mayBeCompiled(schema, operationOf(text))]).toEqual([text, true]);
  });
});

test("the schema has nothing that a compiled form would read otherwise wherever it stands", () => {
  const types = Object.values(schema.getTypeMap()).filter(({ name }) => !introspective(name));
  for (const { name } of types) expect(name).not.toContain("_");
  for (const type of types.filter(isInputObjectType)) expect([type.name, type.isOneOf]).toEqual([type.name, false]);
  // graphql-jit finds a field's resolver by its type's name and its own, without anything between.
  const fields = types
    .filter(isObjectType)
    .flatMap((type) => Object.values(type.getFields()).map((field) => ({ type, field })));
  expect(new Set(fields.map(({ type, field }) => `${type.name}${field.name}`)).size).toBe(fields.length);
  // What is no leaf and has no resolver, it neither waits for nor calls. Mutations are not compiled, and so their payloads may have such fields.
  const objects = fields.filter(
    ({ type, field }) => isCompositeType(getNamedType(field.type)) && !type.name.endsWith("Payload"),
  );
  for (const { type, field } of objects)
    expect([type.name, field.name, field.resolve !== undefined]).toEqual([type.name, field.name, true]);
});

describe("of a schema that is made for it", () => {
  let paths: (string | undefined)[] = [];
  let clock = 0;
  let isBroken = false;
  const Thing = new GraphQLObjectType<object>({
    name: "Thing",
    fields: { name: { type: new GraphQLNonNull(GraphQLString) }, names: { type: new GraphQLList(GraphQLString) } },
  });
  const small = new GraphQLSchema({
    query: new GraphQLObjectType({
      name: "Query",
      fields: {
        // A path has the name of its type in it under graphql-js alone, which tells the two apart.
        one: {
          type: GraphQLInt,
          resolve: (_root, _args, _context, { path }) => {
            paths.push(path.typename);
            if (isBroken) throw new GraphQLError("It is broken.");
            return 1;
          },
        },
        getter: {
          type: Thing,
          resolve: async () => ({
            get name(): string {
              throw new Error("It has no name.");
            },
          }),
        },
        list: {
          type: Thing,
          resolve: async () => ({
            names: {
              [Symbol.iterator]() {
                throw new Error("There is no end to it.");
              },
            },
          }),
        },
        unserializable: {
          type: new GraphQLEnumType({ name: "Enum", values: { A: { value: "a" } } }),
          resolve: async () => "b",
        },
      },
    }),
  });
  // Nothing of it is asked for by these resolvers.
  const context = {} as GraphContext;
  const ask = async (operation: Operation, executor: ReturnType<typeof createExecutor>, times: number) => {
    paths = [];
    for (let time = 0; time < times; time += 1) await executor(operation, context, {});
    return paths.map((typename) => (typename === undefined ? "compiled" : "graphql-js"));
  };

  test("an operation is compiled when it comes for the third time", async () => {
    const executor = createExecutor(small, () => 0);
    expect(await ask(operationOf("{ one }", small), executor, 4)).toEqual(["graphql-js", "graphql-js", "compiled", "compiled"]);
    expect(await ask(operationOf("{ two: one }", small), executor, 2)).toEqual(["graphql-js", "graphql-js"]);
  });

  test("compiling takes no more than a twentieth of the time", async () => {
    // Each look at the clock is a second later, and so compiling takes one.
    const executor = createExecutor(small, () => (clock += 1_000));
    expect(await ask(operationOf("{ one }", small), executor, 3)).toEqual(["graphql-js", "graphql-js", "compiled"]);
    const others = await ask(operationOf("{ two: one }", small), executor, 40);
    expect(others.indexOf("compiled")).toBe(19);
    expect(others.slice(19)).not.toContain("graphql-js");
  });

  test("an error is graphql-js's own, and then the compiled form rests", async () => {
    const executor = createExecutor(small, () => 0);
    const operation = operationOf("{ one }", small);
    await ask(operation, executor, 3);
    isBroken = true;
    paths = [];
    const { errors } = await executor(operation, context, {});
    isBroken = false;
    expect(errors).toMatchObject([{ message: "It is broken.", path: ["one"], locations: [{ line: 1, column: 3 }] }]);
    expect(paths).toEqual([undefined, "Query"]);
    const after = await ask(operation, executor, 22);
    expect([after.lastIndexOf("graphql-js"), after.indexOf("compiled")]).toEqual([19, 20]);
  });

  test.each(["{ getter { name } }", "{ list { names } }", "{ unserializable }"])(
    "what is thrown or wrong while %s is completed, is an error of the operation and of nothing else",
    async (text) => {
      const operation = operationOf(text, small);
      expect(validate(small, parse(text))).toEqual([]);
      const compiled = compile(small, operation)!;
      expect(await compiled(context, {})).toBeUndefined();
      const executor = createExecutor(small, () => 0);
      const wanted = await execute({ schema: small, document: operation.document });
      for (let time = 0; time < 5; time += 1) {
        const got = await executor(operation, context, {});
        expect(JSON.stringify(got)).toBe(JSON.stringify(wanted));
        expect(got.errors).toHaveLength(1);
      }
    },
  );
});

import { createHash } from "node:crypto";
import { useOnResolve } from "@envelop/on-resolve";
import { useResponseCache } from "@envelop/response-cache";
import { usePersistedOperations } from "@graphql-yoga/plugin-persisted-operations";
import { GraphQLError, NoSchemaIntrospectionCustomRule, parse } from "graphql";
import { afterEach, describe, expect, test } from "vitest";
import type { Note } from "#generated/prisma/client.ts";
import type { GraphqlPlugin } from "../../src/graphql/server/plugins.ts";
import { addAccount, startApp, type TestAccount, type TestApp, type TestAppOptions } from "../support/app.ts";
import { addNote, addTicket, statementsOf } from "../support/factories.ts";
import { jsonOf, notingHooks, sendBy, type Sent, ways } from "../support/plugins.ts";

const everyWay = Object.keys(ways) as (keyof typeof ways)[];

interface Plugged {
  readonly app: TestApp;
  readonly account: TestAccount;
  readonly note: Note;
  readonly send: (way: keyof typeof ways, query: string, more?: object) => Promise<Sent>;
}

const open: TestApp[] = [];
afterEach(async () => {
  for (const app of open.splice(0)) await app.close();
});

async function plug(plugins: readonly GraphqlPlugin[], options: TestAppOptions = {}): Promise<Plugged> {
  const app = await startApp({ ...options, plugins });
  open.push(app);
  const account = await addAccount(app);
  const note = await addNote(app, await addTicket(app, account), account.specialist);
  const send = (way: keyof typeof ways, query: string, more: object = {}) =>
    sendBy(app, account.specialist.key, way, { query, ...more });
  return { app, account, note, send };
}

const role = { data: { viewer: { role: "SPECIALIST" } } };

describe("Envelop's hooks", () => {
  const whole = ["enveloped", "parse", "parsed", "validate", "valid", "context", "context built", "execute", "executed"];

  test.each(everyWay)("are all called for %s", async (way) => {
    const { plugin, take } = notingHooks();
    const { send, note, app } = await plug([plugin]);
    expect(jsonOf(await send(way, "{ viewer { role } }"))).toEqual(role);
    expect(take()).toEqual(whole);
    // Again, with a document that is known by now, and its cost.
    const again = await send(way, "{ viewer { role } }", { extensions: { cost: true } });
    expect(jsonOf(again)).toMatchObject({ ...role, extensions: { cost: { cost: 1 } } });
    expect(again.headers.get("ratelimit")).toMatch(/r=\d+/);
    expect(take()).toEqual(whole);

    // As JSON, by one statement.
    const statements = await statementsOf(app, async () => {
      expect(jsonOf(await send(way, `{ note(id: "${note.id}") { uuid author { name } } }`))).toMatchObject({
        data: { note: { uuid: note.id } },
      });
    });
    expect(statements.length).toBe(1);
    take();

    expect(jsonOf(await send(way, "{ nonsense }"))).toMatchObject({ errors: [{ extensions: { code: "INVALID_INPUT" } }] });
    expect(take()).toEqual([...whole.slice(0, 4), "invalid"]);
    expect(jsonOf(await send(way, "{ viewer {"))).toMatchObject({ errors: [{ extensions: { code: "INVALID_INPUT" } }] });
    expect(take()).toEqual(whole.slice(0, 3));
    const dry = await send(way, "{ rateLimit(dryRun: true) { cost } viewer { role } }");
    expect(jsonOf(dry)).toMatchObject({ data: { rateLimit: { cost: 1 } } });
    expect(take()).toEqual(whole);
  });

  test("are called for mutations, which a GET does not do", async () => {
    const { plugin, take } = notingHooks();
    const { send } = await plug([plugin]);
    const mutation = 'mutation { addNote(input: { ticketId: "none", text: "x" }) { __typename } }';
    expect(jsonOf(await send("a plain POST", mutation))).toEqual({ data: { addNote: { __typename: "InvalidInputError" } } });
    expect(take()).toEqual(whole);
    const refused = await send("a GET", mutation);
    expect([refused.status, refused.headers.get("allow")]).toEqual([405, "POST"]);
    expect(take()).toEqual(whole.slice(0, 3));
  });

  test.each(everyWay)("change what they are given, for %s", async (way) => {
    const seen: unknown[] = [];
    const { send, account } = await plug([
      {
        onContextBuilding({ extendContext, context }) {
          seen.push(context["request"].headers.get("x-api-key"), context["caller"].viewer.person.name);
          extendContext({ added: 1 });
        },
        onValidate({ addValidationRule }) {
          addValidationRule(NoSchemaIntrospectionCustomRule);
        },
        onExecute({ args }) {
          seen.push(args.contextValue.added);
          return {
            onExecuteDone({ result, setResult }) {
              if ("data" in result) setResult({ ...result, extensions: { ...result.extensions, tag: 1 } });
            },
          };
        },
      },
      {
        onExecute: () => ({
          onExecuteDone({ result }) {
            if ("data" in result && result.data) Object.assign(result.data["viewer"] as object, { role: "CHANGED" });
          },
        }),
      },
    ]);
    const answer = await send(way, "{ viewer { role } }", { extensions: { cost: true } });
    expect(jsonOf(answer)).toMatchObject({
      data: { viewer: { role: "CHANGED" } },
      extensions: { tag: 1, cost: { cost: 1 } },
    });
    expect(seen).toEqual([account.specialist.key, account.specialist.name, 1]);
    const { errors } = jsonOf(await send(way, "{ __schema { description } }")) as { errors: { message: string }[] };
    expect(errors[0]!.message).toMatch(/introspection/);
  });

  test.each(everyWay)("determine status and headers by extensions that are not shown, for %s", async (way) => {
    const { send } = await plug([
      {
        onExecute: () => ({
          onExecuteDone({ result }) {
            Object.assign(result, { extensions: { http: { status: 203, headers: { "x-added": "yes" } }, tag: 1 } });
          },
        }),
      },
    ]);
    const answer = await send(way, "{ viewer { role } }");
    expect([answer.status, answer.headers.get("x-added"), jsonOf(answer)]).toEqual([
      203,
      "yes",
      { ...role, extensions: { tag: 1 } },
    ]);
  });

  test.each(everyWay)("that throw are answered by errors of the closed list, for %s", async (way) => {
    const { send } = await plug([
      {
        onContextBuilding: ({ context }) => {
          if (context["params"].extensions?.fail) throw new Error("secret");
          throw new GraphQLError("Not today.", { extensions: { code: "OF_THE_PLUGIN" } });
        },
      },
    ]);
    expect(jsonOf(await send(way, "{ viewer { role } }"))).toEqual({
      errors: [{ message: "Not today.", extensions: { code: "INVALID_INPUT" } }],
    });
    const broken = await send(way, "{ viewer { role } }", { extensions: { fail: true } });
    expect(broken.text).not.toContain("secret");
    expect(jsonOf(broken)).toMatchObject({ errors: [{ extensions: { code: "INTERNAL" } }] });
  });

  test.each(everyWay)("that put another document in place leave the limits as they are, for %s", async (way) => {
    const deep = parse(`{ ${"tickets { nodes { notes { nodes { ticket { ".repeat(5)} id ${"} } } } } ".repeat(5)} }`);
    const known = parse("{ viewer { person { name } } }");
    const { send, account } = await plug([
      {
        onParse: ({ context, setParsedDocument }) => setParsedDocument(context["params"].extensions?.deep ? deep : known),
      },
    ]);
    expect(jsonOf(await send(way, "{ viewer { role } }"))).toEqual({
      data: { viewer: { person: { name: account.specialist.name } } },
    });
    expect(jsonOf(await send(way, "{ viewer { role } }", { extensions: { deep: true } }))).toMatchObject({
      errors: [{ extensions: { code: "TOO_EXPENSIVE" } }],
    });
  });
});

describe("hooks about HTTP", () => {
  const hooks: Record<string, (note: () => void) => GraphqlPlugin> = {
    onRequest: (note) => ({ onRequest: note }),
    onRequestParse: (note) => ({ onRequestParse: note }),
    onParams: (note) => ({ onParams: note }),
    onExecutionResult: (note) => ({ onExecutionResult: note }),
    onResultProcess: (note) => ({ onResultProcess: note }),
    onResponse: (note) => ({ onResponse: note }),
    "instrumentation of requests": (note) => ({
      instrumentation: {
        request: (_payload, wrapped) => {
          note();
          return wrapped();
        },
      },
    }),
    "another plugin that one adds": (note) => ({ onPluginInit: ({ addPlugin }) => addPlugin({ onResponse: note }) }),
  };

  test.each(Object.keys(hooks))("such as %s are called on every way, with the request's own headers", async (name) => {
    let count = 0;
    const seen = new Set<string | null>();
    const { send, account } = await plug([
      hooks[name]!(() => void (count += 1)),
      { onParams: ({ request }) => void seen.add(request.headers.get("x-api-key")) },
    ]);
    for (const [index, way] of everyWay.entries()) {
      expect(jsonOf(await send(way, "{ viewer { role } }"))).toEqual(role);
      expect([way, count]).toEqual([way, index + 1]);
    }
    expect([...seen]).toEqual([account.specialist.key]);
  });

  test("leave the media type of the answer as it is without them", async () => {
    const { send } = await plug([{ onResponse: () => undefined }]);
    for (const [way, type] of [
      ["a plain POST", "application/json; charset=utf-8"],
      ["the POST of Apollo's mobile clients", "application/graphql-response+json; charset=utf-8"],
      ["a POST for parts", 'multipart/mixed; boundary="-"'],
      ["a GET", "application/json; charset=utf-8"],
    ] as const)
      expect([way, (await send(way, "{ viewer { role } }")).headers.get("content-type")]).toEqual([way, type]);
  });

  test("are called for Envelop's as well", async () => {
    const { plugin, take } = notingHooks();
    const { send } = await plug([plugin, { onResponse: () => undefined }]);
    for (const way of everyWay) {
      expect(jsonOf(await send(way, "{ viewer { role } }"))).toEqual(role);
      expect(take()).toHaveLength(9);
    }
  });
});

test("limits and prices hold with plugins as without", async () => {
  const { plugin } = notingHooks();
  const { app, account } = await plug([plugin], { rateLimits: { points: 10, requests: 100, anonymous: 2 } });
  // No minute of the limits ends meanwhile.
  app.time.now = new Date();
  for (const way of everyWay) {
    const { status, text } = await sendBy(app, account.customer.key, way, {
      query: "{ notes(first: 100) { nodes { attachments(first: 100) { nodes { id } } } } }",
    });
    expect([way, status]).toEqual([way, 429]);
    expect(text).toContain("TOO_MANY_REQUESTS");
    const mine = await sendBy(app, account.otherCustomer.key, way, { query: "{ viewer { role } }" });
    expect([way, mine.headers.get("ratelimit")?.match(/r=\d+/)?.[0]]).toEqual([way, `r=${9 - everyWay.indexOf(way)}`]);
  }
});

describe("packages as they are published", () => {
  test.each(everyWay)("@graphql-yoga/plugin-persisted-operations, for %s", async (way) => {
    const query = "{ viewer { role } }";
    const sha256Hash = createHash("sha256").update(query).digest("hex");
    const store: Record<string, string> = { [sha256Hash]: query };
    const { app, account } = await plug([usePersistedOperations({ getPersistedOperation: (key) => store[key] ?? null })]);
    const ask = (parameters: Record<string, unknown>) => sendBy(app, account.specialist.key, way, parameters);
    const persisted = (hash: string) => ({ extensions: { persistedQuery: { version: 1, sha256Hash: hash } } });
    expect(jsonOf(await ask(persisted(sha256Hash)))).toEqual(role);
    expect(jsonOf(await ask(persisted("0")))).toMatchObject({ errors: [{ message: "PersistedQueryNotFound" }] });
    expect(jsonOf(await ask({ query }))).toMatchObject({ errors: [{ message: "PersistedQueryOnly" }] });
  });

  test.each(everyWay)("@envelop/response-cache, for %s", async (way) => {
    // Who asks is a part of what is asked: without it, one would be answered what another may see.
    const session = (context: { caller: { viewer: { person: { id: string } } } }) => context.caller.viewer.person.id;
    const { app, account, note, send } = await plug([
      useResponseCache({ session: session as never, includeExtensionMetadata: true, ttl: 60_000 }),
    ]);
    const query = `{ note(id: "${note.id}") { id text } }`;
    const first = jsonOf(await send(way, query));
    expect(first).toMatchObject({ data: { note: { text: note.text } }, extensions: { responseCache: { hit: false } } });
    const statements = await statementsOf(app, async () => {
      expect(jsonOf(await send(way, query))).toMatchObject({
        data: (first as { data: object }).data,
        extensions: { responseCache: { hit: true } },
      });
    });
    expect(statements).toEqual([]);
    const other = await sendBy(app, account.otherCustomer.key, way, { query });
    expect(jsonOf(other)).toMatchObject({ data: { note: null } });
  });

  test.each(everyWay)("@envelop/on-resolve, for %s", async (way) => {
    const resolved: string[] = [];
    const lines: string[] = [];
    const { note, send } = await plug(
      [useOnResolve(({ info }) => void resolved.push(`${info.parentType.name}.${info.fieldName}`))],
      { logLevel: "warn", logTo: { write: (line) => void lines.push(line) } },
    );
    expect(jsonOf(await send(way, `{ note(id: "${note.id}") { uuid author { name } } }`))).toMatchObject({
      data: { note: { uuid: note.id } },
    });
    // Those too that the database would have written.
    expect(resolved).toEqual(["Query.note", "Note.uuid", "Note.author", "Person.name"]);
    expect(lines.join("")).toContain("executed as rows");
  });

  test("leave another gateway of the process alone", async () => {
    let count = 0;
    await plug([useOnResolve(() => void (count += 1))]);
    const { send } = await plug([]);
    expect(jsonOf(await send("a plain POST", "{ viewer { role } }"))).toEqual(role);
    expect(count).toBe(0);
  });
});

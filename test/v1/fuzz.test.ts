import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { addAccount, keyWith, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addAttachment, addNotes, addTicket, at, globalId } from "../support/factories.ts";
import { v1 } from "../support/v1.ts";

interface Parameter {
  readonly required?: boolean;
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly schema: { readonly enum?: readonly string[]; readonly type?: string };
  readonly example?: string;
}

interface Operation {
  readonly operationId: string;
  readonly security?: readonly object[];
  readonly parameters?: readonly (Parameter | { readonly $ref: string })[];
  readonly requestBody?: object;
  readonly responses: Readonly<Record<string, { readonly $ref?: string; readonly content?: Content }>>;
}

type Content = Readonly<Record<string, { readonly schema: object }>>;

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly parameters: Readonly<Record<string, Parameter>>;
    readonly responses: Readonly<Record<string, { content: Content }>>;
  };
}

/** So many that each operation succeeds some times, whatever the seed. */
const requestCount = 10_800;
/**
 * A failure tells its seed: `FUZZ_SEED=… npm run test:long -- fuzz` sends the same requests again, but for the ids of
 * their time.
 */
const seed = process.env["FUZZ_SEED"] === undefined ? {} : { seed: Number(process.env["FUZZ_SEED"]) };
const keyCount = 4;

let app: TestApp;
let account: TestAccount;
let keys: readonly string[];
let document: Document;
let known: readonly string[];
let ticketIds: readonly string[];

beforeAll(async () => {
  app = await startApp();
  account = await addAccount(app);
  // A credential may send 3,600 an hour.
  const own = [
    "tickets:read",
    "tickets:write",
    "notes:read",
    "notes:write",
    "notes:internal",
    "attachments:read",
    "attachments:write",
  ] as const;
  keys = [
    ...(await Promise.all(Array.from({ length: keyCount }, () => keyWith(app, account.specialist, own)))),
    account.customer.key,
    await keyWith(app, account.specialist, ["notes:read"]),
  ];
  document = (await v1(app, "/v1/openapi.json")).body as Document;
  const ticket = await addTicket(app, account, { requester: account.customer });
  const notes = await addNotes(app, ticket, account.specialist, 30, (index) => ({
    isPublic: index % 2 === 0,
    createdAt: at(index),
  }));
  await addAttachment(app, notes[0]!, "a.png");
  const next = (await v1(app, "/v1/notes?per_page=5", { key: keys[0] })).headers.get("link") ?? "";
  ticketIds = [String(ticket.number), globalId("Ticket", ticket.id)];
  known = [
    ...[notes[0]!, notes[1]!, ticket, account.specialist].map(({ number }) => String(number)),
    ...[globalId("Note", notes[0]!.id), globalId("Ticket", ticket.id), globalId("Person", account.specialist.id), notes[0]!.id],
    /search_after=([\w-]+)/.exec(next)?.[1] ?? "",
  ];
});
afterAll(() => app.close());

const nasty = [
  ...[
    "",
    "0",
    "1",
    "-1",
    "+5",
    "20",
    "100",
    "101",
    "2147483647",
    "2147483648",
    "9223372036854775808",
    "1e3",
    "NaN",
    "null",
    "undefined",
    "true",
  ],
  ...[
    "!",
    "!1",
    ">",
    "<",
    ">=",
    "<=",
    ">1<2",
    ">=1<=2",
    "><",
    "=",
    "==",
    ",",
    ",,",
    "1,2,3",
    "!1,2",
    "%00",
    "%",
    "%ZZ",
    "%E0%A4%A",
    "%F0%9F%98%80",
  ],
  ...[
    "'",
    '"',
    "\\",
    "`",
    "--",
    ";",
    "$1",
    "${filename}",
    "a b",
    "a+b",
    "../..",
    "/",
    ".json",
    "<script>",
    "id",
    "-id",
    "created_at,-id",
    "constructor",
  ],
  ...[
    "__proto__",
    "toString",
    "2016-03-12T11:33:00-06:00",
    ">=2016-03-12T11:33:00-06:00",
    "9999-12-31T23:59:59Z",
    ">0001-01-01T00:00:00+14:00",
  ],
  ...[
    "2026-13-45",
    "default",
    "email,system",
    "closed",
    "public",
    "internal",
    "text,person",
    "x".repeat(3_000),
    "é",
    "日本",
    "\u{7f}",
    "NaN-NaN",
  ],
];

/** A text that can be in the request line. Half of the time it encodes what clients would never send unencoded. */
const text = () =>
  fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...nasty) },
    { weight: 3, arbitrary: fc.constantFrom(...known) },
    {
      weight: 2,
      arbitrary: fc.string({ unit: "binary", maxLength: 30 }).map((value) => encodeURIComponent(value.toWellFormed())),
    },
    { weight: 2, arbitrary: fc.integer().map(String) },
  );

const lineSafe = (value: string) =>
  value.replaceAll(/[^\u{21}-\u{7e}]/gu, (character) => encodeURIComponent(character)).replaceAll("#", "%23");

function parametersOf(operation: Operation): readonly Parameter[] {
  return (operation.parameters ?? []).map((parameter) =>
    "$ref" in parameter ? document.components.parameters[parameter.$ref.split("/").at(-1)!]! : parameter,
  );
}

const suffixes = ["", "!", "%21", ">", "<", "%3E", "%3C", "[]"];
const strayNames = ["strange", "constructor", "__proto__", "toString", "message", "", "=", "%00", "account", "limit"];

const methodNames: Readonly<Record<string, "POST" | "PATCH">> = { post: "POST", patch: "PATCH" };

interface Planned {
  readonly operation: Operation;
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: string | undefined;
}

function plan(path: string, method: string, operation: Operation): fc.Arbitrary<Planned> {
  const parameters = parametersOf(operation);
  const values = parameters.map((parameter) => {
    // Records of an unknown kind would be other routes; these are tried below as paths of their own.
    if (parameter.in === "path" && parameter.schema.enum)
      return fc.oneof({ weight: 2, arbitrary: fc.constant("requests") }, fc.constantFrom(...parameter.schema.enum));
    if (parameter.in === "path")
      return fc.oneof(
        { weight: 6, arbitrary: fc.constantFrom(...ticketIds) },
        { weight: 3, arbitrary: fc.constantFrom(...known) },
        { weight: 2, arbitrary: text().filter((value) => value !== "") },
      );
    return fc.oneof(text(), fc.constant(parameter.example ?? "1"));
  });
  const query = fc.array(
    fc.oneof(
      {
        weight: 6,
        arbitrary: fc.tuple(
          fc.constantFrom(...parameters.filter((parameter) => parameter.in === "query").map(({ name }) => name), "fields"),
          fc.constantFrom(...suffixes),
          text(),
        ),
      },
      { weight: 1, arbitrary: fc.tuple(fc.constantFrom(...strayNames), fc.constantFrom(...suffixes), text()) },
    ),
    { maxLength: 4 },
  );
  const required = parameters.filter((parameter) => parameter.in === "query" && parameter.required === true);
  const usableQuery = required.map(({ name }): [string, string, string] => [name, "", "squeal"]);
  const json = fc.record(
    {
      text: fc.oneof({ weight: 3, arbitrary: text() }, fc.anything()),
      internal: fc.oneof({ weight: 3, arbitrary: fc.boolean() }, text(), fc.anything()),
      medium: fc.oneof({ weight: 3, arbitrary: fc.constant("default") }, fc.constant("system"), text(), fc.anything()),
      attachments: fc.oneof(
        fc.constant([]),
        fc.array(fc.record({ key: text(), inline: fc.anything() }, { requiredKeys: [] })),
        fc.anything(),
      ),
      suppress_note_added_notifications: fc.anything(),
    },
    { requiredKeys: [] },
  );
  const record = fc.record(
    {
      subject: fc.oneof({ weight: 3, arbitrary: fc.constant("Brakes") }, text(), fc.anything()),
      status: fc.oneof(fc.constantFrom("in_progress", "waiting_for_customer", "completed", "closed"), text(), fc.anything()),
      requested_by_id: fc.oneof(
        fc.constantFrom(account.customer.number, String(account.customer.number), null),
        text(),
        fc.anything(),
      ),
      note: fc.oneof({ weight: 3, arbitrary: text() }, fc.anything()),
      note_attachments: fc.oneof(fc.constant([]), fc.array(fc.record({ key: text() })), fc.anything()),
      internal_note: fc.oneof({ weight: 3, arbitrary: text() }, fc.anything()),
      internal_note_attachments: fc.oneof(fc.constant([]), fc.anything()),
    },
    { requiredKeys: [] },
  );
  // One that can be used, so that every operation succeeds now and then.
  const usable = path.endsWith("/notes") ? { text: "They squeal" } : { subject: "Brakes", note: "They squeal" };
  const anyBody: fc.Arbitrary<object> = path.endsWith("/notes") ? json : record;
  const written = fc.oneof({ weight: 4, arbitrary: anyBody }, fc.constant<object>(usable));
  const body =
    method === "post" || method === "patch"
      ? fc.oneof({ weight: 5, arbitrary: written.map((value) => JSON.stringify(value)) }, text(), fc.json())
      : fc.constant(undefined);
  const strangeHeaders = fc.record(
    {
      "x-xurrent-account": fc.constantFrom(account.slug, account.slug, "nobody", "'", "\u{e9}"),
      "x-4me-source": text().map(lineSafe),
      accept: fc.constantFrom("*/*", "application/json", "text/html", ",", ";q=0", "x"),
      "if-none-match": fc.constantFrom("*", '"x"', "W/", ","),
      "content-type": fc.constantFrom("application/json", "text/plain", "multipart/form-data", "nonsense", ""),
    },
    { requiredKeys: [] },
  );
  const headers = fc.oneof({ weight: 2, arbitrary: fc.constant({}) }, strangeHeaders);
  const ending = fc.constantFrom("", "", "/", ".json");
  return fc
    .tuple(fc.tuple(...values), fc.oneof(fc.constant(usableQuery), { weight: 3, arbitrary: query }), headers, body, ending)
    .map(([filled, pairs, given, sent, end]) => {
      const target = parameters.reduce(
        (url, parameter, index) =>
          parameter.in === "path" ? url.replace(`{${parameter.name}}`, encodeSegment(String(filled[index]))) : url,
        path,
      );
      const search = pairs.map(([name, suffix, value]) => `${name}${suffix}=${value}`).join("&");
      return {
        operation,
        method,
        url: lineSafe(`/v1${target === "/" ? "" : target}${end}${search === "" ? "" : `?${search}`}`),
        headers: given,
        body: sent,
      };
    });
}

/**
 * The operation at a URL, if any: a fuzzed id can make one's path into another's, and a path that is spelled out wins
 * over an id.
 */
function reached(url: string, method: string): Operation | undefined {
  const asked = new URL(url, app.url).pathname
    .replace(/^\/v1/, "")
    .replace(/\/$/, "")
    .replace(/\.json$/, "");
  const candidates = Object.entries(document.paths).flatMap(([path, methods]) => {
    const operation = methods[method];
    if (!operation) return [];
    const pattern = parametersOf(operation).reduce(
      (shape, { name, schema }) => shape.replace(`{${name}}`, schema.enum ? `(?:${schema.enum.join("|")})` : "[^/]+"),
      path.replace(/\/$/, ""),
    );
    return new RegExp(`^${pattern}$`).test(asked) ? [{ operation, spelledOut: !path.includes("{") }] : [];
  });
  return (candidates.find(({ spelledOut }) => spelledOut) ?? candidates[0])?.operation;
}

/** A segment stays one: a slash or a question mark in it would make another path of it. */
const encodeSegment = (value: string) => value.replaceAll(/[/?]/g, encodeURIComponent);

test(
  `${requestCount} requests from the OpenAPI document: no 5xx, and no answer of another shape`,
  { timeout: 240_000 },
  async () => {
    const ajv = new Ajv2020({ strict: false, allErrors: true });
    formats.default(ajv);
    ajv.addSchema({ ...document, $id: "v1" });
    const validators = new Map<object, ValidateFunction>();
    const pointed = (schema: object) => JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"v1#/')) as object;
    function validatorOf({ responses }: Operation, status: number): ValidateFunction {
      const response = responses[String(status)] ?? responses["default"]!;
      const content =
        "$ref" in response && response.$ref
          ? document.components.responses[response.$ref.split("/").at(-1)!]!.content
          : response.content!;
      const { schema } = content["application/json"]!;
      const validator = validators.get(schema) ?? ajv.compile(pointed(schema));
      validators.set(schema, validator);
      return validator;
    }

    const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => plan(path, method, operation)),
    );
    expect(operations).toHaveLength(30);
    const statuses = new Map<number, number>();
    const answered = new Map<string, Set<number>>();
    let sent = 0;

    const property = fc.asyncProperty(
      fc.oneof(...operations),
      fc.nat(),
      async ({ operation: planned, method, url, headers, body }, turn) => {
        sent += 1;
        const key = turn % 50 === 0 ? undefined : keys[turn % 17 === 0 ? keyCount + (turn % 2) : turn % keyCount];
        const answer = await app.app.server.inject({
          method: methodNames[method] ?? "GET",
          url,
          headers: { ...headers, ...(key === undefined ? {} : { authorization: `Bearer ${key}` }) },
          ...(body === undefined ? {} : { payload: body }),
        });
        const received = `${answer.statusCode} ${JSON.stringify(answer.headers)}\n${answer.body}`;
        const said = `${method} ${url} ${JSON.stringify(headers)}\n${body}\n→ ${received}\n`;
        const operation = reached(url, method) ?? planned;
        statuses.set(answer.statusCode, (statuses.get(answer.statusCode) ?? 0) + 1);
        answered.set(operation.operationId, (answered.get(operation.operationId) ?? new Set()).add(answer.statusCode));
        expect([200, 201, 304, 400, 401, 403, 404, 406, 422], said).toContain(answer.statusCode);
        expect(answer.headers["cache-control"], said).toBe("no-store");
        if (answer.statusCode === 304) {
          expect(answer.body, said).toBe("");
          return;
        }
        expect(answer.headers["content-type"], said).toBe("application/json; charset=utf-8");
        const value: unknown = JSON.parse(answer.body);
        const failed = answer.statusCode >= 400;
        const schema = validatorOf(operation, failed ? 500 : answer.statusCode);
        expect(schema(value), `${said} ${ajv.errorsText(schema.errors)}`).toBe(true);
        if (!failed) expect(value, said).not.toHaveProperty("message");
        const isCollection =
          Array.isArray(value) && /^(list|search)/.test(operation.operationId) && operation.operationId !== "listTeams";
        expect(answer.headers["x-pagination-total-entries"] !== undefined, said).toBe(isCollection);
        const rates = ["limit", "remaining", "reset"].filter((name) => answer.headers[`x-ratelimit-${name}`] !== undefined);
        expect(rates.length, said).toBe(key === undefined ? 0 : 3);
      },
    );
    // Ids that are the names of other paths, which chance finds in one run of several.
    const { get: getNote } = document.paths["/notes/{id}"]!;
    const examples = ["/v1/notes/public.json", "/v1/notes/internal/", "/v1/notes/.."].map((url): [Planned, number] => [
      { operation: getNote!, method: "get", url, headers: {}, body: undefined },
      1,
    ]);
    await fc.assert(property, { numRuns: requestCount, endOnFailure: true, examples, ...seed });

    expect(sent).toBe(requestCount);
    // It reached what it was to reach: every operation has succeeded, and every kind of failure was met.
    expect([...answered].filter(([, met]) => !met.has(200) && !met.has(201)).map(([name]) => name)).toEqual([]);
    expect([...statuses.keys()].toSorted()).toEqual([200, 201, 304, 400, 401, 403, 404, 406, 422]);
  },
);

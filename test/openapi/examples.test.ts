import { readFileSync, writeFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openDatabase, type Database } from "../../src/database/database.ts";
import { type DemoKeys, loadDemo } from "../../src/demo/load.ts";
import type { Examples, JsonObject } from "../../src/rest/kit/openapi.ts";
import { publishV1Document } from "../../src/rest/v1/server/routes.ts";
import { publishV2Document } from "../../src/rest/v2/server/routes.ts";
import { startApp, type TestApp, unlimited } from "../support/app.ts";
import { createScratchDatabase, type ScratchDatabase } from "../support/database.ts";
import { askV1, askV2 } from "./requests.ts";

// The examples of the published documents are what a gateway with the demo data was really asked and really answered.
// `npm run examples` writes them; otherwise a gateway is asked the same again, and what it answers is compared.

const apis = {
  v1: { ask: askV1, publish: publishV1Document },
  v2: { ask: askV2, publish: publishV2Document },
} as const;
type ApiName = keyof typeof apis;

/** The public URL in the examples. */
const exampleUrl = "https://notes.example";
/** When the examples are asked for: a working day of the demo data. */
const askedAt = new Date("2026-11-20T09:30:00Z");

const fileOf = (api: ApiName) => new URL(`../../src/rest/${api}/server/examples.json`, import.meta.url);

let scratch: ScratchDatabase;
let database: Database;
let app: TestApp;
let keys: DemoKeys;

beforeAll(async () => {
  scratch = await createScratchDatabase();
  database = await openDatabase(scratch.config, { warn: () => undefined });
  // So few requests that an example can use them up.
  app = await startApp({ database, rateLimits: { ...unlimited, points: 2_000, requests: 600 } });
  keys = await loadDemo({ database, storage: app.storage });
  app.time.now = askedAt;
});
afterAll(async () => {
  await app.close();
  await database.close();
  await scratch.drop();
});

/** Files that a note got at the same moment are listed by their ids, which differ from run to run. */
function inOrder(name: string, part: unknown): unknown {
  if (name !== "attachments" || !Array.isArray(part)) return part;
  return part.toSorted((one: { id: number }, other: { id: number }) => one.id - other.id);
}

/** Returns a value in which nothing differs from run to run: no ids, times, ports and signatures. */
function lasting(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(lasting);
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, lasting(inOrder(name, part))]));
  if (typeof value !== "string") return value;
  return value
    .replaceAll(/https?:\/\/[^\s"]+/g, "<url>")
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, "<uuid>")
    .replaceAll(/\b[A-Za-z0-9+/_-]{40,}={0,2}/g, "<opaque>");
}

describe.each(Object.keys(apis) as ApiName[])("the examples of /%s", (api) => {
  const { ask, publish } = apis[api];
  const document = publish(exampleUrl);
  const kept = () => JSON.parse(readFileSync(fileOf(api), "utf8")) as Examples; // the test below compares it

  test("are what a gateway with the demo data answers", async () => {
    const text = JSON.stringify(await ask(app, keys), null, 2).replaceAll(app.url, exampleUrl);
    if (process.env["MODE"] === "write") writeFileSync(fileOf(api), `${text}\n`);
    expect(lasting(JSON.parse(text))).toEqual(lasting(kept()));
  });

  test("are of every operation and of every failure that the document names", () => {
    const { paths, components } = document as { paths: Record<string, JsonObject>; components: { responses: JsonObject } };
    const operations = Object.values(paths).flatMap((item) =>
      Object.values(item).flatMap((operation) => (operation as { operationId?: string }).operationId ?? []),
    );
    expect(Object.keys(kept().operations).toSorted()).toEqual(operations.filter((id) => id !== "getDocument").toSorted());
    const failures = Object.keys(components.responses).filter((name) => /^[A-Z]\w+/.test(name) && !shared.has(name));
    expect(Object.keys(kept().failures).toSorted()).toEqual(failures.toSorted());
  });

  test("of what may be left out are sent by nobody who only tries the operation", () => {
    const { paths, components } = document as { paths: Record<string, JsonObject>; components: { parameters?: JsonObject } };
    const inPaths = Object.values(paths).flatMap((item) =>
      [item, ...Object.values(item)].flatMap((holder) => (holder as { parameters?: JsonObject[] }).parameters ?? []),
    );
    const parameters = [...inPaths, ...(Object.values(components.parameters ?? {}) as JsonObject[])];
    const optional = parameters.filter((parameter) => "name" in parameter && parameter["required"] !== true);
    expect(optional.filter((parameter) => "example" in parameter)).toEqual([]);
    const named = optional.flatMap(({ examples }) => Object.values(examples ?? {}) as { "x-disabled"?: boolean }[]);
    expect(named.length).toBeGreaterThanOrEqual(api === "v1" ? 8 : 0);
    expect(named.every((example) => example["x-disabled"] === true)).toBe(true);
  });

  test("are valid by the document", () => {
    const ajv = new Ajv2020({ allErrors: true, strict: false });
    formats.default(ajv);
    ajv.addSchema({ ...document, $id: api });
    const checked = examplesIn(document).map(({ at, schema, example }) => {
      const validate = ajv.compile(referringTo(api, schema));
      return { at, isValid: validate(example), errors: validate.errors };
    });
    expect(checked.filter(({ isValid }) => !isValid)).toEqual([]);
    expect(checked.length).toBeGreaterThan(api === "v1" ? 45 : 20);
  });
});

/** The responses that are no failures of one kind. */
const shared: ReadonlySet<string> = new Set(["Problem", "Failure", "Person", "Notes", "Record", "Records"]);

interface FoundExample {
  readonly at: string;
  readonly schema: JsonObject;
  readonly example: unknown;
}

function examplesIn(part: unknown, at = "#"): FoundExample[] {
  if (typeof part !== "object" || part === null) return [];
  const own = "schema" in part ? valuesOf(part).map((example) => ({ at, schema: part.schema as JsonObject, example })) : [];
  const names = Object.entries(part).filter(([name]) => name !== "example" && name !== "examples");
  return [...own, ...names.flatMap(([name, value]) => examplesIn(value, `${at}/${name}`))];
}

/** Returns the examples of a parameter, a header or a body, in both forms that OpenAPI has. */
function valuesOf(part: object): unknown[] {
  const one = "example" in part ? [part.example] : [];
  const named = "examples" in part ? Object.values(part.examples as Record<string, { readonly value: unknown }>) : [];
  return [...one, ...named.map(({ value }) => value)];
}

/** Returns a schema whose references lead into the document `id`. */
function referringTo(id: string, schema: JsonObject): JsonObject {
  return JSON.parse(JSON.stringify(schema).replaceAll('"$ref":"#/', `"$ref":"${id}#/`)) as JsonObject;
}

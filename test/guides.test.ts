import { execFileSync, spawnSync } from "node:child_process";
import { globSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { buildSchema, isInputObjectType, Kind, OperationTypeNode, parse as parseOperations } from "graphql";
import { parse as parseYaml } from "yaml";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { openDatabase, type Database } from "../src/database/database.ts";
import { loadDemo } from "../src/demo/load.ts";
import { signingSecret, startApp, type TestApp } from "./support/app.ts";
import { createScratchDatabase, type ScratchDatabase } from "./support/database.ts";
import { fencedBlocks, readDocument, runShell } from "./support/guide.ts";

// The guides for users: what they tell to run is run, and what they name is there. The commands of operators.md are run
// by test/faults/restore.ts, and those of moving-in.md by a test of their own.

const root = resolve(import.meta.dirname, "..");
const guides = globSync("docs/guides/*.md", { cwd: root });
const hasPrograms = ["bash", "curl", "jq", "sha256sum"].every((name) => spawnSync(name, ["--version"]).error === undefined);

let directory: string;
let scratch: ScratchDatabase;
let database: Database;
let app: TestApp;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "guides-"));
  scratch = await createScratchDatabase();
  database = await openDatabase(scratch.config, { warn: () => undefined });
  app = await startApp({ database });
  const keys = await loadDemo({ database, storage: app.storage });
  mkdirSync(join(directory, ".data"));
  writeFileSync(join(directory, ".data/demo-keys.json"), JSON.stringify(keys));
});
afterAll(async () => {
  await app.close();
  await database.close();
  await scratch.drop();
  rmSync(directory, { recursive: true, force: true });
});

test.each(guides)("%s has one heading of level 1", (guide) => {
  const prose = readDocument(guide).replaceAll(/^```[^]*?^```$/gm, "");
  expect(prose.match(/^# /gm)).toHaveLength(1);
});

describe.runIf(hasPrograms && inject("testServer").kind === "postgresql")("the commands", () => {
  test.each(["docs/guides/mobile.md", "docs/guides/legacy-clients.md"])("of %s do what it says", async (guide) => {
    const blocks = fencedBlocks(readDocument(guide)).filter(({ language }) => language === "sh");
    expect(blocks.length).toBeGreaterThan(2);
    const url = scratch.config.kind === "postgresql" ? scratch.config.url : "";
    const usesNpm = blocks.some(({ text }) => text.includes("npm run"));
    const written = await runShell(blocks, {
      directory: usesNpm ? root : directory,
      environment: { DATABASE_URL: url, SIGNING_SECRET: signingSecret, DATA_DIR: join(directory, ".data") },
      replacements: { "http://127.0.0.1:4000": app.url },
    });
    const shown = blocks.flatMap((block, index) =>
      block.shown === undefined ? [] : [{ ...block, out: written[index] ?? "" }],
    );
    expect(shown.length).toBeGreaterThan(0);
    for (const { text, out, shown: expected } of shown)
      expect({ answer: JSON.parse(out) as unknown }, text).toMatchObject({ answer: expected });
  });
});

describe("mobile.md", () => {
  const blocks = fencedBlocks(readDocument("docs/guides/mobile.md"));
  const operations = readDocument("examples/mobile/operations.graphql");
  const ofLanguage = (...languages: readonly string[]) => blocks.filter(({ language }) => languages.includes(language));

  test("quotes the operations, and the programs in TypeScript", () => {
    for (const { text } of ofLanguage("graphql")) expect(operations).toContain(text);
    const programs = globSync("examples/*.ts", { cwd: root }).map(readDocument).join("\n");
    for (const { text } of ofLanguage("ts")) expect(programs).toContain(text);
    expect([ofLanguage("graphql").length, ofLanguage("ts").length]).toEqual([4, 4]);
  });

  test("names operations, inputs, fields and types of the schema in Kotlin and Swift", () => {
    const schema = buildSchema(readDocument("schema.graphql"));
    const { definitions } = parseOperations(operations);
    const classes = definitions.flatMap((definition) =>
      definition.kind === Kind.OPERATION_DEFINITION && definition.name
        ? [`${definition.name.value}${definition.operation === OperationTypeNode.QUERY ? "Query" : "Mutation"}`]
        : [],
    );
    const named: string[] = [];
    for (const { text } of ofLanguage("kotlin", "swift")) {
      for (const [name] of text.matchAll(/\b[A-Z]\w*(?:Query|Mutation)\b(?=\()/g)) {
        expect(classes).toContain(name);
        named.push(name);
      }
      for (const [, name = ""] of text.matchAll(/[.!?](?:on|as)([A-Z]\w*(?:Payload|Error)|Error)\b/g)) {
        expect(schema.getType(name), name).toBeDefined();
        named.push(name);
      }
      for (const [, name = "", given = ""] of text.matchAll(/\b([A-Z]\w*Input)\(([^]*?)\n?\)(?=[\n)])/g)) {
        const input = schema.getType(name);
        if (!isInputObjectType(input)) throw new Error(`${name} is no input.`);
        const fields = [...given.matchAll(/(?:^|[(,]\s*|\n\s*)(\w+)\s*[=:]/g)].map(([, field = ""]) => field);
        const known = Object.keys(input.getFields());
        expect(fields.length, text).toBeGreaterThan(0);
        for (const field of fields) expect(known, `${name} of ${text}`).toContain(field);
        // Swift takes them in the order of the schema only.
        const places = fields.map((field) => known.indexOf(field));
        if (text.includes("let input")) expect(places).toEqual(places.toSorted((one, other) => one - other));
        named.push(name);
      }
    }
    expect(new Set(named).size).toBeGreaterThan(10);
    const scalars = ofLanguage("kotlin").flatMap(({ text }) => [...text.matchAll(/mapScalar\w+\("(\w+)"\)/g)]);
    const own = Object.values(schema.getTypeMap()).filter(({ astNode }) => astNode?.kind === Kind.SCALAR_TYPE_DEFINITION);
    expect(scalars.map(([, name]) => name).toSorted()).toEqual(own.map(({ name }) => name).toSorted());
  });
});

describe("alerts.yml", () => {
  interface Rule {
    readonly alert: string;
    readonly expr: string;
  }
  const text = readDocument("docs/guides/alerts.yml");
  const { groups } = parseYaml(text) as { groups: { rules: Rule[] }[] };
  const rules = groups.flatMap((group) => group.rules);

  test("has alerts that operators.md explains, each", () => {
    const guide = readDocument("docs/guides/operators.md");
    const explained = [...guide.matchAll(/^\| `(TicketNotes\w+)` /gm)].map(([, name]) => name);
    expect(explained.toSorted()).toEqual(rules.map(({ alert }) => alert).toSorted());
  });

  test("names metrics, routes and labels that the gateway has", async () => {
    for (const path of ["/ready", "/graphql?query={__typename}"]) await fetch(app.url + path);
    await fetch(`${app.url}/graphql`, { method: "POST", headers: { "content-type": "application/json" }, body: "{}" });
    const metrics = await (await fetch(`${app.url}/metrics`)).text();
    const named = rules.flatMap(({ expr }) => [...expr.matchAll(/\b([a-z]\w+)\{([^}]*)\}/g)]);
    expect(named.length).toBeGreaterThanOrEqual(rules.length);
    for (const [, name = "", labels = ""] of named) {
      // Prometheus itself makes `up`, and the label `job`.
      if (name !== "up") expect(metrics, name).toMatch(new RegExp(`^${name}[{ ]`, "m"));
      for (const [, label = "", value = ""] of labels.matchAll(/\b(route|method)!?="([^"]*)"/g))
        expect(metrics, value).toContain(`${label}="${value}"`);
    }
  });

  test.runIf(spawnSync("promtool", ["--version"]).error === undefined)("is valid for promtool", () => {
    const path = join(root, "docs/guides/alerts.yml");
    expect(execFileSync("promtool", ["check", "rules", path], { encoding: "utf8" })).toContain(`${rules.length} rules found`);
    const block = fencedBlocks(readDocument("docs/guides/operators.md")).find(({ language }) => language === "yaml");
    writeFileSync(join(directory, "prometheus.yml"), block?.text ?? "");
    writeFileSync(join(directory, "alerts.yml"), text);
    execFileSync("promtool", ["check", "config", join(directory, "prometheus.yml")]);
  });
});

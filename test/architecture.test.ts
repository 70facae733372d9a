import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { cruise, type ICruiseOptions, type ICruiseResult } from "dependency-cruiser";
import extractDepcruiseOptions from "dependency-cruiser/config-utl/extract-depcruise-options";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = resolve(import.meta.dirname, "..");

/** A small code base that breaks no rule: what each rule must allow is here, and a file of each layer and stage. */
const soundCode: Readonly<Record<string, string>> = {
  "src/main.ts": `import { app } from "./app.ts"; import pg from "pg"; app(pg);`,
  "src/app.ts": `
    import { createServices } from "./create-services.ts"; import { openDatabase } from "./database/database.ts";
    import "./schema.ts"; import "./rest/v2/server/routes.ts"; import "./http/server/server.ts"; import "./graphql/server/engine.ts";
    import { readConfig } from "./config.ts";
    export const app = (pg: unknown) => [createServices(openDatabase(pg)), readConfig];`,
  "src/create-services.ts": `import { createNotes } from "./notes/service.ts"; export const createServices = createNotes;`,
  "src/schema.ts": `import "./people/graphql.ts"; import "./notes/graphql.ts";`,
  "src/config.ts": `import { z } from "zod"; export const readConfig = z.string();`,
  "src/errors.ts": `export const invalid = 1;`,
  "src/viewer.ts": `
    import { invalid } from "./errors.ts"; import type { Budget } from "./lib/response-budget.ts";
    export const viewer = (budget: Budget) => [invalid, budget];`,
  "src/services.ts": `import type { viewer } from "./viewer.ts"; export type Services = typeof viewer;`,
  "src/generated/prisma/client.ts": `export const PrismaClient = 1; export type Note = { id: string };`,
  "src/generated/pothos.ts": `export type PrismaTypes = string;`,
  "src/lib/response-budget.ts": `export type Budget = number;`,
  "src/lib/clock.ts": `import { invalid } from "../errors.ts"; export const clock = invalid;`,
  "src/database/database.ts": `
    import pg from "pg"; import { PrismaClient } from "#generated/prisma/client.ts"; import { clock } from "../lib/clock.ts";
    export const openDatabase = (given: unknown) => [pg, given, PrismaClient, clock];`,
  "src/database/sql.ts": `import { PrismaClient } from "#generated/prisma/client.ts"; export const matches = PrismaClient;`,
  "src/query/model/page.ts": `import { matches } from "../../database/sql.ts"; export const page = matches;`,
  "src/query/plan/plan.ts": `import { keyset } from "./keyset.ts"; export const plan = keyset;`,
  "src/query/plan/keyset.ts": `import { page } from "../model/page.ts"; export const keyset = page;`,
  "src/query/statement/statement.ts": `import { writeRow } from "./write.ts"; export const statement = writeRow;`,
  "src/query/statement/write.ts": `import { plan } from "../plan/plan.ts"; export const writeRow = plan;`,
  "src/query/run/runner.ts": `import { batch } from "./batch.ts"; export const run = batch;`,
  "src/query/run/batch.ts": `
    import { openDatabase } from "../../database/database.ts"; import { statement } from "../statement/statement.ts";
    export const batch = [openDatabase, statement];`,
  "src/query/result/decoder.ts": `import { json } from "./json-result.ts"; export const decode = json;`,
  "src/query/result/json-result.ts": `import { page } from "../model/page.ts"; export const json = page;`,
  "src/query/reads.ts": `
    import { openDatabase } from "../database/database.ts"; import { decode } from "./result/decoder.ts"; import { run } from "./run/runner.ts";
    export const reads = [openDatabase, decode, run];`,
  "src/limits/limits.ts": `import { viewer } from "../viewer.ts"; export const limits = viewer;`,
  "src/http/kit/problem.ts": `import type { FastifyReply } from "fastify"; export type Problem = FastifyReply;`,
  "src/http/server/server.ts": `
    import fastify from "fastify"; import { limits } from "../../limits/limits.ts"; import type { Problem } from "../kit/problem.ts";
    export const server = (problem: Problem) => [fastify, limits, problem];`,
  "src/people/service.ts": `export type Person = { id: string };`,
  "src/people/graphql.ts": `import { builder } from "../graphql/kit/builder.ts"; export const PersonRef = builder;`,
  "src/notes/relations.ts": `
    import { PrismaClient } from "#generated/prisma/client.ts"; import { page } from "../query/model/page.ts";
    export const notes = [PrismaClient, page];`,
  "src/redaction/policy.ts": `import { viewer } from "../viewer.ts"; export const redactor = viewer;`,
  "src/notes/policy.ts": `
    import { matches } from "../database/sql.ts"; import { viewer } from "../viewer.ts"; import type { Note } from "#generated/prisma/client.ts";
    export const visible = (note: Note) => [matches, viewer, note];`,
  "src/notes/service.ts": `
    import { openDatabase } from "../database/database.ts"; import { PrismaClient } from "#generated/prisma/client.ts";
    import { visible } from "./policy.ts"; import { notes } from "./relations.ts"; import { reads } from "../query/reads.ts";
    import type { Person } from "../people/service.ts";
    export type { Note } from "#generated/prisma/client.ts";
    export const createNotes = (person: Person) => [openDatabase, PrismaClient, visible, notes, reads, person];`,
  "src/notes/graphql.ts": `
    import { builder } from "../graphql/kit/builder.ts"; import { PersonRef } from "../people/graphql.ts"; import { visible } from "./policy.ts";
    import type { Note } from "./service.ts"; import { GraphQLError } from "graphql";
    export const NoteRef = (note: Note) => [builder, PersonRef, visible, note, GraphQLError];`,
  "src/notes/v2.ts": `
    import type { FastifyInstance } from "fastify"; import { page } from "../rest/kit/page.ts"; import type { Note } from "./service.ts";
    export const routes = (server: FastifyInstance, note: Note) => [server, note, page];`,
  "src/graphql/kit/builder.ts": `
    import SchemaBuilder from "@pothos/core"; import type { PrismaTypes } from "#generated/pothos.ts";
    export const builder = new SchemaBuilder<{ PrismaTypes: PrismaTypes }>({});`,
  "src/graphql/documents/documents.ts": `import { parse } from "graphql"; export const documents = parse;`,
  "src/graphql/select/select.ts": `import { cache } from "./selection-cache.ts"; export const select = cache;`,
  "src/graphql/select/selection-cache.ts": `import { page } from "../../query/model/page.ts"; export const cache = page;`,
  "src/graphql/server/engine.ts": `
    import { documents } from "../documents/documents.ts"; import { select } from "../select/select.ts";
    export const engine = [documents, select];`,
  "src/rest/kit/page.ts": `export const page = 1;`,
  "src/rest/v2/server/routes.ts": `
    import { routes } from "../../../notes/v2.ts"; import { page } from "../../kit/page.ts"; export const v2 = [routes, page];`,
  "src/demo/load.ts": `import { app } from "../app.ts"; export const load = app;`,
  "src/transfer/import-rows.ts": `
    import { openDatabase } from "../database/database.ts"; import { visible } from "../notes/policy.ts";
    export const importRows = [openDatabase, visible];`,
  "src/transfer/import.ts": `import { importRows } from "./import-rows.ts"; export const importAll = importRows;`,
  "src/shadow/shadow.ts": `import { importAll } from "../transfer/import.ts"; export const shadow = importAll;`,
  "src/import-data.ts": `
    import { runCommand } from "./command.ts"; import { shadow } from "./shadow/shadow.ts"; runCommand(shadow);`,
  "src/command.ts": `import { invalid } from "./errors.ts"; export const runCommand = invalid;`,
  "src/load-demo.ts": `import { runCommand } from "./command.ts"; import { load } from "./demo/load.ts"; runCommand(load);`,
  "test/notes.test.ts": `import { app } from "../src/app.ts"; import { test } from "vitest"; test("notes", app);`,
};

interface Breach {
  readonly files: Readonly<Record<string, string>>;
  /** What must be reported of the files: `file → what it imports`. */
  readonly said: readonly string[];
}

/**
 * One import for each rule about order and about entries: the rule, the file that breaks it, and what the file imports.
 */
const forbidden: readonly (readonly [rule: string, file: string, imported: string])[] = [
  ["errors-import-nothing-above", "src/errors.ts", "src/config.ts"],
  ["config-import-nothing-above", "src/config.ts", "src/viewer.ts"],
  ["generated-import-nothing-above", "src/generated/prisma/models.ts", "src/lib/clock.ts"],
  ["lib-import-nothing-above", "src/lib/log.ts", "src/viewer.ts"],
  ["viewer-import-nothing-above", "src/viewer.ts", "src/database/sql.ts"],
  ["services-import-nothing-above", "src/services.ts", "src/notes/service.ts"],
  ["database-and-storage-import-nothing-above", "src/storage/storage.ts", "src/query/model/page.ts"],
  ["query-import-nothing-above", "src/query/plan/order.ts", "src/people/service.ts"],
  ["limits-import-nothing-above", "src/limits/redis.ts", "src/http/kit/problem.ts"],
  ["http-kit-import-nothing-above", "src/http/kit/refusal.ts", "src/graphql/kit/builder.ts"],
  ["kits-of-apis-import-nothing-above", "src/graphql/kit/builder.ts", "src/people/service.ts"],
  ["features-import-nothing-above", "src/access/credentials.ts", "src/http/server/server.ts"],
  ["graphql-documents-import-nothing-above", "src/graphql/documents/cost.ts", "src/graphql/select/select.ts"],
  ["graphql-select-import-nothing-above", "src/graphql/select/collect-fields.ts", "src/graphql/server/engine.ts"],
  ["servers-import-nothing-above", "src/http/server/health.ts", "src/create-services.ts"],
  ["schema-and-create-services-import-nothing-above", "src/schema.ts", "src/command.ts"],
  ["app-import-nothing-above", "src/app.ts", "src/command.ts"],
  ["transfer-import-nothing-above", "src/transfer/source.ts", "src/shadow/shadow.ts"],
  ["shadow-import-nothing-above", "src/shadow/shadow.ts", "src/command.ts"],
  ["demo-import-nothing-above", "src/demo/start.ts", "src/command.ts"],

  ["idempotency-import-nothing-downstream", "src/idempotency/claim.ts", "src/notes/policy.ts"],
  ["people-import-nothing-downstream", "src/people/policy.ts", "src/notes/policy.ts"],
  ["access-import-nothing-downstream", "src/access/tokens.ts", "src/notes/policy.ts"],
  ["administration-import-nothing-downstream", "src/administration/input.ts", "src/notes/policy.ts"],
  ["search-import-nothing-downstream", "src/search/input.ts", "src/notes/policy.ts"],
  ["tickets-import-nothing-downstream", "src/tickets/policy.ts", "src/notes/service.ts"],
  ["notes-import-nothing-downstream", "src/notes/ordering.ts", "src/attachments/policy.ts"],
  ["history-import-nothing-downstream", "src/history/input.ts", "src/attachments/policy.ts"],
  ["attachments-import-nothing-downstream", "src/attachments/input.ts", "src/redaction/policy.ts"],
  ["mail-import-nothing-downstream", "src/mail/input.ts", "src/redaction/policy.ts"],

  ["model-import-no-later-stage", "src/query/model/entity.ts", "src/query/plan/plan.ts"],
  ["plan-import-no-later-stage", "src/query/plan/budget.ts", "src/query/statement/statement.ts"],
  ["statement-import-no-later-stage", "src/query/statement/json-text.ts", "src/query/run/runner.ts"],
  ["run-import-no-later-stage", "src/query/run/cache.ts", "src/query/result/decoder.ts"],
  ["result-import-no-later-stage", "src/query/result/rows.ts", "src/query/reads.ts"],

  ["query-plan-has-one-entry", "src/query/run/cache.ts", "src/query/plan/keyset.ts"],
  ["query-statement-has-one-entry", "src/query/run/cache.ts", "src/query/statement/write.ts"],
  ["query-run-has-one-entry", "src/notes/ordering.ts", "src/query/run/batch.ts"],
  ["query-result-has-one-entry", "src/rest/kit/json.ts", "src/query/result/json-result.ts"],
  ["a-viewer-knows-errors-and-its-budget", "src/viewer.ts", "src/lib/clock.ts"],
  ["graphql-select-has-one-entry", "src/graphql/server/operations.ts", "src/graphql/select/selection-cache.ts"],
];

/** Files that exist in `forbidden` only to be imported. */
const imported: Readonly<Record<string, string>> = {
  "src/attachments/policy.ts": `import { matches } from "../database/sql.ts"; export const attachments = matches;`,
};

/** Returns `file` of the sound code base with one more import. Even the import of a type breaks these rules. */
function importing(file: string, other: string): Breach {
  const path = relative(dirname(file), other);
  const line = `import type * as other from "${path.startsWith(".") ? path : `./${path}`}"; export type Other = typeof other;`;
  return {
    files: { ...pick(imported, other), [file]: `${soundCode[file] ?? ""} ${line}` },
    said: [`${file} → ${other}`],
  };
}

function pick(files: Readonly<Record<string, string>>, path: string): Record<string, string> {
  return files[path] === undefined ? {} : { [path]: files[path] };
}

/** For each rule, files that break it and what must be reported of them. */
const breaches: Readonly<Record<string, Breach>> = {
  ...Object.fromEntries(forbidden.map(([rule, file, other]) => [rule, importing(file, other)])),
  "every-file-has-a-layer": {
    files: {
      "src/new/thing.ts": `import { invalid } from "../errors.ts"; export const thing = invalid;`,
      "src/new/other.ts": `import { thing } from "./thing.ts"; export const other = thing;`,
    },
    said: ["src/new/other.ts → src/new/thing.ts"],
  },
  "database-behind-services": {
    files: {
      "src/notes/input.ts": `import { openDatabase } from "../database/database.ts"; export const notes = openDatabase;`,
      "src/notes/ordering.ts": `import type { openDatabase } from "../database/database.ts"; export type Handed = typeof openDatabase;`,
      "src/tickets/v2.ts": `import type { openDatabase } from "../database/database.ts"; export type Handed = typeof openDatabase;`,
      "src/http/server/health.ts": `import pg from "pg"; export const health = pg;`,
      "src/http/server/late.ts": `export const late = () => import("pg");`,
    },
    said: [
      "src/notes/input.ts → src/database/database.ts",
      "src/notes/ordering.ts → src/database/database.ts",
      "src/tickets/v2.ts → src/database/database.ts",
      "src/http/server/health.ts → node_modules/pg",
      "src/http/server/late.ts → node_modules/pg",
    ],
  },
  "rows-are-types": {
    files: {
      "src/notes/input.ts": `import { PrismaClient, type Note } from "#generated/prisma/client.ts"; export const of = (n: Note) => [n, PrismaClient];`,
      "src/notes/twice.ts": `
        import type { Note } from "#generated/prisma/client.ts"; import { PrismaClient } from "#generated/prisma/client.ts";
        export const of = (n: Note) => [n, PrismaClient];`,
    },
    said: ["src/notes/input.ts → src/generated/prisma/client.ts", "src/notes/twice.ts → src/generated/prisma/client.ts"],
  },
  "apis-know-no-database": {
    files: {
      "src/people/v1.ts": `import type { Note } from "#generated/prisma/client.ts"; export type Person = Note;`,
      "src/rest/v2/server/list.ts": `import { matches } from "../../../database/sql.ts"; export const list = matches;`,
    },
    said: ["src/people/v1.ts → src/generated/prisma/client.ts", "src/rest/v2/server/list.ts → src/database/sql.ts"],
  },
  "apis-are-handed-services": {
    files: {
      "src/attachments/graphql.ts": `import { createNotes } from "../notes/service.ts"; export const notes = createNotes;`,
    },
    said: ["src/attachments/graphql.ts → src/notes/service.ts"],
  },
  "graphql-stands-alone": {
    files: { "src/attachments/graphql.ts": `import { routes } from "../notes/v2.ts"; export const attachment = routes;` },
    said: ["src/attachments/graphql.ts → src/notes/v2.ts"],
  },
  "v1-stands-alone": {
    files: { "src/notes/v1.ts": `import { routes } from "./v2.ts"; export const notes = routes;` },
    said: ["src/notes/v1.ts → src/notes/v2.ts"],
  },
  "v2-stands-alone": {
    files: {
      "src/rest/v2/kit/ids.ts": `import { builder } from "../../../graphql/kit/builder.ts"; export const ids = builder;`,
    },
    said: ["src/rest/v2/kit/ids.ts → src/graphql/kit/builder.ts"],
  },
  "use-cases-know-no-api": {
    files: {
      "src/attachments/service.ts": `import type { FastifyRequest } from "fastify"; export type Upload = FastifyRequest;`,
      "src/tickets/input.ts": `import { GraphQLError } from "graphql"; export const error = GraphQLError;`,
      "src/tickets/service.ts": `import { builder } from "../graphql/kit/builder.ts"; export const tickets = builder;`,
      "src/access/credentials.ts": `import type { Problem } from "../http/kit/problem.ts"; export type Refusal = Problem;`,
      "src/access/tokens.ts": `import { page } from "../rest/kit/page.ts"; export const tokens = page;`,
    },
    said: [
      "src/attachments/service.ts → node_modules/fastify",
      "src/tickets/input.ts → node_modules/graphql",
      "src/tickets/service.ts → src/graphql/kit/builder.ts",
      "src/access/credentials.ts → src/http/kit/problem.ts",
      "src/access/tokens.ts → src/rest/kit/page.ts",
    ],
  },
  "generated-types-by-the-builder": {
    files: {
      "src/graphql/kit/connections.ts": `import type { PrismaTypes } from "#generated/pothos.ts"; export type Types = PrismaTypes;`,
    },
    said: ["src/graphql/kit/connections.ts → src/generated/pothos.ts"],
  },
  "errors-config-and-viewer-know-no-library": {
    files: { "src/errors.ts": `import { GraphQLError } from "graphql"; export const invalid = GraphQLError;` },
    said: ["src/errors.ts → node_modules/graphql"],
  },
  "no-cycles": {
    files: {
      "src/lib/time.ts": `import type { Instant } from "./instant.ts"; export type Clock = Instant;`,
      "src/lib/instant.ts": `import type { Clock } from "./time.ts"; export type Instant = Clock;`,
    },
    // A cycle is said once, from one of its files.
    said: ["src/lib/instant.ts → src/lib/time.ts"],
  },
  "no-barrels": {
    files: {
      "src/notes/index.ts": `export { visible } from "./policy.ts";`,
      "src/rest/v2/server/all.ts": `export * from "./routes.ts";`,
    },
    said: ["src/notes/index.ts → src/notes/policy.ts", "src/rest/v2/server/all.ts → src/rest/v2/server/routes.ts"],
  },
  "no-orphans": {
    files: { "src/lib/log.ts": `export const log = 1;` },
    said: ["src/lib/log.ts"],
  },
  "sources-import-no-tests": {
    files: {
      "test/support/clock.ts": `export const clock = 1;`,
      "src/lib/stopwatch.ts": `import { clock } from "../../test/support/clock.ts"; export const time = clock;`,
    },
    said: ["src/lib/stopwatch.ts → test/support/clock.ts"],
  },
  "runtime-dependencies-are-declared": {
    files: {
      "src/http/server/guess.ts": `import { string } from "fast-check"; export const guess = string;`,
      // Installed because something else needs it.
      "src/http/server/avvio.ts": `import avvio from "avvio"; export const start = avvio;`,
    },
    said: ["src/http/server/guess.ts → node_modules/fast-check", "src/http/server/avvio.ts → node_modules/avvio"],
  },
  "imports-exist": {
    files: { "src/http/server/landing.ts": `import { page } from "./nowhere.ts"; export const landing = page;` },
    said: ["src/http/server/landing.ts → ./nowhere.ts"],
  },
};

let options: ICruiseOptions;
let codeBase: string;

beforeAll(async () => {
  options = await extractDepcruiseOptions(join(root, ".dependency-cruiser.mjs"));
  codeBase = await mkdtemp(join(tmpdir(), "code-base-"));
  await symlink(join(root, "node_modules"), join(codeBase, "node_modules"));
  await cp(join(root, "package.json"), join(codeBase, "package.json"));
});

afterAll(() => rm(codeBase, { recursive: true }));

/** Returns `rule: file → what it imports` for everything that the rules report of these files. */
async function said(files: Readonly<Record<string, string>>): Promise<string[]> {
  await Promise.all(["src", "test"].map((folder) => rm(join(codeBase, folder), { recursive: true, force: true })));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(codeBase, path)), { recursive: true });
    await writeFile(join(codeBase, path), text);
  }
  const { output } = await cruise(["src", "test"], { ...options, baseDir: codeBase });
  // Only reporters produce text, and none was requested.
  const { violations } = (output as ICruiseResult).summary;
  return violations.map(({ rule, from, to }) => `${rule.name}: ${from === to ? from : `${from} → ${shortened(to)}`}`);
}

/** A package's entry without where and how it was installed. */
function shortened(path: string): string {
  return path.replace(/^.*node_modules\/((?:@[^/]+\/)?[^/]+)\/.*$/, "node_modules/$1");
}

describe("the import rules", () => {
  test("report nothing in a sound code base", async () => {
    expect(await said(soundCode)).toEqual([]);
  });

  test.each(Object.entries(breaches))("%s: says what breaks it, and no more", async (rule, breach) => {
    const found = await said({ ...soundCode, ...breach.files });
    expect(found.toSorted()).toEqual(breach.said.map((line) => `${rule}: ${line}`).toSorted());
  });

  test("are each broken here once", () => {
    const rules = options.ruleSet?.forbidden?.map((rule) => rule.name);
    expect(Object.keys(breaches).toSorted()).toEqual(rules?.toSorted());
  });
});

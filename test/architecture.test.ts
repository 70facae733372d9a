import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { cruise, type ICruiseOptions, type ICruiseResult } from "dependency-cruiser";
import extractDepcruiseOptions from "dependency-cruiser/config-utl/extract-depcruise-options";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = resolve(import.meta.dirname, "..");

/** A house in which everything is allowed: what each rule must let pass stands here. */
const soundHouse = {
  "src/main.ts": `import { app } from "./app.ts"; import pg from "pg"; app(pg);`,
  "src/app.ts": `
    import { createNotes } from "./notes/service.ts"; import { openDatabase } from "./platform/database.ts"; import "./graph/schema.ts";
    import "./rest/v2/routes.ts"; import "./http/server.ts"; import { readConfig } from "./config.ts";
    export const app = (pg: unknown) => [createNotes(openDatabase(pg)), readConfig];`,
  "src/config.ts": `import { z } from "zod"; export const readConfig = z.string();`,
  "src/errors.ts": `export const invalid = 1;`,
  "src/viewer.ts": `import { invalid } from "./errors.ts"; export const viewer = invalid;`,
  "src/generated/prisma/client.ts": `export const PrismaClient = 1; export type Note = { id: string };`,
  "src/generated/pothos.ts": `export type PrismaTypes = string;`,
  "src/platform/database.ts": `
    import pg from "pg"; import { PrismaClient } from "#generated/prisma/client.ts"; import { invalid } from "../errors.ts";
    export const openDatabase = (given: unknown) => [pg, given, PrismaClient, invalid];`,
  "src/platform/sql.ts": `import { PrismaClient } from "#generated/prisma/client.ts"; export const matches = PrismaClient;`,
  "src/people/service.ts": `export type Person = { id: string };`,
  "src/people/graph.ts": `import { builder } from "../graph/builder.ts"; export const PersonRef = builder;`,
  "src/notes/policy.ts": `
    import { matches } from "../platform/sql.ts"; import { viewer } from "../viewer.ts"; import type { Note } from "#generated/prisma/client.ts";
    export const visible = (note: Note) => [matches, viewer, note];`,
  "src/notes/service.ts": `
    import { openDatabase } from "../platform/database.ts"; import { PrismaClient } from "#generated/prisma/client.ts";
    import { visible } from "./policy.ts"; import type { Person } from "../people/service.ts";
    export type { Note } from "#generated/prisma/client.ts";
    export const createNotes = (person: Person) => [openDatabase, PrismaClient, visible, person];`,
  "src/notes/graph.ts": `
    import { builder } from "../graph/builder.ts"; import { PersonRef } from "../people/graph.ts"; import { visible } from "./policy.ts";
    import type { Note } from "./service.ts"; import { GraphQLError } from "graphql";
    export const NoteRef = (note: Note) => [builder, PersonRef, visible, note, GraphQLError];`,
  "src/notes/v2.ts": `
    import type { FastifyInstance } from "fastify"; import { page } from "../rest/page.ts"; import type { Note } from "./service.ts";
    export const routes = (server: FastifyInstance, note: Note) => [server, note, page];`,
  "src/graph/builder.ts": `
    import SchemaBuilder from "@pothos/core"; import type { PrismaTypes } from "#generated/pothos.ts";
    export const builder = new SchemaBuilder<{ PrismaTypes: PrismaTypes }>({});`,
  "src/graph/schema.ts": `import "../people/graph.ts"; import "../notes/graph.ts";`,
  "src/rest/page.ts": `export const page = 1;`,
  "src/rest/v2/routes.ts": `import { routes } from "../../notes/v2.ts"; import { page } from "../page.ts"; export const v2 = [routes, page];`,
  "src/http/server.ts": `import fastify from "fastify"; export const server = fastify;`,
  "test/notes.test.ts": `import { app } from "../src/app.ts"; import { test } from "vitest"; test("notes", app);`,
};

/** For each rule, files that break it and what must be said of them: `file → what it imports`. */
const breaches: Record<string, { files: Record<string, string>; said: string[] }> = {
  "database-behind-services": {
    files: {
      "src/notes/input.ts": `import { openDatabase } from "../platform/database.ts"; export const notes = openDatabase;`,
      "src/notes/ordering.ts": `import type { openDatabase } from "../platform/database.ts"; export type Handed = typeof openDatabase;`,
      "src/tickets/v2.ts": `import type { openDatabase } from "../platform/database.ts"; export type Handed = typeof openDatabase;`,
      "src/http/health.ts": `import pg from "pg"; export const health = pg;`,
      "src/http/late.ts": `export const late = () => import("pg");`,
    },
    said: [
      "src/notes/input.ts → src/platform/database.ts",
      "src/notes/ordering.ts → src/platform/database.ts",
      "src/tickets/v2.ts → src/platform/database.ts",
      "src/http/health.ts → node_modules/pg",
      "src/http/late.ts → node_modules/pg",
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
  "faces-know-no-database": {
    files: {
      "src/people/v1.ts": `import type { Note } from "#generated/prisma/client.ts"; export type Person = Note;`,
      "src/rest/v2/list.ts": `import { matches } from "../../platform/sql.ts"; export const list = matches;`,
    },
    said: ["src/people/v1.ts → src/generated/prisma/client.ts", "src/rest/v2/list.ts → src/platform/sql.ts"],
  },
  "faces-are-handed-services": {
    files: {
      "src/attachments/graph.ts": `import { createNotes } from "../notes/service.ts"; export const notes = createNotes;`,
    },
    said: ["src/attachments/graph.ts → src/notes/service.ts"],
  },
  "graphql-stands-alone": {
    files: { "src/attachments/graph.ts": `import { routes } from "../notes/v2.ts"; export const attachment = routes;` },
    said: ["src/attachments/graph.ts → src/notes/v2.ts"],
  },
  "v1-stands-alone": {
    files: { "src/notes/v1.ts": `import { routes } from "./v2.ts"; export const notes = routes;` },
    said: ["src/notes/v1.ts → src/notes/v2.ts"],
  },
  "v2-stands-alone": {
    files: { "src/rest/v2/ids.ts": `import { builder } from "../../graph/builder.ts"; export const ids = builder;` },
    said: ["src/rest/v2/ids.ts → src/graph/builder.ts"],
  },
  "people-import-nothing-downstream": {
    files: { "src/people/policy.ts": `import { visible } from "../notes/policy.ts"; export const people = visible;` },
    said: ["src/people/policy.ts → src/notes/policy.ts"],
  },
  "access-import-nothing-downstream": {
    files: { "src/access/tokens.ts": `import { visible } from "../notes/policy.ts"; export const tokens = visible;` },
    said: ["src/access/tokens.ts → src/notes/policy.ts"],
  },
  "tickets-import-nothing-downstream": {
    files: { "src/tickets/policy.ts": `import type { Note } from "../notes/service.ts"; export type Ticket = Note;` },
    said: ["src/tickets/policy.ts → src/notes/service.ts"],
  },
  "notes-import-nothing-downstream": {
    files: {
      "src/attachments/policy.ts": `import { visible } from "../notes/policy.ts"; export const attachments = visible;`,
      "src/notes/ordering.ts": `import { attachments } from "../attachments/policy.ts"; export const ordering = attachments;`,
    },
    said: ["src/notes/ordering.ts → src/attachments/policy.ts"],
  },
  "use-cases-know-no-face": {
    files: {
      "src/attachments/service.ts": `import type { FastifyRequest } from "fastify"; export type Upload = FastifyRequest;`,
      "src/tickets/input.ts": `import { GraphQLError } from "graphql"; export const error = GraphQLError;`,
      "src/tickets/service.ts": `import { builder } from "../graph/builder.ts"; export const tickets = builder;`,
      "src/access/credentials.ts": `import { server } from "../http/server.ts"; export const credentials = server;`,
    },
    said: [
      "src/attachments/service.ts → node_modules/fastify",
      "src/tickets/input.ts → node_modules/graphql",
      "src/tickets/service.ts → src/graph/builder.ts",
      "src/access/credentials.ts → src/http/server.ts",
    ],
  },
  "platform-knows-no-house": {
    files: { "src/platform/storage.ts": `import { viewer } from "../viewer.ts"; export const storage = viewer;` },
    said: ["src/platform/storage.ts → src/viewer.ts"],
  },
  "the-planner-knows-no-feature": {
    files: { "src/reading/plan.ts": `import type { Person } from "../people/service.ts"; export type Planned = Person;` },
    said: ["src/reading/plan.ts → src/people/service.ts"],
  },
  "builder-knows-no-types": {
    files: {
      "src/graph/builder.ts": `${soundHouse["src/graph/builder.ts"]} import type { Person } from "../people/service.ts"; export type Viewer = Person;`,
    },
    said: ["src/graph/builder.ts → src/people/service.ts"],
  },
  "generated-types-by-the-builder": {
    files: {
      "src/graph/connections.ts": `import type { PrismaTypes } from "#generated/pothos.ts"; export type Types = PrismaTypes;`,
    },
    said: ["src/graph/connections.ts → src/generated/pothos.ts"],
  },
  "ground-floor": {
    files: { "src/errors.ts": `import { GraphQLError } from "graphql"; export const invalid = GraphQLError;` },
    said: ["src/errors.ts → node_modules/graphql"],
  },
  "no-cycles": {
    files: {
      "src/platform/clock.ts": `import type { Instant } from "./instant.ts"; export type Clock = Instant;`,
      "src/platform/instant.ts": `import type { Clock } from "./clock.ts"; export type Instant = Clock;`,
    },
    // A cycle is said once, from one of its files.
    said: ["src/platform/clock.ts → src/platform/instant.ts"],
  },
  "no-barrels": {
    files: {
      "src/notes/index.ts": `export { visible } from "./policy.ts";`,
      "src/rest/v2/all.ts": `export * from "./routes.ts";`,
    },
    said: ["src/notes/index.ts → src/notes/policy.ts", "src/rest/v2/all.ts → src/rest/v2/routes.ts"],
  },
  "no-orphans": {
    files: { "src/platform/log.ts": `export const log = 1;` },
    said: ["src/platform/log.ts"],
  },
  "sources-import-no-tests": {
    files: {
      "test/support/clock.ts": `export const clock = 1;`,
      "src/platform/time.ts": `import { clock } from "../../test/support/clock.ts"; export const time = clock;`,
    },
    said: ["src/platform/time.ts → test/support/clock.ts"],
  },
  "runtime-dependencies-are-declared": {
    files: {
      "src/http/guess.ts": `import { string } from "fast-check"; export const guess = string;`,
      // Installed because something else needs it.
      "src/http/avvio.ts": `import avvio from "avvio"; export const start = avvio;`,
    },
    said: ["src/http/guess.ts → node_modules/fast-check", "src/http/avvio.ts → node_modules/avvio"],
  },
  "imports-exist": {
    files: { "src/http/landing.ts": `import { page } from "./nowhere.ts"; export const landing = page;` },
    said: ["src/http/landing.ts → ./nowhere.ts"],
  },
};

let options: ICruiseOptions;
let house: string;

beforeAll(async () => {
  options = await extractDepcruiseOptions(join(root, ".dependency-cruiser.mjs"));
  house = await mkdtemp(join(tmpdir(), "house-"));
  await symlink(join(root, "node_modules"), join(house, "node_modules"));
  await cp(join(root, "package.json"), join(house, "package.json"));
});

afterAll(() => rm(house, { recursive: true }));

/** `rule: file → what it imports`, for everything that the rules say of these files. */
async function said(files: Record<string, string>): Promise<string[]> {
  await Promise.all(["src", "test"].map((folder) => rm(join(house, folder), { recursive: true, force: true })));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(house, path)), { recursive: true });
    await writeFile(join(house, path), text);
  }
  const { output } = await cruise(["src", "test"], { ...options, baseDir: house });
  // Only reporters produce text, and none was requested.
  const { violations } = (output as ICruiseResult).summary;
  return violations.map(({ rule, from, to }) => `${rule.name}: ${from === to ? from : `${from} → ${shortened(to)}`}`);
}

/** A package's entry without where and how it was installed. */
function shortened(path: string): string {
  return path.replace(/^.*node_modules\/((?:@[^/]+\/)?[^/]+)\/.*$/, "node_modules/$1");
}

describe("the import rules", () => {
  test("say nothing of a sound house", async () => {
    expect(await said(soundHouse)).toEqual([]);
  });

  test.each(Object.entries(breaches))("%s: says what breaks it, and no more", async (rule, breach) => {
    const found = await said({ ...soundHouse, ...breach.files });
    expect(found.toSorted()).toEqual(breach.said.map((line) => `${rule}: ${line}`).toSorted());
  });

  test("are each broken here once", () => {
    const rules = options.ruleSet?.forbidden?.map((rule) => rule.name);
    expect(Object.keys(breaches).toSorted()).toEqual(rules?.toSorted());
  });
});

// The house rules that are about imports (README, "Rooms of the house"). test/architecture.test.ts breaks each one of them once,
// so a rule that stops biting fails the suite.

/** Upstream first. A feature may import the ones before it, never the ones after it. */
const features = ["people", "access", "tickets", "notes", "attachments"];

const feature = `^src/(${features.join("|")})/`;

/**
 * The folders from the bottom up. A folder imports itself and the folders below it. What features import (`kit`) lies below the
 * features; what runs a request (`server`) lies above them.
 */
const layers = [
  ["the generated types", "^src/generated/"],
  ["errors.ts and config.ts", "^src/(errors|config)[.]ts$"],
  ["lib/", "^src/lib/"],
  ["viewer.ts and services.ts", "^src/(viewer|services)[.]ts$"],
  ["database/ and storage/", "^src/(database|storage)/"],
  ["query/", "^src/query/"],
  ["limits/", "^src/limits/"],
  ["http/kit/", "^src/http/kit/"],
  ["the kits of the APIs", "^src/(graphql/kit|rest/kit|rest/v1/kit|rest/v2/kit)/"],
  ["the features", feature],
  ["graphql/documents/", "^src/graphql/documents/"],
  ["graphql/select/", "^src/graphql/select/"],
  ["the servers", "^src/(http/server|graphql/server|graphql/graphiql|rest/v1/server|rest/v2/server)/"],
  ["schema.ts and create-services.ts", "^src/(schema|create-services)[.]ts$"],
  ["app.ts", "^src/app[.]ts$"],
  ["demo/", "^src/demo/"],
];

/** The stages of a read, in their order: a stage imports earlier stages only (src/query/README.md). */
const stages = ["model", "plan", "statement", "run", "result"];
/** The file by which other folders enter a stage. What can be asked, the model, is named by everybody. */
const entries = {
  "query/plan": "plan",
  "query/statement": "statement",
  "query/run": "runner",
  "query/result": "decoder",
  "graphql/select": "select",
};
/** What presents a feature to the outside: they parse, call one service, and answer. */
const faces = {
  graphql: ["^src/graphql/", `${feature}graphql[.]ts$`],
  v1: ["^src/rest/v1/", `${feature}v1[.]ts$`, `${feature}v1-[a-z]+[.]ts$`],
  v2: ["^src/rest/v2/", `${feature}v2[.]ts$`],
};
const everyFace = ["^src/rest/", ...Object.values(faces).flat()];
/** What may hold the database client besides the platform. Another such file is a decision, made here. */
const services = [
  `${feature}service[.]ts$`,
  "^src/attachments/(uploads|sweeper|stored-objects|storage-check)[.]ts$",
  "^src/notes/insert-notes[.]ts$",
  // Credentials are looked up before there is a viewer, and provisioned where there is none.
  "^src/access/(credentials|provisioning|issuing|signing-keys)[.]ts$",
];
const databaseClient = ["^src/database/database[.]ts$", "(^|node_modules/)(pg|@prisma/[^/]+|@electric-sql/[^/]+)(/|$)"];
const rows = "^src/generated/prisma/";
/** What rows are and how they hang together: named by faces in what they select, written into statements by the planner of reads. */
const relations = `${feature}relations[.]ts$`;
/** Everything but services and what stands under and over them: the platform, the planner, and the processes' entries with what they load. */
const besidesServices = {
  path: "^src/",
  pathNot: [...services, "^src/(database|storage|lib|query|generated|demo)/", "^src/[^/]+[.]ts$"],
};
const webLibraries =
  "(^|node_modules/)(fastify|fastify-[^/]+|@fastify/[^/]+|graphql|graphql-[^/]+|@graphql-yoga/[^/]+|@pothos/[^/]+)(/|$)";

/** @type {import("dependency-cruiser").IConfiguration} */
export default {
  forbidden: [
    {
      name: "database-behind-services",
      comment: "Whoever else held the database client, or were handed it, would grow rules of their own.",
      severity: "error",
      from: besidesServices,
      to: { path: databaseClient },
    },
    {
      name: "rows-are-types",
      comment: "A policy or an input names the types of rows; the generated client itself is the services'.",
      severity: "error",
      from: { ...besidesServices, pathNot: [...besidesServices.pathNot, relations] },
      to: { path: rows, dependencyTypesNot: ["type-only"] },
    },
    {
      name: "faces-know-no-database",
      comment: "A face takes even the types of rows from the services that answer with them, and writes no SQL.",
      severity: "error",
      from: { path: everyFace },
      to: { path: [rows, "^src/database/sql[.]ts$"] },
    },
    {
      name: "faces-are-handed-services",
      comment: "app.ts makes the services. A face knows their types and is handed the one instance.",
      severity: "error",
      from: { path: everyFace },
      to: { path: services, dependencyTypesNot: ["type-only"] },
    },
    ...Object.entries(faces).map(([name, path]) => ({
      name: `${name}-stands-alone`,
      comment: "The faces share services, and the REST pair src/rest/*.ts; none is built on another.",
      severity: "error",
      from: { path },
      to: { path: Object.values(faces).flat(), pathNot: path },
    })),
    ...features.slice(0, -1).map((name, index) => ({
      name: `${name}-import-nothing-downstream`,
      comment:
        "Imports go from downstream to upstream: the later feature adds its field to the earlier type from its own folder.",
      severity: "error",
      from: { path: `^src/${name}/` },
      to: { path: `^src/(${features.slice(index + 1).join("|")})/` },
    })),
    {
      name: "use-cases-know-no-face",
      comment: "A use case takes (viewer, input): never a request, a reply or a GraphQL context.",
      severity: "error",
      from: { path: feature, pathNot: everyFace },
      to: { path: [webLibraries, ...everyFace, "^src/http/"] },
    },
    ...layers.slice(0, -1).map(([name, path], index) => ({
      name: `nothing-below-imports-${name.replaceAll(/[^a-z]+/gi, "-").replace(/-$/, "")}`,
      comment: "No arrow runs back up: a folder imports the folders below it only.",
      severity: "error",
      from: { path },
      to: { path: layers.slice(index + 1).map(([, above]) => above) },
    })),
    ...stages.slice(0, -1).map((name, index) => ({
      name: `the-stage-${name}-imports-earlier-stages`,
      comment: "A read passes the stages in their order, and each knows only what comes before it.",
      severity: "error",
      from: { path: `^src/query/${name}/` },
      to: { path: `^src/query/(${stages.slice(index + 1).join("|")}|[^/]+[.]ts$)` },
    })),
    ...Object.entries(entries).map(([folder, entry]) => ({
      name: `${folder.replace("/", "-")}-has-one-entry`,
      comment: "A stage is entered by one file, so that the way through the stages can be read from their entries.",
      severity: "error",
      from: { path: "^src/", pathNot: `^src/${folder}/` },
      to: { path: `^src/${folder}/`, pathNot: `^src/${folder}/${entry}[.]ts$` },
    })),
    {
      name: "builder-knows-no-types",
      comment: "The types import the builder; the other way round every type would see every other one.",
      severity: "error",
      from: { path: "^src/graphql/kit/builder[.]ts$" },
      to: { path: feature },
    },
    {
      name: "generated-types-by-the-builder",
      comment: "Whoever needs the generated GraphQL types gets them through the builder, which has chosen among them.",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/(generated/|graphql/kit/builder[.]ts$)" },
      to: { path: "^src/generated/pothos[.]ts$" },
    },
    {
      name: "ground-floor",
      comment:
        "errors.ts, viewer.ts and config.ts are imported from everywhere, and so import nothing above them. A viewer carries what their response may take up.",
      severity: "error",
      from: { path: "^src/(errors|viewer|config)[.]ts$" },
      to: { path: ["^src/", ...databaseClient, webLibraries], pathNot: "^src/(errors|lib/response-budget)[.]ts$" },
    },
    {
      name: "no-cycles",
      comment: "Type-only ones too: two files that need each other are one file, or hide a third.",
      severity: "error",
      from: { pathNot: "^src/generated/" },
      to: { circular: true },
    },
    {
      name: "no-barrels",
      comment: "A value has one address. Row types are passed on by their service, which is where a face may get them.",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/generated/" },
      to: { dependencyTypes: ["export"], dependencyTypesNot: ["type-only"] },
    },
    {
      name: "no-orphans",
      severity: "error",
      from: { path: "^src/.*[.]ts$", orphan: true },
      to: {},
    },
    {
      name: "sources-import-no-tests",
      severity: "error",
      from: { path: "^src/" },
      to: { path: "^(test|bench)/" },
    },
    {
      name: "runtime-dependencies-are-declared",
      comment:
        "What src/ needs to run stands under dependencies: `npm install --omit=dev` must be enough. Types are gone by then.",
      severity: "error",
      from: { path: "^src/" },
      to: { dependencyTypes: ["npm-dev", "npm-optional", "npm-no-pkg", "npm-unknown"], dependencyTypesNot: ["type-only"] },
    },
    {
      name: "imports-exist",
      severity: "error",
      // test/generated takes types from a package that is nothing but types.
      from: { pathNot: "^test/generated/" },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    // TypeScript 7 has no compiler API for dependency-cruiser to read with; @swc/core reads the same syntax.
    parser: "swc",
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: { conditionNames: ["import", "node", "default"], exportsFields: ["exports"] },
  },
};

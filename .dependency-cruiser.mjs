// The rules about imports (README, "The code"). test/architecture.test.ts breaks each one of them once,
// so a rule that has no effect any more fails the suite.

/** Upstream first. A feature may import the ones before it, never the ones after it. */
const features = {
  idempotency: "^src/idempotency/",
  people: "^src/people/",
  access: "^src/access/",
  administration: "^src/administration/",
  search: "^src/search/",
  tickets: "^src/tickets/",
  notes: "^src/notes/",
  history: "^src/history/",
  attachments: "^src/attachments/",
  mail: "^src/mail/",
  redaction: "^src/redaction/",
};
const feature = `^src/(${Object.keys(features).join("|")})/`;

/**
 * The folders from the bottom up. A folder imports itself and the folders below it. What features import (`kit`) is
 * below the features; what runs a request (`server`) is above them.
 */
const layers = {
  errors: "^src/errors[.]ts$",
  generated: "^src/generated/",
  lib: "^src/lib/",
  config: "^src/config[.]ts$",
  viewer: "^src/viewer[.]ts$",
  services: "^src/services[.]ts$",
  "database-and-storage": "^src/(database|storage)/",
  query: "^src/query/",
  limits: "^src/limits/",
  "http-kit": "^src/http/kit/",
  "kits-of-apis": "^src/(graphql/kit|rest/kit|rest/v1/kit|rest/v2/kit)/",
  features: feature,
  "graphql-documents": "^src/graphql/documents/",
  "graphql-select": "^src/graphql/select/",
  servers: "^src/(http/server|graphql/server|graphql/graphiql|rest/v1/server|rest/v2/server)/",
  "schema-and-create-services": "^src/(schema|create-services)[.]ts$",
  app: "^src/app[.]ts$",
  transfer: "^src/transfer/",
  shadow: "^src/shadow/",
  demo: "^src/demo/",
  commands:
    "^src/(command-line/|(launch|before-start|start-flags|announcement|settings|command|main|migrate|admin|setup|keys|manage-people|load-demo|storage-check|print-schema|transfer-command|import-data|export-data|compare-reads)[.](ts|js|json)$)",
};
/** A use case that imports one of these breaks the order of the layers already. */
const aboveFeatures = Object.values(layers).slice(Object.keys(layers).indexOf("features") + 1);

/** The stages of a read, in their order: a stage imports earlier stages only (src/query/README.md). */
const stages = {
  model: "^src/query/model/",
  plan: "^src/query/plan/",
  statement: "^src/query/statement/",
  run: "^src/query/run/",
  result: "^src/query/result/",
  reads: "^src/query/reads[.]ts$",
};
/** The file by which other folders enter a stage. The model has none: every folder may name what can be selected. */
const entries = {
  "query/plan": "plan",
  "query/statement": "statement",
  "query/run": "runner",
  "query/result": "decoder",
  "graphql/select": "select",
};
/** The APIs: they parse a request, call one service, and present the result. */
const apis = {
  graphql: ["^src/graphql/", `${feature}graphql[.]ts$`, `${feature}graphql-[a-z]+[.]ts$`],
  v1: ["^src/rest/v1/", `${feature}v1[.]ts$`, `${feature}v1-[a-z]+[.]ts$`],
  v2: ["^src/rest/v2/", `${feature}v2[.]ts$`],
};
const everyApi = ["^src/rest/", ...Object.values(apis).flat()];
/** The files of features that may hold the database client. Another such file is a decision, made here. */
const services = [
  `${feature}service[.]ts$`,
  "^src/attachments/(uploads|sweeper|deleted-files|stored-objects|storage-check)[.]ts$",
  "^src/notes/(insert|change|deleted)-notes[.]ts$",
  "^src/redaction/quoting-notes[.]ts$",
  // Credentials are looked up before there is a viewer, and provisioned where there is none.
  "^src/access/(credentials|provisioning|issuing|members|signing-keys|still-administrator)[.]ts$",
  // An operator's import and export have no viewer either.
  "^src/transfer/(import|export)-rows[.]ts$",
];
const databasePackages = "(^|node_modules/)(pg|@prisma/[^/]+|@electric-sql/[^/]+)(/|$)";
const rows = "^src/generated/prisma/";
/** The entities and relations of features. They name columns of the generated client, which statements read. */
const relations = `${feature}relations[.]ts$`;
/**
 * All files that may not hold the database client. Files directly in src, and one of the command line, open it, or hand
 * it to the services.
 */
const besidesServices = {
  path: "^src/",
  pathNot: [
    ...services,
    "^src/(database|generated|demo)/",
    "^src/query/(run/|reads[.]ts$)",
    "^src/([^/]+|command-line/own-database)[.]ts$",
  ],
};
const webLibraries =
  "(^|node_modules/)(fastify|fastify-[^/]+|@fastify/[^/]+|graphql|graphql-[^/]+|@graphql-yoga/[^/]+|@pothos/[^/]+)(/|$)";

/**
 * Returns a rule for each of `paths` but the last: its files import no file of a later one.
 *
 * @param {Record<string, string>} paths
 * @param {string} rule
 * @param {string} comment
 */
function inOrder(paths, rule, comment) {
  return Object.entries(paths)
    .slice(0, -1)
    .map(([name, path], index) => ({
      name: `${name}-${rule}`,
      comment,
      severity: "error",
      from: { path },
      to: { path: Object.values(paths).slice(index + 1) },
    }));
}

/** @type {import("dependency-cruiser").IConfiguration} */
export default {
  forbidden: [
    ...inOrder(layers, "import-nothing-above", "A folder imports the folders below it only."),
    {
      name: "every-file-has-a-layer",
      comment: "A folder that is in no layer would be free to import everything.",
      severity: "error",
      from: {},
      to: { path: "^src/", pathNot: Object.values(layers) },
    },
    ...inOrder(
      features,
      "import-nothing-downstream",
      "Imports go from downstream to upstream: the later feature adds its field to the earlier type from its own folder.",
    ),
    ...inOrder(
      stages,
      "import-no-later-stage",
      "A read passes the stages in their order, and each stage knows only the stages before it.",
    ),
    ...Object.entries(entries).map(([folder, entry]) => ({
      name: `${folder.replace("/", "-")}-has-one-entry`,
      comment: "A stage is entered by one file, so that the way through the stages can be read from their entries.",
      severity: "error",
      from: { path: "^src/", pathNot: `^src/${folder}/` },
      to: { path: `^src/${folder}/`, pathNot: `^src/${folder}/${entry}[.]ts$` },
    })),
    {
      name: "database-behind-services",
      comment: "Any other file that holds the database client, or is handed it, would grow rules of its own.",
      severity: "error",
      from: besidesServices,
      to: { path: ["^src/database/database[.]ts$", databasePackages] },
    },
    {
      name: "rows-are-types",
      comment: "A policy or an input names the types of rows; only services use the generated client itself.",
      severity: "error",
      from: { ...besidesServices, pathNot: [...besidesServices.pathNot, relations] },
      to: { path: rows, dependencyTypesNot: ["type-only"] },
    },
    {
      name: "apis-know-no-database",
      comment: "An API takes even the types of rows from the services that return them, and writes no SQL.",
      severity: "error",
      from: { path: everyApi },
      to: { path: [rows, "^src/database/sql[.]ts$"] },
    },
    {
      name: "apis-are-handed-services",
      comment: "app.ts creates the services. An API knows their types and is handed the one instance.",
      severity: "error",
      from: { path: everyApi },
      to: { path: services, dependencyTypesNot: ["type-only"] },
    },
    ...Object.entries(apis).map(([name, path]) => ({
      name: `${name}-stands-alone`,
      comment: "The APIs share the services, and the two REST APIs share src/rest/kit; none is built on another.",
      severity: "error",
      from: { path },
      to: { path: Object.values(apis).flat(), pathNot: path },
    })),
    {
      name: "use-cases-know-no-api",
      comment: "A use case takes (viewer, input): never a request, a reply or a GraphQL context.",
      severity: "error",
      from: { path: feature, pathNot: everyApi },
      to: { path: [webLibraries, ...everyApi, "^src/http/"], pathNot: aboveFeatures },
    },
    {
      name: "generated-types-by-the-builder",
      comment: "Other files get the generated GraphQL types through the builder, which has chosen among them.",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/(generated/|graphql/kit/builder[.]ts$)" },
      to: { path: "^src/generated/pothos[.]ts$" },
    },
    {
      name: "errors-config-and-viewer-know-no-library",
      comment: "Every folder imports them, so what they import is known everywhere.",
      severity: "error",
      from: { path: "^src/(errors|config|viewer)[.]ts$" },
      to: { path: [databasePackages, webLibraries] },
    },
    {
      name: "a-viewer-knows-errors-and-its-budget",
      comment: "A viewer carries the bytes that its response may have, and nothing else of what is below it.",
      severity: "error",
      from: { path: "^src/viewer[.]ts$" },
      to: { path: "^src/(config[.]ts$|generated/|lib/)", pathNot: "^src/lib/response-budget[.]ts$" },
    },
    {
      name: "no-cycles",
      comment: "This holds for imports of types too: two files that need each other are one file, or hide a third.",
      severity: "error",
      from: { pathNot: "^src/generated/" },
      to: { circular: true },
    },
    {
      name: "no-barrels",
      comment: "A value has one address. Row types are passed on by their service, where an API may import them.",
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
        "What src/ needs to run is in `dependencies`: `npm install --omit=dev` must be enough. Types are not needed to run.",
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
    // The page runs in browsers, and its build on the machines of developers. Neither is a part of the gateway.
    exclude: { path: "^src/graphql/graphiql/(page|build)/" },
    // TypeScript 7 has no compiler API for dependency-cruiser to read with; @swc/core reads the same syntax.
    parser: "swc",
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: { conditionNames: ["import", "node", "default"], exportsFields: ["exports"] },
  },
};

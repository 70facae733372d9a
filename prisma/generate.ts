// Run by npm run generate. Writes to src/generated what prisma/schema.prisma says: the database client, and the types
// for Pothos. docs/decisions/0124-what-is-installed.md says why Prisma's command line is not used.
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type * as clientGenerator from "@prisma/client-generator-ts";
import type * as internals from "@prisma/internals";

// The packages are loaded as CommonJS, because an import of theirs lacks its file extension. The types are those that
// the packages declare for their CommonJS files.
const require = createRequire(import.meta.url);
const { PrismaClientTsGenerator } = require("@prisma/client-generator-ts") as typeof clientGenerator;
const { getGenerators, loadSchemaContext } = require("@prisma/internals") as typeof internals;

const cliProvidedPath = fileURLToPath(new URL("schema.prisma", import.meta.url));
const generators = await getGenerators({
  schemaContext: await loadSchemaContext({ schemaPath: { cliProvidedPath }, printLoadMessage: false }),
  cliCommand: "generate",
  registry: {
    "prisma-client": { type: "in-process", generator: new PrismaClientTsGenerator() },
    "prisma-pothos-types": {
      type: "rpc",
      isNode: true,
      generatorPath: fileURLToPath(new URL("../node_modules/@pothos/plugin-prisma/bin/generator.js", import.meta.url)),
    },
  },
});
for (const generator of generators) {
  await generator.generate();
  generator.stop();
}

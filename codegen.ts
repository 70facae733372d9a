import type { CodegenConfig } from "@graphql-codegen/cli";

/**
 * Types for the operations that the tests send, the way a client of the gateway gets them. `npm run codegen` writes
 * test/generated, which is committed; `npm run codegen -- --check` fails where it is stale, or where an operation does
 * not fit schema.graphql.
 */
const config: CodegenConfig = {
  schema: "schema.graphql",
  documents: ["test/**/*.{ts,graphql}", "!test/generated/**"],
  generates: {
    "test/generated/": {
      preset: "client",
      // The tests read what the server answered, not what a component may see of it.
      presetConfig: { fragmentMasking: false },
      config: {
        // Operations as text, as they are sent.
        documentMode: "string",
        // Sources run without a build: no enums, and import paths as they are on disk.
        enumsAsTypes: true,
        importExtension: ".ts",
        useTypeImports: true,
        strictScalars: true,
        scalars: { DateTime: "string", URL: "string", UUID: "string", SafeInt: "number" },
      },
    },
  },
};

export default config;

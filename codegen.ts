import type { CodegenConfig } from "@graphql-codegen/cli";

const outputOptions = {
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
} as const;

/**
 * Types for the operations that the tests and the examples send, the way a client of the gateway gets them. `npm run
 * codegen` writes test/generated, which is committed; `npm run codegen -- --check` fails where it is stale, or where an
 * operation does not fit schema.graphql.
 */
const config: CodegenConfig = {
  schema: "schema.graphql",
  generates: {
    // Those of test/clients are in the dialects of their own tools.
    "test/generated/": { ...outputOptions, documents: ["test/**/*.{ts,graphql}", "!test/generated/**", "!test/clients/**"] },
    // Relay has directives of its own, which its compiler checks.
    "test/generated/examples/": { ...outputOptions, documents: ["examples/*.ts", "examples/mobile/*.graphql"] },
  },
};

export default config;

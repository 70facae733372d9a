import { defineConfig } from "vitest/config";
import suite from "../../vitest.config.ts";

// What vitest reads is the default export. test/packaging/run.ts starts it, in a network of its own: no PostgreSQL of
// the suite can be there.
export default defineConfig({
  ...suite,
  test: {
    ...suite.test,
    include: ["test/packaging/*.spec.ts"],
    exclude: [],
    globalSetup: [],
    fileParallelism: false,
    hookTimeout: 120_000,
    coverage: { enabled: false },
  },
});

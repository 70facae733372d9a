import { defineConfig } from "vitest/config";
import suite from "../../vitest.config.ts";

// What vitest reads is the default export. A suite of its own: the recipes keep all processors busy for minutes, and
// tests of other suites wait for requests.
export default defineConfig({
  ...suite,
  test: { ...suite.test, include: ["test/recipes/**/*.test.ts"], exclude: [], coverage: { enabled: false } },
});

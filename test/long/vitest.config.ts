import { defineConfig } from "vitest/config";
import suite from "../../vitest.config.ts";
import { longTests } from "./suite.ts";

// What vitest reads is the default export. The suite's own settings, for the files that it leaves out.
export default defineConfig({
  ...suite,
  test: { ...suite.test, include: longTests, exclude: [], coverage: { enabled: false } },
});

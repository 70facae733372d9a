import { defineConfig } from "vitest/config";
import suite from "../../vitest.config.ts";

// What vitest reads is the default export. `npm run test:s3` is apart from the suite, whose tests are named *.test.ts:
// it needs an S3 store that verifies signatures, which no npm package is. One file after the other, for the first may
// have to install that store.
export default defineConfig({
  ...suite,
  test: {
    ...suite.test,
    include: ["test/s3/*.spec.ts"],
    exclude: [],
    fileParallelism: false,
    hookTimeout: 600_000,
    coverage: { enabled: false },
  },
});

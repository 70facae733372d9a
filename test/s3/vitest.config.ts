import { defineConfig } from "vitest/config";

// What vitest reads is the default export. `npm run test:s3` is apart from the suite, whose tests are named *.test.ts: it needs an S3
// store that verifies signatures, which no npm package is.
export default defineConfig({
  test: { include: ["test/s3/*.spec.ts"], testTimeout: 60_000, hookTimeout: 600_000 },
});

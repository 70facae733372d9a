import { defineConfig } from "vitest/config";
import { longTests } from "./test/long/suite.ts";

// What vitest reads is the default export; there is no other way to tell it.
export default defineConfig({
  // As Node resolves it. By its `module` field, which Node does not know, the sources would get another copy of graphql
  // than the packages that they use, and no error of the one is an error of the other.
  resolve: { alias: [{ find: /^graphql$/, replacement: "graphql/index.js" }] },
  test: {
    include: ["test/**/*.test.ts"],
    exclude: [...longTests, "test/recipes/**"],
    globalSetup: "test/support/global-setup.ts",
    setupFiles: "test/support/fail-on-faults.ts",
    // Processes: what breaks down or waits in one does not touch the other, and child processes and signals are as in
    // production.
    pool: "forks",
    maxWorkers: 2,
    // Loading Prisma and the graph takes longer than most test files. Files share a worker's database anyway, and no
    // test replaces a module.
    isolate: false,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    teardownTimeout: 20_000,
    // How long something is waited for to come about. A second, which is the default, is too short for a busy machine.
    expect: { poll: { timeout: 30_000 } },
    coverage: {
      provider: "v8",
      include: ["src/**/*.ts"],
      exclude: ["src/generated/**"],
      reporter: ["text-summary", "html"],
      // main.ts, migrate.ts and the database's thread run in processes and threads that tests start.
      autoAttachSubprocess: true,
      thresholds: { lines: 90 },
    },
  },
});

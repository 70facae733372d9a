import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    // A browser has timing of its own; what fails twice in a row has failed.
    retry: 1,
    dir: import.meta.dirname,
    include: ["**/*.browser.ts"],
    testTimeout: 60_000,
    hookTimeout: 180_000,
    provide: { chromiumPath: process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium" },
  },
});

declare module "vitest" {
  interface ProvidedContext {
    chromiumPath: string;
  }
}

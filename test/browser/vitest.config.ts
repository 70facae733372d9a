import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
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

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { DemoKeys } from "./gateway.ts";
import { createOwnDatabase } from "./own-database.ts";

const root = resolve(import.meta.dirname, "../../..");

/** A database of one script with the demo data, for several gateways at once. */
export interface SharedDatabase {
  /** The environment that its gateways share. */
  readonly environment: Readonly<Record<string, string>>;
  readonly dataDirectory: string;
  readonly keys: DemoKeys;
  drop(): Promise<void>;
}

/**
 * Creates a database as {@link createOwnDatabase} does, and loads the demo data. Throws an `Error` if there is no such
 * server, or the demo data cannot be loaded.
 */
export async function createSharedDatabase(name: string): Promise<SharedDatabase> {
  const database = await createOwnDatabase(name);
  const dataDirectory = mkdtempSync(join(tmpdir(), "gateway-faults-"));
  const environment = {
    DATABASE_URL: database.url,
    SIGNING_SECRET: "a secret of the faults, of 32 characters or more",
    DATA_DIR: dataDirectory,
  };
  const demo = spawn(process.execPath, ["src/load-demo.ts"], {
    cwd: root,
    env: { ...process.env, ...environment },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const [code] = (await once(demo, "exit")) as [number | null]; // null if a signal has ended it
  if (code !== 0) throw new Error(`The demo data could not be loaded into ${name}.`);
  return {
    environment,
    dataDirectory,
    keys: JSON.parse(readFileSync(join(dataDirectory, "demo-keys.json"), "utf8")) as DemoKeys, // as running.md has it
    async drop() {
      await database.drop();
      rmSync(dataDirectory, { recursive: true, force: true });
    },
  };
}

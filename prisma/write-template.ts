// Run by npm run generate. Creates the embedded database that first starts copy, and fills V8's cache of compiled
// sources. The flags are those of npm start, because the cache is valid only for the same flags.
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { flushCompileCache } from "node:module";
import { dirname, join } from "node:path";
import { openDatabase } from "../src/database/database.ts";
import { templateDirectory } from "../src/database/embedded/embedded-template.ts";
import { migrate } from "../src/database/migrations.ts";

const template = await templateDirectory();
if (!existsSync(template)) await write(template);
await import("../src/app.ts");
flushCompileCache();
// Imported modules keep the process alive for a while.
process.exit();

async function write(path: string): Promise<void> {
  await rm(dirname(path), { recursive: true, force: true });
  const scratch = await mkdtemp(`${dirname(path)}-`);
  try {
    const directory = join(scratch, "database");
    const database = await openDatabase({ kind: "embedded", directory }, { warn: () => undefined });
    try {
      await migrate(database);
      await database.maintain();
    } finally {
      await database.close();
    }
    await mkdir(dirname(path), { recursive: true });
    await rename(directory, path);
  } catch (error) {
    // The template is optional: it is not needed with a PostgreSQL server, and a first start without it only takes
    // longer.
    console.warn("The embedded database was not prepared, so its first start will take longer:", error);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

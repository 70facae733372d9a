// Run by npm run generate: makes the embedded database that first starts copy, and has V8 keep what it makes of the sources. The flags are those of
// npm start, which belong to what is kept.
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
// Some of what was opened keeps a process for a while.
process.exit();

async function write(path: string): Promise<void> {
  await rm(dirname(path), { recursive: true, force: true });
  const scratch = await mkdtemp(`${dirname(path)}-`);
  try {
    const directory = join(scratch, "database");
    const database = await openDatabase({ kind: "embedded", directory }, { warn: () => undefined });
    try {
      await migrate(database);
    } finally {
      await database.close();
    }
    await mkdir(dirname(path), { recursive: true });
    await rename(directory, path);
  } catch (error) {
    // Whoever brings a PostgreSQL can do without, and first starts can too, in more time.
    console.warn("The embedded database was not prepared, so its first start will take longer:", error);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

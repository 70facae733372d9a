import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const migrations = new URL("../../../prisma/migrations/", import.meta.url);
const templates = new URL("../../generated/embedded-database/", import.meta.url);

/**
 * Returns the directory in which `npm run generate` stores a new and migrated embedded database. First starts copy it,
 * because creating one takes seconds. Its name is a hash of PGlite's version and the migrations, so that another
 * version of the product does not find it.
 */
export async function templateDirectory(): Promise<string> {
  const scripts = (await readdir(migrations, { recursive: true })).filter((path) => path.endsWith(".sql")).toSorted();
  const hash = createHash("sha256").update(
    await readFile(new URL("../package.json", import.meta.resolve("@electric-sql/pglite"))),
  );
  for (const path of scripts) hash.update(path).update(await readFile(new URL(path, migrations)));
  return fileURLToPath(new URL(hash.digest("hex").slice(0, 16), templates));
}

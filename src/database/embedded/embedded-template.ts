import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const migrations = new URL("../../../prisma/migrations/", import.meta.url);
const templates = new URL("../../generated/embedded-database/", import.meta.url);

/**
 * Where `npm run generate` keeps an embedded database that was started for the first time and migrated, for first starts to copy: making one takes
 * seconds. Named after PGlite's version and the migrations, so that one of another version of the product is not found.
 */
export async function templateDirectory(): Promise<string> {
  const scripts = (await readdir(migrations, { recursive: true })).filter((path) => path.endsWith(".sql")).toSorted();
  const hash = createHash("sha256").update(
    await readFile(new URL("../package.json", import.meta.resolve("@electric-sql/pglite"))),
  );
  for (const path of scripts) hash.update(path).update(await readFile(new URL(path, migrations)));
  return fileURLToPath(new URL(hash.digest("hex").slice(0, 16), templates));
}

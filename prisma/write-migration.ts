// npm run migration -- <name>   writes the next migration, which leads from the existing ones to schema.prisma
// npm run migration:check       exits with 1 if the migrations do not lead to schema.prisma
import { mkdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { startEmbeddedDatabase } from "../src/database/embedded/embedded-database.ts";
import { migrationDifference } from "./schema-engine.ts";

const [argument] = process.argv.slice(2);
if (argument === undefined || !/^(--check|[a-z][a-z0-9_]*)$/.test(argument)) {
  console.error("Usage: npm run migration -- <name_in_snake_case>, or npm run migration:check");
  process.exit(2);
}

const script = await difference();
if (script === "") {
  console.log("The migrations make what prisma/schema.prisma says.");
} else if (argument === "--check") {
  console.error(
    `The migrations do not make what prisma/schema.prisma says. Missing:\n\n${script}\nnpm run migration -- <name> writes it.`,
  );
  process.exitCode = 1;
} else {
  const timestamp = new Date().toISOString().replaceAll(/\D/g, "").slice(0, 14);
  const directory = new URL(`migrations/${timestamp}_${argument}/`, import.meta.url);
  await mkdir(directory, { recursive: true });
  await writeFile(new URL("migration.sql", directory), script);
  console.log(`Wrote ${fileURLToPath(directory)}migration.sql. Read it before you keep it.`);
}

async function difference(): Promise<string> {
  const embedded = await startEmbeddedDatabase(null, (problem) => console.warn(problem));
  const pool = new pg.Pool({ stream: () => embedded.connect(), max: 1, ssl: false, user: "postgres", database: "postgres" });
  try {
    return await migrationDifference(pool);
  } finally {
    await pool.end();
    await embedded.close();
  }
}

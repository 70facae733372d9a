import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

/** The directory of the migrations. Each script is in a directory with the name of its migration. */
export const migrationsDirectory = fileURLToPath(new URL("../../prisma/migrations", import.meta.url));
export const schemaPath = fileURLToPath(new URL("../../prisma/schema.prisma", import.meta.url));
export const scriptName = "migration.sql";

/** A script of prisma/migrations. */
export interface Migration {
  readonly name: string;
  readonly script: string;
  /** The SHA-256 of the script in hexadecimal, as in Prisma's history. */
  readonly checksum: string;
  /**
   * The oldest migration whose version of the gateway works with the schema after this one. If it is undefined, no
   * older version works.
   */
  readonly compatibleWith: string | undefined;
  /**
   * The statements of a script that cannot run in a transaction. They are run one by one. Undefined for all other
   * scripts.
   */
  readonly steps: readonly IndexStep[] | undefined;
}

/** A statement that creates or drops an index while rows are written. Running it again leads to the same index. */
export interface IndexStep {
  readonly action: "create" | "drop";
  readonly index: string;
  /** The table in `ON "table" (…)`, which follows the index's name. Empty if the index is dropped. */
  readonly table: string;
  /** The text after the table. Empty if the index is dropped. */
  readonly definition: string;
  readonly isUnique: boolean;
}

/** An object that a script creates. Its presence shows whether the script was run. */
export interface MadeObject {
  readonly kind: "relation" | "type" | "function" | "trigger" | "constraint";
  readonly name: string;
}

/**
 * Returns the migrations in the order in which they are applied. Throws an `Error` if a script cannot be run safely,
 * which is a mistake of its author.
 */
export async function readMigrations(directory = migrationsDirectory): Promise<readonly Migration[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    names.toSorted().map(async (name) => readMigration(name, await readFile(`${directory}/${name}/${scriptName}`, "utf8"))),
  );
}

/**
 * Returns the migration `name` with the text `script`. Throws an `Error` if a script with a concurrent step has
 * statements of another kind.
 */
export function readMigration(name: string, script: string): Migration {
  const checksum = createHash("sha256").update(script).digest("hex");
  const compatibleWith = /^-- Compatible with: (\S+)$/m.exec(script)?.[1];
  return { name, script, checksum, compatibleWith, steps: readSteps(name, script) };
}

/** Returns the names of the tables in prisma/schema.prisma, which are all tables that requests read and write. */
export async function readTableNames(): Promise<readonly string[]> {
  const schema = await readFile(schemaPath, "utf8");
  return [...schema.matchAll(/@@map\("(\w+)"\)/g)].map(([, table = ""]) => table);
}

/** Returns the objects that `script` creates, as far as they can be looked up by name. */
export function objectsMadeBy(script: string): readonly MadeObject[] {
  const text = withoutComments(script);
  return [
    ...namesIn(text, /\bCREATE TABLE "(\w+)"/g, "relation"),
    ...namesIn(text, /\bCREATE (?:UNIQUE )?INDEX "(\w+)"/g, "relation"),
    ...namesIn(text, /\bCREATE TYPE "(\w+)"/g, "type"),
    ...namesIn(text, /\bCREATE FUNCTION "(\w+)"/g, "function"),
    ...namesIn(text, /\bCREATE TRIGGER "(\w+)"/g, "trigger"),
    ...namesIn(text, /\bADD CONSTRAINT "(\w+)"/g, "constraint"),
  ];
}

function namesIn(text: string, pattern: RegExp, kind: MadeObject["kind"]): MadeObject[] {
  return [...text.matchAll(pattern)].map(([, name = ""]) => ({ kind, name }));
}

function readSteps(name: string, script: string): readonly IndexStep[] | undefined {
  const text = withoutComments(script);
  if (!/\bCONCURRENTLY\b/.test(text)) return undefined;
  const statements = text
    .split(";")
    .map((statement) => statement.trim())
    .filter((statement) => statement !== "");
  return statements.map((statement) => readStep(name, statement));
}

function readStep(name: string, statement: string): IndexStep {
  const created = /^CREATE (UNIQUE )?INDEX CONCURRENTLY "(\w+)"\s+ON "(\w+)"\s*(.+)$/s.exec(statement);
  if (created !== null) {
    const [, unique, index = "", table = "", definition = ""] = created;
    return { action: "create", index, table, definition, isUnique: unique !== undefined };
  }
  const dropped = /^DROP INDEX CONCURRENTLY "(\w+)"$/.exec(statement);
  if (dropped !== null) return { action: "drop", index: dropped[1] ?? "", table: "", definition: "", isUnique: false };
  throw new Error(
    `The migration ${name} makes or drops an index concurrently, so it may hold nothing but such statements, which can be run again: ${statement}`,
  );
}

function withoutComments(script: string): string {
  return script.replaceAll(/--[^\n]*/g, "");
}

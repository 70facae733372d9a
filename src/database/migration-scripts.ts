import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

/** The directory of the migrations' scripts, each in a directory of its own name. */
export const migrationsDirectory = fileURLToPath(new URL("../../prisma/migrations", import.meta.url));
export const schemaPath = fileURLToPath(new URL("../../prisma/schema.prisma", import.meta.url));
export const scriptName = "migration.sql";

/** A script of prisma/migrations. */
export interface Migration {
  readonly name: string;
  readonly script: string;
  /** SHA-256 of the script, in hexadecimal: what Prisma keeps of it. */
  readonly checksum: string;
  /** The oldest migration whose version of the gateway works beside the schema that this one makes. None does where it is left out. */
  readonly compatibleWith: string | undefined;
  /** The statements of a script that cannot run in a transaction, which are run one by one. */
  readonly steps: readonly IndexStep[] | undefined;
}

/** A statement that makes or drops an index while rows are written. Run again, it leads to the same index. */
export interface IndexStep {
  readonly action: "create" | "drop";
  readonly index: string;
  /** What follows the index's name: `ON "table" (…)`. This is the table… */
  readonly table: string;
  /** … and this the rest. Both are empty where an index is dropped. */
  readonly definition: string;
  readonly isUnique: boolean;
}

/** An object that a script creates. Its presence shows whether the script was run. */
export interface MadeObject {
  readonly kind: "relation" | "type" | "function" | "trigger" | "constraint";
  readonly name: string;
}

/** Reads the migrations, in the order in which they are applied. @throws {Error} where a script cannot be run safely: a mistake of its author. */
export async function readMigrations(directory = migrationsDirectory): Promise<readonly Migration[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    names.toSorted().map(async (name) => readMigration(name, await readFile(`${directory}/${name}/${scriptName}`, "utf8"))),
  );
}

/** The migration `name` of the text `script`. @throws {Error} where it has a concurrent step beside statements of another kind. */
export function readMigration(name: string, script: string): Migration {
  const checksum = createHash("sha256").update(script).digest("hex");
  const compatibleWith = /^-- Compatible with: (\S+)$/m.exec(script)?.[1];
  return { name, script, checksum, compatibleWith, steps: readSteps(name, script) };
}

/** The tables that prisma/schema.prisma names: all that requests read and write. */
export async function readTableNames(): Promise<readonly string[]> {
  const schema = await readFile(schemaPath, "utf8");
  return [...schema.matchAll(/@@map\("(\w+)"\)/g)].map(([, table = ""]) => table);
}

/** What `script` makes that was not there before, as far as it can be looked up by name. */
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

import { createReadStream, existsSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parse as parseCsv } from "csv-parse";
import { errorCodeOf } from "../lib/error-code.ts";

/** Thrown for a source that cannot be read at all. The operator sees the message. */
export class UnusableSource extends Error {
  constructor(message: string) {
    super(message);
    this.name = "UnusableSource";
  }
}

/** A value of a file, with the file and the line or the place in its list. */
export interface ReadValue {
  readonly at: string;
  readonly value: unknown;
}

/**
 * Yields the values of a list in a folder: of `notes.json`, `notes.ndjson`, and the pages `notes-1.json`,
 * `notes-2.json` … of a list that was saved page by page. A `.json` file holds an array, the response of a list on /v2,
 * or one object. A `.ndjson` file holds one object a line, of which there may be any number. Throws
 * {@link UnusableSource}
 * for a file that is not JSON.
 */
export async function* readRecords(directory: string, name: string): AsyncGenerator<ReadValue> {
  for (const file of filesOfList(directory, name)) {
    if (file.endsWith(".ndjson")) yield* readLines(directory, file);
    else yield* readWhole(directory, file);
  }
}

function filesOfList(directory: string, name: string): string[] {
  const pattern = new RegExp(`^${name}(-\\d+)?\\.(json|ndjson)$`);
  return namesInFolder(directory)
    .filter((file) => pattern.test(file))
    .toSorted((one, other) => one.localeCompare(other, "en", { numeric: true }));
}

/** Returns the names in a folder. Throws {@link UnusableSource} if there is none, or it cannot be read. */
function namesInFolder(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    const code = errorCodeOf(error);
    if (code === "ENOENT") throw new UnusableSource(`There is no folder ${directory}.`);
    if (code === "ENOTDIR") throw new UnusableSource(`${directory} is no folder.`);
    if (code === "EACCES" || code === "EPERM") throw new UnusableSource(`The folder ${directory} may not be read.`);
    throw error;
  }
}

async function* readLines(directory: string, file: string): AsyncGenerator<ReadValue> {
  let line = 0;
  for await (const text of createInterface({ input: createReadStream(join(directory, file)), crlfDelay: Infinity })) {
    line += 1;
    if (text.trim() !== "") yield { at: `${file}:${line}`, value: parsedJson(text, `${file}:${line}`) };
  }
}

async function* readWhole(directory: string, file: string): AsyncGenerator<ReadValue> {
  const content = parsedJson(await readFile(join(directory, file), "utf8"), file);
  for (const [index, value] of recordsIn(content).entries()) yield { at: `${file}[${index}]`, value };
}

function recordsIn(content: unknown): readonly unknown[] {
  if (Array.isArray(content)) return content;
  const isPage = typeof content === "object" && content !== null && "result" in content && Array.isArray(content.result);
  return isPage ? (content.result as unknown[]) : [content]; // Array.isArray makes it any[]
}

function parsedJson(text: string, at: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // A SyntaxError: JSON.parse throws nothing else.
    throw new UnusableSource(`${at} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/**
 * Yields the rows of a CSV file (RFC 4180) whose first line has the names. Empty cells are left out, and those of
 * `integers` are numbers. Throws {@link UnusableSource} if there is no such file or it is not CSV.
 */
export async function* readCsv(path: string, integers: readonly string[]): AsyncGenerator<ReadValue> {
  if (!existsSync(path)) throw new UnusableSource(`There is no file ${path}.`);
  const rows: AsyncIterable<Record<string, string>> = createReadStream(path).pipe(
    parseCsv({ columns: true, bom: true, trim: true, skip_empty_lines: true }),
  );
  let line = 1;
  try {
    for await (const row of rows) {
      line += 1;
      const given = Object.entries(row).filter(([, cell]) => cell !== "");
      const value = Object.fromEntries(given.map(([name, cell]) => [name, integers.includes(name) ? Number(cell) : cell]));
      yield { at: `${path}:${line}`, value };
    }
  } catch (error) {
    // What the parser throws has a code of its own.
    if (!(error instanceof Error && "code" in error && String(error.code).startsWith("CSV_"))) throw error;
    throw new UnusableSource(`${path} is not CSV: ${error.message}`);
  }
}

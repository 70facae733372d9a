import { readFileSync, writeFileSync } from "node:fs";
import { lexicographicSortSchema, printSchema } from "graphql";
import { schema } from "./schema.ts";

// `npm run schema` writes schema.graphql; with --check it fails where the file is not what would be written.
const path = new URL("../schema.graphql", import.meta.url);
const maxWidth = 120;
const printed = `${wrapDescriptions(printSchema(lexicographicSortSchema(schema)))}\n`;

if (!process.argv.includes("--check")) {
  writeFileSync(path, printed);
} else if (readFileSync(path, "utf8") !== printed) {
  console.error("schema.graphql is not the schema of src: run npm run schema.");
  process.exitCode = 1;
}

/** Returns a printed schema with line breaks in its descriptions. They mean the same: descriptions are Markdown. */
function wrapDescriptions(text: string): string {
  let inDescription = false;
  const lines = text.split("\n").flatMap((line) => {
    if (line.split('"""').length === 2) inDescription = !inDescription;
    return inDescription ? wrapLine(line) : [line];
  });
  return lines.join("\n");
}

/** Returns the lines of a line, with its indentation. Code spans are not broken. */
function wrapLine(line: string): string[] {
  const indentation = /^ */.exec(line)?.[0] ?? "";
  const lines = [indentation];
  for (const part of line.match(/(?:`[^`]*`|\S)+/g) ?? []) {
    const last = lines.at(-1) ?? "";
    if (last === indentation) lines.splice(-1, 1, `${last}${part}`);
    else if (last.length + 1 + part.length > maxWidth) lines.push(`${indentation}${part}`);
    else lines.splice(-1, 1, `${last} ${part}`);
  }
  return lines;
}

import { readFileSync, writeFileSync } from "node:fs";
import { lexicographicSortSchema, printSchema } from "graphql";
import { schema } from "./schema.ts";

// `npm run schema` writes schema.graphql; with --check it fails where the file is not what would be written.
const path = new URL("../schema.graphql", import.meta.url);
const printed = `${printSchema(lexicographicSortSchema(schema))}\n`;

if (!process.argv.includes("--check")) {
  writeFileSync(path, printed);
} else if (readFileSync(path, "utf8") !== printed) {
  console.error("schema.graphql is not the schema of src: run npm run schema.");
  process.exitCode = 1;
}

import { globSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { maxWidth, tooWide } from "./width.ts";

// npm run prose   exits 1 where a line of a comment, a document or a description of the schema is too wide
const root = resolve(import.meta.dirname, "../..");
const prose = [
  ...["{src,test,bench,prisma,examples}/**/*.{ts,js,prisma}", "{src,docs,bench,examples,packaging}/**/*.md"],
  ...["*.{ts,mjs,jsonc,md}", ".*.{mjs,jsonc}", "schema.graphql"],
];
/** Written by tools, for their readers and at their widths. */
const written = [
  "**/{generated,__generated__}/**",
  "**/node_modules/**",
  "bench/{results,shape,compare,compare-plugins,compare-note-life,writes,write-parts,search}.md",
];

const files = globSync(prose, { cwd: root, exclude: written }).toSorted();
const found = files.flatMap((path) => tooWide(path, readFileSync(join(root, path), "utf8")).map((line) => `${path}:${line}`));
for (const place of found) console.error(`${place}: prose is wider than ${maxWidth} columns`);
if (found.length > 0) process.exitCode = 1;

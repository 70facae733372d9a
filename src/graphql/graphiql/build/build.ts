// Builds GraphiQL's page into the files that the gateway serves. With --check it compares them instead.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";
import { build, type Rolldown } from "vite";
import { writeCodicons } from "./codicons.ts";
import { withoutUnusedParts } from "./unused-parts.ts";

const here = (name: string) => join(import.meta.dirname, "../page", name);
const target = join(import.meta.dirname, "../built");

/** The list of the files, beside them. */
interface BuiltPage {
  /** The script that starts the page. */
  readonly entry: string;
  /** The styles that it needs from the beginning. */
  readonly styles: readonly string[];
  /** The scripts and styles that it will ask for in the next moment. A browser may load them at once. */
  readonly soon: readonly string[];
}

/** All files are in one folder, under names that change with their content. */
const flat = {
  entryFileNames: "[name]-[hash].js",
  chunkFileNames: "[name]-[hash].js",
  assetFileNames: "[name]-[hash][extname]",
};

/** Returns the page's files by name, with `page.json`, the {@link BuiltPage}, among them. */
async function buildPage(): Promise<ReadonlyMap<string, Buffer>> {
  await writeCodicons(here("codicon.woff2"));
  const built = await build({
    configFile: false,
    root: here("."),
    base: "./",
    publicDir: false,
    logLevel: "error",
    plugins: [withoutUnusedParts()],
    resolve: {
      alias: [
        { find: /^(monaco-graphql\/esm|\.)\/monaco-editor(\.js)?$/, replacement: here("monaco.ts") },
        { find: /^\.\/workerManager$/, replacement: here("language-service.ts") },
        { find: /^react\/jsx-runtime$/, replacement: "preact/jsx-runtime" },
        { find: /^react-dom\/client$/, replacement: "preact/compat/client" },
        { find: /^react(-dom)?$/, replacement: "preact/compat" },
      ],
    },
    worker: { format: "es", rolldownOptions: { output: flat } },
    build: {
      write: false,
      target: "es2023",
      modulePreload: false,
      assetsInlineLimit: 0,
      chunkSizeWarningLimit: 2_000,
      rolldownOptions: {
        input: here("main.tsx"),
        output: flat,
      },
    },
  });
  const { output } = Array.isArray(built) ? (built[0] ?? neverBuilt()) : "output" in built ? built : neverBuilt();
  const files = output.map((file) => [file.fileName, contentOf(file)] as const);
  const page = Buffer.from(`${JSON.stringify(pageOf(output), null, 2)}\n`);
  return new Map([...files, ["page.json", page] as const].toSorted(([one], [other]) => one.localeCompare(other)));
}

function neverBuilt(): never {
  throw new Error("Vite watches instead of building once.");
}

type Output = Rolldown.RolldownOutput["output"][number];

function contentOf(file: Output): Buffer {
  return Buffer.from(file.type === "chunk" ? file.code : file.source);
}

function pageOf(output: readonly Output[]): BuiltPage {
  const chunks = new Map(output.flatMap((file) => (file.type === "chunk" ? [[file.fileName, file] as const] : [])));
  const entry = [...chunks.values()].find(({ isEntry }) => isEntry);
  if (!entry) throw new Error("The page has no entry.");
  const first = reachedFrom([entry.fileName], chunks);
  const editor = [...chunks.values()].filter(({ name }) => ["monaco", "lite", "graphqlMode", "jsonMode"].includes(name));
  const later = reachedFrom(
    editor.map(({ fileName }) => fileName),
    chunks,
  );
  const stylesOf = (names: ReadonlySet<string>) => [
    ...new Set([...names].flatMap((name) => [...(chunks.get(name)?.viteMetadata?.importedCss ?? [])])),
  ];
  const styles = stylesOf(first);
  const soon = [...new Set([...first, ...later])].filter((name) => name !== entry.fileName);
  return { entry: entry.fileName, styles, soon: [...soon, ...stylesOf(later).filter((name) => !styles.includes(name))] };
}

/** Returns the chunks that the browser needs for `names`, with these. */
function reachedFrom(names: readonly string[], chunks: ReadonlyMap<string, Rolldown.OutputChunk>): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (name: string) => {
    if (found.has(name)) return;
    found.add(name);
    chunks.get(name)?.imports.forEach(visit);
  };
  names.forEach(visit);
  return found;
}

function compressed(content: Buffer): Buffer {
  return brotliCompressSync(content, {
    params: { [constants.BROTLI_PARAM_LGWIN]: 24, [constants.BROTLI_PARAM_SIZE_HINT]: content.length },
  });
}

function write(files: ReadonlyMap<string, Buffer>): void {
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target);
  for (const [name, content] of files) {
    if (name === "page.json") writeFileSync(join(target, name), content);
    else writeFileSync(join(target, `${name}.br`), compressed(content));
  }
}

/** Returns whether the files of the last build are those of this one. What a coder makes of them may differ. */
function isCurrent(files: ReadonlyMap<string, Buffer>): boolean {
  const names = readdirSync(target).map((name) => name.replace(/\.br$/, ""));
  if (names.toSorted().join() !== [...files.keys()].toSorted().join()) return false;
  return [...files].every(([name, content]) =>
    name === "page.json"
      ? readFileSync(join(target, name)).equals(content)
      : brotliDecompressSync(readFileSync(join(target, `${name}.br`))).equals(content),
  );
}

const files = await buildPage();
if (!process.argv.includes("--check")) write(files);
else if (!isCurrent(files)) {
  process.stderr.write(`${relative(process.cwd(), target)} is not current: run npm run graphiql.\n`);
  process.exitCode = 1;
}

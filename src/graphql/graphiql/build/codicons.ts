import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import subsetFont from "subset-font";

const monaco = createRequire(import.meta.url).resolve("monaco-editor/package.json");
const inMonaco = (path: string) => new URL(`./esm/vs/base/${path}`, `file://${monaco}`);

/** The icons of suggestions, of folding, and of the box that finds and replaces. */
const used =
  /^(symbol-|chevron-|folding-|find-|arrow-(up|down)$|(close|check|info|warning|error|gripper|selection|regex|whole-word|case-sensitive|preserve-case|replace|replace-all|ellipsis)$)/;

/**
 * Writes the icons of Monaco that the page shows as a font of their own. Monaco's has 500 of them: 80 KB, which do not
 * compress.
 */
export async function writeCodicons(path: string): Promise<void> {
  const source = await readFile(inMonaco("common/codiconsLibrary.js"), "utf8");
  const registered = [...source.matchAll(/register\('([\w-]+)', 0x([0-9a-f]+)\)/g)];
  const characters = registered.flatMap(([, name = "", code = ""]) =>
    used.test(name) ? [String.fromCodePoint(Number.parseInt(code, 16))] : [],
  );
  const font = await readFile(inMonaco("browser/ui/codicons/codicon/codicon.ttf"));
  await writeFile(path, await subsetFont(font, characters.join(""), { targetFormat: "woff2" }));
}

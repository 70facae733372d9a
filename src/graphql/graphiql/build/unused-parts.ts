import { readFile } from "node:fs/promises";
import type { Plugin } from "vite";

/**
 * The parts of Monaco that its core names and this page never shows: the comparison of two texts, the palette of quick
 * inputs, trees, menus of its own, colours and hints inside a text, quick fixes. Without them the editor is smaller by
 * two fifths.
 */
const unusedParts = [
  /\/vs\/editor\/browser\/widget\/(multiDiffEditor|diffEditor)\//,
  /\/vs\/editor\/common\/diff\/(defaultLinesDiffComputer|legacyLinesDiffComputer|linesDiffComputers)/,
  /\/vs\/base\/common\/diff\//,
  /\/vs\/editor\/common\/services\/(unicodeTextModelHighlighter|findSectionHeaders)\.js$/,
  /\/vs\/editor\/standalone\/browser\/quickInput\/standaloneQuickInputService\.js$/,
  /\/vs\/editor\/contrib\/(colorPicker|inlayHints|dropOrPasteInto|inlineCompletions|gotoError|peekView|zoneWidget)\//,
  /\/vs\/editor\/contrib\/gotoSymbol\//,
  /\/vs\/editor\/contrib\/codeAction\/browser\/(codeActionController|codeActionMenu|lightBulbWidget)\.js$/,
  /\/vs\/platform\/actionWidget\//,
  /\/vs\/base\/browser\/ui\/(tree|table|splitview|selectBox|menu|dropdown)\//,
  /\/vs\/platform\/list\/browser\/listService\.js$/,
];

/** Where Monaco describes its options and colours, for a settings page that there is none of here. */
const descriptions = /\/vs\/(editor\/common\/config\/|editor\/common\/core\/editorColorRegistry|platform\/theme\/common\/)/;

/** Matches a text that Monaco has for people, such as `nls.localize('key', "Text {0}", value)`. */
const localized = /nls\.localize\((?:'[^']*'|\{[^}]*\}), "(?:[^"\\]|\\.)*"(?:, [^()]*)?\)/g;

/** The small picture of a text beside it. Each editor has one, and here it shows nothing. */
const minimap = /\/vs\/editor\/browser\/viewParts\/minimap\/minimap\.js$/;
const emptyMinimap = `
import { createFastDomNode } from "../../../../base/browser/fastDomNode.js";
import { ViewPart } from "../../view/viewPart.js";
export class Minimap extends ViewPart {
  #node = createFastDomNode(document.createElement("div"));
  getDomNode() { return this.#node; }
  prepareRender() {}
  render() {}
}`;

/** The declaration of Monaco's font of icons, in whose place the page has a smaller one: codicons.ts. */
const codicons = /\/codicons\/codicon\/codicon\.css$/;
const fontFace = /@font-face \{[^}]*\}/;

/** Matches each export of a module of Monaco: a declaration with its name, or a list of names. */
const exported = /^export (?:async )?(?:class|function\*?|const|let|var) (\w+)|^export \{([^}]*)\}/gm;

/**
 * Returns a plugin for Vite that puts an empty class in place of each export of {@link unusedParts}. The modules that
 * name them stay as they are. `get` is how they ask an editor for such a part: it has none.
 */
export function withoutUnusedParts(): Plugin {
  return {
    name: "without-unused-parts",
    enforce: "pre",
    async load(id) {
      if (minimap.test(id)) return emptyMinimap;
      if (codicons.test(id)) return (await readFile(id, "utf8")).replace(fontFace, "");
      if (descriptions.test(id)) return (await readFile(id, "utf8")).replaceAll(localized, '""');
      if (!unusedParts.some((part) => part.test(id)) || id.endsWith(".css")) return null;
      return (await exportsOf(id)).map((name) => `export class ${name} { static get() {} }`).join("\n");
    },
  };
}

async function exportsOf(path: string): Promise<readonly string[]> {
  const source = await readFile(path, "utf8");
  const names = [...source.matchAll(exported)].flatMap(([, name, list = ""]) =>
    name === undefined
      ? list.split(",").map(
          (one) =>
            one
              .trim()
              .split(/\s+as\s+/)
              .at(-1) ?? "",
        )
      : [name],
  );
  return names.filter((name) => name !== "");
}

import MarkdownIt, { type MarkdownIt as Parser } from "markdown-it";
import { createFenceRule, listRule, tooDeep } from "./blocks.ts";
import { bareAddress, imageRule, linkRule } from "./links.ts";
import { applyMarks, colour, markRule } from "./marks.ts";
import type { RichText } from "./model.ts";
import { limitReferences, reference } from "./references.ts";
import { makeSections, sectionLine } from "./sections.ts";
import { createTableRule } from "./tables.ts";

// Control characters and noncharacters, which HTML does not allow, except tabs and line ends.
const unprintable = /[^\P{Cc}\t\n\r]|\p{Noncharacter_Code_Point}/gu;

const interruptsAnything = { alt: ["paragraph", "blockquote", "list"] };
const parser = createParser();

/**
 * Returns the parsed text of the 4me / Xurrent dialect: `**bold**`, `__italic__`, `+underline+`, `` `mono` ``,
 * `~strike~`, `<c #rrggbb>coloured text</c>`, `<m #rrggbb>coloured background</m>`, `1.` and `*` lists, `>` quotes,
 * code between lines of ```` ``` ````, `#` headings, `---`, `[text](address)`, `![](key)` for an inline attachment,
 * `<@209|Ellen Brown>` for a mention, `<request#5>` for a record, tables of `|`, and collapsible sections, `<details>`
 * with a `<summary>`, in every spelling of HTML. Bare http and https addresses are links, and line breaks stay.
 *
 * Every string is valid: anything else is plain text, and nothing throws. Other HTML is plain text too, and so are
 * `&amp;` and `\*`, because the dialect has neither entities nor escapes. Time and size are linear in the length of the
 * text.
 */
export function parseRichText(text: string): RichText {
  return { tokens: parser.parse(text.toWellFormed().replaceAll(unprintable, "\ufffd"), {}) };
}

function createParser(): Parser {
  const markdown = new MarkdownIt("zero");
  // This bounds how deep links are searched for in the text of links. For blocks, `tooDeep` ends the nesting earlier.
  markdown.set({ maxNesting: 24 });
  markdown.enable(["blockquote", "hr", "heading", "fence", "list", "newline", "backticks"]);

  const { block, inline, core } = markdown;
  block.ruler.before("fence", "too_deep", tooDeep);
  block.ruler.at("fence", createFenceRule(), interruptsAnything);
  block.ruler.at("list", listRule, { alt: ["paragraph", "blockquote"] });
  block.ruler.before("blockquote", "section_line", sectionLine, interruptsAnything);
  block.ruler.before("paragraph", "table_of_pipes", createTableRule(), { alt: ["paragraph"] });

  inline.ruler.push("mark", markRule);
  inline.ruler.push("colour", colour);
  inline.ruler.push("reference", reference);
  inline.ruler.push("image_by_key", imageRule);
  inline.ruler.push("address_link", linkRule);
  inline.ruler.push("bare_address", bareAddress);
  inline.ruler2.after("balance_pairs", "apply_marks", applyMarks);

  core.ruler.after("block", "make_sections", makeSections);
  core.ruler.after("inline", "limit_references", limitReferences);
  return markdown;
}

import MarkdownIt, { type Token } from "markdown-it";
import { escapeHtml } from "../../../lib/text.ts";

export interface RenderedMarkdown {
  readonly html: string;
  /** The first heading of level 1, if there is one. It is not part of the HTML. */
  readonly title: string | undefined;
  /** The headings of level 2. */
  readonly headings: readonly { readonly id: string; readonly text: string }[];
  /** The text by the headings of level 2 and 3, in its order. */
  readonly sections: readonly MarkdownSection[];
  /** The first paragraph, as plain text. */
  readonly lead: string;
}

/** What stands between two headings, as plain text. */
export interface MarkdownSection {
  /** The id and the text of its heading. That before the first heading has none. */
  readonly heading: { readonly id: string; readonly text: string } | undefined;
  readonly text: string;
}

const markdownParser = MarkdownIt({ html: false, linkify: false, typographer: false });
// The roles are those of the elements themselves, which lose them where a phone shows them as blocks.
markdownParser.renderer.rules["table_open"] = () =>
  '<div class="wide" tabindex="0" role="region" aria-label="Table"><table role="table">\n';
markdownParser.renderer.rules["table_close"] = () => "</table></div>\n";

/**
 * Returns CommonMark with tables as HTML. `addressOf` returns where a link or an image leads, or undefined if that is
 * nothing which is served; then its text stays without a link.
 */
export function renderMarkdown(text: string, addressOf: (address: string) => string | undefined): RenderedMarkdown {
  const tokens = markdownParser.parse(text, {});
  const headings: { id: string; text: string }[] = [];
  let title: string | undefined;
  tokens.forEach((token, index) => {
    if (token.type === "heading_open") {
      const heading = plainText(tokens[index + 1]);
      const id = slugOf(heading);
      token.attrSet("id", id);
      if (token.tag === "h1") title ??= heading;
      if (token.tag === "h2") headings.push({ id, text: heading });
    }
    const role = tableRoles[token.type];
    if (role !== undefined) token.attrSet("role", role);
    alignByClass(token);
    for (const child of token.children ?? []) redirect(child, addressOf);
    markLostLinks(token.children ?? []);
  });
  nameColumns(tokens);
  const lead = plainText(tokens[tokens.findIndex(({ type }) => type === "paragraph_open") + 1]);
  const html = markdownParser.renderer.render(withoutTitle(tokens), markdownParser.options, {});
  return { html, title, headings, sections: sectionsOf(tokens), lead };
}

/** Returns the text by sections. Numbers in tables are left out: nobody searches for them, and there are thousands. */
function sectionsOf(tokens: readonly Token[]): MarkdownSection[] {
  const sections: { heading: MarkdownSection["heading"]; parts: string[] }[] = [{ heading: undefined, parts: [] }];
  tokens.forEach((token, index) => {
    const before = tokens[index - 1];
    if (token.type === "heading_open" && /^h[23]$/.test(token.tag))
      sections.push({ heading: { id: String(token.attrGet("id")), text: plainText(tokens[index + 1]) }, parts: [] });
    const isHeading = before?.type === "heading_open" && /^h[123]$/.test(before.tag);
    const text = isHeading ? "" : searchableText(token);
    if (before?.type === "td_open" && /^[\d\s.,%]*$/.test(text)) return;
    if (text !== "") sections.at(-1)?.parts.push(text);
  });
  return sections.map(({ heading, parts }) => ({ heading, text: parts.join(" ").replaceAll(/\s+/g, " ").trim() }));
}

function searchableText(token: Token): string {
  return token.type === "fence" || token.type === "code_block" ? token.content : plainText(token);
}

const tableRoles: Readonly<Record<string, string>> = {
  thead_open: "rowgroup",
  tbody_open: "rowgroup",
  tr_open: "row",
  th_open: "columnheader",
  td_open: "cell",
};

/** Puts a class in place of the style by which a column is aligned: the policy of the pages allows no style in them. */
function alignByClass(token: Token): void {
  const [, side] = /^text-align:(\w+)$/.exec(String(token.attrGet("style"))) ?? [];
  if (side === undefined) return;
  token.attrs = (token.attrs ?? []).filter(([name]) => name !== "style");
  token.attrSet("class", `align-${side}`);
}

/** Writes the name of its column to each cell of the tables, for where there is no room for a row of names. */
function nameColumns(tokens: readonly Token[]): void {
  let names: string[] = [];
  let column = 0;
  tokens.forEach((token, index) => {
    if (token.type === "table_open") names = [];
    if (token.type === "tr_open") column = 0;
    if (token.type === "th_open") names.push(plainText(tokens[index + 1]));
    if (token.type !== "td_open") return;
    const name = names[column++];
    if (name !== undefined && name !== "") token.attrSet("data-column", name);
  });
}

/** Returns a description of the schema as HTML. Its links lead to where they say. */
export function renderDescription(text: string | null | undefined): string {
  return text ? renderMarkdown(text, (address) => address).html : "";
}

/** Returns the name of a heading in addresses, as GitHub makes it. */
function slugOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");
}

function plainText(token: Token | undefined): string {
  return (token?.children ?? []).map(({ type, content }) => (type === "softbreak" ? " " : content)).join("");
}

/** Returns the tokens without the first heading of level 1, which the page shows itself. */
function withoutTitle(tokens: readonly Token[]): Token[] {
  const start = tokens.findIndex(({ type, tag }) => type === "heading_open" && tag === "h1");
  return start < 0 ? [...tokens] : [...tokens.slice(0, start), ...tokens.slice(start + 3)];
}

function redirect(token: Token, addressOf: (address: string) => string | undefined): void {
  const attribute = token.type === "image" ? "src" : "href";
  const address = token.attrGet(attribute);
  if (address === null) return;
  const found = addressOf(String(address));
  if (found !== undefined) return token.attrSet(attribute, found);
  token.tag = "span";
  token.attrs = [["class", "elsewhere"]];
}

/** A link whose beginning became a span ends as one. */
function markLostLinks(tokens: readonly Token[]): void {
  const open: string[] = [];
  for (const token of tokens) {
    if (token.type === "link_open") open.push(token.tag);
    if (token.type === "link_close") token.tag = open.pop() ?? token.tag;
  }
}

/** Returns a block of code. */
export function codeBlock(text: string): string {
  return `<pre><code>${escapeHtml(text)}</code></pre>`;
}

import type { Token } from "markdown-it";
import type { ResolvedReferences, RichText } from "./model.ts";
import { recordLabel } from "./references.ts";

/** The marks of a collapsible section: before its title, and below its text. */
const sectionMarks = { begin: "▼", end: "▲" } as const;

/** A quote or a list item. `margin` is the text at the left of its lines. */
interface Container {
  readonly margin: string;
  /** The bullet or number of an item, until its first line is written. */
  marker?: string | undefined;
}

interface PlainRendering {
  readonly resolved: ResolvedReferences;
  readonly lines: string[];
  readonly containers: Container[];
  /** The next number of each open list, or undefined if the list has bullets. */
  readonly counters: (number | undefined)[];
  /** Whether the next block follows without a blank line because it is the first in its container. */
  isFirst: boolean;
  /** Whether the current block is in a list without blank lines. */
  isTight: boolean;
  /** The cells of the current row of a table. */
  row: string[];
  /** Whether the next inline text is the title of a section. */
  isTitle: boolean;
  /** Whether it is a cell. */
  isCell: boolean;
}

/**
 * Returns a text without its markup. Quotes keep their `> `, list items have a bullet or their number, links become
 * `text (address)`, mentions `@Ellen Brown`, records `request #5`, images `[image: name]`. A section is its title
 * after `▼`, its text, and a line `▲`. A row of a table is a line with ` | ` between its cells. Code is unchanged.
 * Lines are separated by line feeds.
 */
export function renderPlain(text: RichText, resolved: ResolvedReferences = {}): string {
  const page: PlainRendering = {
    resolved,
    lines: [],
    containers: [],
    counters: [],
    isFirst: true,
    isTight: false,
    row: [],
    isTitle: false,
    isCell: false,
  };
  text.tokens.forEach((token, index) => writeToken(page, token, text.tokens[index + 1]));
  return page.lines.join("\n");
}

function writeToken(page: PlainRendering, token: Token, next: Token | undefined): void {
  switch (token.type) {
    case "paragraph_open":
    case "heading_open":
      page.isTight = token.hidden;
      return;
    case "inline":
      writeInline(page, token.children ?? []);
      return;
    case "section_open":
      page.isTight = false;
      setOff(page);
      if (next?.type !== "summary_open") writeLines(page, [sectionMarks.begin]);
      page.isFirst = true;
      return;
    case "summary_open":
      page.isTitle = true;
      return;
    case "summary_close":
      page.isTitle = false;
      page.isFirst = true;
      return;
    case "section_close":
      writeLines(page, [sectionMarks.end]);
      leave(page);
      return;
    case "table_open":
      page.isTight = false;
      setOff(page);
      return;
    case "th_open":
    case "td_open":
      page.isCell = true;
      return;
    case "tr_close":
      writeLines(page, [rowText(page)]);
      return;
    case "table_close":
      leave(page);
      return;
    case "fence":
      page.isTight = false;
      write(page, token.content.replace(/\n$/, "").split("\n"));
      return;
    case "hr":
      page.isTight = false;
      write(page, ["---"]);
      return;
    case "blockquote_open":
      enter(page);
      page.containers.push({ margin: "> " });
      return;
    case "blockquote_close":
      page.containers.pop();
      leave(page);
      return;
    case "bullet_list_open":
    case "ordered_list_open":
      enter(page);
      page.counters.push(token.type === "bullet_list_open" ? undefined : Number(token.attrGet("start") ?? 1));
      return;
    case "bullet_list_close":
    case "ordered_list_close":
      page.counters.pop();
      leave(page);
      return;
    case "list_item_open":
      page.containers.push(nextItem(page));
      return;
    case "list_item_close":
      // The item was empty: its marker is not written yet.
      if (page.containers.at(-1)?.marker !== undefined) writeLines(page, [""]);
      page.containers.pop();
      return;
    default:
      // The other tokens change nothing in the plain text.
      return;
  }
}

function nextItem({ counters }: PlainRendering): Container {
  const number = counters.at(-1);
  if (number === undefined) return { margin: "  ", marker: "• " };
  counters[counters.length - 1] = number + 1;
  const marker = `${number}. `;
  return { margin: " ".repeat(marker.length), marker };
}

function enter(page: PlainRendering): void {
  const startsItem = page.containers.at(-1)?.marker !== undefined;
  if (!startsItem) setOff(page);
}

function leave(page: PlainRendering): void {
  page.isFirst = page.lines.length === 0;
  page.isTight = false;
}

function writeInline(page: PlainRendering, tokens: readonly Token[]): void {
  const text = inlineText(tokens, page.resolved);
  if (page.isCell) {
    page.row.push(text);
    page.isCell = false;
  } else if (page.isTitle) {
    writeLines(page, `${sectionMarks.begin} ${text}`.trimEnd().split("\n"));
  } else if (text !== "") {
    write(page, text.split("\n"));
  }
}

function rowText(page: PlainRendering): string {
  const text = page.row
    .slice(0, page.row.findLastIndex((cell) => cell !== "") + 1)
    .join(" | ")
    .trim();
  page.row = [];
  return text;
}

function write(page: PlainRendering, lines: readonly string[]): void {
  setOff(page);
  writeLines(page, lines);
}

function setOff(page: PlainRendering): void {
  if (!page.isFirst && !page.isTight) {
    // An item whose marker is not written yet begins below the blank line.
    const unbegun = page.containers.findIndex((container) => container.marker !== undefined);
    const around = unbegun < 0 ? page.containers : page.containers.slice(0, unbegun);
    page.lines.push(
      around
        .map((container) => container.margin)
        .join("")
        .trimEnd(),
    );
  }
  page.isFirst = true;
}

function writeLines(page: PlainRendering, lines: readonly string[]): void {
  for (const line of lines) page.lines.push(line === "" ? takeMargin(page).trimEnd() : takeMargin(page) + line);
  page.isFirst = false;
}

function takeMargin(page: PlainRendering): string {
  return page.containers
    .map((container) => {
      const { margin, marker } = container;
      container.marker = undefined;
      return marker ?? margin;
    })
    .join("");
}

function inlineText(tokens: readonly Token[], resolved: ResolvedReferences): string {
  const parts: string[] = [];
  let linkStart = 0;
  let address = "";
  for (const token of tokens) {
    if (token.type === "link_open") {
      linkStart = parts.length;
      address = token.info.replace(/^mailto:/i, "");
    } else if (token.type !== "link_close") {
      parts.push(inlinePart(token, resolved));
    } else if (parts.slice(linkStart).join("") !== address) {
      parts.push(` (${address})`);
    }
  }
  return parts.join("");
}

function inlinePart(token: Token, resolved: ResolvedReferences): string {
  switch (token.type) {
    case "text":
    case "code_inline":
      return token.content;
    case "softbreak":
    case "hardbreak":
      return "\n";
    case "image":
      return `[image: ${token.info || resolved.image?.(token.content)?.name || fileName(token.content)}]`;
    case "mention":
      return `@${resolved.person?.(Number(token.info))?.name ?? token.content}`;
    case "record":
      return recordLabel(token);
    default:
      return "";
  }
}

function fileName(key: string): string {
  return key.slice(key.lastIndexOf("/") + 1);
}

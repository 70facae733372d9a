import { Parser } from "htmlparser2";

/** Elements whose content is not shown. */
const hiddenElements: ReadonlySet<string> = new Set([
  "head",
  "script",
  "style",
  "template",
  "title",
  "noscript",
  "svg",
  "object",
]);

/** Elements that begin and end a line. */
const blockElements: ReadonlySet<string> = new Set([
  ...["address", "article", "aside", "blockquote", "body", "center", "dd", "details", "div", "dl", "dt", "fieldset", "figure"],
  ...["footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "html", "li", "main", "nav", "ol", "p", "pre"],
  ...["section", "summary", "table", "tbody", "tfoot", "thead", "tr", "ul"],
]);

/** Blocks with an empty line before and after them. */
const spacedElements: ReadonlySet<string> = new Set([
  "p",
  "h1",
  "h2",
  "h3",
  "h4",
  "h5",
  "h6",
  "pre",
  "ul",
  "ol",
  "table",
  "blockquote",
]);

/**
 * How many elements may be open at a time. Browsers stop at 512. The parser takes time in proportion to them for each
 * further one.
 */
const maxOpenElements = 1_000;

/** A mail can quote a thread in a thread: more levels than these look alike. */
const maxQuoteDepth = 20;

/**
 * Returns the text that a reader of `html` sees: without scripts, styles and anything that would be loaded. Quotations
 * are lines that begin with `>`, and an address that a link hides is shown. Reading ends where more than
 * {@link maxOpenElements} elements are open.
 */
export function textOfHtml(html: string): string {
  const lines: string[] = [];
  let line = "";
  let isSpacePending = false;
  let openElements = 0;
  let hiddenDepth = 0;
  let preDepth = 0;
  let quoteDepth = 0;
  const links: { readonly href: string; text: string }[] = [];

  /** The quotation in which an empty line comes before the next text. Undefined: none comes. */
  let emptyLineDepth: number | undefined;

  function endLine(): void {
    if (emptyLineDepth !== undefined && lines.length > 0) lines.push(quotedLine("", emptyLineDepth));
    emptyLineDepth = undefined;
    lines.push(quotedLine(line, quoteDepth));
    line = "";
    isSpacePending = false;
  }

  function beginBlock(name: string): void {
    if (line !== "") endLine();
    if (spacedElements.has(name)) emptyLineDepth = Math.min(emptyLineDepth ?? quoteDepth, quoteDepth);
  }

  function write(text: string): void {
    if (isSpacePending && line !== "") line += " ";
    isSpacePending = false;
    line += text;
  }

  function writeWords(text: string): void {
    if (/^\s/.test(text)) isSpacePending = true;
    const words = text.trim().replaceAll(/\s+/g, " ");
    if (words !== "") write(words);
    if (/\s$/.test(text)) isSpacePending = true;
  }

  function writeLines(text: string): void {
    const [first = "", ...others] = text.split(/\r?\n/);
    line += first;
    for (const other of others) {
      endLine();
      line = other;
    }
  }

  const parser = new Parser(
    {
      onopentag(name, attributes) {
        openElements += 1;
        if (openElements > maxOpenElements) parser.pause();
        if (hiddenElements.has(name)) hiddenDepth += 1;
        if (hiddenDepth > 0) return;
        if (name === "br") endLine();
        if (blockElements.has(name)) beginBlock(name);
        if (name === "blockquote") quoteDepth += 1;
        if (name === "pre") preDepth += 1;
        if (name === "li") write("- ");
        if ((name === "td" || name === "th") && line !== "") write(" | ");
        if (name === "img") write(attributes["alt"]?.trim() ?? "");
        if (name === "a") links.push({ href: attributes["href"]?.trim() ?? "", text: "" });
      },
      ontext(text) {
        if (hiddenDepth > 0) return;
        const link = links.at(-1);
        if (link && link.text.length < maxLinkText) link.text += text;
        if (preDepth > 0) writeLines(text);
        else writeWords(text);
      },
      onclosetag(name) {
        openElements -= 1;
        if (hiddenElements.has(name)) hiddenDepth = Math.max(0, hiddenDepth - 1);
        if (hiddenDepth > 0) return;
        if (name === "a") writeAddress(links.pop());
        if (blockElements.has(name)) beginBlock(name);
        if (name === "blockquote") {
          quoteDepth = Math.max(0, quoteDepth - 1);
          beginBlock(name);
        }
        if (name === "pre") preDepth = Math.max(0, preDepth - 1);
      },
    },
    { decodeEntities: true, lowerCaseTags: true, lowerCaseAttributeNames: true },
  );

  /** A reader should see where a link leads to. */
  function writeAddress(link: { readonly href: string; readonly text: string } | undefined): void {
    if (!link || !/^(https?|mailto):/i.test(link.href)) return;
    const shown = link.text.trim();
    const isShown = shown === link.href || `mailto:${shown}` === link.href || `${shown}/` === link.href;
    if (!isShown && link.href.length < maxLinkText) write(`${shown === "" ? "" : " "}(${link.href})`);
  }

  parser.write(html);
  parser.end();
  if (line !== "") endLine();
  return lines.join("\n").replaceAll(/\n{3,}/g, "\n\n");
}

function quotedLine(line: string, depth: number): string {
  const prefix = ">".repeat(Math.min(depth, maxQuoteDepth));
  return prefix === "" ? line : `${prefix} ${line}`.trimEnd();
}

/** The number of characters of a link that are looked at. */
const maxLinkText = 2_000;

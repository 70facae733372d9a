import type { StateBlock, StateCore, Token } from "markdown-it";
import { firstCharacter, indentation, lineText, pushParagraph } from "./blocks.ts";
import {
  hasOnlySpace,
  isSectionLine,
  type SectionTag,
  sectionTags,
  startsWithSectionTag,
  startsWithUnendedTag,
} from "./section-tags.ts";

/** The maximum nesting of collapsible sections. Deeper ones are shown as they were written. */
export const maximumSections = 10;

const lessThan = 0x3c;

/**
 * The rule for lines that begin with a tag of a section. Such a line ends the paragraph before it. If it contains
 * nothing but tags and titles, it is a paragraph of its own, so that any block can follow it without a blank line.
 * {@link makeSections} makes sections of the tags when all blocks are known. So a beginning without an end does not
 * affect the text after it, and a `</details>` in code stays code.
 */
export function sectionLine(state: StateBlock, startLine: number, endLine: number, silent: boolean): boolean {
  if (firstCharacter(state, startLine) !== lessThan) return false;
  const line = lineText(state, startLine);
  if (silent) return startsWithSectionTag(line);
  const lastLine = lastLineOf(state, line, startLine, endLine);
  if (lastLine === undefined) return false;
  const nextLine = lineAfterTitle(state, lastLine, endLine) ?? lastLine + 1;
  pushParagraph(state, state.getLines(startLine, nextLine, state.blkIndent, false).trim());
  state.line = nextLine;
  return true;
}

/** Returns the last line of the tags that begin on `startLine`, or undefined if other text is there. */
function lastLineOf(state: StateBlock, line: string, startLine: number, endLine: number): number | undefined {
  if (startsWithUnendedTag(line)) return endOfTag(state, startLine, endLine);
  return startsWithSectionTag(line) && isSectionLine(line) ? startLine : undefined;
}

/** Returns the line on which the tag of `startLine` ends. At the start of a line its `>` would begin a quote. */
function endOfTag(state: StateBlock, startLine: number, endLine: number): number | undefined {
  let line = startLine + 1;
  for (; line < endLine && !state.isEmpty(line) && indentation(state, line) >= 0; line += 1) {
    const text = lineText(state, line);
    if (/^[^<]*>/.test(text)) return line;
    if (text.includes("<")) return undefined;
  }
  return undefined;
}

/** Returns the line after a title that has the first line below `startLine` that is not blank. */
function lineAfterTitle(state: StateBlock, startLine: number, endLine: number): number | undefined {
  let line = startLine + 1;
  while (line < endLine && state.isEmpty(line)) line += 1;
  if (line >= endLine || indentation(state, line) < 0 || firstCharacter(state, line) !== lessThan) return undefined;
  const title = lineText(state, line);
  return !startsWithSectionTag(title) && isSectionLine(title) ? line + 1 : undefined;
}

/** A section while it is searched for. */
interface Section {
  readonly begin: SectionTag;
  /** The line of the beginning if it is a tag in the middle of a line of text, which stays text. */
  readonly textLine: number | undefined;
  title?: Title;
}

interface Title {
  readonly text: string;
  /** The paragraph and the position where the title ends. */
  readonly paragraph: number;
  readonly end: number;
}

/** The title of the section that has just begun. */
interface AwaitedTitle {
  readonly section: Section;
  /** The parts of its text that have been read, or undefined before its `<summary>`. */
  parts: string[] | undefined;
}

/** The document, a quote, a list item or another block that contains blocks. */
interface SectionContainer {
  readonly sections: Section[];
  awaited: AwaitedTitle | undefined;
}

/** Makes elements of the tags of sections that are paired, and leaves all others in their text. */
export function makeSections(state: StateCore): void {
  const tagsOf = new Map<number, readonly SectionTag[]>();
  state.tokens.forEach((token, index) => {
    const tags = isParagraphText(state.tokens, index) ? sectionTags(token.content) : [];
    if (tags.length > 0) tagsOf.set(index, tags);
  });
  if (tagsOf.size > 0) state.tokens = withSections(state, tagsOf, findSections(state.tokens, tagsOf));
}

function isParagraphText(tokens: readonly Token[], index: number): boolean {
  return tokens[index]?.type === "inline" && tokens[index - 1]?.type === "paragraph_open";
}

/** Returns the sections by their first and last tags. Both are in the same container. */
function findSections(
  tokens: readonly Token[],
  tagsOf: ReadonlyMap<number, readonly SectionTag[]>,
): ReadonlyMap<SectionTag, Section> {
  const found = new Map<SectionTag, Section>();
  const containers: SectionContainer[] = [{ sections: [], awaited: undefined }];
  const readParagraph = createParagraphReader(found);
  tokens.forEach((token, index) => {
    const container = containers.at(-1);
    if (container === undefined || token.type === "paragraph_open" || token.type === "paragraph_close") return;
    if (isParagraphText(tokens, index)) return readParagraph(container, index, token.content, tagsOf.get(index) ?? []);
    container.awaited = undefined;
    if (token.nesting === 1) containers.push({ sections: [], awaited: undefined });
    if (token.nesting === -1) containers.pop();
  });
  return found;
}

type ReadParagraph = (container: SectionContainer, index: number, text: string, tags: readonly SectionTag[]) => void;

/** Returns a function that pairs the tags of one paragraph after the other. It adds the sections to `found`. */
function createParagraphReader(found: Map<SectionTag, Section>): ReadParagraph {
  let line = 0;

  /** Returns whether the tag ends a section. */
  function end(container: SectionContainer, tag: SectionTag): boolean {
    // A tag in the middle of a text is paired on its line only: on the next one it is forgotten.
    while (container.sections.at(-1)?.textLine !== undefined && container.sections.at(-1)?.textLine !== line) {
      container.sections.pop();
    }
    const section = container.sections.pop();
    if (section === undefined || section.textLine !== undefined) return false;
    found.set(section.begin, section).set(tag, section);
    return true;
  }

  return (container, paragraph, text, tags) => {
    let position = 0;
    let startsBlock = true;
    line += 1;
    tags.forEach((tag, index) => {
      const before = text.slice(position, tag.start);
      readText(container, before);
      if (before.includes("\n")) line += 1;
      startsBlock = hasOnlySpace(before.slice(before.lastIndexOf("\n") + 1)) && (startsBlock || before.includes("\n"));
      position = tag.end;
      const awaited = container.awaited;
      const next = tags[index + 1];
      const hasTitle = next?.kind === "title_open" && hasOnlySpace(text.slice(tag.end, next.start));
      switch (tag.kind) {
        case "section_open": {
          startsBlock ||= hasTitle;
          const section: Section = { begin: tag, textLine: startsBlock ? undefined : line };
          container.sections.push(section);
          if (startsBlock) container.awaited = { section, parts: undefined };
          else readText(container, text.slice(tag.start, tag.end));
          return;
        }
        case "section_close":
          startsBlock = end(container, tag);
          if (startsBlock) container.awaited = undefined;
          else readText(container, text.slice(tag.start, tag.end));
          return;
        case "title_open":
          if (awaited?.parts === undefined && awaited !== undefined) awaited.parts = [];
          else readText(container, text.slice(tag.start, tag.end));
          return;
        case "title_close":
          if (awaited?.parts !== undefined) {
            // What began in the title is text of the title.
            container.sections.splice(container.sections.lastIndexOf(awaited.section) + 1);
            awaited.section.title = { text: awaited.parts.join("").trim(), paragraph, end: tag.end };
            startsBlock = true;
          }
          container.awaited = undefined;
      }
    });
    readText(container, `${text.slice(position)}\n\n`);
  };
}

/** Adds a text to the title that it belongs to. A text before the title means that there is none. */
function readText(container: SectionContainer, text: string): void {
  if (container.awaited?.parts !== undefined) container.awaited.parts.push(text);
  else if (!hasOnlySpace(text)) container.awaited = undefined;
}

/** Returns the tokens with those of the sections, and without their tags. */
function withSections(
  state: StateCore,
  tagsOf: ReadonlyMap<number, readonly SectionTag[]>,
  sections: ReadonlyMap<SectionTag, Section>,
): Token[] {
  const result: Token[] = [];
  const shown = new Set<Section>();
  /** The number of sections around the next token in each container. */
  const depths = [0];
  /** Where the last title ends. */
  let titleEnd: Omit<Title, "text"> = { paragraph: -1, end: 0 };

  function deepen(by: 1 | -1): void {
    depths.push((depths.pop() ?? 0) + by);
  }

  function begin({ begin: tag, title }: Section): void {
    deepen(1);
    result.push(sectionToken(state, "section_open", tag));
    if (title !== undefined && title.text !== "") result.push(...wrapped(state, "summary", "summary", title.text));
  }

  function end(tag: SectionTag): void {
    deepen(-1);
    result.push(sectionToken(state, "section_close", tag));
  }

  function pushText(text: string, isTight: boolean): void {
    if (hasOnlySpace(text)) return;
    for (const token of wrapped(state, "paragraph", "p", text.trim())) {
      // A section has paragraphs, whatever the list around it has.
      token.hidden = isTight && depths.at(-1) === 0 && token.type !== "inline";
      result.push(token);
    }
  }

  function pushPieces(text: string, index: number, isTight: boolean): void {
    // The title that was read with its section ends in a paragraph below.
    if (index < titleEnd.paragraph) return;
    let position = index === titleEnd.paragraph ? titleEnd.end : 0;
    for (const tag of tagsOf.get(index) ?? []) {
      const section = sections.get(tag);
      if (section === undefined || tag.start < position) continue;
      const begins = section.begin === tag;
      if (begins ? shown.size >= maximumSections : !shown.delete(section)) continue;
      pushText(text.slice(position, tag.start), isTight);
      position = tag.end;
      if (!begins) {
        end(tag);
        continue;
      }
      shown.add(section);
      begin(section);
      titleEnd = section.title ?? titleEnd;
      if (index < titleEnd.paragraph) return;
      if (section.title !== undefined) position = section.title.end;
    }
    pushText(text.slice(position), isTight);
  }

  state.tokens.forEach((token, index) => {
    if (token.type === "paragraph_open" || token.type === "paragraph_close") return;
    if (isParagraphText(state.tokens, index)) {
      pushPieces(token.content, index, state.tokens[index - 1]?.hidden ?? false);
      return;
    }
    result.push(token);
    if (token.nesting === 1) depths.push(0);
    if (token.nesting === -1) depths.pop();
  });
  return result;
}

function sectionToken(state: StateCore, type: "section_open" | "section_close", { isOpen }: SectionTag): Token {
  const token = new state.Token(type, "details", type === "section_open" ? 1 : -1);
  token.block = true;
  if (isOpen && token.nesting === 1) token.attrSet("open", "");
  return token;
}

function wrapped(state: StateCore, type: "summary" | "paragraph", tag: string, content: string): Token[] {
  const inline = new state.Token("inline", "", 0);
  inline.content = content;
  inline.children = [];
  const tokens = [new state.Token(`${type}_open`, tag, 1), inline, new state.Token(`${type}_close`, tag, -1)];
  for (const token of tokens) token.block = true;
  return tokens;
}

/** A tag of a collapsible section in the text of a paragraph, such as `<details open>` or `</summary>`. */
export interface SectionTag {
  readonly kind: "section_open" | "section_close" | "title_open" | "title_close";
  /** Where the tag begins and ends in the text. */
  readonly start: number;
  readonly end: number;
  /** Whether the section is shown open. */
  readonly isOpen: boolean;
}

/**
 * The maximum length of a tag in characters. It bounds how far the end of each tag is searched for, because quotes in
 * attributes can hide the beginnings of other tags.
 */
const maximumTagLength = 1_000;

// Each part ends where HTML lets it end only, so that a text can be read in one way, and a failure takes linear time.
const space = "[ \\t\\n]";
const attributeName = "[^\\s\"'<>/=`]+(?=[\\s/=>])";
const attributeValue = `(?:"[^"]*"|'[^']*'|[^\\s"'<>=\`]+(?=[\\s>]))`;
const attribute = `(?:${space}|/)+(?<name>${attributeName})(?:${space}*=${space}*${attributeValue})?`;
const tagPattern = new RegExp(
  `^<(?<slash>/?)(?<element>details|summary)(?<attributes>(?:${attribute.replace("?<name>", "?:")})*)(?:${space}|/)*>`,
  "i",
);
const attributePattern = new RegExp(attribute, "g");
const tagOrCode = /`+|<\/?(?:details|summary)/gi;
const sectionTagStart = /^<\/?details(?=[\s/>]|$)/i;
const unendedTag = /^<\/?(?:details|summary)(?:[ \t][^>]*)?$/i;

/** Returns whether a line begins with a tag that begins or ends a section. The tag may end on another line. */
export function startsWithSectionTag(line: string): boolean {
  return sectionTagStart.test(line);
}

/** Returns whether a line begins with a tag that ends on another line. */
export function startsWithUnendedTag(line: string): boolean {
  return unendedTag.test(line);
}

/**
 * Returns the tags of sections in the text of a paragraph, in their order, in any spelling that HTML allows: upper and
 * lower case, with attributes in any order and any quotes. Tags in code between backquotes are left out.
 */
export function sectionTags(text: string): SectionTag[] {
  const tags: SectionTag[] = [];
  const found = [...text.matchAll(tagOrCode)];
  if (found.every(([source]) => source.startsWith("`"))) return tags;
  const endOfCode = codeEnds(found);
  let position = 0;
  for (const { 0: source, index } of found) {
    if (index < position) continue;
    if (source.startsWith("`")) {
      position = endOfCode(index, source.length);
      continue;
    }
    const tag = tagAt(text, index);
    if (tag === undefined) continue;
    tags.push(tag);
    position = tag.end;
  }
  return tags;
}

/**
 * Returns whether a line contains nothing but tags of sections and their titles, such as
 * `<details><summary>Title</summary>`.
 */
export function isSectionLine(line: string): boolean {
  let position = 0;
  let inTitle = false;
  for (const { kind, start, end } of sectionTags(line)) {
    if (!inTitle && !hasOnlySpace(line.slice(position, start))) return false;
    inTitle = kind === "title_open" || (inTitle && kind !== "title_close");
    position = end;
  }
  return !inTitle && hasOnlySpace(line.slice(position));
}

/** Returns whether a text has no characters other than spaces and line ends. */
export function hasOnlySpace(text: string): boolean {
  return text.trim() === "";
}

function tagAt(text: string, start: number): SectionTag | undefined {
  const match = tagPattern.exec(text.slice(start, start + maximumTagLength));
  const { slash, element, attributes } = match?.groups ?? {};
  if (match === null || element === undefined || attributes === undefined) return undefined;
  const thing = element.toLowerCase() === "details" ? "section" : "title";
  return {
    kind: slash === "/" ? `${thing}_close` : `${thing}_open`,
    start,
    end: start + match[0].length,
    isOpen: [...`${attributes}>`.matchAll(attributePattern)].some(({ groups }) => groups?.["name"]?.toLowerCase() === "open"),
  };
}

/**
 * Returns a function that returns the end of the code that begins with a run of backquotes: the next run of the same
 * length, or the run itself if there is none.
 */
function codeEnds(found: readonly RegExpExecArray[]): (start: number, length: number) => number {
  const starts = new Map<number, number[]>();
  for (const { 0: source, index } of found.toReversed()) {
    if (!source.startsWith("`")) continue;
    const ofLength = starts.get(source.length) ?? [];
    ofLength.push(index);
    starts.set(source.length, ofLength);
  }
  return (start, length) => {
    const ofLength = starts.get(length) ?? [];
    // They are in reverse order, so those that are passed are taken from the end, each once.
    while ((ofLength.at(-1) ?? Infinity) <= start) ofLength.pop();
    return (ofLength.at(-1) ?? start) + length;
  };
}

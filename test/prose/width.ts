/** The maximum width of a line of prose, in columns. Code has the width of the formatter. */
export const maxWidth = 120;

/** A part of a line at which it cannot be broken: a code span, a link of a docstring, or text without spaces. */
const unbreakable = /(?:`[^`]*`|\{@link [^}]*\}|\S)+/g;

/**
 * Returns the numbers of the lines of prose in `text` that are too wide and could be broken. `path` tells what prose is
 * in it.
 */
export function tooWide(path: string, text: string): number[] {
  const isProse = proseOf(path);
  return text.split("\n").flatMap((line, index) => {
    const prose = isProse(line);
    const parts = prose?.match(unbreakable) ?? [];
    return line.length > maxWidth && parts.length > 1 ? [index + 1] : [];
  });
}

/**
 * Returns a function for the lines of a file, in their order. It returns the prose of a line without its marks, if it
 * has any.
 */
function proseOf(path: string): (line: string) => string | undefined {
  if (path.endsWith(".md")) return proseOfMarkdown();
  return path.endsWith(".graphql") ? descriptionsOf() : commentIn;
}

/** Comments of several lines begin each line with a star. */
function commentIn(line: string): string | undefined {
  const [, own, behind] = /^\s*(?:\/\*\*?|\*|\/\/\/?)\s+(.*)|\S\s+(\/\/\s.*)$/.exec(line) ?? [];
  return own ?? behind;
}

/** All but tables, code blocks and headings. A mark of a list item belongs to the word behind it. */
function proseOfMarkdown(): (line: string) => string | undefined {
  let inCode = false;
  return (line) => {
    const isFence = /^\s*```/.test(line);
    if (isFence) inCode = !inCode;
    if (isFence || inCode || /^\s*\||^#/.test(line)) return undefined;
    return line.replace(/^\s*(?:[-*]|\d+\.)\s+/, "");
  };
}

function descriptionsOf(): (line: string) => string | undefined {
  let inDescription = false;
  return (line) => {
    const marks = line.split('"""').length - 1;
    if (marks === 1) inDescription = !inDescription;
    return inDescription || marks === 2 ? line : undefined;
  };
}

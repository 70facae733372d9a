import { array, assert, boolean, constantFrom, integer, letrec, oneof, property, record, stringMatching } from "fast-check";
import { describe, expect, test } from "vitest";
import { renderHtml } from "../src/notes/richtext/html.ts";
import { parseRichText } from "../src/notes/richtext/parse.ts";
import { renderPlain } from "../src/notes/richtext/plain.ts";
import { readHtml } from "./support/html.ts";

const html = (text: string) => renderHtml(parseRichText(text)).trim();
const plain = (text: string) => renderPlain(parseRichText(text));
const count = (text: string, part: string) => text.split(part).length - 1;
const brief = (text: string) => html(text).replaceAll(/>\n+(?=<)/g, ">");

/** The spelling of the documentation of /v1. */
const canonical = "<details>\n<summary>T</summary>\n\nb\n\n</details>";
const canonicalHtml = "<details><summary>T</summary><p>b</p></details>";

describe("spellings of one section", () => {
  test.each([
    canonical,
    canonical.replaceAll("\n", "\r\n"),
    canonical.replaceAll("\n\n", "\n"),
    canonical.replaceAll("\n", "\n\n"),
    canonical.toUpperCase().replaceAll(/\bB\b/g, "b"),
    "<Details>\n<Summary>T</sUMMARY>\nb\n</dEtails>",
    "<details><summary>T</summary>b</details>",
    "<details><summary>T</summary>\nb</details>",
    "<details><summary>T</summary>\n\nb</details>",
    "<details>\n<summary>T</summary>b\n</details>",
    "<details>\n<summary>T</summary> b </details>",
    "<details> <summary> T </summary> b </details>",
    "<details\t>\n<summary\n>T</summary >\nb\n</details\n>",
    "<details\n>\n<summary>T</summary>\nb\n</details>",
    "<details>\n<summary>\nT\n</summary>\nb\n</details>",
    "<details>\n\n<summary>\n\nT\n\n</summary>\n\nb\n\n</details>",
    "<details>\n  <summary>T</summary>\n  b\n</details>",
    "    <details>\n        <summary>T</summary>\n        b\n    </details>",
    "<details class=x><summary id=y>T</summary>b</details>",
    '<details class=\'x y\' id="z"><summary class="a\'b>" hidden>T</summary>b</details>',
    '<details\n  class="x"\n  data-open="open"\n>\n<summary>T</summary>\nb\n</details>',
    "<details data-open open-x=open title='open'><summary>T</summary>b</details>",
    "<details a = b c ='d' e= \"f\"><summary>T</summary>b</details>",
    "<details/><summary/>T</summary>b</details>",
  ])("%j", (text) => {
    expect(brief(text)).toBe(canonicalHtml);
    expect(plain(text)).toBe("▼ T\nb\n▲");
  });

  test.each([
    "<details open><summary>T</summary>b</details>",
    "<DETAILS OPEN>\n<summary>T</summary>\n\nb\n\n</details>",
    '<details open=""><summary>T</summary>b</details>',
    "<details class=x open='open'><summary>T</summary>b</details>",
    '<details open=false class="x"><summary>T</summary>b</details>',
    "<details\nclass=x\nOpen\n>\n<summary>T</summary>\nb\n</details>",
    "<details class='>' open/><summary>T</summary>b</details>",
  ])("%j is shown open", (text) => {
    expect(brief(text)).toBe(canonicalHtml.replace("<details>", "<details open>"));
    expect(plain(text)).toBe("▼ T\nb\n▲");
  });

  test.each([
    ["<details>b</details>", "<details><p>b</p></details>", "▼\nb\n▲"],
    ["<details><summary></summary>b</details>", "<details><p>b</p></details>", "▼\nb\n▲"],
    ["<details></details>", "<details></details>", "▼\n▲"],
    ["<details>\n\n</details>", "<details></details>", "▼\n▲"],
    ["<details><summary>T</summary></details>", "<details><summary>T</summary></details>", "▼ T\n▲"],
    [
      "<details>b<summary>T</summary></details>",
      "<details><p>b&lt;summary&gt;T&lt;/summary&gt;</p></details>",
      "▼\nb<summary>T</summary>\n▲",
    ],
    ["<details><summary>T</details>", "<details><p>&lt;summary&gt;T</p></details>", "▼\n<summary>T\n▲"],
  ])("%j has no title, or no text, or a title that is text", (text, expectedHtml, expectedPlain) => {
    expect(brief(text)).toBe(expectedHtml);
    expect(plain(text)).toBe(expectedPlain);
  });

  test.each([
    [`a${canonical.replaceAll("\n", "")}z`, "a\n\n▼ T\nb\n▲\n\nz"],
    ["a <details><summary>T</summary>b</details> z", "a\n\n▼ T\nb\n▲\n\nz"],
    ["a\n<details><summary>T</summary>b</details>\nz", "a\n\n▼ T\nb\n▲\n\nz"],
    [`a\n${canonical.replaceAll("\n\n", "\n")}\nz`, "a\n\n▼ T\nb\n▲\n\nz"],
  ])("%j: the text around a section is no part of it", (text, expectedPlain) => {
    expect(brief(text)).toBe(`<p>a</p>${canonicalHtml}<p>z</p>`);
    expect(plain(text)).toBe(expectedPlain);
  });

  test.each(["", "> ", "> > "])("after %j: sections within sections, on one line or on many", (margin) => {
    const nested = "<details><summary>A</summary>a<details><summary>B</summary><details>c</details></details>d</details>";
    const spread = nested.replaceAll(/<\/?details>|<\/summary>/g, "$&\n").replaceAll("<details>\n<", "\n<details><");
    const lines = spread.split("\n").map((line) => margin + line);
    const inner =
      "<details><summary>A</summary><p>a</p><details><summary>B</summary><details><p>c</p></details></details><p>d</p></details>";
    expect(brief(margin + nested)).toContain(inner);
    expect(brief(lines.join("\n").replaceAll(/(\w)(<\/details>)/g, `$1\n${margin}$2`))).toContain(inner);
    expect(plain(nested)).toBe("▼ A\na\n\n▼ B\n▼\nc\n▲\n▲\n\nd\n▲");
  });

  test("in list items, with paragraphs whatever the list has", () => {
    const inner = "<details><summary>T</summary><p>b</p></details>";
    expect(brief("* a\n  <details><summary>T</summary>b</details>\n* c")).toBe(`<ul><li>a${inner}</li><li>c</li></ul>`);
    expect(brief("1. <details>\n   <summary>T</summary>\n   b\n   </details>")).toBe(`<ol><li>${inner}</li></ol>`);
    expect(plain("* a\n  <details><summary>T</summary>b</details>\n* c")).toBe("• a\n\n  ▼ T\n  b\n  ▲\n• c");
    expect(plain("1. <details><summary>T</summary>b</details>")).toBe("1. ▼ T\n   b\n   ▲");
  });

  test("any block stands below a title without a blank line", () => {
    expect(brief("<details open>\n<summary>`T`</summary>\n3. a\n\n> b\n</details>")).toBe(
      '<details open><summary><code>T</code></summary><ol start="3"><li>a</li></ol><blockquote><p>b</p></blockquote></details>',
    );
    expect(brief("<details>\n\n<summary>T</summary>\n3. a\n</details>")).toBe(
      '<details><summary>T</summary><ol start="3"><li>a</li></ol></details>',
    );
    expect(brief("<DETAILS><SUMMARY>It`s</SUMMARY>\na | b\n-|-\n</DETAILS>")).toContain("<summary>It`s</summary><table>");
  });
});

describe("what is no section", () => {
  test.each([
    "`<details>`a`</details>`",
    "`<details><summary>T</summary>b</details>`",
    "``<details>`</details>``",
    "a <details> in a line </details>",
    "</details>",
    "a</details>b",
    "</summary></details>",
    "<details",
    "<details><summary>T</summary>b",
    "<details><summary>T",
    "<detailsx>a</detailsx>",
    "< details>a</ details>",
    "<details =x>a</details>",
    '<details "x">a</details>',
    "<details a='>x</details>",
    "&lt;details>a&lt;/details>",
    `<details ${"x".repeat(1000)}>a</details>`,
  ])("%j is text", (text) => {
    const read = readHtml(html(text));
    expect(read.elements.map(({ name }) => name).filter((name) => name !== "p" && name !== "code")).toEqual([]);
    expect(read.text.trim()).toBe(text.replaceAll(/(`+)(.+?)\1/g, "$2"));
    expect(plain(text)).toBe(read.text.trim());
  });

  test.each(["```\n", "> ```\n> "])("in code, spelled as anything: %j", (opening) => {
    const text = `${opening}<details open><summary>T</summary>b</details>\n${opening.replace(/\n.*$/, "")}`;
    expect(html(text)).not.toContain("<details");
    expect(html(text)).toContain("&lt;details open&gt;&lt;summary&gt;T&lt;/summary&gt;b&lt;/details&gt;");
  });

  test.each([
    ["<details>\nuse the <details> tag\n</details>", "<details><p>use the &lt;details&gt; tag</p></details>"],
    ["<details>a <details> b </details> c</details>", "<details><p>a &lt;details&gt; b &lt;/details&gt; c</p></details>"],
    ["<details>`</details>`</details>", "<details><p><code>&lt;/details&gt;</code></p></details>"],
    [
      "<details><summary>a <details> b</summary>c</details>",
      "<details><summary>a &lt;details&gt; b</summary><p>c</p></details>",
    ],
    ["<details>a</details></details>b", "<details><p>a</p></details><p>&lt;/details&gt;b</p>"],
    ["<details>\n\n* a</details>\n\n</details>", "<details><ul><li>a&lt;/details&gt;</li></ul></details>"],
    ["<details>\n\n> <details>\n\n</details>", "<details><blockquote><p>&lt;details&gt;</p></blockquote></details>"],
  ])("%j: a tag that begins or ends nothing is text", (text, expected) => {
    expect(brief(text)).toBe(expected);
  });
});

interface Spelling {
  readonly upper: boolean;
  /** One of the spellings of the attributes with `open`, or without. */
  readonly attributes: number;
  readonly blankLines: boolean;
  readonly titleBelow: boolean;
  readonly oneLine: boolean;
}

interface SectionNode {
  readonly title: string;
  readonly open: boolean;
  readonly spelling: Spelling;
  readonly body: readonly (SectionNode | string)[];
}

describe("random nestings", () => {
  const attributes = {
    open: [" open", ' open=""', " OPEN='open'", " class=x open", "\topen=1 id='a>b'", "  open  "],
    closed: ["", " ", " class=x", " data-open", ' title="<details open>"', " id='open'"],
  };
  // None of them may begin or end a section.
  const decoys = ["`<details>`", "```\n</details>\n```", "> </details>", "> <details open>", "* <details>", "1. x</details>"];
  const blocks = ["# h", "> q\n> r", "* a\n* b", "```ts\ncode\n```", "a | b\n--|:-:\nc | d", "---", ...decoys];
  const text = oneof(stringMatching(/^[a-z]{1,8}( \*\*[a-z]{1,8}\*\*)?$/), constantFrom(...blocks));
  const { section } = letrec<{ section: SectionNode }>((tie) => ({
    section: record({
      title: stringMatching(/^[a-z]{1,8}( __[a-z]{1,8}__)?$/),
      open: boolean(),
      spelling: record({
        upper: boolean(),
        attributes: integer({ min: 0, max: 5 }),
        blankLines: boolean(),
        titleBelow: boolean(),
        oneLine: boolean(),
      }),
      body: array(oneof({ maxDepth: 4, withCrossShrink: true }, text, tie("section")), { maxLength: 3 }),
    }),
  }));

  const spelledCanonically = ({ title, open, body }: SectionNode): string =>
    [
      `<details${open ? " open" : ""}>\n<summary>${title}</summary>`,
      ...body.map((part) => (typeof part === "string" ? part : spelledCanonically(part))),
      "</details>",
    ].join("\n\n");

  const isInline = (part: SectionNode | string): boolean =>
    typeof part === "string" ? /^[a-z]/.test(part) && !part.includes("\n") : part.body.every(isInline);
  /** Whether a body can be on one line: no two paragraphs follow each other. */
  const fitsLine = (body: SectionNode["body"]): boolean =>
    body.every(
      (part, index) =>
        isInline(part) &&
        (typeof part === "string" ? typeof body[index - 1] !== "string" : part.spelling.oneLine && fitsLine(part.body)),
    );

  function spelled({ title, open, spelling, body }: SectionNode): string {
    const cased = (tag: string) => (spelling.upper ? tag.toUpperCase() : tag);
    const begin = `<${cased("details")}${attributes[open ? "open" : "closed"][spelling.attributes]}>`;
    const heading = `<${cased("summary")}>${title}</${cased("summary")}>`;
    const end = `</${cased("details")}>`;
    const parts = body.map((part) => (typeof part === "string" ? part : spelled(part)));
    if (spelling.oneLine && fitsLine(body)) return [begin, heading, ...parts, end].join("");
    const gap = spelling.blankLines ? "\n\n" : "\n";
    // Blank lines separate the blocks of the body, whatever is around them.
    return [begin + (spelling.titleBelow ? gap : "") + heading, ...(parts.length > 0 ? [parts.join("\n\n")] : []), end].join(
      gap,
    );
  }

  const sizeOf = ({ body }: SectionNode): number =>
    body.reduce((sum, part) => sum + (typeof part === "string" ? 0 : sizeOf(part)), 1);

  test("each valid section is rendered, and each spelling as the canonical one", () => {
    assert(
      property(
        array(section, { minLength: 1, maxLength: 3 }),
        constantFrom("", "> "),
        constantFrom("\n", "\r\n"),
        (nodes, margin, lineEnd) => {
          const write = (spell: (node: SectionNode) => string) =>
            nodes
              .map(spell)
              .join("\n\n")
              .split("\n")
              .map((line) => (margin + line).trimEnd())
              .join(lineEnd);
          const [expected, actual] = [write(spelledCanonically), write(spelled)];
          expect(html(actual)).toBe(html(expected));
          expect(plain(actual)).toBe(plain(expected));
          const details = readHtml(html(actual)).elements.filter(({ name }) => name === "details");
          const total = nodes.reduce((sum, node) => sum + sizeOf(node), 0);
          expect(details).toHaveLength(total);
          for (const mark of ["▼", "▲"]) expect(count(plain(actual), mark)).toBe(total);
        },
      ),
      { numRuns: 500 },
    );
  });
});

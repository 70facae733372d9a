import { array, assert, constantFrom, integer, oneof, property, string, stringMatching } from "fast-check";
import { describe, expect, test } from "vitest";
import { maximumBlockDepth } from "../src/notes/richtext/blocks.ts";
import { renderHtml } from "../src/notes/richtext/html.ts";
import { maximumMarks } from "../src/notes/richtext/marks.ts";
import type { ResolvedReferences } from "../src/notes/richtext/model.ts";
import { parseRichText } from "../src/notes/richtext/parse.ts";
import { renderPlain } from "../src/notes/richtext/plain.ts";
import { maximumReferences, referencesIn } from "../src/notes/richtext/references.ts";
import { sanitize } from "../src/notes/richtext/sanitize.ts";
import { maximumSections } from "../src/notes/richtext/sections.ts";
import { maximumCells } from "../src/notes/richtext/tables.ts";
import { readHtml } from "./support/html.ts";

function html(text: string, resolved?: ResolvedReferences): string {
  return renderHtml(parseRichText(text), resolved).trim();
}

function plain(text: string, resolved?: ResolvedReferences): string {
  return renderPlain(parseRichText(text), resolved);
}

function count(text: string, part: string): number {
  return text.split(part).length - 1;
}

/**
 * HTML as it stands in the tests: without the line feeds between tags, and links without what every one of them has.
 */
function brief(text: string, resolved?: ResolvedReferences): string {
  return html(text, resolved)
    .replaceAll(' rel="noopener noreferrer nofollow" target="_blank"', "")
    .replaceAll(/>\n+(?=<)/g, ">")
    .replaceAll("<br />\n", "<br>");
}

describe("inline markup", () => {
  test.each([
    ["**bold**", "<strong>bold</strong>", "bold"],
    ["__italic__", "<em>italic</em>", "italic"],
    ["+underline+", "<u>underline</u>", "underline"],
    ["`mono`", "<code>mono</code>", "mono"],
    ["~strike~", "<s>strike</s>", "strike"],
    ["**a __b +c ~d~+__**", "<strong>a <em>b <u>c <s>d</s></u></em></strong>", "a b c d"],
    ["***both***", "*<strong>both</strong>*", "*both*"],
    ["**two\nlines**", "<strong>two<br>lines</strong>", "two\nlines"],
    ["un**believ**able", "un<strong>believ</strong>able", "unbelievable"],
    ["<c #FF0000>red **and** bold</c>", '<span style="color:#ff0000">red <strong>and</strong> bold</span>', "red and bold"],
    ["<c #0f0>green</c>", '<span style="color:#00ff00">green</span>', "green"],
    ["<m #ffee00>marked</m>", '<span style="background-color:#ffee00">marked</span>', "marked"],
    [
      "<m #000000><c #ffffff>both</c></m>",
      '<span style="background-color:#000000"><span style="color:#ffffff">both</span></span>',
      "both",
    ],
  ])("%j", (text, expectedHtml, expectedPlain) => {
    expect(brief(text)).toBe(`<p>${expectedHtml}</p>`);
    expect(plain(text)).toBe(expectedPlain);
  });

  test.each([
    "*not italic* and _not italic_",
    "C++ and A++, 1 + 2 + 3, +31 20 555 0100 or +31 20 555 0101",
    "+begins on one line\nends on another+",
    "about ~100, then ~ 90 ~",
    "snake__case__name and a_b_c",
    "** spaced ** and __ spaced __",
    "Name: ______ (______) Date: ********",
    "**only begun, __only begun",
    "only ended** only ended__",
    "`only begun",
    "<c red>no number</c>",
    "<c #ff0000>never closed",
    "</c> </m>",
    "\\\\server\\share\\*.txt",
    "\\**not an escape*",
    "R&D &amp; &lt;b&gt; &#106;",
    "<b>bold</b> <br> <script>alert(1)</script> <!-- note --> <![CDATA[x]]>",
    "<table><tr><td>cell</td></tr></table>",
    "a <details> in a line </details>",
    "<summary>alone</summary>",
    "1) not the dialect's list",
    "+ not a list",
    "[reference][1] and [1]",
    "[1]: https://example.com is no definition",
    "#no heading",
    "title\n=====",
  ])("%j is text, and stays as it is", (text) => {
    const linked = text.replaceAll(/^/gm, "");
    const read = readHtml(html(text));
    expect(read.text.replaceAll("\n\n", "\n").trim()).toBe(linked);
    expect(read.elements.map((element) => element.name).filter((name) => !["p", "br", "a"].includes(name))).toEqual([]);
    expect(plain(text)).toBe(text);
  });

  test("marks pair within a link's text, not across its edge", () => {
    expect(brief("[**a**](https://a.example/)")).toBe('<p><a href="https://a.example/"><strong>a</strong></a></p>');
    expect(brief("**x [a**](https://a.example/)")).toBe('<p>**x <a href="https://a.example/">a**</a></p>');
  });

  test("deeper marks than are rendered show their markers", () => {
    const levels = maximumMarks + 5;
    const text = `${"**a ".repeat(levels)}x${" b**".repeat(levels)}`;
    expect(count(html(text), "<strong>")).toBe(maximumMarks);
    expect(count(html(text), "**")).toBe(10);
  });
});

describe("links", () => {
  test.each([
    ["[text](https://a.example/b)", '<a href="https://a.example/b">text</a>', "text (https://a.example/b)"],
    ["[text](https://a.example/b_(c))", '<a href="https://a.example/b_(c)">text</a>', "text (https://a.example/b_(c))"],
    ["[mail](mailto:desk@a.example)", '<a href="mailto:desk@a.example">mail</a>', "mail (desk@a.example)"],
    ["[](https://a.example/)", '<a href="https://a.example/">https://a.example/</a>', "https://a.example/"],
    [
      "[https://a.example](https://b.example)",
      '<a href="https://b.example/">https://a.example</a>',
      "https://a.example (https://b.example)",
    ],
    ["[[1]](https://a.example/)", '<a href="https://a.example/">[1]</a>', "[1] (https://a.example/)"],
    ["https://a.example", '<a href="https://a.example/">https://a.example</a>', "https://a.example"],
    ["see HTTP://a.example/x.", 'see <a href="http://a.example/x">HTTP://a.example/x</a>.', "see HTTP://a.example/x."],
    ["(https://a.example/(b))", '(<a href="https://a.example/(b)">https://a.example/(b)</a>)', "(https://a.example/(b))"],
    ["**https://a.example/**", '<strong><a href="https://a.example/">https://a.example/</a></strong>', "https://a.example/"],
    ["+https://a.example/+", '<u><a href="https://a.example/">https://a.example/</a></u>', "https://a.example/"],
    ["<https://a.example/>", '&lt;<a href="https://a.example/">https://a.example/</a>&gt;', "<https://a.example/>"],
    [
      "https://a.example/__a__?b=**c**&d=1",
      '<a href="https://a.example/__a__?b=**c**&amp;d=1">https://a.example/__a__?b=**c**&amp;d=1</a>',
      "https://a.example/__a__?b=**c**&d=1",
    ],
    ["https://münchen.example/ä", '<a href="https://xn--mnchen-3ya.example/%C3%A4">https://münchen.example/ä</a>', undefined],
  ])("%j", (text, expectedHtml, expectedPlain = text) => {
    expect(brief(text)).toBe(`<p>${expectedHtml}</p>`);
    expect(plain(text)).toBe(expectedPlain);
  });

  test.each([
    "[a](javascript:alert(1))",
    "[a](//a.example/)",
    "[a](/tickets/1)",
    "[a](ftp://a.example/)",
    "[a]()",
    "[a](two words)",
    "[a](https://)",
    "http:// and https://",
    "xhttp://a.example",
    "ftp://a.example/ and javascript://a.example/",
    "http://[bad",
    "mailto:desk@a.example",
  ])("%j links to nothing", (text) => {
    expect(readHtml(html(text)).elements.map((element) => element.name)).toEqual(["p"]);
    expect(readHtml(html(text)).text.trim()).toBe(text);
    expect(plain(text)).toBe(text);
  });

  test("they open elsewhere, and tell the page they lead to nothing", () => {
    expect(html("https://a.example/")).toBe(
      '<p><a href="https://a.example/" rel="noopener noreferrer nofollow" target="_blank">https://a.example/</a></p>',
    );
  });

  test("a link in a link's text: the inner one is one", () => {
    expect(brief("[a [b](https://b.example/) c](https://a.example/)")).toBe(
      '<p>[a <a href="https://b.example/">b</a> c](<a href="https://a.example/">https://a.example/</a>)</p>',
    );
  });
});

describe("blocks", () => {
  test.each([
    ["# One\n###### Six ##", "<h1>One</h1><h6>Six</h6>", "One\n\nSix"],
    ["a\n\n---\n\nb", "<p>a</p><hr /><p>b</p>", "a\n\n---\n\nb"],
    ["a\n---\nb", "<p>a</p><hr /><p>b</p>", "a\n\n---\n\nb"],
    ["a\nb\r\nc\n\nd", "<p>a<br>b<br>c</p><p>d</p>", "a\nb\nc\n\nd"],
    ["* a\n* b\n  c", "<ul><li>a</li><li>b<br>c</li></ul>", "• a\n• b\n  c"],
    ["- a\n\n- b", "<ul><li><p>a</p></li><li><p>b</p></li></ul>", "• a\n\n• b"],
    ["3. a\n3. b\n3. c", '<ol start="3"><li>a</li><li>b</li><li>c</li></ol>', "3. a\n4. b\n5. c"],
    [
      "1. a\n   1. b\n   2. c\n2. d\n   * e",
      "<ol><li>a<ol><li>b</li><li>c</li></ol></li><li>d<ul><li>e</li></ul></li></ol>",
      "1. a\n   1. b\n   2. c\n2. d\n   • e",
    ],
    ["* a\n*\n* c", "<ul><li>a</li><li></li><li>c</li></ul>", "• a\n•\n• c"],
    ["* a\n\n  b\n\n  > c", "<ul><li><p>a</p><p>b</p><blockquote><p>c</p></blockquote></li></ul>", "• a\n\n  b\n\n  > c"],
    ["a:\n* b", "<p>a:</p><ul><li>b</li></ul>", "a:\n\n• b"],
    [
      "> a\n> b\n>\n> c\n>> d",
      "<blockquote><p>a<br>b</p><p>c</p><blockquote><p>d</p></blockquote></blockquote>",
      "> a\n> b\n>\n> c\n>\n> > d",
    ],
    ["> * a\n> * b\n\nc", "<blockquote><ul><li>a</li><li>b</li></ul></blockquote><p>c</p>", "> • a\n> • b\n\nc"],
    [
      "x\n```sql\nselect  *  from <t>;\n\n  **a**\n```\ny",
      '<p>x</p><pre><code class="language-sql">select  *  from &lt;t&gt;;\n\n  **a**\n</code></pre><p>y</p>',
      "x\n\nselect  *  from <t>;\n\n  **a**\n\ny",
    ],
    ["> ```\n> a\n> ```\nb", "<blockquote><pre><code>a\n</code></pre></blockquote><p>b</p>", "> a\n\nb"],
    ["1. a\n   ```\n     b\n   ```", "<ol><li>a<pre><code>  b\n</code></pre></li></ol>", "1. a\n\n     b"],
    ["    four spaces are no code", "<p>four spaces are no code</p>", "four spaces are no code"],
    ["", "", ""],
    [" \n\n\t\n", "", ""],
  ])("%j", (text, expectedHtml, expectedPlain) => {
    expect(brief(text)).toBe(expectedHtml);
    expect(plain(text)).toBe(expectedPlain);
  });

  test.each([
    "```\nnever **closed**\n\nb",
    "> ```\n> never closed\n\nb",
    "* ```\n  never closed\n\nb",
    "````\nnever closed\n```\n\nb",
    `${"`".repeat(17)}\ntoo many\n${"`".repeat(18)}\n\nb`,
    "~~~\ntildes\n~~~\n\nb",
  ])("%j is no code, and swallows nothing", (text) => {
    expect(html(text)).not.toContain("<pre>");
    expect(html(text)).toMatch(/\n<p>b<\/p>$/);
    expect(plain(text).replaceAll("•", "*")).toBe(text.replaceAll("**", ""));
  });

  test("what is nested too deep is shown with its markers", () => {
    const text = `${">".repeat(maximumBlockDepth + 4)} a\n\nb`;
    expect(count(html(text), "<blockquote>")).toBe(maximumBlockDepth);
    expect(readHtml(html(text)).text).toContain(">>>> a");
    expect(html(text)).toMatch(/<p>b<\/p>$/);
  });

  test.each([
    ["quotes", (level: number) => ">".repeat(level)],
    ["lists", (level: number) => `${"  ".repeat(level)}*`],
    ["numbered lists", (level: number) => `${"   ".repeat(level)}1.`],
  ])("%s of ever deeper levels lose no line", (_name, marker) => {
    const lines = Array.from({ length: 300 }, (_, line) => `${marker(line)} line${line}.`);
    const text = lines.join("\n");
    for (const rendered of [plain(text), readHtml(html(text)).text]) {
      expect(lines.filter((_, line) => !rendered.includes(`line${line}.`))).toEqual([]);
    }
  });

  test.each(["> ", ">", "* ", "- ", "1. ", "> * ", "> 1. "])("10,000 levels of %j on one line do not overflow", (marker) => {
    const text = `${marker.repeat(10_000)}deep`;
    const { elements } = readHtml(html(text));
    expect(Math.max(...elements.map((element) => element.depth))).toBeLessThanOrEqual(maximumBlockDepth + 1);
    expect(html(text)).toMatch(/deep<\/(?:p|li)>/);
    expect(plain(text)).toMatch(/deep$/);
  });
});

describe("code", () => {
  test.each([
    ["ts", "language-ts"],
    ["  ts  ", "language-ts"],
    ["SQL", "language-sql"],
    ["js title=x.js", "language-js"],
    ["c++", "language-c++"],
    ["c#", "language-c#"],
    ["objective-c", "language-objective-c"],
    ["x".repeat(32), `language-${"x".repeat(32)}`],
  ])("of ```%s has the class %s", (info, name) => {
    expect(brief(`\`\`\`${info}\na\n\`\`\``)).toBe(`<pre><code class="${name}">a\n</code></pre>`);
    expect(plain(`\`\`\`${info}\na\n\`\`\``)).toBe("a");
  });

  test.each(["", " ", "{.ts}", 'ts"onclick="a', "<b>", "&quot;", "-ts", "é", "x".repeat(33), "ts;a", "ts/../a"])(
    "of ```%s has no class",
    (info) => {
      expect(brief(`\`\`\`${info}\na\n\`\`\``)).toBe("<pre><code>a\n</code></pre>");
    },
  );
});

describe("tables", () => {
  const row = (tag: "th" | "td", ...cells: readonly string[]) =>
    `<tr>${cells.map((cell) => `<${tag}>${cell}</${tag}>`).join("")}</tr>`;
  const table = (titles: readonly string[], ...rows: readonly (readonly string[])[]) =>
    `<table><thead>${row("th", ...titles)}</thead>` +
    `${rows.length === 0 ? "" : `<tbody>${rows.map((cells) => row("td", ...cells)).join("")}</tbody>`}</table>`;

  test.each([
    ["| a | b |\n| - | - |\n| c | d |", table(["a", "b"], ["c", "d"]), "a | b\nc | d"],
    ["a|b\n-|-\nc|d", table(["a", "b"], ["c", "d"]), "a | b\nc | d"],
    ["a | b\n--|--", table(["a", "b"]), "a | b"],
    ["| a |\n|---|\n| b |", table(["a"], ["b"]), "a\nb"],
    ["x\na | b\n--|--\nc | d\n\ny", `<p>x</p>${table(["a", "b"], ["c", "d"])}<p>y</p>`, "x\n\na | b\nc | d\n\ny"],
    ["a | b\r\n--|--\r\nc | d\r\n", table(["a", "b"], ["c", "d"]), "a | b\nc | d"],
    ["a | b\n--|--\nc\nd | e | f", table(["a", "b"], ["c", ""], ["d", "e"]), "a | b\nc\nd | e"],
    ["| | b |\n|--|--|\n| | c |\n||\n", table(["", "b"], ["", "c"], ["", ""]), "| b\n| c\n"],
    [
      "**a** | `b\\|c`\n--|--\n[d](https://a.example/) | <@7|Ann> \\| <task#3>",
      table(["<strong>a</strong>", "<code>b|c</code>"], ['<a href="https://a.example/">d</a>', "@Ann | task #3"]),
      "a | b|c\nd (https://a.example/) | @Ann | task #3",
    ],
    [
      "> a | b\n> --|--\n> c | d\n\ne",
      `<blockquote>${table(["a", "b"], ["c", "d"])}</blockquote><p>e</p>`,
      "> a | b\n> c | d\n\ne",
    ],
    [
      "1. x\n\n   a | b\n   --|--\n   c | d",
      `<ol><li><p>x</p>${table(["a", "b"], ["c", "d"])}</li></ol>`,
      "1. x\n\n   a | b\n   c | d",
    ],
    ["a | b\n--|--\n* c", `${table(["a", "b"])}<ul><li>c</li></ul>`, "a | b\n\n• c"],
    ["a | b\n--|--\n```\nc\n```", `${table(["a", "b"])}<pre><code>c\n</code></pre>`, "a | b\n\nc"],
  ])("%j", (text, expectedHtml, expectedPlain) => {
    expect(brief(text)).toBe(expectedHtml);
    expect(plain(text)).toBe(expectedPlain);
  });

  test("columns are aligned, and empty cells need no alignment", () => {
    expect(brief("a | b | c | d\n:-|:-:|-:|-\n1 | 2 | 3 | 4\n5")).toBe(
      '<table><thead><tr><th style="text-align:left">a</th><th style="text-align:center">b</th>' +
        '<th style="text-align:right">c</th><th>d</th></tr></thead><tbody><tr><td style="text-align:left">1</td>' +
        '<td style="text-align:center">2</td><td style="text-align:right">3</td><td>4</td></tr>' +
        '<tr><td style="text-align:left">5</td><td></td><td></td><td></td></tr></tbody></table>',
    );
  });

  test.each(["a | b\n--", "a | b\n-|-|-", "a\n|-|", "a | b\n\n--|--", "a | b\n-:-|--", "a | b\n|", "--|--", "a | b"])(
    "%j is none",
    (text) => {
      expect(html(text)).not.toContain("<table>");
      expect(plain(text).replaceAll(/\s/g, "")).toBe(text.replaceAll(/\s/g, ""));
    },
  );

  test("in code there are none", () => {
    expect(brief("```\na | b\n--|--\n```")).toBe("<pre><code>a | b\n--|--\n</code></pre>");
  });

  test("rows beyond the bound are text, and nothing is lost", () => {
    const rows = Array.from({ length: 150 }, (_, index) => `r${index} |`);
    const text = `${"a|".repeat(10)}\n${"-|".repeat(10)}\n${rows.join("\n")}`;
    const cells = maximumCells(text.length) - (maximumCells(text.length) % 10);
    expect(count(html(text), "</th>") + count(html(text), "</td>")).toBe(cells);
    for (const rendered of [plain(text), readHtml(html(text)).text]) {
      expect(rows.filter((line) => !rendered.includes(line.split(" ")[0] ?? ""))).toEqual([]);
    }
    expect(html(text)).toContain(`r${cells / 10 - 1} |`);
    expect(html(text)).not.toContain(`r${cells / 10 - 2} |`);
  });

  test("all tables of a text share the bound, which grows with the text", () => {
    const text = "a|b\n-|-\nc|d\n\n".repeat(300);
    const cells = maximumCells(text.length) - (maximumCells(text.length) % 2);
    expect(count(html(text), "</th>") + count(html(text), "</td>")).toBe(cells);
    const long = `${"a ".repeat(10_000)}\n\n${text.repeat(2)}`;
    expect(count(html(long), "<table>")).toBe(600);
  });
});

describe("sections", () => {
  const section = (title: string, text: string) => `<details>\n<summary>${title}</summary>\n\n${text}\n\n</details>`;

  test("a title, and blocks below it", () => {
    const text = `before\n\n${section("**Log** of <@1|Ann>", "* a\n\n```\nb\n```")}\n\nafter`;
    expect(brief(text)).toBe(
      "<p>before</p><details><summary><strong>Log</strong> of @Ann</summary><ul><li>a</li></ul><pre><code>b\n</code></pre>" +
        "</details><p>after</p>",
    );
    expect(plain(text)).toBe("before\n\n▼ Log of @Ann\n• a\n\nb\n▲\n\nafter");
  });

  test("several, and nested ones", () => {
    const text = [section("A", "a"), section("B", section("C", "c")), "z"].join("\n\n");
    expect(brief(text)).toBe(
      "<details><summary>A</summary><p>a</p></details>" +
        "<details><summary>B</summary><details><summary>C</summary><p>c</p></details></details><p>z</p>",
    );
    expect(plain(text)).toBe("▼ A\na\n▲\n\n▼ B\n▼ C\nc\n▲\n▲\n\nz");
  });

  test("blank lines are not needed, and the title may stand on the first line", () => {
    const expected = "<p>a</p><details><summary>T</summary><p>b</p></details><p>c</p>";
    expect(brief("a\n<details>\n<summary>T</summary>\nb\n</details>\nc")).toBe(expected);
    expect(brief("a\n<details><summary>T</summary>\nb\n</details>\nc")).toBe(expected);
  });

  test("without a title, and without a text", () => {
    expect(brief("<details>\n\na\n\n</details>")).toBe("<details><p>a</p></details>");
    expect(brief("<details>\n<summary>T</summary>\n</details>\n\na")).toBe("<details><summary>T</summary></details><p>a</p>");
    expect(plain("<details>\n<summary>T</summary>\n</details>\n\na")).toBe("▼ T\n▲\n\na");
    expect(plain("<details>\n\na\n\n</details>\n\nb")).toBe("▼\na\n▲\n\nb");
  });

  test("within quotes and list items, each for itself", () => {
    expect(brief("> <details>\n> <summary>T</summary>\n>\n> a\n>\n> </details>\n\nb")).toBe(
      "<blockquote><details><summary>T</summary><p>a</p></details></blockquote><p>b</p>",
    );
    expect(brief("* <details>\n  <summary>T</summary>\n\n  a\n\n  </details>\n* b")).toContain("<details><summary>T</summary>");
    expect(html("> <details>\n\n</details>")).not.toContain("<details>");
  });

  test.each([
    ["never closed", "<details>\n<summary>T</summary>\n\n**a**\n\nb"],
    ["never opened", "**a**\n\n</details>\n\nb"],
    ["closed within a list item", "<details>\n\n**a**\n\n* x\n\n  </details>\n\nb"],
    ["closed within code", "<details>\n\n**a**\n\n```\n</details>\n```\n\nb"],
  ])("%s: shown as it was written, and the rest is rendered", (_name, text) => {
    const read = readHtml(html(text));
    expect(read.elements.map((element) => element.name)).not.toContain("details");
    expect(html(text)).toContain("<strong>a</strong>");
    expect(html(text)).toContain("<p>b</p>");
    expect(count(read.text, "details>")).toBe(count(text, "details>"));
    expect(count(plain(text), "details>")).toBe(count(text, "details>"));
  });

  test("a section that is never closed does not undo the one within it", () => {
    expect(brief(`<details>\n<summary>Open</summary>\n\na\n\n${section("T", "b")}`)).toBe(
      "<p>&lt;details&gt;<br>&lt;summary&gt;Open&lt;/summary&gt;</p><p>a</p><details><summary>T</summary><p>b</p></details>",
    );
  });

  test("a code block that is never closed does not undo the section around it", () => {
    expect(brief(section("T", "```\na"))).toBe("<details><summary>T</summary><p>```<br>a</p></details>");
  });

  test("deeper ones than are rendered are text", () => {
    const levels = maximumSections + 3;
    const text = `${"<details>\n".repeat(levels)}a\n${"</details>\n".repeat(levels)}b`;
    expect(count(html(text), "<details>")).toBe(maximumSections);
    expect(count(html(text), "&lt;/details&gt;")).toBe(3);
    expect(html(text)).toMatch(/<p>b<\/p>$/);
  });
});

describe("references", () => {
  const text = [
    "<@209|Ellen Brown> and <@7|Joost> see <request#5>, <project_task#12> and <request#5>.",
    "",
    "![](attachments/a/2026/09/x/page (1).png) ![A screen](attachments/b.png)",
    "",
    "> <@209|Ellen>",
    "",
    "`<@8|Code>`",
  ].join("\n");
  const resolved: ResolvedReferences = {
    image: (key) => (key.endsWith("b.png") ? { url: "https://files.example/b?s=1&t=2", name: "b.png" } : undefined),
    person: (number) => (number === 209 ? { name: "Ellen Brown-Smith" } : undefined),
    record: (kind, number) =>
      kind === "REQUEST" && number === 5 ? { url: "https://desk.example/5", subject: 'Nothing "works"' } : undefined,
  };

  test("are listed once each, in order, whatever they stand in, but not in code", () => {
    expect(referencesIn(parseRichText(text))).toEqual({
      images: ["attachments/a/2026/09/x/page (1).png", "attachments/b.png"],
      people: [209, 7],
      records: [
        { kind: "REQUEST", number: 5 },
        { kind: "PROJECT_TASK", number: 12 },
      ],
    });
  });

  test.each(["request", "problem", "workflow", "task", "project_task", "project", "release", "risk"])(
    "<%s#7> is one",
    (kind) => {
      expect(referencesIn(parseRichText(`<${kind}#7>`)).records).toEqual([{ kind: kind.toUpperCase(), number: 7 }]);
      expect(plain(`<${kind}#7>`)).toBe(`${kind.replace("_", " ")} #7`);
    },
  );

  test.each([
    "<request#0>",
    "<request#05>",
    "<request#2147483648>",
    "<Request#5>",
    "<knowledge_article#5>",
    "<request #5>",
    "<constructor#5>",
    "<@0|A>",
    "<@2147483648|A>",
    "<@5>",
    "<@5|>",
    "<@5| >",
    "<@x|A>",
    "<@5|A\nB>",
    `<@5|${"a".repeat(256)}>`,
    "![a]()",
    `![a](${"k".repeat(1025)})`,
    "![a\nb](key)",
  ])("%j is none", (source) => {
    expect(referencesIn(parseRichText(source))).toEqual({ images: [], people: [], records: [] });
    expect(plain(source)).toBe(source);
  });

  test("that are known get the present name, the signed URL, the link", () => {
    expect(brief(text, resolved)).toContain('<span class="mention">@Ellen Brown-Smith</span>');
    expect(brief(text, resolved)).toContain(
      '<a class="record" title="Nothing &quot;works&quot;" href="https://desk.example/5">request #5</a>',
    );
    expect(brief(text, resolved)).toContain('<img src="https://files.example/b?s=1&amp;t=2" alt="A screen" loading="lazy" />');
    expect(plain(text, resolved)).toBe(
      [
        "@Ellen Brown-Smith and @Joost see request #5, project task #12 and request #5.",
        "",
        "[image: page (1).png] [image: A screen]",
        "",
        "> @Ellen Brown-Smith",
        "",
        "<@8|Code>",
      ].join("\n"),
    );
  });

  test("that are not known are shown as the text names them, and an image as its own text", () => {
    expect(brief(text)).toBe(
      "<p>@Ellen Brown and @Joost see request #5, project task #12 and request #5.</p><p> A screen</p>" +
        "<blockquote><p>@Ellen</p></blockquote><p><code>&lt;@8|Code&gt;</code></p>",
    );
  });

  test("a record without a page has no link; an image without a text has its file's name", () => {
    expect(brief("<task#3>", { record: () => ({ subject: "Labels" }) })).toBe(
      '<p><span class="record" title="Labels">task #3</span></p>',
    );
    expect(brief("<task#3>", { record: () => ({}) })).toBe('<p><span class="record">task #3</span></p>');
    const image = { image: () => ({ url: "https://files.example/a", name: "label.png" }) };
    expect(brief("![](k)", image)).toBe('<p><img src="https://files.example/a" alt="label.png" loading="lazy" /></p>');
    expect(plain("![](k)", image)).toBe("[image: label.png]");
  });

  test("in a link's text are text, for links do not nest", () => {
    expect(brief("[see <request#5> of <@209|Ellen>](https://a.example/)", resolved)).toBe(
      '<p><a href="https://a.example/">see request #5 of @Ellen</a></p>',
    );
    expect(brief("[![A screen](attachments/b.png)](https://a.example/)", resolved)).toBe(
      '<p><a href="https://a.example/"><img src="https://files.example/b?s=1&amp;t=2" alt="A screen" loading="lazy" /></a></p>',
    );
  });

  test("an image of another site is a link to it, and never fetched", () => {
    const source =
      "![A logo](https://a.example/logo.png) ![](https://a.example/dot.gif) [![x](https://a.example/)](https://b.example/)";
    expect(referencesIn(parseRichText(source)).images).toEqual([]);
    expect(brief(source, { image: () => ({ url: "https://files.example/", name: "a" }) })).toBe(
      '<p><a href="https://a.example/logo.png">A logo</a> <a href="https://a.example/dot.gif">https://a.example/dot.gif</a> ' +
        '<a href="https://b.example/">x</a></p>',
    );
  });

  test("beyond the first 500 are shown as they are spelled", () => {
    const numbers = Array.from({ length: maximumReferences + 20 }, (_, index) => index + 1);
    const source = numbers.map((number) => `<task#${number}>`).join(" ");
    expect(referencesIn(parseRichText(source)).records).toHaveLength(maximumReferences);
    const rendered = html(source, { record: (_kind, number) => ({ url: `https://a.example/${number}` }) });
    expect(count(rendered, "<a ")).toBe(maximumReferences);
    expect(readHtml(rendered).text.trim()).toBe(numbers.map((number) => `task #${number}`).join(" "));
  });
});

describe("any text", () => {
  const fragments = [
    ..."*_+~`#>-|[]()<>!\\&\"'@:/ \n\t1.aé😀\u202e\0\u0007\ufffe",
    ..."** __ *** ``` ~~~ --- ![ ]( ![]( [a](https://a.example/) http://a.example https:// 1. <@1|A> <@1|".split(" "),
    ..."<request#5> <task# <c #ff0000> </c> <m #0f0> </m> <details> </details> <summary> </summary> <DETAILS\topen=''> <script>".split(
      " ",
    ),
    ...[
      "* ",
      "- ",
      "> ",
      "# ",
      "  ",
      "    ",
      "\n\n",
      "\r\n",
      "\n> ",
      "\n* ",
      "\n1. ",
      "\n```\n",
      "\n<details>\n",
      "\n</details>\n",
    ],
    "<details>\n<summary>T</summary>\n\n",
    "<details open><summary>T</summary>",
    "\na | b\n:-|-:\n",
    " | ",
    "\\|",
    "word",
  ];
  const anyText = oneof(
    string({ unit: "binary", maxLength: 2048 }),
    // With lone surrogates.
    array(integer({ min: 0, max: 0xffff }), { maxLength: 500 }).map((codes) => String.fromCharCode(...codes)),
    array(constantFrom(...fragments), { maxLength: 200 }).map((parts) => parts.join("")),
  );
  const resolved: ResolvedReferences = {
    image: (key) => ({ url: "https://files.example/", name: key }),
    person: () => ({ name: 'A <b> "c"' }),
    record: () => ({ url: "https://a.example/", subject: '"<i>"' }),
  };

  test("renders to well-formed HTML, of which a parser has nothing to complain", () => {
    assert(
      property(anyText, (text) => {
        for (const rendered of [renderHtml(parseRichText(text)), renderHtml(parseRichText(text), resolved)]) {
          const read = readHtml(rendered);
          const again = readHtml(sanitize(rendered, new Set(["https://files.example/"])));
          expect([again.elements, again.text]).toEqual([read.elements, read.text]);
          expect(read.errors).toEqual([]);
          expect(readHtml(read.serialized)).toEqual(read);
        }
      }),
      { numRuns: 200 },
    );
  });

  test("has no more markers when it is rendered plain than when it was written", () => {
    assert(
      property(anyText, (text) => {
        const rendered = plain(text, {
          person: () => ({ name: "Ann" }),
          image: () => ({ url: "https://a.example/", name: "b" }),
        });
        for (const marker of "*_+~`<|!") expect(count(rendered, marker)).toBeLessThanOrEqual(count(text, marker));
        expect(rendered.isWellFormed()).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  const word = stringMatching(/^[a-z]{1,8}$/);
  const marked = oneof(
    word.map((text) => ({ source: text, plain: text })),
    ...["**", "__", "+", "~", "`"].map((marker) => word.map((text) => ({ source: marker + text + marker, plain: text }))),
    word.map((text) => ({ source: `<c #a0b1c2>${text}</c>`, plain: text })),
    word.map((text) => ({ source: `[${text}](https://a.example/${text})`, plain: `${text} (https://a.example/${text})` })),
    word.map((text) => ({ source: `<@3|${text}>`, plain: `@${text}` })),
    word.map((text) => ({ source: `![${text}](key)`, plain: `[image: ${text}]` })),
  );
  const line = array(marked, { minLength: 1, maxLength: 6 }).map((parts) => ({
    source: parts.map((part) => part.source).join(" "),
    plain: parts.map((part) => part.plain).join(" "),
  }));
  const block = oneof(
    line,
    line.map(({ source, plain: text }) => ({ source: `## ${source}`, plain: text })),
    line.map(({ source, plain: text }) => ({ source: `> ${source}`, plain: `> ${text}` })),
    line.map(({ source }) => ({ source: `\`\`\`\n${source}\n\`\`\``, plain: source })),
    array(line, { minLength: 1, maxLength: 4 }).map((rows) => ({
      source: ["| x | y |", ":-|-", ...rows.map((item) => `| ${item.source} | z |`)].join("\n"),
      plain: ["x | y", ...rows.map((item) => `${item.plain} | z`)].join("\n"),
    })),
    line.map(({ source, plain: text }) => ({
      source: `<details open>\n<summary>${source}</summary>\n\n${source}\n\n</details>`,
      plain: `▼ ${text}\n${text}\n▲`,
    })),
    array(line, { minLength: 1, maxLength: 4 }).map((items) => ({
      source: items.map((item) => `* ${item.source}`).join("\n"),
      plain: items.map((item) => `• ${item.plain}`).join("\n"),
    })),
    array(line, { minLength: 1, maxLength: 4 }).map((items) => ({
      source: items.map((item) => `1. ${item.source}`).join("\n"),
      plain: items.map((item, index) => `${index + 1}. ${item.plain}`).join("\n"),
    })),
  );

  test("that was put together from markup loses exactly the markup when it is rendered plain", () => {
    assert(
      property(array(block, { maxLength: 6 }), (blocks) => {
        // A rule between them: two lists would be one, and a paragraph below a quote would carry it on.
        const source = blocks.map((part) => part.source).join("\n\n---\n\n");
        expect(plain(source)).toBe(blocks.map((part) => part.plain).join("\n\n---\n\n"));
      }),
      { numRuns: 200 },
    );
  });

  test("shows control characters, noncharacters and lone surrogates as U+FFFD", () => {
    const text = "a\0b\u0007c\u009fd\ufffee\ud800f\tg";
    expect(html(text)).toBe("<p>a\ufffdb\ufffdc\ufffdd\ufffde\ufffdf\tg</p>");
    expect(plain(text)).toBe("a\ufffdb\ufffdc\ufffdd\ufffde\ufffdf\tg");
  });

  test("is read without being changed", () => {
    const parsed = parseRichText("**a** <@1|B>");
    const first = renderHtml(parsed);
    renderPlain(parsed);
    referencesIn(parsed);
    expect(renderHtml(parsed)).toBe(first);
  });
});

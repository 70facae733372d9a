import { describe, expect, test } from "vitest";
import { maximumBlockDepth } from "../src/notes/richtext/blocks.ts";
import { renderHtml } from "../src/notes/richtext/html.ts";
import { maximumMarks } from "../src/notes/richtext/marks.ts";
import type { ResolvedReferences } from "../src/notes/richtext/model.ts";
import { parseRichText } from "../src/notes/richtext/parse.ts";
import { renderPlain } from "../src/notes/richtext/plain.ts";
import { referencesIn } from "../src/notes/richtext/references.ts";
import { sanitize } from "../src/notes/richtext/sanitize.ts";
import { maximumSections } from "../src/notes/richtext/sections.ts";
import { type FoundElement, readHtml, readHtmlInPage } from "./support/html.ts";

const htmlNamespace = "http://www.w3.org/1999/xhtml";
const link = {
  href: /^(?:https?:\/\/|mailto:)[^\s<>]*$/,
  rel: /^noopener noreferrer nofollow$/,
  target: /^_blank$/,
  title: /^/,
};
const allowed: Readonly<Record<string, Readonly<Record<string, RegExp>>>> = {
  ...Object.fromEntries(
    "h1 h2 h3 h4 h5 h6 p pre blockquote ul li hr summary br em s strong u table thead tbody tr"
      .split(" ")
      .map((name) => [name, {}]),
  ),
  a: { ...link, class: /^record$/ },
  img: { src: /^https:\/\/(?:files|a)\.example\/[^\s<>"]*$/, alt: /^/, loading: /^lazy$/ },
  code: { class: /^language-[a-z0-9_+#.-]{1,32}$/ },
  details: { open: /^$/ },
  td: { style: /^text-align:(?:left|center|right)$/ },
  th: { style: /^text-align:(?:left|center|right)$/ },
  ol: { start: /^\d+$/ },
  span: { style: /^(?:background-)?color:#[0-9a-f]{6}$/, class: /^(?:mention|record)$/, title: /^/ },
};

/** What is wrong with an element, as far as these tests know. */
function complaints({ name, namespace, attributes }: FoundElement): string[] {
  const attributesAllowed = Object.hasOwn(allowed, name) ? allowed[name] : undefined;
  if (attributesAllowed === undefined || namespace !== htmlNamespace) return [`<${name}> of ${namespace}`];
  const wrong = Object.entries(attributes)
    .filter(([attribute, value]) => !Object.hasOwn(attributesAllowed, attribute) || !attributesAllowed[attribute]?.test(value))
    .map(([attribute, value]) => `<${name} ${attribute}=${JSON.stringify(value)}>`);
  const schemes = [attributes["href"], attributes["src"]]
    .filter((url) => url !== undefined)
    .map((url) => new URL(url).protocol);
  if (schemes.some((scheme) => !["http:", "https:", "mailto:"].includes(scheme))) wrong.push(`<${name}> to ${schemes.join()}`);
  if (name === "a" && "href" in attributes && !("rel" in attributes && "target" in attributes)) wrong.push("<a> that tells");
  return wrong;
}

function assertHarmless(html: string, source: string): void {
  const reading = readHtml(html);
  expect(reading.elements.flatMap(complaints), source).toEqual([]);
  expect(reading.strangers, source).toEqual([]);
  // No mutation: it means the same in a page with scripts, without, and within others' elements, also when it is
  // written and read again.
  for (const again of [readHtml(html, false), readHtmlInPage(html), readHtmlInPage(reading.serialized)]) {
    expect(again.serialized, source).toBe(reading.serialized);
    expect(again.elements.length, source).toBe(reading.elements.length);
  }
}

/** Someone who names people, files and records as they like, and serves them from where they like. */
function hostile(payload: string): ResolvedReferences {
  return {
    image: (key) => ({ url: key.endsWith("good") ? `https://files.example/${payload}` : payload, name: payload }),
    person: () => ({ name: payload }),
    record: (_kind, number) => ({ url: number % 2 === 0 ? payload : `https://desk.example/?${payload}`, subject: payload }),
  };
}

const handlers = [
  "onerror=alert(1)",
  'OnErRoR="alert(1)"',
  "onload='alert(1)'",
  "onload\n=\talert(1)",
  "/onfocus=alert(1)/autofocus",
  "onmouseover=alert`1`",
  "ontoggle=alert(1) open",
  "onpointerrawupdate=alert&lpar;1&rpar;",
  "style=animation-name:x onanimationstart=alert(1)",
  '"onclick="alert(1)',
  "'onclick='alert(1)",
  "\0onclick=alert(1)",
  "on\u0131click=alert(1)",
];

const carriers = ["img src=x", "svg", "body", "details", "input", "video src=x", "a href=#", "p", "x-element", "IMG/SRC=x"];

const urls = [
  "javascript:alert(1)",
  "JaVaScRiPt:alert(1)",
  "java\tscript:alert(1)",
  "java\nscript:alert(1)",
  "\u0001javascript:alert(1)",
  " javascript:alert(1)",
  "\u00a0javascript:alert(1)",
  "javascript\u00ad:alert(1)",
  "javascript&colon;alert(1)",
  "javascript&#58;alert(1)",
  "&#106;avascript:alert(1)",
  "&#x6A;avascript:alert(1)",
  "&#0000106avascript:alert(1)",
  "%6Aavascript:alert(1)",
  "javascript%3Aalert(1)",
  "\\javascript:alert(1)",
  "javascript://a.example/%0Aalert(1)",
  "javascript:/*--></title></style><svg/onload=alert(1)>",
  "vbscript:msgbox(1)",
  "data:text/html,<script>alert(1)</script>",
  "DATA:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
  "data:image/svg+xml;base64,PHN2Zy8+",
  "//evil.example/",
  "\\\\evil.example\\",
  "/\t/evil.example/",
  "/relative",
  "blob:https://a.example/1",
  "file:///etc/passwd",
  "ftp://a.example/",
  "view-source:javascript:alert(1)",
  "feed:javascript:alert(1)",
  "https:javascript:alert(1)",
  "https:/\\evil.example",
  'https://a.example/"onmouseover="alert(1)',
  "https://a.example/'onmouseover='alert(1)",
  "https://a.example/><script>alert(1)</script>",
  "https://a.example/\u202egpj.exe",
  'mailto:a@a.example"onclick="alert(1)',
  "mailto:a@a.example?<script>",
];

const scripts = [
  "<script>alert(1)</script>",
  "<SCRIPT/SRC=//evil.example></SCRIPT>",
  "<scr<script>ipt>alert(1)</scr</script>ipt>",
  "<script>alert(1)",
  "</script><script>alert(1)</script>",
  "<script\n>alert(1)</script\n>",
  "<script\0>alert(1)</script>",
  "\uff1cscript\uff1ealert(1)\uff1c/script\uff1e",
  "&lt;script&gt;alert(1)&lt;/script&gt;",
  "&#60;script&#62;alert(1)&#60;/script&#62;",
  "%3Cscript%3Ealert(1)%3C/script%3E",
  "<svg><script>alert(1)</script></svg>",
  "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
  "<object data=javascript:alert(1)></object><embed src=javascript:alert(1)>",
  "<form action=javascript:alert(1)><button formaction=javascript:alert(1)>x</button></form>",
  "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
  "<base href=javascript:/a/-alert(1)///////><link rel=stylesheet href=//evil.example>",
  "<style>@import '//evil.example'; *{background:url(javascript:alert(1))}</style>",
  "<template><img src=x onerror=alert(1)></template>",
  "<marquee onstart=alert(1)><isindex action=javascript:alert(1)>",
  "<a href=javascript:alert(1) target=_self>x</a>",
  "<a\nhref\n=\n'javascript:alert(1)'>x",
];

const mutations = [
  '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
  '<svg></p><style><a id="</style><img src=1 onerror=alert(1)>">',
  '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">',
  "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
  '<form><math><mtext></form><form><mglyph><svg><mtext><style><path id="</style><img onerror=alert(1) src>">',
  "<svg><style><img src='</style><img src=x onerror=alert(1)//'>",
  "<title><textarea></title><img src=x onerror=alert(1)></textarea>",
  "<textarea></textarea><img src=x onerror=alert(1)>",
  "<xmp></xmp><img src=x onerror=alert(1)>",
  "<plaintext><img src=x onerror=alert(1)>",
  "<listing>&lt;img onerror=alert(1) src=x&gt;</listing>",
  "<select><option><style></option></select><img src=x onerror=alert(1)></style>",
  "<table><td><a href=x></table><img src=x onerror=alert(1)>",
  "<p><svg><desc><p></p></desc></svg></p><image src=x onerror=alert(1)>",
  "<details open ontoggle=alert(1)><summary onclick=alert(1)>x</summary></details>",
  "<details ontoggle=alert(1) open='x' style=position:fixed class=record><summary onclick=alert(1)>x</summary>y</details>",
  "<details open=\"><img src=x onerror=alert(1)>\"><summary title='</summary><script>alert(1)</script>'>x</summary></details>",
  "<svg><foreignObject><math><annotation-xml encoding='text/html'><style></style><img src=x onerror=alert(1)>",
  "<svg><use href='data:image/svg+xml,<svg id=x xmlns=http://www.w3.org/2000/svg onload=alert(1)>#x'/></svg>",
  "<frameset onload=alert(1)><noframes></frameset><img src=x onerror=alert(1)></noframes>",
  "`\"'><img src=x onerror=alert(1)>",
  "<b <script>alert(1)</script>0",
  '<img """><script>alert(1)</script>">',
  "<<script>alert(1);//<</script>",
  "</p></div></body></html><script>alert(1)</script>",
];

const oddities = [
  "<!-- <img src=x onerror=alert(1)> -->",
  "<!--><img src=x onerror=alert(1)>-->",
  "<!--[if IE]><script>alert(1)</script><![endif]-->",
  "--!><img src=x onerror=alert(1)>",
  "<![CDATA[<script>alert(1)</script>]]>",
  "]]><script>alert(1)</script>",
  "<?xml version='1.0'?><?php echo 1 ?>",
  "<!doctype html><!ENTITY x SYSTEM 'file:///etc/passwd'>&x;",
  "\0<\0script\0>\0alert(1)",
  "\u0007\u001b[31m\u009b",
  "\u202e<script>\u2066alert(1)\u2069",
  "\ufeff\u200b<\u200bscript>",
  "\ud800<script>\udc00",
  "{{constructor.constructor('alert(1)')()}} ${alert(1)} <%= alert(1) %> #{alert(1)} {{=alert(1)}} {%raw%}",
  "__proto__ constructor <constructor#1> <__proto__#1>",
  "<c #ff0000;background:url(javascript:alert(1))>x</c>",
  '<c #ff0000" onclick="alert(1)>x</c>',
  "<c expression(alert(1))>x</c> <m url(//evil.example)>x</m>",
  "<c #ff0000><m #00ff00>x</c></m></span>",
  "<details><summary><script>alert(1)</script></summary></details>",
  "<details ontoggle=alert(1)>\n<summary>x</summary>\n\ny\n\n</details>",
  '<request#5"onclick=alert(1)> <request#5><script>alert(1)</script>',
  "<@209|<script>alert(1)</script>> <@209|\"><img src=x onerror=alert(1)>> <@209|' onclick='alert(1)>",
  '!["><img src=x onerror=alert(1)>](key) ![x](key" onerror="alert(1)) ![x](key\' onload=\'alert(1)) ![](><script>)',
];

const payloads = [
  ...handlers.map((handler, index) => `<${carriers[index % carriers.length]} ${handler}>`),
  ...carriers.map((carrier) => `<${carrier} onerror=alert(1) `),
  ...urls,
  ...scripts,
  ...mutations,
  ...oddities,
];

const wrappers: Readonly<Record<string, (payload: string) => string>> = {
  "by itself": (payload) => payload,
  marked: (payload) => `**a ${payload}** __${payload}__ +${payload}+ ~${payload}~ <c #ff0000>${payload}</c>`,
  "in blocks": (payload) => `# ${payload}\n\n> ${payload}\n\n* ${payload}\n\n1. ${payload}\n   ${payload}`,
  "in a section": (payload) => `<details>\n<summary>${payload}</summary>\n\n${payload}\n\n</details>`,
  "in an open section": (payload) => `<details>\n<summary>${payload}</summary>\n\n${payload}\n\n<details>`,
  "in sections of one line": (payload) =>
    `<details open><summary>${payload}</summary>${payload}</details> <DETAILS>${payload}</DETAILS>${payload}`,
  "as an attribute of a section": (payload) =>
    `<details ${payload}><summary ${payload}>x</summary>y</details>\n\n` +
    `<details open="${payload}"><summary title='${payload}'>x</summary>y</details>`,
  "in tables": (payload) => `${payload} | b\n:-|-:\n${payload} | ${payload}\n| <@209|${payload}> | \`${payload}\` |`,
  "as an alignment": (payload) => `a | b\n${payload} | -:\nc | d\n\na | b\n:-${payload}|-\nc | d`,
  "as a language": (payload) =>
    `\`\`\`${payload}\nx\n\`\`\`\n\n\`\`\`js ${payload}\nx\n\`\`\`\n\n\`\`\`js${payload}\nx\n\`\`\``,
  "as an address": (payload) => `[x](${payload}) [**x**](<${payload}>) <${payload}> [x]: ${payload}`,
  "as a link's text": (payload) => `[${payload}](https://a.example/) [${payload}](${payload})`,
  "as an image": (payload) => `![${payload}](key) ![x](${payload}) ![](good) [![${payload}](good)](${payload})`,
  "as a reference": (payload) =>
    `<@209|${payload}> <@${payload}|x> <request#5> <request#6> <request#${payload}> <${payload}#5>`,
  "as code": (payload) => `\`${payload}\` \`\`${payload}\n\n\`\`\`${payload}\n${payload}\n\`\`\`\n\n\`\`\`\n${payload}`,
};

describe("hostile texts", () => {
  test(`there are ${payloads.length * Object.keys(wrappers).length} of them, all different`, () => {
    const texts = payloads.flatMap((payload) => Object.values(wrappers).map((wrap) => wrap(payload)));
    expect(new Set(texts).size).toBe(texts.length);
    expect(texts.length).toBeGreaterThanOrEqual(500);
  });

  test.each(Object.entries(wrappers))("%s", (_name, wrap) => {
    for (const payload of payloads) {
      const source = wrap(payload);
      const parsed = parseRichText(source);
      for (const resolved of [{}, hostile(payload)]) assertHarmless(renderHtml(parsed, resolved), source);
      expect(
        referencesIn(parsed).people.filter((number) => number !== 209),
        source,
      ).toEqual([]);
    }
  });

  test("within code are shown character by character", () => {
    for (const payload of payloads) {
      const parsed = parseRichText(`\`\`\`\n${payload}\n\`\`\``);
      // What HTML cannot hold is replaced; see parseRichText.
      const shown = payload.toWellFormed().replaceAll(/[^\P{Cc}\t\n]/gu, "\ufffd");
      expect(readHtml(renderHtml(parsed)).text.trimEnd()).toBe(shown.trimEnd());
      expect(renderPlain(parsed)).toBe(shown);
    }
  });

  test("the sanitiser alone has the same word over HTML that it is given", () => {
    for (const payload of [...payloads, ...scripts.map((script) => script.repeat(3))]) {
      assertHarmless(sanitize(payload, new Set(["https://files.example/"])), payload);
      const within = `<p>a<strong>${payload}</strong></p><details><summary>${payload}</summary></details>`;
      expect(readHtml(sanitize(within, new Set())).elements.flatMap(complaints), payload).toEqual([]);
    }
  });

  test("the sanitiser knows the images it may let pass, and keeps nothing that is not of rich text", () => {
    const images = new Set(["https://files.example/a?b=1&c=2"]);
    expect(
      sanitize(
        '<p class="x" id="y" style="color:red"><img src="https://files.example/a?b=1&amp;c=2" alt="a" width="1" srcset="//evil.example">' +
          '<img src="https://files.example/other"><img src="https://evil.example/a"></p>',
        images,
      ),
    ).toBe('<p><img src="https://files.example/a?b=1&amp;c=2" alt="a" /></p>');
    expect(
      sanitize('<a href="https://a.example/" class="record x" target="_top" rel="opener" download ping="//b">a</a>', images),
    ).toBe('<a class="record" target="_blank" rel="noopener noreferrer nofollow" href="https://a.example/">a</a>');
    expect(sanitize('<span style="color:#ff0000;position:fixed" class="mention y">a</span>', images)).toBe(
      '<span style="color:#ff0000" class="mention">a</span>',
    );
    expect(sanitize("<form>a</form><custom-a>b</custom-a>", images)).toBe("ab");
    expect(
      sanitize(
        '<table border="1"><tbody><tr><td style="text-align:right;color:red" colspan="9">a</td></tr></tbody></table>',
        images,
      ),
    ).toBe('<table><tbody><tr><td style="text-align:right">a</td></tr></tbody></table>');
    expect(sanitize('<details open="x" ontoggle="y" class="z">a</details><details id="x">b</details>', images)).toBe(
      "<details open>a</details><details>b</details>",
    );
    expect(sanitize('<code class="language-c++ record x">a</code><pre class="language-c">b</pre>', images)).toBe(
      '<code class="language-c++">a</code><pre>b</pre>',
    );
  });
});

/** How often a character of a string was looked at while `work` ran: a measure of its steps that no clock disturbs. */
function looks(work: () => void): number {
  let count = 0;
  const { charAt, charCodeAt } = String.prototype;
  function countedCharAt(this: string, index: number): string {
    count += 1;
    return charAt.call(this, index);
  }
  function countedCharCodeAt(this: string, index: number): number {
    count += 1;
    return charCodeAt.call(this, index);
  }
  Object.assign(String.prototype, { charAt: countedCharAt, charCodeAt: countedCharCodeAt });
  try {
    work();
  } finally {
    Object.assign(String.prototype, { charAt, charCodeAt });
  }
  return count;
}

describe("much of one thing", () => {
  const half = (opening: string, closing: string) => (size: number) =>
    `${opening.repeat(Math.floor(size / 2 / opening.length))}x${closing.repeat(Math.floor(size / 2 / closing.length))}`;
  const growing = (unit: (index: number) => string) => (size: number) => {
    let text = "";
    for (let index = 1; text.length < size; index += 1) text += unit(index);
    return text;
  };
  const repeated = [
    ...[
      "> ",
      ">",
      ">\n",
      "> a\n>> b\n",
      "> \n\n",
      "> a\n```x\n",
      "> ```\n\n",
      "*",
      "* ",
      "* a\n",
      "*\n",
      "* > ",
      "1. ",
      "1. a\n",
      "-",
      "---\n",
      "- ",
    ],
    ...[
      "**a ",
      "a**",
      "***",
      "_",
      "__a ",
      "_ ",
      "+a ",
      "+a\na+ ",
      "~",
      "`",
      "`a``b```c",
      "```\n",
      "```x\n",
      "* ```x\n",
      "# a\n",
      "#",
    ],
    ...[
      "[",
      "]",
      "![",
      "![a",
      "![](",
      "![](k)",
      "[](",
      "[a](",
      "[a](http://b",
      "[a](http://b)",
      "](",
      "(",
      "<",
      "<@1|",
      "<@1|A>",
      "<task#1>",
    ],
    ...[
      "<c #fff>",
      "</c>",
      "<details>",
      "<details>\n",
      "</details>\n",
      "<details>\n</details>\n",
      "<details>\n<summary>a</summary>\n",
      "<details><summary>",
      "<details><summary>a</summary>b</details>",
      "a<details><summary>a</summary>b</details>",
      "a</details>",
      "<details open\n",
      "<details open\n\n",
      "<details\na>",
      "<details\na\n",
      '<details a="',
      "<details a=\"' c=' b=\"",
      "<details a=b/c d=e/f ",
      "<details ",
      "<summary>",
      "</summary>\n\n",
      "`<details>``",
      "a <details>",
    ],
    ...["|", "|\n", "| ", "|-", "a|b\n-|-\n", "a|b\n-|-\n\n", "|a", "a|\n:-:|\n", "\\|", "<@1||", "-|-\n", "> a|b\n> -|-\n\n"],
    ...[
      "> <details>\n\n",
      "* <details>\n",
      "http://",
      "http://a ",
      "http://[",
      "http://a.",
      ":",
      "a\n",
      "a  \n",
      " ",
      "\t",
      "     a\n",
      "&",
      '"',
      "\\",
      "\0",
      "!",
      "\r",
      "\ud800",
    ],
  ];
  const patterns: readonly (readonly [string, (size: number) => string])[] = [
    ...repeated.map((unit) => [JSON.stringify(unit), (size: number) => unit.repeat(Math.ceil(size / unit.length))] as const),
    ["[ and ]", half("[", "]")],
    ["nested marks", half("**a __b +c ~d ", " a~ b+ c__ d**")],
    ["nested colours", half("<c #fff>", "</c>")],
    ["nested sections", half("<details>\n", "</details>\n")],
    ["code spans of every length", growing((index) => `${"`".repeat(index)}a`)],
    ["code blocks of ever fewer backquotes", growing((index) => `${"`".repeat(Math.max(3, 360 - index))}x\n`)],
    ["quotes that are carried on without a marker", (size) => `${">".repeat(30)}${"a\n".repeat(size / 2)}`],
    ["lists that are carried on without indentation", (size) => `${"* > ".repeat(30)}${"a\n".repeat(size / 2)}`],
    ["ever deeper lists", growing((index) => `${"  ".repeat(index % 200)}* a\n`)],
    ["ever deeper quotes", growing((index) => `${">".repeat(index % 360)}\n`)],
    ["different records", growing((index) => `<task#${index}>`)],
    ["unclosed code in one list item", (size) => `* a\n${"  ```x\n".repeat(size / 7)}`],
    [
      "a wide table of short rows",
      (size) => `${"a|".repeat(size / 12)}\n${":-:|".repeat(size / 12)}\n${"|\n".repeat(size / 4)}`,
    ],
    ["a table of single characters", (size) => `a|b|c|d\n:-:|:-:|:-:|:-:\n${"a|b|c|d\n".repeat(size / 8)}`],
    ["a tag with many attributes", (size) => `<details ${"a=b/c ".repeat(size / 6)}`],
    ["a tag with many spaces", (size) => `<details ${" ".repeat(size)}`],
    ["tags with many spaces", (size) => `<details ${" ".repeat(900)}`.repeat(Math.ceil(size / 900))],
    ["a title of many paragraphs", (size) => `<details>\n<summary>${"a\n\n".repeat(size / 3)}</summary></details>`],
    ["a section with many tags in its text", (size) => `<details>\n${"a <details> ".repeat(size / 12)}\n</details>`],
    ["nested sections of one line", half("<details><summary>a</summary>b", "</details>")],
    ["a title that does not end", (size) => `<details>\n<summary>${"</summary>   ".repeat(size / 13)}x`],
  ];
  const resolved: ResolvedReferences = {
    image: () => ({ url: "https://files.example/a.png", name: "a.png" }),
    person: () => ({ name: "Ellen Brown" }),
    record: () => ({ url: "https://desk.example/records/5", subject: "Labels are printed across the edge" }),
  };

  interface Measures {
    readonly steps: number;
    readonly tokens: number;
    readonly html: number;
    readonly plain: number;
  }

  /** What the rendering of a text takes and gives, in proportion to its length. */
  function measure(text: string): Measures {
    let tokens = 0;
    let html = "";
    let plain = "";
    const steps = looks(() => {
      const parsed = parseRichText(text);
      tokens = parsed.tokens.reduce((sum, token) => sum + 1 + (token.children?.length ?? 0), 0);
      html = renderHtml(parsed, resolved);
      plain = renderPlain(parsed, resolved);
    });
    const share = 1 / text.length;
    return { steps: steps * share, tokens: tokens * share, html: html.length * share, plain: plain.length * share };
  }

  function assertBounded({ steps, tokens, html, plain }: Measures): void {
    expect(steps).toBeLessThan(100);
    expect(tokens).toBeLessThan(2);
    expect(html).toBeLessThan(12);
    expect(plain).toBeLessThan(2 * maximumBlockDepth + 2);
  }

  test.each(patterns)("%s: steps, tokens and output grow as the text does", (_name, pattern) => {
    const [short, long] = [measure(pattern(2048)), measure(pattern(8192))];
    assertBounded(long);
    expect(long.steps).toBeLessThan(1.25 * short.steps + 1);
    const depths = readHtml(renderHtml(parseRichText(pattern(2048)))).elements.map((element) => element.depth);
    expect(Math.max(0, ...depths)).toBeLessThan(maximumBlockDepth + maximumSections + 2 * maximumMarks + 2);
  });

  test.each([
    ...[">", "*", "[", "_", "`", "![", "<details>", "<details>\n", "**a ", "<", "http://", "> a\n```x\n"],
    ...["<details><summary>", "</details>", "<details\n", '<details a="', "|", "|\n", "a|b\n-|-\n\n", "<@1|"],
  ])("64 KB of %j", (unit) => {
    assertBounded(measure(unit.repeat(65_536 / unit.length)));
  });
});

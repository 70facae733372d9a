import { describe, expect, test } from "vitest";
import { filenameOf } from "../../src/mail/filenames.ts";
import { textOfHtml } from "../../src/mail/html-text.ts";
import { textOfNote } from "../../src/mail/input.ts";
import { withoutQuotations } from "../../src/mail/quotations.ts";
import { type MailContent, type MailHead, readContent, readHead } from "../../src/mail/read-mail.ts";
import { mailOf, type MailGiven, multipart } from "./support.ts";

/** Returns what a mail says. The note of a mail without a text has its subject. */
async function read(given: MailGiven): Promise<MailHead & MailContent> {
  const head = await readHead({ bytes: new Uint8Array(mailOf("a@b.example", 1, given)), authservId: undefined });
  if ("problem" in head) throw new Error(head.problem);
  const content = await readContent(head.bytes);
  if ("problem" in content) throw new Error(content.problem);
  return { ...head, ...content };
}

const textIn = async (type: string | undefined, body: string | Buffer, more: Record<string, string> = {}): Promise<string> =>
  (await read({ headers: { "Content-Type": type, ...more }, body })).text;

describe("the characters of a mail", () => {
  test.each<[charset: string, bytes: string | Buffer, text: string]>([
    ["utf-8", Buffer.from("Grüße 🔧"), "Grüße 🔧"],
    ["UTF8", Buffer.from("Grüße"), "Grüße"],
    ["iso-8859-1", Buffer.from("Gr\xfc\xdfe", "latin1"), "Grüße"],
    ["iso-8859-15", Buffer.from("5 \xa4", "latin1"), "5 €"],
    ["windows-1252", Buffer.from("\x93q\x94 \x80", "latin1"), "“q” €"],
    ["cp1251", Buffer.from("\xcf\xf0\xe8\xe2\xe5\xf2", "latin1"), "Привет"],
    ["koi8-r", Buffer.from("\xf0\xd2\xc9\xd7\xc5\xd4", "latin1"), "Привет"],
    ["iso-2022-jp", Buffer.from("\x1b$B$3$s$K$A$O\x1b(B", "latin1"), "こんにちは"],
    ["shift_jis", Buffer.from("\x82\xb1\x82\xf1", "latin1"), "こん"],
    ["euc-kr", Buffer.from("\xbe\xc8", "latin1"), "안"],
    ["gb18030", Buffer.from("\xc4\xe3\xba\xc3", "latin1"), "你好"],
    ["big5", Buffer.from("\xa7\x41", "latin1"), "你"],
    ["us-ascii", Buffer.from("plain"), "plain"],
  ])("%s", async (charset, bytes, text) => {
    expect(await textIn(`text/plain; charset=${charset}`, bytes)).toBe(text);
    const encoded = { "Content-Transfer-Encoding": "base64" };
    expect(await textIn(`text/plain; charset="${charset}"`, Buffer.from(bytes).toString("base64"), encoded)).toBe(text);
  });

  test.each<[what: string, type: string | undefined, bytes: Buffer]>([
    ["a charset that is none", "text/plain; charset=klingon", Buffer.from([0x41, 0xff, 0xfe, 0x00, 0x42])],
    ["bytes that are not UTF-8", "text/plain; charset=utf-8", Buffer.from([0x41, 0xc3, 0x28, 0xff, 0x42])],
    ["no type", undefined, Buffer.from([0x41, 0x80, 0x81, 0x42])],
    ["UTF-7", "text/plain; charset=utf-7", Buffer.from("A +ADw-script+AD4- B")],
    ["every byte", "text/plain; charset=utf-8", Buffer.from(Array.from({ length: 2_560 }, (_, index) => index % 256))],
  ])("%s give a text that can be stored", async (_what, type, bytes) => {
    const text = await textIn(type, bytes);
    expect(text).toContain("A");
    expect(text).toContain("B");
    expect(text.isWellFormed()).toBe(true);
    for (const character of ["\0", "\x01", "\x7f", "\r"]) expect(text).not.toContain(character);
  });

  test("quoted-printable and flowed lines are put together again", async () => {
    const printable = { "Content-Transfer-Encoding": "quoted-printable" };
    expect(await textIn("text/plain; charset=utf-8", "Gr=C3=BC=\r\n=C3=9Fe\r\nx", printable)).toBe("Grüße\nx");
    expect(await textIn("text/plain; charset=utf-8; format=flowed", "one \r\ntwo\r\nthree")).toBe("one two\nthree");
  });

  test("a subject is one line, whatever it is encoded as", async () => {
    const subject = "=?utf-8?q?a=0D=0ABcc:_x=00?= =?iso-8859-1?q?=FC?=\r\n\t=?utf-8?b?8J+Ups?=";
    const { subject: shown } = await read({ headers: { Subject: subject } });
    expect(shown).toMatch(/^a Bcc: xü/);
    for (const character of ["\0", "\r", "\n"]) expect(shown).not.toContain(character);
    expect(shown.isWellFormed()).toBe(true);
  });
});

test("a mail of HTML and plain text has the plain text, unless that is blank", async () => {
  const html = { headers: { "Content-Type": "text/html" }, body: "<p>rich</p>" };
  const both = multipart([{ headers: { "Content-Type": "text/plain" }, body: "plain" }, html], "alternative");
  expect(await textIn(both.contentType, both.body)).toBe("plain");
  const blank = multipart([{ headers: { "Content-Type": "text/plain" }, body: " \r\n" }, html], "alternative");
  expect(await textIn(blank.contentType, blank.body)).toBe("rich");
  expect(await textIn("text/html", "<p>only</p>")).toBe("only");
  expect(await textIn("text/plain", "")).toBe("");
});

describe("the text of HTML", () => {
  test.each<[html: string, text: string]>([
    ["<p>One</p><p>Two &amp; three&nbsp;&lt;b&gt;</p>", "One\n\nTwo & three <b>"],
    ["<div>a</div><div>b<br>c</div>", "a\nb\nc"],
    ["<div>a<span> b</span>\n  <b>c</b></div>", "a b c"],
    ["<ul><li>x</li><li>y</li></ul>", "- x\n- y"],
    ["<table><tr><td>1</td><td>2</td></tr><tr><td>3</td><td>4</td></tr></table>", "1 | 2\n3 | 4"],
    ["<pre>a\n  b</pre>", "a\n  b"],
    ["<head><title>t</title><style>p{}</style></head><body>x<script>alert(1)</script></body>", "x"],
    ["<p>x<style>y</p><p>z", "x"],
    ["<svg><script>1</script><text>no</text></svg>yes", "yes"],
    ['<a href="https://x.example/">here</a>', "here (https://x.example/)"],
    ['<a href="https://x.example/">https://x.example</a>', "https://x.example"],
    ['<a href="javascript:alert(1)">here</a>', "here"],
    ['<a href="mailto:a@b.example">a@b.example</a>', "a@b.example"],
    ['<img src="https://track.example/1.gif" alt="Logo"><img src=x>', "Logo"],
    ["<p>New</p><blockquote>Old<blockquote>Older</blockquote></blockquote>", "New\n\n> Old\n>\n>> Older"],
    ["<!-- <p>no</p> -->yes<![CDATA[<b>]]>", "yes"],
    ["<p>unclosed <b>tags <i>everywhere", "unclosed tags everywhere"],
    ["</div></p></blockquote>x", "x"],
  ])("%s", (html, text) => {
    expect(textOfHtml(html).trim()).toBe(text);
  });

  test("reading ends where too many elements are open, whatever they are", () => {
    const shown = (html: string) => ["x", "y"].filter((word) => textOfHtml(html).includes(word));
    for (const opening of ["<div>", "<blockquote>", "<table><tr><td>", "<svg>", "<math>", "<b><i>"])
      expect([opening, shown(`x${opening.repeat(1_000_000)}y`)]).toEqual([opening, ["x"]]);
    expect(shown(`x${"<div>".repeat(900)}y`)).toEqual(["x", "y"]);
    expect(shown(`x${"<br><img src=x>".repeat(100_000)}y`)).toEqual(["x", "y"]);
    expect(shown(`x${"<p>".repeat(100_000)}y`)).toEqual(["x", "y"]);
  });
});

describe("quotations are cut", () => {
  test.each<[what: string, text: string, own: string]>([
    ["a reply above", "Yes.\n\nOn Fri, 27 Nov 2026 at 16:00, Sam <s@x.example> wrote:\n> Is it?\n> Really?\n", "Yes."],
    [
      "an attribution of two lines",
      "Yes.\n\nOn Fri, 27 Nov 2026 at 16:00, Sam Specialist\n<s@x.example> wrote:\n\n> Is it?",
      "Yes.",
    ],
    ["a history without marks", "Yes.\n\nOn Fri, 27 Nov 2026, Sam wrote:\n\nIs it?\n\nReally?", "Yes."],
    ["German", "Ja.\n\nAm 27.11.2026 um 16:00 schrieb Sam <s@x.example>:\n> Ist es?", "Ja."],
    ["Dutch", "Ja.\n\nOp vr 27 nov 2026 om 16:00 schreef Sam <s@x.example>:\n> Is het?", "Ja."],
    ["French", "Oui.\n\nLe ven. 27 nov. 2026 à 16:00, Sam <s@x.example> a écrit :\n> Est-ce ?", "Oui."],
    ["Outlook", "Yes.\n\n-----Original Message-----\nFrom: Sam\nSent: Friday\nTo: Cleo\nSubject: x\n\nIs it?", "Yes."],
    [
      "Outlook's rule",
      "Yes.\n\n________________________________\nFrom: Sam <s@x.example>\nSent: Friday\nTo: Cleo\nSubject: x\n\nIs it?",
      "Yes.",
    ],
    ["Outlook's headers alone", "Ja.\n\nVon: Sam\nGesendet: Freitag\nAn: Cleo\nBetreff: x\n\nIst es?", "Ja."],
    ["bold headers", "Yes.\n\n*From:* Sam\n*Sent:* Friday\n*To:* Cleo\n\nIs it?", "Yes."],
    ["a block at the end", "Yes.\n\n> Is it?\n>\n> Really?\n\n", "Yes."],
    ["a reply below", "On Monday, Sam wrote:\n> Is it?\n\nYes.", "Yes."],
    [
      "a reply below, of several parts",
      "\nOn Monday, Sam\n<s@x.example> wrote:\n\n> Is it?\n>\n\n> Now?\nYes.\n\nNow.",
      "Yes.\n\nNow.",
    ],
    ["a reply below in German, with a signature", "Am Montag schrieb Sam:\n> Ist es?\n\nJa.\n-- \nCleo", "Ja."],
    ["a signature", "Yes.\n-- \nCleo\nAcme Ltd", "Yes."],
    ["a signature and a history", "Yes.\n-- \nCleo\n\nOn Monday, Sam wrote:\n> Is it?", "Yes."],
  ])("%s", (_what, text, own) => {
    expect(withoutQuotations(text)).toBe(own);
    expect(withoutQuotations(text.replaceAll("\n", "  \n").replace("--   \n", "-- \n"))).toBe(own);
  });

  test.each<[what: string, text: string, own?: string]>([
    ["answers between the lines", "On Monday, Sam wrote:\n> Is it?\nYes.\n> Really?\nReally."],
    ["a quotation without an attribution that is answered below", "> Is it?\n\nYes."],
    ["an attribution without a quotation", "On Monday, Sam wrote:"],
    ["answers between the lines, without the rest of the mail", "> Is it?\nYes.\n> Bye", "> Is it?\nYes."],
    ["nothing but a quotation", "> Is it?"],
    ["a sentence that begins like an attribution", "On Monday I wrote: it is broken."],
    ["a rule", "a\n________________________________\nb"],
    ["a list with From", "From: Rome\nwe went to Paris"],
    ["dashes", "a\n--\nb"],
    ["a text without anything", "a\n\nb"],
  ])("%s stays", (_what, text, own = text) => {
    expect(withoutQuotations(text)).toBe(own);
  });

  test("a text of attributions takes no longer than any other", () => {
    const began = performance.now();
    withoutQuotations("On Monday, Sam wrote:\n> x\n".repeat(10_000));
    withoutQuotations(`${"On Monday, Sam wrote:\n".repeat(10_000)}${"> x\n".repeat(10_000)}`);
    withoutQuotations(`On ${"x ".repeat(130_000)}\n`.repeat(1));
    expect(performance.now() - began).toBeLessThan(2_000);
  });
});

describe("the name of a file", () => {
  test.each<[given: string | null, type: string, name: string]>([
    ["report.pdf", "application/pdf", "report.pdf"],
    ["../../etc/passwd", "text/plain", "passwd"],
    ["C:\\temp\\a.txt", "text/plain", "a.txt"],
    ["a\r\nX-Header: b.txt", "text/plain", "aX-Header: b.txt"],
    ["a\0.txt", "text/plain", "a.txt"],
    ["invoice\u202egpj.exe", "image/jpeg", "invoicegpj.exe"],
    ["..", "image/png", "attachment.png"],
    ["", "text/calendar", "attachment.ics"],
    [null, "message/rfc822", "attachment.eml"],
    [null, "x/unknown", "attachment"],
    [`${"ü".repeat(200)}.png`, "image/png", `${"ü".repeat(125)}.png`],
    ["x".repeat(300), "text/plain", "x".repeat(255)],
    ["\ud800.txt", "text/plain", "\ufffd.txt"],
  ])("%j of %s", (given, type, name) => {
    expect(filenameOf(given, type)).toBe(name);
  });
});

describe("the text of the note", () => {
  test("is cut at a character, with the names of what is not attached", () => {
    const text = "🔧".repeat(20_000);
    expect(textOfNote({ text, leftOut: [] })).toBe("🔧".repeat(16_384));
    const told = textOfNote({ text: `a${text}`, leftOut: ["a.exe", "b.exe"] });
    expect(told).toMatch(/🔧\n\nNot attached, because such files are not taken: a\.exe, b\.exe$/u);
    expect(Buffer.byteLength(told)).toBeLessThanOrEqual(65_536);
    expect(Buffer.byteLength(told)).toBeGreaterThan(65_530);
    expect(textOfNote({ text: "", leftOut: Array.from({ length: 30 }, () => "x.exe") })).toMatch(/x\.exe and 10 more$/);
  });
});

import { parse as parseDisposition } from "content-disposition";
import { assert, constantFrom, type Arbitrary, oneof, property, string } from "fast-check";
import { describe, expect, test } from "vitest";
import { contentTypeOf, parseFilename } from "../src/attachments/filename.ts";
import { InvalidInput } from "../src/errors.ts";
import { dispositionOf } from "../src/storage/storage.ts";

function refusal(name: string): string | undefined {
  try {
    parseFilename(name);
    return undefined;
  } catch (error) {
    if (!(error instanceof InvalidInput)) throw error;
    expect(error.fields.map((field) => field.path)).toEqual([["filename"]]);
    return error.message;
  }
}

describe("a filename is taken as it was sent", () => {
  test.each([
    "report.pdf",
    "no extension",
    ".hidden",
    "...",
    "..report",
    "a..b..txt",
    " spaces around .txt ",
    'it\'s 100% "quoted"; ok=1, #1 & more?.txt',
    "%2e%2e%2fetc%2fpasswd",
    "CON",
    "nul.txt",
    "aux.",
    "C:report.txt",
    "file.txt:stream",
    "~",
    "-rf",
    "$(reboot).txt",
    "<script>.html",
    "żółć 検査報告 تقرير דוח 💡.png",
    "\u200fדוח.txt",
    "a\u200db.txt",
    "\ufeffbom.txt",
    "line\u2028separator.txt",
    "a".repeat(255),
    "é".repeat(127),
    "💡".repeat(63),
    "__proto__",
    "constructor",
  ])("%j", (name) => {
    expect(parseFilename(name)).toBe(name);
  });

  test("composed and decomposed spellings stay two names", () => {
    expect(parseFilename("\u00e9.txt")).not.toBe(parseFilename("e\u0301.txt"));
  });
});

describe("a filename is refused", () => {
  test.each([
    ["", "The filename must not be empty."],
    ["a".repeat(256), "The filename must have at most 255 bytes as UTF-8."],
    ["é".repeat(128), "The filename must have at most 255 bytes as UTF-8."],
    ["nul\0.txt", "The filename must not contain the character NUL."],
    ["line\r\nbreak.txt", "The filename must not contain control characters."],
    ["tab\t.txt", "The filename must not contain control characters."],
    ["\u007f.txt", "The filename must not contain control characters."],
    ["\u0085.txt", "The filename must not contain control characters."],
    ["\u001b[31m.txt", "The filename must not contain control characters."],
    ["\ud83d.txt", "The filename must be well-formed Unicode, without lone surrogates."],
    ["\udca1\ud83d.txt", "The filename must be well-formed Unicode, without lone surrogates."],
    ["../../etc/passwd", "The filename must not contain / or \\."],
    ["/etc/passwd", "The filename must not contain / or \\."],
    ["..\\windows", "The filename must not contain / or \\."],
    [".", 'The filename must not be "." or "..".'],
    ["..", 'The filename must not be "." or "..".'],
    ["invoice\u202egpj.exe", "The filename must not contain characters that reverse the direction of text."],
    ["\u2066a.txt", "The filename must not contain characters that reverse the direction of text."],
  ])("%j", (name, message) => {
    expect(refusal(name)).toBe(message);
  });
});

describe("any filename", () => {
  const tricky = string({
    unit: oneof(
      constantFrom(..."\"\\'%;=*/.:,?#&+ \t\r\n\u0000\u007f\u0080\u00a0ÿĀ€\u202e\u2066\ud800\udc00"),
      constantFrom("%41", "UTF-8''", "filename*=", "..", "💡", "é", "e\u0301"),
    ),
    minLength: 1,
    maxLength: 12,
  });
  const names: Arbitrary<string> = oneof(
    tricky,
    string({ unit: "grapheme" }),
    string({ unit: "binary" }),
    string({ unit: "grapheme-ascii" }),
  );

  test("is refused, or comes back under its own name from a header and from a path", () => {
    let taken = 0;
    assert(
      property(names, (name) => {
        if (refusal(name) !== undefined) return;
        taken += 1;
        const header = dispositionOf({ filename: name, contentType: "image/png", inline: false });
        expect(header).toMatch(/^attachment; filename[\x20-\x7e]*$/);
        expect(parseDisposition(header).parameters["filename"]).toBe(name);

        const url = new URL(`http://localhost/v2/tickets/note-attachments/1/${encodeURIComponent(name)}`);
        const [segment = "", ...others] = url.pathname.split("/").slice(5);
        expect(others).toEqual([]);
        expect(decodeURIComponent(segment)).toBe(name);
      }),
      { numRuns: 2000 },
    );
    expect(taken).toBeGreaterThan(500);
  });
});

describe("the content type", () => {
  test.each([
    ["photo.png", "image/png"],
    ["photo.PNG", "image/png"],
    ["photo.jpg", "image/jpeg"],
    ["photo.JPeG", "image/jpeg"],
    ["photo.heic", "image/heic"],
    ["report.pdf", "application/pdf"],
    ["notes.txt", "text/plain"],
    ["table.csv", "text/csv"],
    ["page.html", "text/html"],
    ["picture.svg", "image/svg+xml"],
    ["data.json", "application/json"],
    ["data.xml", "application/xml"],
    ["archive.tar.gz", "application/gzip"],
    ["letter.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"],
    ["żółć 検査.png", "image/png"],
  ])("of %s is %s", (name, type) => {
    expect(contentTypeOf(name)).toBe(type);
  });

  test.each([
    "png",
    ".png",
    "no extension",
    "ends with a dot.",
    "a.unknown",
    "a.constructor",
    "a.__proto__",
    "a.png ",
    "a.é",
    "a.b/png",
  ])("of %j is unknown", (name) => {
    expect(contentTypeOf(name)).toBe("application/octet-stream");
  });
});

describe("Content-Disposition", () => {
  test.each([
    ["image/png", true, "inline"],
    ["IMAGE/PNG; q=1", true, "inline"],
    ["image/jpeg", true, "inline"],
    ["image/gif", true, "inline"],
    ["image/webp", true, "inline"],
    ["text/plain; charset=utf-8", true, "inline"],
    ["image/png", false, "attachment"],
    ["image/svg+xml", true, "attachment"],
    ["text/html", true, "attachment"],
    ["application/xml", true, "attachment"],
    ["application/pdf", true, "attachment"],
    ["application/octet-stream", true, "attachment"],
    ["", true, "attachment"],
  ])("of %j, shown in place: %s, is %s", (contentType, inline, type) => {
    expect(parseDisposition(dispositionOf({ contentType, inline, filename: "a" })).type).toBe(type);
  });

  test("offers old clients a name in ASCII, and the others the name itself", () => {
    expect(dispositionOf({ contentType: "image/png", inline: false, filename: 'é "1".png' })).toBe(
      'attachment; filename="? \\"1\\".png"; filename*=UTF-8\'\'%C3%A9%20%221%22.png',
    );
  });
});

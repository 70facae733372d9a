import { existsSync, globSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describe, expect, test } from "vitest";

const root = resolve(import.meta.dirname, "..");
const folder = join(root, "docs", "decisions");
const read = (path: string): string => readFileSync(path, "utf8");

const records = readdirSync(folder)
  .filter((name) => /^\d{4}-.*\.md$/.test(name))
  .map((name) => ({ name, text: read(join(folder, name)) }));
/** The entries of the index, each on one line. */
const entries = read(join(folder, "README.md"))
  .split(/\n(?=- )/)
  .filter((entry) => entry.startsWith("- "))
  .map((entry) => entry.trim().replaceAll(/\n */g, " "));

/** The paragraph of a record that says its status, on one line. */
function statusOf(text: string): string {
  const [, paragraph = ""] = /^# .*\n\n\*\*Status\.\*\* ((?:.+\n)+)\n/.exec(text) ?? [];
  return paragraph.replaceAll("\n", " ").trim();
}

/** The files that `text` links to by relative paths, without their anchors. Code is no link. */
function linksIn(text: string): readonly string[] {
  return [...text.replaceAll(/`[^`]*`/g, "").matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, path = ""]) => path);
}

/**
 * The paths of sources, tests and folders in `text`: all that begin with `src/` or `test/`, and those that are the
 * whole of a code span. A path may begin in src or in the folder of its document.
 */
function pathsIn(text: string): readonly string[] {
  const whole = text.matchAll(/`([\w.-]+\/(?:[\w.-]+\/)*(?:[\w-]+\.(?:ts|js|yaml|css))?)`/g);
  const anywhere = text.matchAll(/(?<![\w/])((?:src|test)\/[\w./-]*[\w/])/g);
  return [...whole, ...anywhere].map(([, path = ""]) => path);
}

describe("each decision", () => {
  test.each(records)("$name has a number, a status and a date", ({ name, text }) => {
    expect(text).toMatch(new RegExp(`^# ${Number(name.slice(0, 4))}\\. \\S`));
    expect(statusOf(text)).toMatch(
      /^(?:Accepted, \d{4}-\d\d-\d\d\.|Superseded by \[\d+\]\([^)]+\).* Accepted, \d{4}-\d\d-\d\d\.$)/,
    );
  });

  test.each(records)("$name is in the index once, with the same title, date and status", ({ name, text }) => {
    const title = /^# (.*)$/m.exec(text)?.[1] ?? "";
    const status = statusOf(text);
    const date = /\d{4}-\d\d-\d\d/.exec(status)?.[0] ?? "";
    const successor = /[Ss]uperseded by (\[\d+\]\([^)]+\))/.exec(status)?.[1];
    const state = status.startsWith("Superseded")
      ? `superseded by ${successor}`
      : `accepted${successor ? `, in part superseded by ${successor}` : ""}`;
    const own = entries.filter((entry) => entry.startsWith(`- [${title}](${name}) `));
    expect(own).toEqual([expect.stringContaining(`](${name}) (${date}, ${state}). `)]);
  });

  test.each(records)("$name is named as superseded by the record that it says supersedes it", ({ name, text }) => {
    for (const [, successor = ""] of statusOf(text).matchAll(/[Ss]uperseded by \[\d+\]\(([^)]+)\)/g)) {
      const supersedes = /Supersedes .*/.exec(statusOf(read(join(folder, successor))))?.[0] ?? "";
      expect(linksIn(supersedes), `${successor} does not say that it supersedes ${name}`).toContain(name);
    }
  });
});

test("the index has no other entries, and is in the order of the numbers", () => {
  expect(entries.map((entry) => linksIn(entry)[0])).toEqual(records.map(({ name }) => name));
});

describe("what documents name exists", () => {
  const documents = [
    ...["README.md", "CHANGELOG.md", "packaging/README.md"],
    ...globSync(["{bench,src}/**/README.md", "docs/**/*.md"], { cwd: root, exclude: ["**/node_modules"] }),
  ];
  /** A superseded record may name the sources of its time. */
  const living = documents.filter((document) => !statusOf(read(join(root, document))).startsWith("Superseded"));

  test("by links", () => {
    const broken = documents.flatMap((document) =>
      linksIn(read(join(root, document)))
        .filter((path) => !existsSync(join(root, dirname(document), path)))
        .map((path) => `${document} → ${path}`),
    );
    expect(broken).toEqual([]);
  });

  test("by paths of sources and tests", () => {
    const missing = living.flatMap((document) => {
      const text = read(join(root, document));
      // The blocks of a recipe create files, which its sentences name.
      const created = [...text.matchAll(/^\+\+\+ b\/(\S+)/gm)].map(([, path = ""]) => path);
      const isThere = (path: string) =>
        created.some((file) => file.startsWith(path)) ||
        [root, join(root, "src"), join(root, dirname(document))].some((base) => existsSync(join(base, path)));
      return pathsIn(text.replaceAll(/^```diff$[^]*?^```$/gm, ""))
        .filter((path) => !isThere(path))
        .map((path) => `${document} → ${path}`);
    });
    expect(missing).toEqual([]);
  });
});

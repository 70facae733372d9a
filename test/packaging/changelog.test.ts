import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import packageJson from "../../package.json" with { type: "json" };

const lines = readFileSync(resolve(import.meta.dirname, "../../CHANGELOG.md"), "utf8").split("\n");
const headings = (marks: string) =>
  lines.filter((line) => line.startsWith(`${marks} `)).map((line) => line.slice(marks.length + 1));

// https://keepachangelog.com/en/1.1.0/
test("the changelog has what is not released first, then the versions, the newest first", () => {
  const [unreleased, ...versions] = headings("##");
  expect(unreleased).toBe("[Unreleased]");
  expect(versions[0]).toContain(`[${packageJson.version}]`);
  for (const version of versions) expect(version).toMatch(/^\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d$/);
  const dates = versions.map((version) => version.slice(-10));
  expect(dates).toEqual(dates.toSorted().toReversed());
});

test("its sections are those of the format", () => {
  const known = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"];
  expect(headings("###").filter((section) => !known.includes(section))).toEqual([]);
});

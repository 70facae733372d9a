import { parseEnv } from "node:util";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { readConfig, settingNames, settingsHelp } from "../../src/config.ts";

const path = resolve(import.meta.dirname, "../../.env.example");

/** What the file has for a line of the help: the meaning as a comment, and the variable, which is not set. */
function entryOf(line: string): string {
  const [, name = "", meaning = ""] = /^(\S+)\s+(.*)$/.exec(line) ?? [];
  return `# ${meaning}\n#${name}=`;
}

test(".env.example has each variable with its meaning and its default", async () => {
  const text = [
    "# The variables of the gateway, as `npm start -- --help` prints them. None must be set to try it; with DATABASE_URL",
    "# SIGNING_SECRET must be. systemd, Docker and `node --env-file` read this format: values need no quotes.",
    "#",
    "# Written from src/config.ts by `npx vitest run test/packaging/env-example.test.ts --update`.",
    "",
    ...settingsHelp().map((line) => `${entryOf(line)}\n`),
    "# The credentials of an S3 store, of which the AWS SDK reads these and others.",
    "#AWS_ACCESS_KEY_ID=",
    "#AWS_SECRET_ACCESS_KEY=",
    "",
  ].join("\n");
  await expect(text).toMatchFileSnapshot(path);
});

test("it sets nothing as it is, and each variable if its mark is taken away", () => {
  const text = readFileSync(path, "utf8");
  expect(parseEnv(text)).toEqual({});
  const all = parseEnv(text.replaceAll(/^#(?=[A-Z0-9_]+=)/gm, ""));
  const names = [...settingNames, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
  expect(Object.keys(all).toSorted()).toEqual(names.toSorted());
  // Empty is as good as not set.
  expect(() => readConfig({ ...all, SIGNING_SECRET: "a secret of 32 characters, or more" })).not.toThrow();
});

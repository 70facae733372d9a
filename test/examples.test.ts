import { execFile, execFileSync, spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Ticket } from "#generated/prisma/client.ts";
import { scopesOf } from "../src/viewer.ts";
import { addAccount, startApp, type TestAccount, type TestApp } from "./support/app.ts";
import { addNotes, addTicket } from "./support/factories.ts";
import { readDocument } from "./support/guide.ts";
import { addClient } from "./support/oauth.ts";

// The programs of examples/, each run as its first lines say, against a gateway that listens.

const folder = resolve(import.meta.dirname, "../examples");
const programs = globSync(["*.{ts,sh}", "relay/app.mjs"], { cwd: folder });
const hasPrograms = ["bash", "curl", "jq"].every((name) => spawnSync(name, ["--version"]).error === undefined);

let app: TestApp;
let account: TestAccount;
let ticket: Ticket;

beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());
beforeEach(async () => {
  account = await addAccount(app);
  ticket = await addTicket(app, account, { requester: account.customer });
  await addNotes(app, ticket, account.customer, 30);
});

/** Returns the lines that a program writes. It fails if the program does, or complains. */
async function run(name: string, environment: Readonly<Record<string, string>> = {}): Promise<readonly string[]> {
  const path = join(folder, name);
  const [program, ...words] = name.endsWith(".sh") ? [path] : [process.execPath, path];
  const env = { PATH: process.env["PATH"], GATEWAY: app.url, KEY: account.specialist.key, ...environment };
  const { stdout, stderr } = await promisify(execFile)(program, words, { env });
  expect(stderr).toBe("");
  return stdout.trimEnd().split("\n");
}

const subject = "The gearbox grinds in third";

test("plain-fetch.ts adds a note with a picture", async () => {
  expect(await run("plain-fetch.ts")).toEqual([`${subject}: lamp.png with 67 bytes, 200`]);
  const [attachment, ...others] = await app.database.prisma.attachment.findMany({ where: { accountId: account.id } });
  expect(others).toEqual([]);
  expect(attachment).toMatchObject({ state: "READY", filename: "lamp.png", contentType: "image/png", size: 67n });
});

test("apollo-client.ts pages through the notes and adds one", async () => {
  expect(await run("apollo-client.ts")).toEqual([`30 notes, the oldest about: ${subject}`, "Added: By Apollo Client."]);
});

test("urql.ts changes a note that somebody else has changed", async () => {
  const [told, ...lines] = await run("urql.ts");
  expect(told).toMatch(/^version 1 is now 2: /);
  expect(lines).toEqual(["From the first phone.", "From the second phone."]);
});

test("relay/app.mjs joins the pages of notes", async () => {
  // The package exports the path of its program, and has no types. It fails if the artifacts are not current.
  const compiler = createRequire(import.meta.url)("relay-compiler") as string;
  execFileSync(compiler, ["--validate", "relay.config.json"], { cwd: join(folder, "relay"), stdio: "pipe" });
  expect(await run("relay/app.mjs")).toEqual([`${subject}: 30 notes`]);
});

describe.runIf(hasPrograms)("the scripts for curl", () => {
  test("v1.sh: token, pages, a file, a note", async () => {
    const { id, secret } = await addClient(app, account.specialist, scopesOf("SPECIALIST"));
    const note = '["created_at","id","text"]';
    const added = '["See the file.","lamp.txt","default"]';
    expect(await run("v1.sh", { CLIENT_ID: id, CLIENT_SECRET: secret })).toEqual([note, note, "2", added]);
  });

  test("v2.sh: a note, its file, a change, the end", async () => {
    expect(await run("v2.sh", { TICKET: ticket.id })).toEqual([
      ...["added once", "the lamp is on", "The lamp is off.", '[412,"Precondition Failed"]', "[1,0]", "204"],
    ]);
  });
});

test("each program is in the table of the README, and has at most 80 lines", () => {
  const readme = readDocument("examples/README.md");
  expect(programs.length).toBe(6);
  for (const name of programs) {
    expect(readme).toContain(`[${name}](${name})`);
    expect(readDocument(`examples/${name}`).split("\n").length, name).toBeLessThanOrEqual(81);
  }
});

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openDatabase } from "../src/database/database.ts";
import { compareAnswers } from "../src/shadow/compare-answers.ts";
import { createIdTranslation } from "../src/shadow/id-translation.ts";
import { readsIn } from "../src/shadow/recorded-reads.ts";
import { scopesOf } from "../src/viewer.ts";
import { signingSecret, startApp, type TestApp } from "./support/app.ts";
import { type CommandResult, runProgram } from "./support/command.ts";
import { createScratchDatabase, type ScratchDatabase } from "./support/database.ts";
import { writeLegacyFolder } from "./support/legacy-folder.ts";

const slug = "moved";
const size = { people: 20, tickets: 16, notes: 300, notesPerFile: 20 };

interface Side {
  readonly scratch: ScratchDatabase;
  readonly app: TestApp;
  readonly environment: Record<string, string>;
}

let directory: string;
let there: Side;
let here: Side;
let keys: { readonly there: string; readonly here: string };
let reads: string[];

async function startSide(): Promise<Side> {
  const scratch = await createScratchDatabase();
  const app = await startApp({ database: await openDatabase(scratch.config, { warn: () => undefined }) });
  const dataDirectory = mkdtempSync(join(directory, "data-"));
  mkdirSync(dataDirectory, { recursive: true });
  symlinkSync(app.filesDirectory, join(dataDirectory, "files"));
  const database = scratch.config.kind === "postgresql" ? { DATABASE_URL: scratch.config.url } : {};
  return { scratch, app, environment: { SIGNING_SECRET: signingSecret, DATA_DIR: dataDirectory, ...database } };
}

async function stopSide({ app, scratch }: Side): Promise<void> {
  await app.close();
  await app.database.close();
  await scratch.drop();
}

async function importInto({ environment }: Side, folder: string, ...options: readonly string[]): Promise<void> {
  const rejects = join(directory, "rejects.ndjson");
  const given = ["--from", "v1", "--files", folder, "--rejects", rejects, ...options];
  expect(await runProgram("import-data.ts", environment, ...given)).toMatchObject({ code: 0 });
}

/** Returns the key of an administrator of the imported account. */
async function administratorKey({ app }: Side): Promise<string> {
  const { person, account } = await app.provisioning.personByEmail(slug, `person4@${slug}.example`);
  const added = await app.provisioning.addApiKey({
    ...{ accountId: account.id, personId: person.id, name: "shadow", scopes: scopesOf("ADMINISTRATOR") },
  });
  return added.key;
}

function compare(...options: readonly string[]): Promise<CommandResult> {
  const readsPath = join(directory, "reads.txt");
  writeFileSync(readsPath, reads.join("\n"));
  const servers = ["--against", there.app.url, "--against-key", keys.there, "--url", here.app.url, "--key", keys.here];
  return runProgram("compare-reads.ts", {}, ...servers, "--reads", readsPath, ...options);
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "shadow-"));
  [there, here] = [await startSide(), await startSide()];
  const folder = join(directory, "folder");
  await writeLegacyFolder({ directory: folder, slug, ...size });
  const other = join(directory, "other");
  await writeLegacyFolder({ directory: other, slug: "other", ...size });
  await importInto(there, folder);
  // Another account has the numbers of the people and files already, so all of them get others here.
  await importInto(here, other);
  await importInto(here, folder, "--id-map", join(directory, "id-map.ndjson"));
  keys = { there: await administratorKey(there), here: await administratorKey(here) };
  const { rows: tickets } = await there.app.database.pool.query<{ id: string }>("SELECT id FROM tickets ORDER BY number");
  const { rows: notes } = await there.app.database.pool.query<{ id: string; number: number }>(
    "SELECT id, number FROM notes ORDER BY number",
  );
  reads = [
    ...["/v1/me", "/v1/account", "/v1/people?per_page=50", "/v1/requests", "/v1/tasks?fields=subject,status&sort=-created_at"],
    ...[
      "/v1/notes?per_page=7",
      "/v1/notes/public?page=3",
      "/v1/requests/20000/notes",
      "/v1/people/10001",
      "/v1/notes?medium=email",
    ],
    ...["/v1/notes/1", "/v1/notes?per_page=0", "/v1/search?q=pump", "/v2/tickets/notes", "/v1/requests/20008/notes/internal"],
    ...notes.filter((_, index) => index % 10 === 0).map(({ number }) => `/v1/notes/${number}`),
    ...notes.filter((_, index) => index % 20 === 0).map(({ id }) => `/v2/tickets/note-attachments?note_id=${id}`),
    ...tickets.map(({ id }) => `/v2/tickets/notes?ticket_id=${id}&limit=20`),
  ].map((path) => `GET ${path}`);
});

afterAll(async () => {
  await stopSide(there);
  await stopSide(here);
  rmSync(directory, { recursive: true });
});

test("what was imported answers alike, but for what the id map explains", async () => {
  const { code, out } = await compare("--id-map", join(directory, "id-map.ndjson"));
  expect(out).toContain(`${reads.length} reads compared, 0 with 0 unexplained differences.`);
  expect(code).toBe(0);
  for (const explanation of ["host", "id map", "signed URL"])
    expect(out).toMatch(new RegExp(`\\d+ differences are explained: ${explanation}`));
});

test("without the id map the other numbers are differences", async () => {
  const { code, out } = await compare();
  expect(code).toBe(1);
  expect(out).toMatch(/line 1: GET \/v1\/me\n {2}body\.id: there 10004, here \d+\n/);
});

describe("a planted difference is found", () => {
  const planted: readonly (readonly [what: string, change: string, line: RegExp])[] = [
    ["a text", "UPDATE notes SET text = 'other' WHERE number = 100010", /GET \/v1\/notes\/100010\n {2}body\.text: /],
    [
      "a visibility",
      "UPDATE notes SET is_public = NOT is_public WHERE number = 100020",
      /GET \/v1\/notes\/100020\n {2}body\.internal: there true, here false/,
    ],
    [
      "a time",
      "UPDATE notes SET created_at = created_at + interval '1 s' WHERE number = 100030",
      /GET \/v1\/notes\/100030\n {2}body\.created_at: /,
    ],
    ["a missing note", "DELETE FROM notes WHERE number = 100050", /GET \/v1\/notes\/100050\n {2}status: there 200, here 404/],
    [
      "a name",
      "UPDATE people SET name = 'Somebody else' WHERE email = 'person1@moved.example'",
      /GET \/v1\/people\/10001\n {2}body\.name: there "Person 1", here "Somebody else"/,
    ],
    ["a subject", "UPDATE tickets SET subject = 'Other' WHERE number = 20000", /GET \/v1\/requests\n {2}body\[0\]\.subject: /],
    [
      "a file",
      "DELETE FROM attachments WHERE filename = 'report.txt' AND note_id = (SELECT id FROM notes WHERE number = 100060)",
      /GET \/v1\/notes\/100060\n {2}body\.attachments\[0\]: /,
    ],
  ];

  test.each(planted)("%s", async (_what, change, line) => {
    const { id } = await here.app.provisioning.accountBySlug(slug);
    const isOfAccount = change.startsWith("DELETE FROM attachments")
      ? change.replace("number = 100060", `number = 100060 AND account_id = '${id}'`)
      : `${change} AND account_id = '${id}'`;
    expect((await here.app.database.pool.query(isOfAccount)).rowCount).toBe(1);
    const { code, out } = await compare("--id-map", join(directory, "id-map.ndjson"));
    expect(out).toMatch(line);
    expect(code).toBe(1);
  });
});

test.each([
  ["/v1/notes?page=2", "/v1/notes?page=2", "host"],
  ["/v2/tickets/notes?search_after=abc&limit=2", "/v2/tickets/notes?search_after=def&limit=2", "cursor"],
  ["/v1/notes?page=2", "/v1/notes?page=3", undefined],
])("links with a public address are compared by their paths: %s and %s", (linked, linkedHere, explanation) => {
  const answer = (base: string, links: readonly string[]) => ({
    ...{ status: 200, body: [], base },
    headers: { link: links.map((link) => `<${link}>; rel="next"`).join(", ") },
  });
  const differences = compareAnswers(
    "/v1/notes",
    answer("http://10.0.0.7:8080", [`https://legacy.example${linked}`, `https://legacy.example${linked}`]),
    // Behind a proxy that serves it below a path.
    answer("http://127.0.0.1:4000", [`https://notes.example/api${linkedHere}`, `https://notes.example/api${linkedHere}`]),
    createIdTranslation([]),
  );
  expect(differences.map((difference) => [difference.field, difference.explanation])).toEqual([["headers.link", explanation]]);
});

describe("records of a list are compared by their ids", () => {
  const note = (id: number, text = `note ${id}`) => ({ id, text, person: { id: 5, name: "Ellen" } });
  const differing = (one: readonly unknown[], other: readonly unknown[]) => {
    const answer = (body: readonly unknown[]) => ({ status: 200, headers: {}, body, base: "" });
    const to = { id: "019ea5c6-0b92-780d-81d5-000000000000", number: 70 };
    const ids = createIdTranslation([{ kind: "note", from: { id: "019ea5c6-0b92-780d-81d5-3774e154484e", number: 7 }, to }]);
    const differences = compareAnswers("/v1/notes", answer(one), answer(other), ids);
    return differences.map(({ field, explanation }) => (explanation === undefined ? field : `${field}: ${explanation}`));
  };

  test.each([
    ["one that is missing here", [note(9), note(8), note(6)], [note(9), note(6)], ["body[1]"]],
    ["one that is here alone", [note(9), note(6)], [note(9), note(8), note(6)], ["body[1]"]],
    [
      "one that differs after one that is missing",
      [note(9), note(8), note(6)],
      [note(9), note(6, "other")],
      ["body[1]", "body[2].text"],
    ],
    ["one with another number", [note(9), note(7), note(6)], [note(70, "note 7"), note(6)], ["body[0]", "body[1].id: id map"]],
    ["another order", [note(9), note(6)], [note(6), note(9)], ["body[0].id", "body[0].text", "body[1].id", "body[1].text"]],
    ["values without ids", ["a", "b"], ["b"], ["body[0]", "body[1]"]],
  ])("%s", (_name, one, other, fields) => {
    expect(differing(one, other)).toEqual(fields);
  });
});

test("reads are found in access logs, in lines, and in JSON", () => {
  const log = [
    `10.0.0.7 - ellen [27/Nov/2026:10:00:00 +0100] "GET /v1/notes?per_page=5 HTTP/1.1" 200 512 "-" "4me-sdk"`,
    `GET /v2/tickets/notes?ticket_id=x`,
    `GET https://legacy.example/v1/people/5`,
    `{"level":30,"req":{"method":"GET","path":"/v1/me"},"msg":"request completed"}`,
    `{"request":"cut off`,
    `10.0.0.7 - - "POST /v1/requests/5/notes HTTP/1.1" 201`,
    `10.0.0.7 - - "GET /assets/v1/x HTTP/1.1" 200`,
  ];
  expect(readsIn(log.join("\n"))).toEqual([
    { line: 1, path: "/v1/notes?per_page=5" },
    { line: 2, path: "/v2/tickets/notes?ticket_id=x" },
    { line: 3, path: "/v1/people/5" },
    { line: 4, path: "/v1/me" },
  ]);
});

test("the ids in a read are those of the record here", () => {
  const id = "019ea5c6-0b92-780d-81d5-3774e154484e";
  const to = { id: "019ea5c6-0b92-780d-81d5-000000000000", number: 7 };
  const ids = createIdTranslation([{ kind: "ticket", from: { id, number: 5 }, to }]);
  expect(ids.path("/v1/requests/5/notes?per_page=5")).toBe("/v1/requests/7/notes?per_page=5");
  expect(ids.path("/v1/notes/5")).toBe("/v1/notes/5");
  expect(ids.path(`/v2/tickets/notes?ticket_id=${id}`)).toBe(`/v2/tickets/notes?ticket_id=${to.id}`);
  expect(ids.text("see <request#5> and <@5|Ellen>")).toBe("see <request#7> and <@5|Ellen>");
});

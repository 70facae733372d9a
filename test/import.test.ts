import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Database, openDatabase } from "../src/database/database.ts";
import { type Role, scopesOf } from "../src/viewer.ts";
import { call, signingSecret, startApp, type TestApp } from "./support/app.ts";
import { type CommandResult, runProgram } from "./support/command.ts";
import { createScratchDatabase, type ScratchDatabase } from "./support/database.ts";
import { dump } from "./support/dump.ts";
import { linesOfFolder, peopleOfFolder, writeLegacyFolder } from "./support/legacy-folder.ts";

const silent = { warn: () => undefined };
const size = { people: 40, tickets: 24, notes: 1000, notesPerFile: 40 };
/** Notes 0, 40, 80 … have a file, except note 0, which is redacted. */
const files = size.notes / size.notesPerFile - 1;

interface Reject {
  readonly kind: string;
  readonly id: string;
  readonly at: string;
  readonly reason: string;
}

let directory: string;
let scratch: ScratchDatabase;
let app: TestApp;
let environment: Record<string, string>;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "import-"));
  scratch = await createScratchDatabase();
  app = await startApp({ database: await openDatabase(scratch.config, silent) });
  const database =
    scratch.config.kind === "postgresql" ? { DATABASE_URL: scratch.config.url } : { DATA_DIR: scratch.config.directory };
  environment = { SIGNING_SECRET: signingSecret, DATA_DIR: join(directory, "data"), ...database };
  // The files that are imported are those that the gateway serves.
  mkdirSync(join(directory, "data"));
  symlinkSync(app.filesDirectory, join(directory, "data", "files"));
});

afterAll(async () => {
  await app.close();
  await app.database.close();
  await scratch.drop();
  rmSync(directory, { recursive: true });
});

/** Imports a folder. What was rejected is in `rejects`. */
async function importFolder(
  folder: string,
  ...options: readonly string[]
): Promise<CommandResult & { readonly rejects: readonly Reject[]; readonly counts: Record<string, number[]> }> {
  const rejectsPath = join(directory, "rejects.ndjson");
  const given = ["--from", "v1", "--files", folder, "--rejects", rejectsPath, ...options];
  const result = await runProgram("import-data.ts", environment, ...given);
  return { ...result, counts: countsIn(result.out), rejects: linesIn(rejectsPath) };
}

function countsIn(out: string): Record<string, number[]> {
  const rows = out.split("\n").map((line) => /^(\w+(?: \w+)?)\s+(\d+)\s+(\d+)\s+(\d+)$/.exec(line));
  return Object.fromEntries(rows.flatMap((row) => (row ? [[row[1], row.slice(2).map(Number)]] : [])));
}

function linesIn<Line>(path: string): Line[] {
  const lines = readFileSync(path, "utf8").split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Line); // as the command has written it
}

/** Returns the key of a new person who reads. */
async function keyOf(slug: string, role: Role): Promise<string> {
  const { id: accountId } = await app.provisioning.accountBySlug(slug);
  const person = await app.provisioning.addPerson({ accountId, name: "A reader", email: `${role}@reader.example`, role });
  const added = await app.provisioning.addApiKey({ accountId, personId: person.id, name: "x", scopes: scopesOf(role) });
  return added.key;
}

describe("a folder of /v1", () => {
  const slug = "moved";
  let folder: string;

  beforeAll(async () => {
    folder = join(directory, "source");
    await writeLegacyFolder({ directory: folder, slug, ...size });
  });

  test("is not written by a dry run, which says what would be", async () => {
    const before = await dump(app);
    const { code, counts } = await importFolder(folder, "--dry-run");
    expect(code).toBe(0);
    expect(counts).toMatchObject({ account: [1, 0, 0], ticket: [24, 0, 0], note: [1000, 0, 0], attachment: [files, 0, 0] });
    expect(await dump(app)).toBe(before);
  });

  test("is imported once, whole, and a second run changes nothing", async () => {
    const first = await importFolder(folder);
    expect(first).toMatchObject({ code: 0, rejects: [] });
    // The two authors whom only notes name are added.
    expect(first.counts).toMatchObject({ account: [1, 0, 0], person: [42, 0, 0], ticket: [24, 0, 0], note: [1000, 0, 0] });
    expect(first.counts["attachment"]).toEqual([files, 0, 0]);
    const before = await dump(app);
    const second = await importFolder(folder);
    expect(second).toMatchObject({ code: 0, rejects: [] });
    expect(second.counts).toMatchObject({
      person: [0, 42, 0],
      ticket: [0, 24, 0],
      note: [0, 1000, 0],
      attachment: [0, files, 0],
    });
    expect(await dump(app)).toBe(before);
  });

  test("is what an export writes, and an import of the export changes nothing", async () => {
    const exported = join(directory, "exported");
    const result = await runProgram("export-data.ts", environment, "--account", slug, "--to", exported);
    expect(result).toMatchObject({ code: 0, out: expect.stringContaining(`1000 notes and ${files} files`) });
    expect(linesOfFolder(exported)).toEqual(linesOfFolder(folder));
    expect(peopleOfFolder(exported)).toEqual(expect.arrayContaining(peopleOfFolder(folder)));
    const before = await dump(app);
    const { code, counts } = await importFolder(exported);
    expect(code).toBe(0);
    expect(counts).toMatchObject({ person: [0, 42, 0], ticket: [0, 24, 0], note: [0, 1000, 0], attachment: [0, files, 0] });
    expect(await dump(app)).toBe(before);
  });

  test("ends as notes that were written here: counts, searches, orders and the audit", async () => {
    const { id } = await app.provisioning.accountBySlug(slug);
    const count = async (statement: string) =>
      Number((await app.database.pool.query<{ n: string }>(`SELECT count(*) AS n FROM ${statement}`, [id])).rows[0]?.n);
    expect(await count("search_documents s WHERE s.account_id = $1")).toBe(1024);
    expect(await count("note_counts c WHERE c.account_id = $1 AND c.last_note_at > '-infinity'")).toBe(24);
    expect(
      await count(`note_counts c JOIN (
        SELECT ticket_id, count(*) FILTER (WHERE is_public) AS public, count(*) AS whole, max(created_at) AS last FROM notes GROUP BY 1
      ) n ON n.ticket_id = c.ticket_id
      WHERE c.account_id = $1 AND c.public_notes = n.public AND c.public_notes + c.internal_notes = n.whole AND c.last_note_at = n.last`),
    ).toBe(24);
    // One event for each, with the request id of the run, by nobody of the account.
    for (const [entity, wanted] of [
      ["NOTE", 1000],
      ["TICKET", 24],
      ["ATTACHMENT", files],
      ["PERSON", 42],
    ] as const) {
      const events = `audit_events e WHERE e.account_id = $1 AND e.entity = '${entity}' AND e.action = 'CREATED' AND e.person_ref IS NULL`;
      expect(await count(`${events} AND e.request_uuid IS NOT NULL`)).toBe(wanted);
      expect(await count(`(SELECT DISTINCT e.request_uuid FROM ${events}) runs`)).toBe(1);
    }
  });

  test("is read through all three APIs", async () => {
    const key = await keyOf(slug, "ADMINISTRATOR");
    const note = linesIn<{ id: number; text: string; person: object; created_at: string }>(join(folder, "notes.ndjson"))[121];
    if (!note) throw new Error("The folder has no note 121.");
    const v1 = await call(app, key, "GET", `/v1/notes/${note.id}`);
    expect(v1.body).toMatchObject({ id: note.id, text: note.text, person: note.person });
    const { rows } = await app.database.pool.query<{ id: string }>("SELECT id FROM notes WHERE number = $1", [note.id]);
    const v2 = await call(app, key, "GET", `/v2/tickets/notes/${rows[0]?.id}`);
    expect(v2.body).toMatchObject({ value: note.text, created_at: new Date(note.created_at).toISOString(), updated_at: null });
    const graphql = await call(app, key, "POST", "/graphql", {
      query: `{ noteByNumber: notes(first: 1, filter: { ids: ["${btoa(`Note:${rows[0]?.id}`)}"] }) { nodes { number text author { number } } } }`,
    });
    expect(JSON.stringify(graphql.body)).toContain(`"number":${note.id}`);
    const withFile = await call(app, key, "GET", "/v1/notes/100040");
    const [file] = (withFile.body as { attachments: { name: string; size: number; inline: boolean }[] }).attachments;
    expect(file).toMatchObject({ name: "report.txt", inline: true });
  });
});

describe("records that cannot be taken", () => {
  test("are told one by one with their reasons, and the others are imported", async () => {
    const folder = join(directory, "broken");
    await writeLegacyFolder({
      directory: folder,
      slug: "broken",
      firstPerson: 30_000,
      people: 3,
      tickets: 8,
      notes: 0,
      notesPerFile: 0,
    });
    const note = {
      ...{ id: 300_001, person: { id: 30_000 }, created_at: "2024-05-01T10:00:00+02:00", text: "x", medium: "default" },
      ...{ internal: false, attachments: [], request: { id: 20_000 } },
    };
    const broken = [
      [{ ...note }, undefined],
      [{ ...note, id: 300_002, request: undefined }, "it names no request"],
      [{ ...note, id: 300_003, request: { id: 9 } }, "its ticket request#9 was not imported"],
      [{ ...note, id: 300_004, text: "a\0b" }, "must not contain the character NUL"],
      [{ ...note, id: 300_005, text: "x".repeat(65_537) }, "at most 65536 bytes"],
      [{ ...note, id: 300_006, person: { id: 77 } }, "person#77 is not among the people, and has no name"],
      [{ ...note, id: 300_007, medium: "fax" }, "medium: "],
      [{ ...note, id: 300_008, created_at: "yesterday" }, "created_at: "],
      [{ ...note, id: 300_009, updated_at: "2024-04-01T10:00:00+02:00" }, "updated before it was created"],
      [{ ...note, id: 300_010, attachments: [{ name: "a.txt", file: "../people.ndjson" }] }, "is not in the folder files"],
      [{ ...note, id: 300_011, attachments: [{ name: "a.txt", file: "none.txt" }] }, "the folder has no file files/none.txt"],
      [{ ...note, id: 300_012, attachments: [{ name: "a/b.txt", file: "none.txt" }] }, "must not contain / or"],
      [{ ...note, id: 300_013, text: "another", created_at: "2024-05-01T10:00:00Z" }, undefined],
      [
        { ...note, id: 300_013, text: "the same number", created_at: "2024-05-02T10:00:00Z" },
        "the number 300013 is that of another note",
      ],
      [{ ...note, id: 300_001, text: "changed" }, "it is there already, with another text"],
    ] as const;
    writeFileSync(join(folder, "notes.ndjson"), broken.map(([record]) => `${JSON.stringify(record)}\n`).join(""));
    const { code, rejects, counts } = await importFolder(folder);
    expect(code).toBe(1);
    const reasons = new Map(rejects.map(({ at, reason }) => [at, reason]));
    for (const [index, [, reason]] of broken.entries()) {
      const told = reasons.get(`notes.ndjson:${index + 1}`);
      if (reason === undefined) expect(told).toBeUndefined();
      else expect(told, `line ${index + 1}`).toContain(reason);
    }
    expect(counts).toMatchObject({ note: [5, 0, 10 - 0], attachment: [0, 0, 3] });
    // What such a file says must be no text of a note.
    expect(readFileSync(join(directory, "rejects.ndjson"), "utf8")).not.toContain("the same number");
  });
});

describe("numbers that are in use here", () => {
  test("are rejected, or replaced by an id map that is kept, also in mentions", async () => {
    const folder = join(directory, "clashing");
    const idMap = join(directory, "id-map.ndjson");
    // The same people, tickets and notes as those of `moved`, with the same numbers, in another account.
    await writeLegacyFolder({ directory: folder, slug: "clashing", ...size });
    const refused = await importFolder(folder);
    expect(refused.code).toBe(1);
    expect(refused.counts).toMatchObject({ account: [1, 0, 0], person: [0, 0, expect.any(Number)], note: [0, 0, 1000] });
    expect(refused.rejects[0]?.reason).toBe("the number 10000 is that of another person; --id-map gives another one");

    const taken = await importFolder(folder, "--id-map", idMap);
    expect(taken).toMatchObject({ code: 0, rejects: [] });
    expect(taken.counts).toMatchObject({ person: [42, 0, 0], note: [1000, 0, 0], attachment: [files, 0, 0] });
    interface Mapping {
      kind: string;
      from: { number: number };
      to: { number: number };
    }
    const mappings = linesIn<Mapping>(idMap);
    const people = new Map(mappings.filter(({ kind }) => kind === "person").map(({ from, to }) => [from.number, to.number]));
    expect(people.size).toBe(42);
    const { id } = await app.provisioning.accountBySlug("clashing");
    const { rows } = await app.database.pool.query<{ text: string }>(
      "SELECT text FROM notes WHERE account_id = $1 AND number = 100011",
      [id],
    );
    // Numbers of notes are of an account, so they stay.
    expect(rows[0]?.text).toContain(`<@${people.get(10_011)}|Person>`);

    const before = [await dump(app), readFileSync(idMap, "utf8")];
    const again = await importFolder(folder, "--id-map", idMap);
    expect(again.counts).toMatchObject({ person: [0, 42, 0], note: [0, 1000, 0], attachment: [0, files, 0] });
    expect([await dump(app), readFileSync(idMap, "utf8")]).toEqual(before);
  });
});

describe("by URL", () => {
  let key: string;
  let accountId: string;

  beforeAll(async () => {
    ({ id: accountId } = await app.provisioning.accountBySlug("moved"));
    key = await keyOf("moved", "SPECIALIST");
  });

  /** Imports into a new database, and passes it on. */
  async function importInto(
    given: readonly string[],
    work: (imported: {
      readonly counts: Record<string, number[]>;
      readonly into: Record<string, string>;
      readonly database: Database;
    }) => Promise<void>,
  ): Promise<void> {
    const target = await createScratchDatabase();
    const database = await openDatabase(target.config, silent);
    try {
      await database.prisma.account.create({ data: { id: accountId, slug: "moved", name: "Moved", createdAt: new Date() } });
      // Only a server has room for the command beside this test.
      if (target.config.kind === "embedded") return;
      const into = { ...environment, DATABASE_URL: target.config.url, DATA_DIR: mkdtempSync(join(directory, "into-")) };
      const options = ["--url", app.url, "--key", key, "--account", "moved", "--rejects", join(into.DATA_DIR, "rejects")];
      const { code, out, said } = await runProgram("import-data.ts", into, ...given, ...options);
      expect(said).not.toContain("Error");
      expect(code).toBe(0);
      await work({ counts: countsIn(out), into, database });
    } finally {
      await database.close();
      await target.drop();
    }
  }

  test("/v1 is imported with its ids, texts, times and bytes", () =>
    importInto(["--from", "v1"], async ({ counts, into }) => {
      expect(counts).toMatchObject({ note: [1000, 0, 0], attachment: [files, 0, 0], ticket: [24, 0, 0] });
      const exported = join(directory, "exported-by-url");
      expect(await runProgram("export-data.ts", into, "--account", "moved", "--to", exported)).toMatchObject({ code: 0 });
      expect(linesOfFolder(exported)).toEqual(linesOfFolder(join(directory, "source")));
    }));

  test("/v2 is imported for the tickets and people of CSV files", async () => {
    const { rows: tickets } = await app.database.pool.query<{ id: string; kind: string; created_at: Date }>(
      "SELECT id, kind, created_at FROM tickets WHERE account_id = $1",
      [accountId],
    );
    const { rows: people } = await app.database.pool.query<{ id: string; name: string; email: string }>(
      "SELECT id, name, email FROM people WHERE account_id = $1 AND number < 10020",
      [accountId],
    );
    const ticketsPath = join(directory, "tickets.csv");
    const peoplePath = join(directory, "people.csv");
    const ticketLines = tickets.map(
      ({ id, kind, created_at: at }) => `${id},"A subject, with a comma",${kind},PENDING,${at.toISOString()}`,
    );
    writeFileSync(ticketsPath, ["id,subject,kind,status,created_at", ...ticketLines].join("\r\n"));
    const peopleLines = people.map(({ id, name, email }) => `${id},${name},${email},specialist`);
    writeFileSync(peoplePath, ["id,name,email,role", ...peopleLines].join("\n"));
    await importInto(["--from", "v2", "--tickets", ticketsPath, "--people", peoplePath], async ({ counts, database }) => {
      expect(counts).toMatchObject({ note: [1000, 0, 0], attachment: [files, 0, 0], ticket: [24, 0, 0] });
      const facts = `SELECT n.id, n.text, n.is_public, n.created_at, p.id AS author_id, p.name FROM notes n JOIN people p ON p.number = n.author_number
        WHERE n.account_id = $1 ORDER BY n.id`;
      const there = await app.database.pool.query(facts, [accountId]);
      expect((await database.pool.query(facts, [accountId])).rows).toEqual(there.rows);
    });
  });
});

describe("mistakes of the command line", () => {
  test.each([
    [["--from", "v3"], "--from is v1 or v2."],
    [["--from", "v1"], "Give --files or --url."],
    [["--from", "v1", "--files", "x", "--url", "http://x"], "not both"],
    [["--from", "v2", "--url", "http://x", "--key", "k"], "/v2 lists no tickets"],
    [["--from", "v1", "--url", "nowhere", "--key", "k"], "--url is no URL."],
    [["--from", "v1", "--url", "http://x"], "--key is missing."],
    [["--from", "v1", "--flies", "x"], "--flies"],
  ])("%j is refused before the database is opened", async (given, reason) => {
    const { code, said } = await runProgram("import-data.ts", {}, ...given);
    expect([code, said.split("\n")[0]]).toEqual([2, expect.stringContaining(reason)]);
  });
});

describe("one sentence, and exit code 1, for", () => {
  test.each([
    ["a folder that is not there", () => ["--files", join(directory, "none")], /^There is no folder .*none\.$/],
    ["a folder that is a file", () => ["--files", join(directory, "file")], /^.*file is no folder\.$/],
    [
      "rejects in no folder",
      () => ["--files", directory, "--rejects", join(directory, "none", "rejects.ndjson")],
      /^A file cannot be read or written \(ENOENT: .*rejects\.ndjson'\): name another/,
    ],
    ["an id map that is a folder", () => ["--files", directory, "--id-map", directory], / is a folder, and no id map\.$/],
  ])("%s", async (_what, given, sentence) => {
    writeFileSync(join(directory, "file"), "");
    const rejects = ["--rejects", join(directory, "rejects.ndjson")];
    const { code, said } = await runProgram("import-data.ts", environment, "--from", "v1", ...rejects, ...given());
    const lines = said.trim().split("\n");
    expect({ code, lines }).toEqual({ code: 1, lines: [expect.stringMatching(sentence)] });
  });

  test("a folder of an export that is a file", async () => {
    const file = join(directory, "file");
    writeFileSync(file, "");
    const { code, said } = await runProgram("export-data.ts", environment, "--account", "moved", "--to", file);
    const lines = said.trim().split("\n");
    expect({ code, lines }).toEqual({ code: 1, lines: [expect.stringMatching(/^A file cannot be .*file/)] });
  });
});

test("of the languages of an account those are taken that the database has, each once, and as many as there may be", async () => {
  const folder = join(directory, "languages");
  mkdirSync(folder);
  const languages = [
    "dutch",
    "klingon",
    "dutch",
    "english",
    "french",
    "german",
    "danish",
    "spanish",
    "italian",
    "swedish",
    "finnish",
  ];
  writeFileSync(join(folder, "accounts.ndjson"), `${JSON.stringify({ id: "languages", name: "Languages", languages })}\n`);
  expect((await importFolder(folder)).code).toBe(0);
  expect((await app.provisioning.accountBySlug("languages")).languages).toEqual([
    ...["dutch", "english", "french", "german", "danish", "spanish", "italian", "swedish"],
  ]);
});

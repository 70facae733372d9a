import { randomUUID } from "node:crypto";
import { readdirSync } from "node:fs";
import { rm, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { v7 as uuidv7 } from "uuid";
import type { Note } from "#generated/prisma/client.ts";
import { auditEventsIn } from "../src/access/audit-events.ts";
import { checkStorage } from "../src/attachments/storage-check.ts";
import { Unavailable } from "../src/errors.ts";
import { type Database, openDatabase } from "../src/database/database.ts";
import { sql } from "../src/database/sql.ts";
import { addAccount, startApp, type TestAccount, type TestApp, viewerOf } from "./support/app.ts";
import { createScratchDatabase, type ScratchDatabase } from "./support/database.ts";
import { addAttachment, addNote, addTicket, upload } from "./support/factories.ts";
import { offerStorage, uploadFile } from "./support/upload-form.ts";

const day = 24 * 60 * 60 * 1000;
const hour = 60 * 60 * 1000;

let scratch: ScratchDatabase;
let database: Database;
let app: TestApp;
let account: TestAccount;
let note: Note;

// A database and a store of its own, so that the sweep and the check see nothing else.
beforeAll(async () => {
  scratch = await createScratchDatabase();
  database = await openDatabase(scratch.config, { warn: () => undefined });
  app = await startApp({ database });
  account = await addAccount(app);
});
afterAll(async () => {
  await app.close();
  await database.close();
  await scratch.drop();
});
beforeEach(async () => {
  app.time.now = undefined;
  await rm(join(app.filesDirectory, "objects", account.id), { recursive: true, force: true });
  await database.prisma.note.deleteMany();
  await database.prisma.deletedNote.deleteMany();
  await database.prisma.upload.deleteMany();
  await database.prisma.discardedObject.deleteMany();
  note = await addNote(app, await addTicket(app, account), account.specialist);
});

const viewer = () => viewerOf(account, account.specialist);
const put = (name: string, bytes = name) => upload(app, account.specialist.key, note.id, name, bytes, "text/plain");
const objects = () => {
  try {
    return readdirSync(join(app.filesDirectory, "objects", account.id));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
};
const pathOf = (storageKey: string) => join(app.filesDirectory, "objects", `${storageKey}.object`);
const rowOf = (filename: string) => database.prisma.attachment.findFirstOrThrow({ where: { noteId: note.id, filename } });

async function sweepIn(milliseconds: number): Promise<void> {
  app.time.now = new Date(Date.now() + milliseconds);
  await app.app.services.uploads.sweep();
  app.time.now = undefined;
}

async function check(fix = false) {
  const lines: string[] = [];
  // Objects of this moment count too.
  const clock = () => new Date(Date.now() + 2 * hour);
  const {
    counts,
    isSound,
    rows,
    objects: listed,
    foreign,
  } = await checkStorage({
    ...{ database, storage: app.storage, clock, fix },
    report: (line) => lines.push(line),
  });
  const found = Object.fromEntries(Object.entries(counts).flatMap(([kind, count]) => (count.found > 0 ? [[kind, count]] : [])));
  return { found, isSound, rows, listed, foreign, lines };
}

/** An object whose row is not there, as a process that died has left it. */
async function orphan(accountId = account.id, age = 0): Promise<string> {
  const key = `${accountId}/${uuidv7()}-${uuidv7()}`;
  await app.storage.write(key, Readable.from(["bytes"]), { maximumBytes: 10 });
  const then = new Date(Date.now() - age);
  await utimes(pathOf(key), then, then);
  return key;
}

test("what is as it should be is sound", async () => {
  expect((await put("a.txt")).status).toBe(200);
  expect((await put("a.txt", "replaced")).status).toBe(200);
  expect((await uploadFile(await offerStorage(app, account.specialist.key), "b.png")).status).toBe(201);
  expect(await check()).toMatchObject({ found: {}, isSound: true, rows: 2, listed: 3, foreign: 0 });
});

test("files of deleted notes are as they should be, moved or not, and are checked as all others", async () => {
  for (const name of ["a.txt", "b.txt", "never recorded.txt"]) await put(name);
  await database.prisma.attachment.update({ where: { id: (await rowOf("never recorded.txt")).id }, data: { sha256: null } });
  // A deletion whose store failed after the first of its files.
  vi.spyOn(app.storage, "move").mockRejectedValueOnce(new Unavailable());
  await expect(app.app.services.notes.delete(viewer(), { id: note.id })).rejects.toThrow(Unavailable);
  await expect.poll(() => database.prisma.deletedAttachment.count({ where: { isMoved: true } })).toBe(2);
  const sound = { found: { unrecorded: { found: 1, mended: 0 } }, isSound: true, rows: 3, listed: 3 };
  expect(await check()).toMatchObject(sound);
  // The sweep knows them too, however old they are.
  for (const name of objects()) {
    const then = new Date(Date.now() - 3 * day);
    await utimes(join(app.filesDirectory, "objects", account.id, name), then, then);
  }
  await sweepIn(0);
  expect(await database.prisma.deletedAttachment.count({ where: { isMoved: false } })).toBe(0);
  await sweepIn(0);
  expect(await check(true)).toMatchObject({ ...sound, found: { unrecorded: { found: 1, mended: 1 } } });
  const kept = await database.prisma.deletedAttachment.findMany({ orderBy: { filename: "asc" } });
  expect(kept.map(({ sha256 }) => sha256)).toEqual(Array.from({ length: 3 }, () => expect.stringMatching(/^[0-9a-f]{64}$/)));
  await rm(pathOf(kept[0]!.keptKey));
  await writeFile(pathOf(kept[1]!.keptKey), "B.TXT");
  expect((await check()).found).toEqual({ missing: { found: 1, mended: 0 }, digest: { found: 1, mended: 0 } });
});

test("every kind of difference is told, and what can be is mended", async () => {
  for (const name of ["missing.txt", "short.txt", "other.txt", "old.txt", "older.txt"]) await put(name);
  await rm(pathOf((await rowOf("missing.txt")).storageKey));
  await truncate(pathOf((await rowOf("short.txt")).storageKey), 2);
  await writeFile(pathOf((await rowOf("other.txt")).storageKey), "OTHER.TXT");
  // Rows of before digests were recorded; one of them with the size of bytes that others have replaced.
  await database.prisma.attachment.update({ where: { id: (await rowOf("old.txt")).id }, data: { sha256: null } });
  await database.prisma.attachment.update({ where: { id: (await rowOf("older.txt")).id }, data: { sha256: null, size: 3 } });
  const unknown = await orphan();
  await writeFile(join(app.filesDirectory, "objects", "of-another-program.object"), "x");
  const foreign = await orphan(randomUUID());

  const expected = {
    missing: { found: 1, mended: 0 },
    size: { found: 2, mended: 0 },
    digest: { found: 1, mended: 0 },
    unrecorded: { found: 1, mended: 0 },
    rowless: { found: 1, mended: 0 },
  };
  const first = await check();
  expect(first).toMatchObject({ found: expected, isSound: false, rows: 5, foreign: 1 });
  expect(first.lines).toHaveLength(6);
  expect(first.lines.join("\n")).toContain(unknown);
  expect(first.lines.join("\n")).not.toContain(foreign);

  const fixed = await check(true);
  expect(fixed.found).toEqual({
    ...expected,
    size: { found: 2, mended: 1 },
    unrecorded: { found: 1, mended: 1 },
    rowless: { found: 1, mended: 1 },
  });
  expect(fixed.isSound).toBe(false);
  expect(await rowOf("older.txt")).toMatchObject({ size: 9n, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });

  await database.prisma.attachment.deleteMany({ where: { filename: { in: ["missing.txt", "short.txt", "other.txt"] } } });
  expect(await check()).toMatchObject({ found: {}, isSound: true, rows: 2 });
  await app.storage.remove([foreign, "of-another-program"]);
});

test("what never arrived is gone after a day, and what did stays", async () => {
  await put("there.txt");
  await put("again.txt");
  for (const filename of ["never.txt", "again.txt"])
    await app.app.services.attachments.requestUpload(viewer(), { noteId: note.id, filename });
  const names = async () =>
    (await database.prisma.attachment.findMany({ where: { noteId: note.id }, orderBy: { filename: "asc" } })).map(
      ({ filename, state, uploadExpiresAt }) => [filename, state, uploadExpiresAt !== null],
    );
  await sweepIn(day - hour);
  expect(await names()).toEqual([
    ["again.txt", "READY", true],
    ["never.txt", "PENDING", true],
    ["there.txt", "READY", false],
  ]);
  await sweepIn(day + hour);
  expect(await names()).toEqual([
    ["again.txt", "READY", false],
    ["there.txt", "READY", false],
  ]);
  expect(await database.prisma.upload.count()).toBe(0);
  expect(objects()).toHaveLength(2);
});

test("rows of before uploads had theirs are swept as well", async () => {
  const created = new Date(Date.now() - 2 * day);
  await addAttachment(app, note, "awaited.png", { state: "PENDING", size: null, createdAt: created, uploadExpiresAt: created });
  await addAttachment(app, note, "given up.png", { state: "PENDING", size: null, createdAt: created });
  await sweepIn(0);
  expect(await database.prisma.attachment.count({ where: { noteId: note.id } })).toBe(0);
});

test("bytes that no row knows of are gone after a day; those of other programs and other databases are left alone", async () => {
  await put("a.txt");
  const { storageKey } = await rowOf("a.txt");
  const [young, old, foreign] = [await orphan(), await orphan(account.id, 2 * day), await orphan(randomUUID(), 2 * day)];
  // An attempt at an upload whose row still exists, by a process that died before it changed the row.
  const asked = await app.app.services.attachments.requestUpload(viewer(), { noteId: note.id, filename: "b.txt" });
  const attempt = `${asked.uploadKey}-${uuidv7()}`;
  await app.storage.write(attempt, Readable.from(["bytes"]), { maximumBytes: 10 });

  await sweepIn(0);
  const there = async (...keys: string[]) => Promise.all(keys.map(async (key) => (await app.storage.stat(key)) !== null));
  expect(await there(storageKey, young, old, foreign, attempt)).toEqual([true, true, false, true, true]);
  expect((await check()).found).toEqual({ rowless: { found: 1, mended: 0 } });
  await sweepIn(day + hour);
  expect(await there(storageKey, young, foreign, attempt)).toEqual([true, false, true, false]);
  expect(await check()).toMatchObject({ found: {}, isSound: true });
  await app.storage.remove([foreign]);
});

test("ten sweeps at once do the work of one", async () => {
  for (let count = 0; count < 12; count += 1) {
    await app.app.services.attachments.requestUpload(viewer(), { noteId: note.id, filename: `${count}.txt` });
    await orphan(account.id, 2 * day);
  }
  await put("kept.txt");
  app.time.now = new Date(Date.now() + day + hour);
  const audits = async () => {
    const deletions = sql`SELECT e.id FROM ${auditEventsIn(account.id)}
      WHERE e.action = 'DELETED' AND e.entity = 'ATTACHMENT' AND e.user_agent = 'sweep'`;
    return (await database.query(deletions)).length;
  };
  const before = await audits();
  await Promise.all(Array.from({ length: 10 }, () => app.app.services.uploads.sweep()));
  app.time.now = undefined;
  expect(await database.prisma.attachment.count({ where: { noteId: note.id } })).toBe(1);
  expect((await audits()) - before).toBe(12);
  expect(objects()).toHaveLength(1);
});

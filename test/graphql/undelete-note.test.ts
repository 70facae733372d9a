import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { Note, Ticket } from "#generated/prisma/client.ts";
import { auditEventsIn } from "../../src/access/audit-events.ts";
import { openDatabase } from "../../src/database/database.ts";
import { migrate } from "../../src/database/migrations.ts";
import { sql } from "../../src/database/sql.ts";
import { Unavailable } from "../../src/errors.ts";
import {
  addAccount,
  call,
  deletedRetentionDays,
  keyWith,
  sendText,
  startApp,
  type TestAccount,
  type TestApp,
  viewerOf,
} from "../support/app.ts";
import { addNote, addTicket, globalId, statementsOf, upload } from "../support/factories.ts";

const day = 24 * 60 * 60 * 1000;

const undeletion = `mutation ($input: UndeleteNoteInput!) {
  undeleteNote(input: $input) {
    __typename
    ... on UndeleteNotePayload {
      note {
        uuid number version text isPublic categories medium createdAt updatedAt isEdited
        author { number } editor { number } ticket { uuid notes { totalCount } }
        attachments { totalCount nodes { id filename size contentType inline download { url } } }
      }
    }
    ... on Error { code message }
  }
}`;

interface Undeletion {
  readonly __typename: string;
  readonly code?: string;
  readonly note?: {
    readonly version: number;
    readonly ticket: { readonly notes: { readonly totalCount: number } };
    readonly attachments: { readonly nodes: readonly { readonly filename: string; readonly download: { url: string } }[] };
  };
}

let app: TestApp;
let account: TestAccount;
let other: TestAccount;
let ticket: Ticket;

beforeAll(async () => {
  app = await startApp();
  [account, other] = [await addAccount(app), await addAccount(app)];
  ticket = await addTicket(app, account, { requester: account.customer });
});
afterAll(() => app.close());

async function undelete(key: string | undefined, id: string, idempotencyKey?: string) {
  const { data, errors } = await sendText<{ undeleteNote: Undeletion } | null>(app.url, key, undeletion, {
    input: { id, idempotencyKey },
  });
  return { result: data?.undeleteNote, errors };
}

async function remove(key: string, id: string, idempotencyKey?: string) {
  const document = `mutation ($input: DeleteNoteInput!) { deleteNote(input: $input) { __typename ... on Error { code } } }`;
  const { data, errors } = await sendText<{ deleteNote: { __typename: string } } | null>(app.url, key, document, {
    input: { id, idempotencyKey },
  });
  return data?.deleteNote.__typename ?? errors[0]?.extensions["code"];
}

async function ask<Data>(key: string, query: string): Promise<Data> {
  const { data, errors } = await sendText<Data>(app.url, key, query);
  expect(errors).toEqual([]);
  return data;
}

/** The signed URL of a file of a note, as it is handed out now. */
async function urlOf(note: Note, filename: string): Promise<string> {
  const { body } = await call(
    app,
    account.administrator.key,
    "GET",
    `/v2/tickets/note-attachments/${note.id}/${encodeURIComponent(filename)}`,
  );
  return (body as { signed_url: string }).signed_url;
}

async function contentOf(url: string): Promise<string | number> {
  const response = await fetch(url);
  const text = await response.text();
  return response.status === 200 ? text : response.status;
}

/** Where the rows of a note are, and whether the kept number of its ticket's notes is right. */
async function stateOf(id: string, ofTicket = ticket): Promise<Record<string, number>> {
  const [state] = await app.database.query<Record<string, number>>(sql`
    SELECT (SELECT count(*) FROM notes WHERE id = ${id}::uuid)::int AS notes,
      (SELECT count(*) FROM attachments WHERE note_id = ${id}::uuid)::int AS attachments,
      (SELECT count(*) FROM deleted_notes WHERE id = ${id}::uuid)::int AS deleted,
      (SELECT count(*) FROM deleted_attachments WHERE note_id = ${id}::uuid)::int AS kept,
      (SELECT count(*) FROM withdrawn_notes WHERE id = ${id}::uuid)::int AS withdrawn,
      ((SELECT public_notes + internal_notes FROM note_counts WHERE ticket_id = ${ofTicket.id}::uuid)
        - (SELECT count(*) FROM notes WHERE ticket_id = ${ofTicket.id}::uuid))::int AS miscounted`);
  return state!;
}

const gone = { notes: 0, attachments: 0, deleted: 1, withdrawn: 0, miscounted: 0 };

describe("a deleted note", () => {
  test("is gone on each API with its files, and URLs that were handed out do not work any more", async () => {
    const note = await addNote(app, ticket, account.specialist);
    expect((await upload(app, account.specialist.key, note.id, "a b.txt", "bytes", "text/plain")).status).toBe(200);
    const { id: fileId } = await app.database.prisma.attachment.findFirstOrThrow({ where: { noteId: note.id } });
    const url = await urlOf(note, "a b.txt");
    expect(await contentOf(url)).toBe("bytes");

    expect(await remove(account.specialist.key, note.id)).toBe("DeleteNotePayload");
    expect(await contentOf(url)).toBe(404);
    expect(await stateOf(note.id)).toEqual({ ...gone, kept: 1 });
    for (const { key } of [account.administrator, account.specialist, account.customer]) {
      const found = await ask<object>(
        key,
        `{ note(id: "${note.id}") { id } noteByNumber(number: ${note.number}) { id }
          byId: node(id: "${globalId("Note", note.id)}") { id } file: node(id: "${globalId("Attachment", fileId)}") { id }
          notes(filter: { ids: ["${note.id}"] }) { totalCount nodes { id } }
          ticket(id: "${ticket.id}") { notes(filter: { ids: ["${note.id}"] }) { totalCount nodes { id } } } }`,
      );
      const none = { totalCount: 0, nodes: [] };
      expect(found).toEqual({ note: null, noteByNumber: null, byId: null, file: null, notes: none, ticket: { notes: none } });
      for (const path of [`/v2/tickets/notes/${note.id}`, `/v2/tickets/note-attachments/${note.id}/a%20b.txt`])
        expect((await call(app, key, "GET", path)).status).toBe(404);
      expect((await call(app, key, "GET", `/v2/tickets/note-attachments?note_id=${note.id}`)).status).toBe(404);
      const bearer = { authorization: `Bearer ${key}` };
      expect((await call(app, undefined, "GET", `/v1/notes/${note.number}`, undefined, bearer)).status).toBe(404);
    }
    expect(await remove(account.administrator.key, note.id)).toBe("NotFoundError");
  });

  test("takes no files, neither by a new URL nor by one that was handed out before", async () => {
    const note = await addNote(app, ticket, account.specialist);
    const path = "/v2/tickets/note-attachments";
    const asked = await call(app, account.specialist.key, "POST", path, { note_id: note.id, filename: "late.txt" });
    const { signed_url: url } = asked.body as { signed_url: string };
    await remove(account.specialist.key, note.id);
    const put = { method: "PUT", headers: { "content-type": "text/plain" }, body: "late" };
    expect((await fetch(url, put)).status).toBe(403);
    const again = await call(app, account.specialist.key, "POST", path, { note_id: note.id, filename: "late.txt" });
    expect(again.status).toBe(404);
    expect(await stateOf(note.id)).toEqual({ ...gone, kept: 0 });
  });
});

describe("an undeleted note", () => {
  test("is what it was, with its files and in another version; only new URLs lead to them", async () => {
    const note = await addNote(app, ticket, account.customer, {
      text: "What **I** saw",
      isPublic: false,
      categories: ["POST_SCAN"],
      medium: "EMAIL",
      updatedAt: new Date("2026-02-02T02:02:02Z"),
      editorNumber: account.specialist.number,
    });
    await upload(app, account.specialist.key, note.id, "one.txt", "first", "text/plain");
    await upload(app, account.specialist.key, note.id, "one.txt", "second", "text/plain");
    await upload(app, account.specialist.key, note.id, "two.png", "image", "image/png");
    await app.app.services.attachments.requestUpload(viewerOf(account, account.specialist), {
      noteId: note.id,
      filename: "never.txt",
    });
    const before = await app.database.prisma.note.findFirstOrThrow({ where: { id: note.id } });
    const files = () =>
      app.database.prisma.attachment.findMany({ where: { noteId: note.id, state: "READY" }, orderBy: { number: "asc" } });
    const filesBefore = await files();
    const count = await ask<object>(account.administrator.key, `{ ticket(id: "${ticket.id}") { notes { totalCount } } }`);
    const url = await urlOf(note, "one.txt");
    await remove(account.administrator.key, note.id);
    expect(await stateOf(note.id)).toMatchObject({ notes: 0, deleted: 1, kept: 2, withdrawn: 1 });

    const { result } = await undelete(account.administrator.key, globalId("Note", note.id));
    expect(result).toMatchObject({
      __typename: "UndeleteNotePayload",
      note: {
        ...{ uuid: note.id, number: note.number, version: before.version + 1, text: "What **I** saw", isPublic: false },
        ...{ categories: ["POST_SCAN"], medium: "EMAIL", isEdited: true, updatedAt: "2026-02-02T02:02:02.000Z" },
        ...{ createdAt: note.createdAt.toISOString(), author: { number: account.customer.number } },
        editor: { number: account.specialist.number },
        attachments: {
          totalCount: 2,
          nodes: [
            { filename: "one.txt", size: 6 },
            { filename: "two.png", size: 5 },
          ],
        },
      },
    });
    expect(await ask<object>(account.administrator.key, `{ ticket(id: "${ticket.id}") { notes { totalCount } } }`)).toEqual(
      count,
    );
    const after = await app.database.prisma.note.findFirstOrThrow({ where: { id: note.id } });
    expect(after).toEqual({ ...before, version: before.version + 1 });
    expect((await files()).map(({ storageKey: _key, ...rest }) => rest)).toEqual(
      filesBefore.map(({ storageKey: _key, ...rest }) => rest),
    );
    expect(await stateOf(note.id)).toEqual({ notes: 1, attachments: 2, deleted: 0, kept: 0, withdrawn: 0, miscounted: 0 });
    expect(await contentOf(url)).toBe(404);
    expect(await Promise.all(result!.note!.attachments.nodes.map(({ download }) => contentOf(download.url)))).toEqual([
      "second",
      "image",
    ]);
    expect(await contentOf(await urlOf(note, "one.txt"))).toBe("second");
  });

  test("counts as the last note of its ticket again, and stands where it stood among updated notes", async () => {
    const own = await addTicket(app, account, { requester: account.customer });
    await addNote(app, own, account.specialist, { createdAt: new Date("2026-03-01T00:00:00Z") });
    const last = await addNote(app, own, account.specialist, {
      createdAt: new Date("2026-03-02T00:00:00Z"),
      updatedAt: new Date("2026-03-03T00:00:00Z"),
    });
    const state = `{ ticket(id: "${own.id}") { lastNoteAt
      notes(orderBy: { field: UPDATED_AT, direction: DESC }) { totalCount nodes { uuid } } } }`;
    const before = await ask<{ ticket: { lastNoteAt: string } }>(account.customer.key, state);
    expect(before.ticket.lastNoteAt).toBe("2026-03-02T00:00:00.000Z");
    await remove(account.specialist.key, last.id);
    const meanwhile = await ask<object>(account.customer.key, state);
    expect(meanwhile).toMatchObject({ ticket: { lastNoteAt: "2026-03-01T00:00:00.000Z", notes: { totalCount: 1 } } });
    await undelete(account.administrator.key, last.id);
    expect(await ask<object>(account.customer.key, state)).toEqual(before);
  });

  test("has its history and its redactions again, and redacted files stay redacted", async () => {
    const note = await addNote(app, ticket, account.customer, { text: "First" });
    const edit = `mutation { updateNote(input: { id: "${note.id}", text: "Second" }) { __typename } }`;
    await ask(account.specialist.key, edit);
    for (const name of ["kept.txt", "secret.txt"]) await upload(app, account.specialist.key, note.id, name, name, "text/plain");
    const secret = await app.database.prisma.attachment.findFirstOrThrow({
      where: { noteId: note.id, filename: "secret.txt" },
    });
    const redact = `mutation { redactAttachment(input: { id: "${secret.id}", reason: SECRET }) { __typename } }`;
    await ask(account.administrator.key, redact);
    const state = `{ note(id: "${note.id}") { text isEdited editor { number } redactions { reason } edits { nodes { id text version } }
      attachments { nodes { id filename state size } } } }`;
    const before = await ask<object>(account.administrator.key, state);
    expect(before).toMatchObject({
      note: {
        redactions: [{ reason: "SECRET" }],
        edits: { nodes: [{ text: "First" }] },
        attachments: { nodes: [{}, { state: "REDACTED" }] },
      },
    });
    await remove(account.specialist.key, note.id);
    await undelete(account.administrator.key, note.id);
    expect(await ask<object>(account.administrator.key, state)).toEqual(before);
  });

  test("can be deleted and undeleted again, and no version comes twice", async () => {
    const note = await addNote(app, ticket, account.specialist);
    await upload(app, account.specialist.key, note.id, "a.txt", "bytes", "text/plain");
    const urls = new Set<string>();
    const versions: (number | undefined)[] = [];
    for (let turn = 0; turn < 3; turn += 1) {
      urls.add(await urlOf(note, "a.txt"));
      await remove(account.specialist.key, note.id);
      for (const url of urls) expect(await contentOf(url)).toBe(404);
      versions.push((await undelete(account.administrator.key, note.id)).result?.note?.version);
    }
    expect(versions).toEqual([2, 3, 4]);
    expect(await contentOf(await urlOf(note, "a.txt"))).toBe("bytes");
    // The bytes are under one key: what was left behind would never be removed.
    const { storageKey } = await app.database.prisma.attachment.findFirstOrThrow({ where: { noteId: note.id } });
    expect(await app.storage.stat(storageKey)).toMatchObject({ size: 5 });
    expect(await app.database.prisma.discardedObject.count({ where: { storageKey } })).toBe(0);
  });

  test("is seen by the requester that its ticket has now, and not by the one before", async () => {
    const own = await addTicket(app, account, { requester: account.customer });
    const note = await addNote(app, own, account.specialist);
    await remove(account.specialist.key, note.id);
    await app.database.prisma.ticket.update({ where: { id: own.id }, data: { requesterId: account.otherCustomer.id } });
    await undelete(account.administrator.key, note.id);
    const seen = (key: string) => ask<{ note: unknown }>(key, `{ note(id: "${note.id}") { uuid } }`);
    expect(await seen(account.otherCustomer.key)).toEqual({ note: { uuid: note.id } });
    expect(await seen(account.customer.key)).toEqual({ note: null });
  });

  test("takes uploads again", async () => {
    const note = await addNote(app, ticket, account.specialist);
    await upload(app, account.specialist.key, note.id, "a.txt", "bytes", "text/plain");
    await remove(account.specialist.key, note.id);
    await undelete(account.administrator.key, note.id);
    expect((await upload(app, account.specialist.key, note.id, "a.txt", "other", "text/plain")).status).toBe(200);
    expect(await contentOf(await urlOf(note, "a.txt"))).toBe("other");
  });

  test("is in the audit, with its files", async () => {
    const note = await addNote(app, ticket, account.specialist);
    await upload(app, account.specialist.key, note.id, "a.txt", "bytes", "text/plain");
    const { id: fileId } = await app.database.prisma.attachment.findFirstOrThrow({ where: { noteId: note.id } });
    await remove(account.specialist.key, note.id);
    await undelete(account.administrator.key, note.id);
    const events = await app.database.query<{ action: string; person_id: string }>(sql`
      SELECT e.action::text || ' ' || e.entity AS action, e.person_id FROM ${auditEventsIn(account.id)}
      WHERE e.entity_id IN (${note.id}::uuid, ${fileId}::uuid) ORDER BY e.created_at, e.entity`);
    expect(events.slice(-4)).toEqual([
      { action: "DELETED NOTE", person_id: account.specialist.id },
      { action: "DELETED ATTACHMENT", person_id: account.specialist.id },
      { action: "UNDELETED NOTE", person_id: account.administrator.id },
      { action: "UNDELETED ATTACHMENT", person_id: account.administrator.id },
    ]);
  });

  test("takes two statements, and what is asked of it", async () => {
    const note = await addNote(app, ticket, account.specialist);
    await remove(account.specialist.key, note.id);
    const document = `mutation { undeleteNote(input: { id: "${note.id}" }) { ... on UndeleteNotePayload { note { text } } } }`;
    const sent = await statementsOf(app, () => ask(account.administrator.key, document));
    expect(sent).toHaveLength(2);
  });
});

describe("who may undelete", () => {
  test("administrators of the account, and nobody else", async () => {
    const note = await addNote(app, ticket, account.customer);
    await remove(account.customer.key, note.id);
    for (const { key } of [account.specialist, account.customer, account.otherCustomer]) {
      // The same for a note that does not exist.
      const missing = await undelete(key, randomUUID());
      expect(missing.result).toMatchObject({ __typename: "ForbiddenError", code: "FORBIDDEN" });
      expect(await undelete(key, note.id)).toEqual(missing);
    }
    const missing = await undelete(other.administrator.key, randomUUID());
    expect(missing.result).toMatchObject({ __typename: "NotFoundError", code: "NOT_FOUND" });
    expect(await undelete(other.administrator.key, note.id)).toEqual(missing);
    expect((await undelete(undefined, note.id)).errors).toMatchObject([{ extensions: { code: "UNAUTHENTICATED" } }]);
    expect(await stateOf(note.id)).toMatchObject({ notes: 0, deleted: 1 });
    expect((await undelete(account.administrator.key, note.id)).result?.__typename).toBe("UndeleteNotePayload");
  });

  test("not without notes:read and notes:write, and without notes:internal public notes only", async () => {
    const [open, internal] = [
      await addNote(app, ticket, account.specialist),
      await addNote(app, ticket, account.specialist, { isPublic: false }),
    ];
    for (const { id } of [open, internal]) await remove(account.specialist.key, id);
    for (const scopes of [
      ["tickets:read", "notes:read", "notes:internal"],
      ["tickets:read", "notes:write", "notes:internal"],
    ] as const) {
      const narrow = await keyWith(app, account.administrator, scopes);
      expect((await undelete(narrow, open.id)).result).toMatchObject({ __typename: "ForbiddenError" });
    }
    const withoutInternal = await keyWith(app, account.administrator, [
      ...(["tickets:read", "notes:read", "notes:write", "attachments:read"] as const),
    ]);
    expect((await undelete(withoutInternal, internal.id)).result).toEqual(
      (await undelete(withoutInternal, randomUUID())).result,
    );
    expect(await stateOf(internal.id)).toMatchObject({ notes: 0, deleted: 1 });
    expect((await undelete(withoutInternal, open.id)).result?.__typename).toBe("UndeleteNotePayload");
  });

  test("a note that is not deleted is no deleted note", async () => {
    const note = await addNote(app, ticket, account.specialist);
    expect((await undelete(account.administrator.key, note.id)).result).toMatchObject({ code: "NOT_FOUND" });
    expect(await stateOf(note.id)).toMatchObject({ notes: 1, deleted: 0 });
  });

  test("a note whose ticket is gone does not come back", async () => {
    const own = await addTicket(app, account);
    const note = await addNote(app, own, account.specialist);
    await remove(account.specialist.key, note.id);
    await app.database.prisma.ticket.delete({ where: { id: own.id } });
    expect((await undelete(account.administrator.key, note.id)).result).toMatchObject({ code: "NOT_FOUND" });
  });
});

describe("under an idempotency key", () => {
  test("a note comes back once, and the second answer is of the note as it is by then", async () => {
    const note = await addNote(app, ticket, account.specialist);
    await remove(account.specialist.key, note.id);
    const key = randomUUID();
    const first = await undelete(account.administrator.key, note.id, key);
    expect(first.result?.note?.version).toBe(2);
    await app.database.prisma.note.updateMany({ where: { id: note.id }, data: { text: "Edited" } });
    expect((await undelete(account.administrator.key, note.id, key)).result).toMatchObject({
      note: { version: 3, text: "Edited" },
    });
    await remove(account.specialist.key, note.id);
    expect((await undelete(account.administrator.key, note.id, key)).result).toMatchObject({ code: "NOT_FOUND" });
    expect(await stateOf(note.id)).toMatchObject({ notes: 0, deleted: 1 });
  });

  test("the note that a call added is not found by its replay while it is deleted", async () => {
    const document = `mutation ($input: AddNoteInput!) {
      addNote(input: $input) { __typename ... on AddNotePayload { note { uuid } } ... on Error { code } } }`;
    const add = async (idempotencyKey: string) => {
      const input = { ticketId: ticket.id, text: "Once", isPublic: true, idempotencyKey };
      const { data } = await sendText<{ addNote: { note?: { uuid: string } } }>(app.url, account.specialist.key, document, {
        input,
      });
      return data.addNote;
    };
    const key = randomUUID();
    const { note } = await add(key);
    await remove(account.specialist.key, note!.uuid);
    expect(await add(key)).toEqual({ __typename: "NotFoundError", code: "NOT_FOUND" });
    await undelete(account.administrator.key, note!.uuid);
    expect(await add(key)).toMatchObject({ note: { uuid: note!.uuid } });
  });
});

describe("if the store fails", () => {
  const failure = () => new Unavailable({ cause: new Error("The store is away.") });

  async function noteWithFile(): Promise<{ note: Note; url: string }> {
    const note = await addNote(app, ticket, account.specialist);
    await upload(app, account.specialist.key, note.id, "a.txt", "bytes", "text/plain");
    return { note, url: await urlOf(note, "a.txt") };
  }

  test("a deletion says so, and the sweep revokes the URLs", async () => {
    const { note, url } = await noteWithFile();
    vi.spyOn(app.storage, "move").mockRejectedValueOnce(failure());
    expect(await remove(account.specialist.key, note.id)).toBe("UNAVAILABLE");
    expect(await stateOf(note.id)).toEqual({ ...gone, kept: 1 });
    expect(await contentOf(url)).toBe("bytes");
    await app.app.services.uploads.sweep();
    expect(await contentOf(url)).toBe(404);
    const { result } = await undelete(account.administrator.key, note.id);
    expect(await contentOf(result!.note!.attachments.nodes[0]!.download.url)).toBe("bytes");
  });

  test("a retry under the same key does what is left", async () => {
    const { note, url } = await noteWithFile();
    const key = randomUUID();
    vi.spyOn(app.storage, "move").mockRejectedValueOnce(failure());
    expect(await remove(account.specialist.key, note.id, key)).toBe("UNAVAILABLE");
    expect(await remove(account.specialist.key, note.id, key)).toBe("DeleteNotePayload");
    expect(await contentOf(url)).toBe(404);
  });

  test("an undeletion moves the bytes first, or brings nothing back", async () => {
    const { note, url } = await noteWithFile();
    vi.spyOn(app.storage, "move").mockRejectedValueOnce(failure()).mockRejectedValueOnce(failure());
    await remove(account.specialist.key, note.id);
    expect((await undelete(account.administrator.key, note.id)).errors).toMatchObject([
      { extensions: { code: "UNAVAILABLE" } },
    ]);
    expect(await stateOf(note.id)).toEqual({ ...gone, kept: 1 });
    const { result } = await undelete(account.administrator.key, note.id);
    expect(await contentOf(url)).toBe(404);
    expect(await contentOf(result!.note!.attachments.nodes[0]!.download.url)).toBe("bytes");
  });

  test("a process that ended after the move has lost nothing", async () => {
    const { note, url } = await noteWithFile();
    await remove(account.specialist.key, note.id);
    await app.database.prisma.deletedAttachment.updateMany({ where: { noteId: note.id }, data: { isMoved: false } });
    await app.app.services.uploads.sweep();
    expect(await contentOf(url)).toBe(404);
    const { result } = await undelete(account.administrator.key, note.id);
    expect(await contentOf(result!.note!.attachments.nodes[0]!.download.url)).toBe("bytes");
  });

  test("bytes that are not moved yet outlive their upload", async () => {
    const { note, url } = await noteWithFile();
    await app.database.prisma.upload.updateMany({ data: { createdAt: new Date(Date.now() - 2 * day) } });
    vi.spyOn(app.storage, "move").mockRejectedValueOnce(failure());
    await remove(account.specialist.key, note.id);
    await app.database.query(sql`DELETE FROM uploads WHERE account_id = ${account.id}::uuid`);
    await app.app.services.uploads.sweep();
    expect(await contentOf(url)).toBe(404);
    const { result } = await undelete(account.administrator.key, note.id);
    expect(await contentOf(result!.note!.attachments.nodes[0]!.download.url)).toBe("bytes");
  });
});

describe("after the retention", () => {
  async function inDays<Result>(days: number, work: () => Promise<Result>): Promise<Result> {
    app.time.now = new Date(Date.now() + days * day);
    try {
      return await work();
    } finally {
      app.time.now = undefined;
    }
  }

  test("a note is removed for good with its bytes, and not a day before", async () => {
    const note = await addNote(app, ticket, account.customer);
    await upload(app, account.specialist.key, note.id, "a.txt", "bytes", "text/plain");
    await remove(account.administrator.key, note.id);
    const { keptKey } = await app.database.prisma.deletedAttachment.findFirstOrThrow({ where: { noteId: note.id } });
    const purge = (days: number) => inDays(days, () => app.app.services.notes.purge());
    await purge(deletedRetentionDays - 1);
    expect(await stateOf(note.id)).toMatchObject({ deleted: 1, kept: 1, withdrawn: 1 });
    expect(await app.storage.stat(keptKey)).toMatchObject({ size: 5 });
    // It counts as gone before it is removed.
    const late = await inDays(deletedRetentionDays + 1, () => undelete(account.administrator.key, note.id));
    expect(late.result).toMatchObject({ code: "NOT_FOUND" });
    await purge(deletedRetentionDays + 1);
    expect(await stateOf(note.id)).toMatchObject({ notes: 0, deleted: 0, kept: 0, withdrawn: 1 });
    await expect.poll(() => app.storage.stat(keptKey)).toBeNull();
    expect((await undelete(account.administrator.key, note.id)).result).toMatchObject({ code: "NOT_FOUND" });
  });

  test("nothing that was said in it is left in the database", async () => {
    const secret = `secret-${randomUUID()}`;
    const note = await addNote(app, ticket, account.customer, { text: secret });
    await app.database.prisma.note.updateMany({ where: { id: note.id }, data: { text: `${secret}, edited` } });
    expect(await app.database.prisma.noteEdit.count({ where: { noteId: note.id, text: secret } })).toBe(1);
    await upload(app, account.specialist.key, note.id, `${secret}.txt`, "bytes", "text/plain");
    await remove(account.administrator.key, note.id);
    await inDays(deletedRetentionDays + 1, async () => {
      await app.app.services.notes.purge();
      await app.app.services.uploads.sweep();
    });
    const tables = await app.database.query<{ name: string }>(sql`
      SELECT c.oid::regclass::text AS name FROM pg_class c
      WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace AND NOT c.relispartition`);
    expect(tables.length).toBeGreaterThan(15);
    for (const { name } of tables) {
      const { rows } = await app.database.pool.query(`SELECT 1 FROM ${name} AS every_row WHERE every_row::text LIKE $1`, [
        `%${secret}%`,
      ]);
      expect(rows, name).toEqual([]);
    }
  });

  test("a note whose bytes were never moved goes with them", async () => {
    const note = await addNote(app, ticket, account.specialist);
    await upload(app, account.specialist.key, note.id, "a.txt", "bytes", "text/plain");
    const { storageKey } = await app.database.prisma.attachment.findFirstOrThrow({ where: { noteId: note.id } });
    vi.spyOn(app.storage, "move").mockRejectedValueOnce(new Unavailable());
    await remove(account.specialist.key, note.id);
    await inDays(deletedRetentionDays + 1, () => app.app.services.notes.purge());
    await expect.poll(() => app.storage.stat(storageKey)).toBeNull();
  });
});

describe("at the same time", () => {
  test("of ten undeletions one brings the note back", async () => {
    const note = await addNote(app, ticket, account.specialist);
    await upload(app, account.specialist.key, note.id, "a.txt", "bytes", "text/plain");
    await remove(account.specialist.key, note.id);
    const answers = await Promise.all(Array.from({ length: 10 }, () => undelete(account.administrator.key, note.id)));
    const names = answers.map(({ result }) => result?.__typename).toSorted();
    expect(names).toEqual([...Array.from({ length: 9 }, () => "NotFoundError"), "UndeleteNotePayload"]);
    expect(await stateOf(note.id)).toEqual({ notes: 1, attachments: 1, deleted: 0, kept: 0, withdrawn: 0, miscounted: 0 });
  });

  test("deletions, undeletions, edits and changes of the requester leave the note in one place, with its file", async () => {
    const own = await addTicket(app, account, { requester: account.customer });
    const note = await addNote(app, own, account.customer);
    await upload(app, account.specialist.key, note.id, "a.txt", "bytes", "text/plain");
    const edit = `mutation ($input: UpdateNoteInput!) { updateNote(input: $input) { __typename } }`;
    const requester = `mutation ($input: UpdateTicketInput!) { updateTicket(input: $input) { __typename } }`;
    const acts = [
      () => remove(account.administrator.key, note.id),
      () => remove(account.specialist.key, note.id),
      () => undelete(account.administrator.key, note.id),
      () => undelete(account.administrator.key, note.id),
      (turn: number) => sendText(app.url, account.administrator.key, edit, { input: { id: note.id, text: `Edit ${turn}` } }),
      (turn: number) => {
        const requesterId = [account.customer.id, account.otherCustomer.id][turn % 2];
        return sendText(app.url, account.administrator.key, requester, { input: { id: own.id, requesterId } });
      },
    ];
    for (let round = 0; round < 25; round += 1) {
      await Promise.all(acts.map((act, index) => act(round + index)));
      const state = await stateOf(note.id, own);
      const isThere = state["notes"] === 1;
      expect(state).toMatchObject(
        isThere
          ? { attachments: 1, deleted: 0, kept: 0, withdrawn: 0, miscounted: 0 }
          : { ...gone, kept: 1, withdrawn: expect.any(Number) },
      );
      const { requesterId } = await app.database.prisma.ticket.findFirstOrThrow({ where: { id: own.id } });
      const copies = await app.database.query<{ requester_id: string }>(sql`
        SELECT requester_id FROM notes WHERE id = ${note.id}::uuid
        UNION ALL SELECT requester_id FROM withdrawn_notes WHERE id = ${note.id}::uuid`);
      for (const copy of copies) expect(copy.requester_id).toBe(requesterId);
    }
    await undelete(account.administrator.key, note.id);
    expect(await contentOf(await urlOf(note, "a.txt"))).toBe("bytes");
  });
});

test("the embedded database keeps, withdraws, brings back and purges as a server does", async () => {
  const root = await mkdtemp(join(tmpdir(), "undelete-"));
  const database = await openDatabase({ kind: "embedded", directory: join(root, "database") }, { warn: () => undefined });
  await migrate(database);
  const embedded = await startApp({ database });
  try {
    const own = await addAccount(embedded);
    const note = await addNote(embedded, await addTicket(embedded, own), own.specialist, { text: "Embedded" });
    await upload(embedded, own.specialist.key, note.id, "a.txt", "bytes", "text/plain");
    const { administrator } = own;
    const deletion = () => call(embedded, administrator.key, "DELETE", `/v2/tickets/notes/${note.id}`);
    const bearer = { authorization: `Bearer ${administrator.key}` };
    const onV1 = async () => {
      const { status, body } = await call(embedded, undefined, "GET", `/v1/notes/${note.number}`, undefined, bearer);
      return [status, Reflect.get(Object(body), "medium"), Reflect.get(Object(body), "text")];
    };
    expect((await deletion()).status).toBe(204);
    expect(await onV1()).toEqual([200, "redacted", ""]);
    const { data } = await sendText<{ undeleteNote: Undeletion }>(embedded.url, administrator.key, undeletion, {
      input: { id: note.id },
    });
    const [file] = data.undeleteNote.note!.attachments.nodes;
    expect(await contentOf(file!.download.url)).toBe("bytes");
    expect(await onV1()).toEqual([200, "default", "Embedded"]);
    await deletion();
    embedded.time.now = new Date(Date.now() + (deletedRetentionDays + 1) * day);
    await embedded.app.services.notes.purge();
    expect(await database.prisma.deletedNote.count()).toBe(0);
    expect(await onV1()).toEqual([200, "redacted", ""]);
  } finally {
    await embedded.close();
    await database.close();
    await rm(root, { recursive: true });
  }
});

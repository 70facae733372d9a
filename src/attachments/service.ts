import { type Attachment, type Note, Prisma } from "#generated/prisma/client.ts";
import { auditInsert, auditInsertOnBehalf } from "../access/audit.ts";
import { Forbidden, NotFound } from "../errors.ts";
import { visibleNotes } from "../notes/policy.ts";
import { inOrder } from "../platform/batch.ts";
import type { Clock } from "../platform/clock.ts";
import type { Database } from "../platform/database.ts";
import type { Slice } from "../platform/keyset.ts";
import { columns, matches, sql, whereSql } from "../platform/sql.ts";
import type { ObjectFacts, ObjectStorage, SignedRequest } from "../platform/storage.ts";
import { unstorable } from "../platform/text.ts";
import { noteById } from "../notes/relations.ts";
import type { Reads } from "../reading/reads.ts";
import { type CountedSlice, type Selection, totalOnly, type WantedOfPage } from "../reading/selection.ts";
import { authorize, type Origin, type Viewer } from "../viewer.ts";
import {
  attachmentOrdering,
  type AttachmentReach,
  type AttachmentRead,
  parseUpload,
  type RequestUploadInput,
} from "./input.ts";
import { notesToAttachTo, notesWithVisibleAttachments } from "./policy.ts";
import { attachmentByFilename, attachmentById, attachmentsOfNote } from "./relations.ts";

export type { Attachment } from "#generated/prisma/client.ts";

/** How long a signed URL for uploading lives: what /v2 promises its clients. */
const uploadLifetimeMs = 60_000;
/** How long a signed URL for downloading lives. */
const downloadLifetimeMs = 8 * 60 * 60 * 1000;

/** An upload that began in time may take this long to end. After that, nobody waits for it. */
const longestUploadMs = 24 * 60 * 60 * 1000;

export interface Attachments {
  /** In the order of `ids` with what is selected, null where there is none or the viewer may not see its note. */
  byIds(viewer: Viewer, ids: readonly string[], selection?: Selection): Promise<(Attachment | null)[]>;
  /** The same page of each note's attachments, in the order of `noteIds`, null where there is no note or the viewer may not see it. */
  ofNotes(
    viewer: Viewer,
    noteIds: readonly string[],
    read: AttachmentRead,
    wanted?: WantedOfPage,
    selection?: Selection,
  ): Promise<(CountedSlice<Attachment> | null)[]>;
  countOfNotes(viewer: Viewer, noteIds: readonly string[], reach: AttachmentReach): Promise<number[]>;
  /** A page of a note's attachments that came with the note, as {@link Attachments.ofNotes} would have answered: with what has arrived meanwhile. */
  settled<Page extends Slice<Attachment>>(viewer: Viewer, page: Page, reach: AttachmentReach): Page | Promise<Page>;
  /** A note's attachment by its filename, once its bytes have arrived. @throws {NotFound} */
  byFilename(viewer: Viewer, noteId: string, filename: string): Promise<Attachment>;
  /** A URL that anyone who holds it can read the bytes from, for {@link downloadLifetimeMs}; null until they have arrived. */
  download(attachment: Attachment): Promise<SignedRequest | null>;
  /**
   * A URL that takes the bytes of a note's attachment, for {@link uploadLifetimeMs}. Where the filename is there already, the new
   * bytes replace the old when they arrive.
   *
   * @throws {NotFound} where the viewer sees no such note, {@link Forbidden} where they may not attach to it, {@link InvalidInput}
   */
  requestUpload(viewer: Viewer, input: RequestUploadInput): Promise<{ attachment: Attachment; upload: SignedRequest }>;
  /** Deletes a note's attachment and its bytes. @throws {NotFound}, {@link Forbidden} */
  delete(viewer: Viewer, noteId: string, filename: string): Promise<Attachment>;
  /**
   * The bytes of `storageKey` have arrived, from `origin`. False where nobody waits for them any more: they are to be thrown away. The audit
   * puts it down to whoever asked for the upload.
   */
  arrived(storageKey: string, facts: ObjectFacts, origin?: Origin): Promise<boolean>;
  /** Removes the bytes whose rows are gone. Safe to run at any time, from any process. */
  sweep(): Promise<void>;
}

export interface AttachmentsDependencies {
  readonly database: Database;
  readonly reads: Reads;
  readonly storage: ObjectStorage;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly maximumBytes: number;
}

const attachmentColumns = columns("a", Prisma.AttachmentScalarFieldEnum);
const sweepSize = 100;
/** A count needs no page, and a read has one. */
const firstOfAll = { ordering: attachmentOrdering, page: { size: 1, from: "start" } } as const;

export function createAttachments({
  database,
  reads,
  storage,
  clock,
  newId,
  maximumBytes,
}: AttachmentsDependencies): Attachments {
  const { prisma } = database;

  async function noteToAttachTo(viewer: Viewer, noteId: string): Promise<Note> {
    const allowed = notesToAttachTo(viewer);
    const note = await prisma.note.findFirst({ where: { id: noteId, ...visibleNotes(viewer) } });
    if (!note) throw new NotFound("note");
    if (!matches(allowed, note))
      throw new Forbidden("A customer attaches files to the notes they wrote, not to those of others.");
    return note;
  }

  /**
   * A store that is not ours tells nobody when bytes arrive, so rows that await them ask it when they are read. A store that is ours
   * calls {@link Attachments.arrived}, and nothing is asked.
   */
  async function settle(attachment: Attachment): Promise<Attachment> {
    if (storage.announcesArrivals || attachment.uploadExpiresAt === null) return attachment;
    const facts = await storage.stat(attachment.storageKey);
    const askedAt = attachment.uploadExpiresAt.getTime() - uploadLifetimeMs;
    // Stores tell times to the second.
    const arrived = facts !== null && facts.modifiedAt.getTime() >= Math.floor(askedAt / 1000) * 1000;
    const age = clock().getTime() - attachment.uploadExpiresAt.getTime();
    if (!arrived && age <= longestUploadMs) return attachment;
    const awaited = age > 0 ? null : attachment.uploadExpiresAt;
    const settled = await settleRow(attachment, arrived ? facts : null, awaited);
    return settled ?? attachment;
  }

  /**
   * What is known of an attachment's bytes: their facts where they have arrived, and until when others may arrive. The audit keeps an arrival
   * once, however often it is told, and puts it down to whoever asked for the upload.
   */
  async function settleRow(
    attachment: Pick<Attachment, "accountId" | "storageKey">,
    facts: ObjectFacts | null,
    awaitedUntil: Date | null,
    origin?: Origin,
  ): Promise<Attachment | undefined> {
    const at = clock();
    const size = facts === null ? null : BigInt(facts.size);
    // An upload to our own store ends the wait, so each is an arrival; of a store that is asked, the same answer comes again and again.
    const isNews = storage.announcesArrivals ? sql`true` : sql`(before.state = 'PENDING' OR before.size <> ${size}::bigint)`;
    const [settled] = await database.query<Attachment>(sql`
      WITH before AS (
        SELECT a.id, a.state, a.size FROM attachments a
        WHERE a.account_id = ${attachment.accountId}::uuid AND a.storage_key = ${attachment.storageKey}
      ), settled AS (
        UPDATE attachments a SET upload_expires_at = ${awaitedUntil}::timestamptz,
          state = CASE WHEN ${size}::bigint IS NULL THEN a.state ELSE 'READY' END, size = coalesce(${size}::bigint, a.size),
          content_type = coalesce(${facts?.contentType ?? null}::text, a.content_type)
        FROM before
        WHERE a.id = before.id AND a.account_id = ${attachment.accountId}::uuid
        RETURNING a.*, ${size}::bigint IS NOT NULL AND ${isNews} AS is_arrival
      ), arrived AS (
        SELECT s.id, s.account_id, asked.person_id, asked.credential_kind, asked.credential_id
        FROM settled s
        LEFT JOIN LATERAL (
          SELECT e.person_id, e.credential_kind, e.credential_id FROM audit_events e
          WHERE e.account_id = ${attachment.accountId}::uuid AND e.entity_id = s.id AND e.action = 'UPLOAD_REQUESTED'
          ORDER BY e.created_at DESC, e.id DESC LIMIT 1
        ) asked ON true
        WHERE s.is_arrival
      ), audited AS (${auditInsertOnBehalf(origin, { action: "UPLOAD_ARRIVED", entity: "ATTACHMENT", rows: "arrived", at })})
      SELECT ${attachmentColumns} FROM settled a`);
    return settled;
  }

  function isReached(reach: AttachmentReach, attachment: Attachment): boolean {
    if (attachment.state === "READY") return true;
    return reach === "awaited" && attachment.uploadExpiresAt !== null && attachment.uploadExpiresAt > clock();
  }

  async function sweep(): Promise<void> {
    for (;;) {
      const discarded = await prisma.discardedObject.findMany({ take: sweepSize, orderBy: { discardedAt: "asc" } });
      const keys = discarded.map((object) => object.storageKey);
      if (keys.length === 0) return;
      await storage.remove(keys);
      await prisma.discardedObject.deleteMany({ where: { storageKey: { in: keys } } });
    }
  }

  function isSettled(rows: readonly Attachment[]): boolean {
    return storage.announcesArrivals || rows.every((row) => row.uploadExpiresAt === null);
  }

  /** `rows` as they stand now, those out of `reach` left out. What was selected of them stays. */
  async function settleAll(
    viewer: Viewer,
    rows: readonly Attachment[],
    reach: AttachmentReach,
  ): Promise<readonly Attachment[]> {
    if (isSettled(rows)) return rows;
    const awaited = rows.filter((row) => row.uploadExpiresAt !== null).map((row) => row.id);
    const whole = (await reads.byKeys(viewer, attachmentById, awaited)).filter((row) => row !== null);
    const settled = new Map((await Promise.all(whole.map(settle))).map((row) => [row.id, row]));
    return rows.flatMap((row) => {
      if (row.uploadExpiresAt === null) return [row];
      const now = settled.get(row.id);
      return now && isReached(reach, now) ? [Object.assign(row, now)] : [];
    });
  }

  return {
    async byIds(viewer, ids, selection) {
      const rows = await reads.byKeys(viewer, attachmentById, ids, selection);
      const settled = await settleAll(
        viewer,
        rows.filter((row) => row !== null),
        "awaited",
      );
      return inOrder(ids, settled, (attachment) => attachment.id);
    },

    async ofNotes(viewer, noteIds, read, wanted, selection) {
      const parent = { relation: noteById, keys: noteIds };
      const found = await reads.pagesOf(viewer, parent, attachmentsOfNote, read, wanted, selection);
      return Promise.all(
        found.map(async (one) => one && { ...one.page, rows: await settleAll(viewer, one.page.rows, read.reach) }),
      );
    },

    async countOfNotes(viewer, noteIds, reach) {
      const parent = { relation: noteById, keys: noteIds };
      const found = await reads.pagesOf(viewer, parent, attachmentsOfNote, { reach, ...firstOfAll }, totalOnly);
      return found.map((one) => one?.page.total ?? 0);
    },

    settled(viewer, page, reach) {
      if (isSettled(page.rows)) return page;
      return settleAll(viewer, page.rows, reach).then((rows) => ({ ...page, rows }));
    },

    async byFilename(viewer, noteId, filename) {
      notesWithVisibleAttachments(viewer);
      requireStorable(filename);
      const [found] = await reads.byKeys(viewer, attachmentByFilename, [{ noteId, filename }]);
      const [attachment] = found ? await settleAll(viewer, [found], "ready") : [];
      if (!attachment) throw new NotFound("attachment");
      return attachment;
    },

    async download(attachment) {
      if (attachment.state !== "READY") return null;
      return storage.signDownload({
        key: attachment.storageKey,
        contentType: attachment.contentType,
        filename: attachment.filename,
        inline: attachment.inline,
        expiresAt: new Date(clock().getTime() + downloadLifetimeMs),
      });
    },

    async requestUpload(viewer, input) {
      const allowed = notesToAttachTo(viewer);
      const { filename, contentType } = parseUpload(input, { maximumBytes });
      const note = await noteToAttachTo(viewer, input.noteId);
      const id = newId();
      const now = clock();
      const expiresAt = new Date(now.getTime() + uploadLifetimeMs);
      const [attachment] = await database.query<Attachment>(sql`
        WITH requested AS (
          INSERT INTO attachments AS a
            (id, account_id, note_id, filename, content_type, inline, storage_key, upload_expires_at, created_at)
          SELECT ${id}::uuid, n.account_id, n.id, ${filename}, ${contentType}, ${input.inline ?? false}, ${`${note.accountId}/${id}`},
            ${expiresAt}::timestamptz, ${now}::timestamptz
          FROM notes n WHERE ${whereSql("n", allowed)} AND n.id = ${note.id}::uuid
          FOR KEY SHARE
          ON CONFLICT (note_id, filename) DO UPDATE SET upload_expires_at = excluded.upload_expires_at,
            content_type = CASE WHEN a.state = 'READY' AND ${storage.announcesArrivals} THEN a.content_type ELSE excluded.content_type END
            WHERE a.account_id = excluded.account_id
          RETURNING a.*
        ), audited AS (${auditInsert(authorize(viewer), { action: "UPLOAD_REQUESTED", entity: "ATTACHMENT", rows: "requested", at: now })})
        SELECT ${attachmentColumns} FROM requested a`);
      if (!attachment) throw new NotFound("note");
      // The bytes that are there keep their type until others arrive. A store that is not ours would not tell of what type those are.
      const upload = await storage.signUpload({ key: attachment.storageKey, contentType, expiresAt });
      return { attachment, upload };
    },

    async delete(viewer, noteId, filename) {
      const note = await noteToAttachTo(viewer, noteId);
      requireStorable(filename);
      const attachment = await prisma.attachment.findFirst({ where: { accountId: note.accountId, noteId: note.id, filename } });
      if (!attachment) throw new NotFound("attachment");
      const deleted = await database.query(sql`
        WITH deleted AS (
          DELETE FROM attachments a WHERE a.account_id = ${note.accountId}::uuid AND a.id = ${attachment.id}::uuid RETURNING a.id, a.account_id
        ), audited AS (${auditInsert(authorize(viewer), { action: "DELETED", entity: "ATTACHMENT", rows: "deleted", at: clock() })})
        SELECT d.id FROM deleted d`);
      if (deleted.length === 0) throw new NotFound("attachment");
      await sweep();
      return attachment;
    },

    async arrived(storageKey, facts, origin) {
      const accountId = accountOf(storageKey);
      return accountId !== undefined && (await settleRow({ accountId, storageKey }, facts, null, origin)) !== undefined;
    },

    sweep,
  };
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The account that an object's key begins with. */
function accountOf(storageKey: string): string | undefined {
  const [accountId] = storageKey.split("/");
  return accountId !== undefined && uuid.test(accountId) ? accountId : undefined;
}

/** What the database cannot hold names nothing in it, and it would fail where it is asked. @throws {NotFound} */
function requireStorable(filename: string): void {
  if (unstorable(filename) !== undefined) throw new NotFound("attachment");
}

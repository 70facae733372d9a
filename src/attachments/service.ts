import type { Readable } from "node:stream";
import type { Attachment, Note, Upload } from "#generated/prisma/client.ts";
import { auditInsert, auditInsertOnBehalf } from "../access/audit.ts";
import { Forbidden, invalid, NotFound } from "../errors.ts";
import { visibleNotes } from "../notes/policy.ts";
import { inOrder } from "../lib/in-order.ts";
import type { Clock } from "../lib/clock.ts";
import type { Database } from "../database/database.ts";
import type { Slice } from "../query/model/page.ts";
import { matches, sql, whereSql } from "../database/sql.ts";
import { measured, type ObjectFacts, type ObjectStorage, type SignedRequest } from "../storage/storage.ts";
import { insertInto, selectList, setList } from "../database/table.ts";
import { unstorable } from "../lib/text.ts";
import { isUuid } from "../lib/uuid.ts";
import { noteById } from "../notes/relations.ts";
import type { Reads } from "../query/reads.ts";
import type { CountedSlice, PageSelection, Selection } from "../query/model/selection.ts";
import { authorize, type Origin, type Viewer } from "../viewer.ts";
import { type AttachmentReach, type AttachmentRead, parseUpload, type RequestUploadInput } from "./input.ts";
import { notesToAttachTo, notesWithVisibleAttachments } from "./policy.ts";
import { type QuotaRefusal, quotaExceeded, quotaOfNote } from "./quotas.ts";
import { attachmentByFilename, attachmentById, attachmentsOfNote } from "./relations.ts";
import { attachmentsTable, discardedObjectsTable, uploadsTable } from "./tables.ts";

export type { Attachment } from "#generated/prisma/client.ts";

/** How long a signed URL for uploading lives: what /v2 promises its clients. */
const uploadLifetimeMs = 60_000;
/** How long a signed URL for downloading lives. */
const downloadLifetimeMs = 8 * 60 * 60 * 1000;

/** What is said of bytes whose row is gone. */
const nobodyWaits = "Nobody waits for this file any more: what it was to be attached to is gone.";

declare module "../services.ts" {
  interface Services {
    readonly attachments: Attachments;
  }
}

export interface Attachments {
  /**
   * Returns attachments in the order of `ids` with the selected fields; null if there is none or the viewer may not see its note.
   */
  byIds(viewer: Viewer, ids: readonly string[], selection?: Selection): Promise<(Attachment | null)[]>;
  /** The same page of each note's attachments, in the order of `noteIds`, null where there is no note or the viewer may not see it. */
  ofNotes(
    viewer: Viewer,
    noteIds: readonly string[],
    read: AttachmentRead,
    selection?: PageSelection,
  ): Promise<(CountedSlice<Attachment> | null)[]>;
  countOfNotes(viewer: Viewer, noteIds: readonly string[], reach: AttachmentReach): Promise<number[]>;
  /** A page of a note's attachments that came with the note, as {@link Attachments.ofNotes} would have answered: with what has arrived meanwhile. */
  reconciled<Page extends Slice<Attachment>>(viewer: Viewer, page: Page, reach: AttachmentReach): Page | Promise<Page>;
  /** A note's attachment by its filename, once its bytes have arrived. @throws {NotFound} */
  byFilename(viewer: Viewer, noteId: string, filename: string): Promise<Attachment>;
  /** A URL that anyone who holds it can read the bytes from, for {@link downloadLifetimeMs}; null until they have arrived. */
  download(attachment: Attachment): Promise<SignedRequest | null>;
  /**
   * A URL that takes the bytes of a note's attachment, for {@link uploadLifetimeMs}. Where the filename is there already, the new
   * bytes replace the old when they arrive. `uploadKey` is what {@link Attachments.receive} takes them by.
   *
   * @throws {NotFound} where the viewer sees no such note, {@link Forbidden} where they may not attach to it, or too many files are awaited,
   * {@link InvalidInput}
   */
  requestUpload(
    viewer: Viewer,
    input: RequestUploadInput,
  ): Promise<{ attachment: Attachment; upload: SignedRequest; uploadKey: string }>;
  /** Deletes a note's attachment and its bytes. @throws {NotFound}, {@link Forbidden} */
  delete(viewer: Viewer, noteId: string, filename: string): Promise<Attachment>;
  /**
   * Stores the bytes that were sent to the upload URL of `storageKey` from `origin`, and returns the facts of the object that is
   * served now. A URL takes one file; the same bytes again change nothing. If it throws, the stream has not been read. The audit
   * attributes the upload to the person who requested it.
   *
   * @throws {Forbidden} if the upload is no longer expected, or other bytes have arrived by this URL; {@link InvalidInput} if the
   * number of bytes is not the declared one; {@link TooLarge}, {@link Unavailable}
   */
  receive(storageKey: string, sent: SentBytes, origin?: Origin): Promise<ObjectFacts>;
  /**
   * For stores that do not report uploads: checks which of the uploads that were requested before `before` have arrived. It
   * checks at most `limit` of them.
   */
  reconcileArrivals(before: Date, limit: number): Promise<void>;
}

/** What an upload URL was sent. */
export interface SentBytes {
  readonly bytes: Readable;
  /** The number of bytes, if the request states it. */
  readonly length?: number | undefined;
}

export interface AttachmentsDependencies {
  readonly database: Database;
  readonly reads: Reads;
  readonly storage: ObjectStorage;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly maximumBytes: number;
  /** Removes the bytes of rows that are gone. */
  readonly removeDiscarded: () => Promise<void>;
}

const attachmentColumns = selectList(attachmentsTable, "a");
const uploadColumns = selectList(uploadsTable, "u");
/** What is not known of bytes before they come by a URL. */
const notArrived = { state: "PENDING", size: null, sha256: null, key: null } as const;

export function createAttachments({
  database,
  reads,
  storage,
  clock,
  newId,
  maximumBytes,
  removeDiscarded,
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
   * An external store does not report when bytes arrive, so rows that await them are checked when they are read. Our own store
   * passes them to {@link Attachments.receive}, and nothing needs to be checked.
   */
  async function reconcile(attachment: Attachment): Promise<Attachment> {
    if (storage.announcesArrivals || attachment.uploadExpiresAt === null) return attachment;
    const uploads = await database.query<Upload>(sql`
      SELECT ${uploadColumns} FROM uploads u
      WHERE u.account_id = ${attachment.accountId}::uuid AND u.attachment_id = ${attachment.id}::uuid AND u.state = 'PENDING'
      ORDER BY u.created_at, u.id`);
    let latest = attachment;
    for (const upload of uploads) latest = (await collect(upload)) ?? latest;
    return latest;
  }

  /**
   * Makes what has arrived by the URL of `upload` in an external store the attachment's file. It is copied to another key: the
   * URL works for a while longer and accepts further bytes, and only the copy is certain to keep its size and digest.
   */
  async function collect(upload: Upload): Promise<Attachment | undefined> {
    const announced = announcedBytes(upload);
    const isTaken = ({ size }: ObjectFacts) => size <= maximumBytes && (announced === undefined || size === announced);
    const arrived = await storage.stat(upload.storageKey);
    if (arrived === null) return undefined;
    const key = versionOf(upload);
    // What was sent a moment later is judged by itself.
    const kept = isTaken(arrived) ? await storage.collect?.({ from: upload.storageKey, to: key }) : undefined;
    if (!isTaken(kept ?? arrived)) await storage.remove([upload.storageKey, key]);
    // Or another process has collected it, which the next read shows.
    if (!kept || !isTaken(kept)) return undefined;
    const settled = await attach(upload, { key, size: kept.size, sha256: kept.sha256 });
    await storage.remove([settled ? upload.storageKey : key]);
    return settled;
  }

  /**
   * Makes an object the file of the attachment that `upload` was requested for. Returns undefined if that attachment is gone or
   * the upload has ended another way. One statement sets key, size, digest and type together: a process that dies before it
   * changes nothing, and one that dies after it leaves everything changed. The previous bytes stay as long as URLs to them work.
   * The audit records one arrival, attributed to the person who requested the upload.
   */
  async function attach(
    upload: Upload,
    object: { readonly key: string; readonly size: number; readonly sha256: string | null },
    origin?: Origin,
  ): Promise<Attachment | undefined> {
    const at = clock();
    const { accountId } = upload;
    const { key: storageKey, sha256 } = object;
    const arrived = { state: "READY", size: BigInt(object.size), sha256 } as const;
    const versions = { contentType: sql`before.content_type`, uploadExpiresAt: sql`before.awaited_until` };
    const [attached] = await database.query<Attachment>(sql`
      WITH taken AS (
        UPDATE uploads u SET ${setList(uploadsTable, { ...arrived, consumedAt: at })}
        WHERE u.account_id = ${accountId}::uuid AND u.id = ${upload.id}::uuid AND u.state = 'PENDING'
        RETURNING u.id, u.attachment_id, u.content_type
      ), before AS (
        SELECT a.id, a.state, a.storage_key, taken.content_type, (
          SELECT max(u.created_at) + ${uploadLifetimeMs}::int * interval '1 millisecond' FROM uploads u
          WHERE u.account_id = ${accountId}::uuid AND u.attachment_id = taken.attachment_id AND u.id <> taken.id AND u.state = 'PENDING'
        ) AS awaited_until
        FROM taken JOIN attachments a ON a.id = taken.attachment_id AND a.account_id = ${accountId}::uuid
        FOR UPDATE OF a
      ), attached AS (
        UPDATE attachments a SET ${setList(attachmentsTable, { ...arrived, ...versions, storageKey })}
        FROM before
        WHERE a.id = before.id AND a.account_id = ${accountId}::uuid
        RETURNING a.*
      ), replaced AS (
        ${insertInto(discardedObjectsTable, {
          storageKey: sql`before.storage_key`,
          discardedAt: sql`now() + ${downloadLifetimeMs}::int * interval '1 millisecond'`,
          attachmentId: sql`before.id`,
        })} FROM before WHERE before.state = 'READY'
        ON CONFLICT (storage_key) DO NOTHING
      ), arrived AS (
        SELECT a.id, a.account_id, asked.person_id, asked.credential_kind, asked.credential_id
        FROM attached a
        LEFT JOIN LATERAL (
          SELECT e.person_id, e.credential_kind, e.credential_id FROM audit_events e
          WHERE e.account_id = ${accountId}::uuid AND e.entity_id = a.id AND e.action = 'UPLOAD_REQUESTED'
          ORDER BY e.created_at DESC, e.id DESC LIMIT 1
        ) asked ON true
      ), audited AS (${auditInsertOnBehalf(origin, { action: "UPLOAD_ARRIVED", entity: "ATTACHMENT", rows: "arrived", at })})
      SELECT ${attachmentColumns} FROM attached a`);
    return attached;
  }

  /** Returns the upload whose URL has this key, and the key of its attachment's current bytes; undefined if either is gone. */
  async function uploadOf(storageKey: string): Promise<{ upload: Upload; servedKey: string } | undefined> {
    const accountId = accountOf(storageKey);
    if (accountId === undefined) return undefined;
    const [found] = await database.query<Upload & { servedKey: string }>(sql`
      SELECT ${uploadColumns}, a.storage_key AS "servedKey"
      FROM uploads u JOIN attachments a ON a.id = u.attachment_id AND a.account_id = u.account_id
      WHERE u.account_id = ${accountId}::uuid AND u.storage_key = ${storageKey}`);
    if (!found) return undefined;
    const { servedKey, ...upload } = found;
    return { upload, servedKey };
  }

  /** What is answered to bytes of this digest that come by a URL whose file has arrived. @throws {Forbidden} where it was another file. */
  async function factsOfArrived(
    { upload, servedKey }: { upload: Upload; servedKey: string },
    sha256: string,
  ): Promise<ObjectFacts> {
    const facts = upload.sha256 === sha256 ? await storage.stat(servedKey) : null;
    if (facts === null) throw new Forbidden("Another file has arrived by this URL: to replace it, ask for a fresh one.");
    return facts;
  }

  /** Where the bytes of an upload are kept. Each attempt writes under a key of its own, so that of two at once neither harms the other's. */
  function versionOf({ storageKey }: Upload): string {
    return `${storageKey}-${newId()}`;
  }

  function isReached(reach: AttachmentReach, attachment: Attachment): boolean {
    if (attachment.state === "READY") return true;
    return reach === "awaited" && attachment.uploadExpiresAt !== null && attachment.uploadExpiresAt > clock();
  }

  function isSettled(rows: readonly Attachment[]): boolean {
    return storage.announcesArrivals || rows.every((row) => row.uploadExpiresAt === null);
  }

  /** Returns the current state of `rows`, without those outside `reach`. The selected relations stay. */
  async function reconcileAll(
    viewer: Viewer,
    rows: readonly Attachment[],
    reach: AttachmentReach,
  ): Promise<readonly Attachment[]> {
    if (isSettled(rows)) return rows;
    const awaited = rows.filter((row) => row.uploadExpiresAt !== null).map((row) => row.id);
    const whole = (await reads.byKeys(viewer, attachmentById, awaited)).filter((row) => row !== null);
    const reconciled = new Map((await Promise.all(whole.map(reconcile))).map((row) => [row.id, row]));
    return rows.flatMap((row) => {
      if (row.uploadExpiresAt === null) return [row];
      const now = reconciled.get(row.id);
      return now && isReached(reach, now) ? [Object.assign(row, now)] : [];
    });
  }

  return {
    async byIds(viewer, ids, selection) {
      const rows = await reads.byKeys(viewer, attachmentById, ids, selection);
      const reconciled = await reconcileAll(
        viewer,
        rows.filter((row) => row !== null),
        "awaited",
      );
      return inOrder(ids, reconciled, (attachment) => attachment.id);
    },

    async ofNotes(viewer, noteIds, read, selection) {
      const notes = { relation: noteById, keys: noteIds };
      const pages = await reads.pagesOf(viewer, notes, attachmentsOfNote, read, selection);
      return Promise.all(
        pages.map(async (page) => page && { ...page, rows: await reconcileAll(viewer, page.rows, read.reach) }),
      );
    },

    countOfNotes: (viewer, noteIds, reach) =>
      reads.countsOf(viewer, { relation: noteById, keys: noteIds }, attachmentsOfNote, { reach }),

    reconciled(viewer, page, reach) {
      if (isSettled(page.rows)) return page;
      return reconcileAll(viewer, page.rows, reach).then((rows) => ({ ...page, rows }));
    },

    async byFilename(viewer, noteId, filename) {
      notesWithVisibleAttachments(viewer);
      requireStorable(filename);
      const [found] = await reads.byKeys(viewer, attachmentByFilename, [{ noteId, filename }]);
      const [attachment] = found ? await reconcileAll(viewer, [found], "ready") : [];
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
      const person = authorize(viewer);
      const id = newId();
      const uploadId = newId();
      const uploadKey = `${note.accountId}/${uploadId}`;
      const now = clock();
      const expiresAt = new Date(now.getTime() + uploadLifetimeMs);
      const size = input.size ?? null;
      const count = { accountId: note.accountId, personId: person.person.id, at: now, bytes: size, maximumBytes };
      const [asked] = await database.query<Omit<Attachment, "id"> & { id: string | null; refusal: QuotaRefusal | null }>(sql`
        WITH quota AS (${quotaOfNote(count, note.id, filename)}), requested AS (
          ${insertInto(attachmentsTable, {
            ...notArrived,
            id,
            accountId: sql`n.account_id`,
            noteId: sql`n.id`,
            filename,
            contentType,
            inline: input.inline ?? false,
            storageKey: `${note.accountId}/${id}`,
            uploadExpiresAt: expiresAt,
            createdAt: now,
          })}
          FROM notes n CROSS JOIN quota WHERE ${whereSql("n", allowed)} AND n.id = ${note.id}::uuid AND quota.refusal IS NULL
          FOR KEY SHARE OF n
          ON CONFLICT (note_id, filename) DO UPDATE SET ${setList(attachmentsTable, {
            uploadExpiresAt: sql`excluded.upload_expires_at`,
            contentType: sql`CASE WHEN attachments.state = 'READY' THEN attachments.content_type ELSE excluded.content_type END`,
          })}
            WHERE attachments.account_id = excluded.account_id
          RETURNING attachments.*
        ), awaited AS (
          ${insertInto(uploadsTable, {
            ...notArrived,
            id: uploadId,
            accountId: sql`a.account_id`,
            personId: person.person.id,
            attachmentId: sql`a.id`,
            filename: sql`a.filename`,
            contentType,
            announcedSize: size === null ? null : BigInt(size),
            storageKey: uploadKey,
            createdAt: now,
            consumedAt: null,
          })}
          FROM requested a
        ), audited AS (${auditInsert(person, { action: "UPLOAD_REQUESTED", entity: "ATTACHMENT", rows: "requested", at: now })})
        SELECT quota.refusal, ${attachmentColumns} FROM quota LEFT JOIN requested a ON true`);
      if (!asked) throw new Error("A quota was asked for and did not come back.");
      const { refusal, id: requestedId, ...rest } = asked;
      if (refusal !== null) throw quotaExceeded(refusal, maximumBytes);
      // Nothing was added: the note is gone, or no longer the viewer's to attach to.
      if (requestedId === null) throw new NotFound("note");
      // The existing bytes keep their type until others arrive.
      const upload = await storage.signUpload({ key: uploadKey, contentType, size: input.size, expiresAt });
      return { attachment: { id: requestedId, ...rest }, upload, uploadKey };
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
      await removeDiscarded();
      return attachment;
    },

    async receive(storageKey, { bytes, length }, origin) {
      const found = await uploadOf(storageKey);
      if (!found) throw new Forbidden(nobodyWaits);
      const { upload } = found;
      const exactBytes = announcedBytes(upload);
      if (exactBytes !== undefined && length !== undefined && length !== exactBytes)
        throw invalid("size", `The file was to have ${exactBytes} bytes, and has ${length}.`);
      if (upload.state === "READY") {
        const { blocks, end } = measured(bytes, { maximumBytes });
        for await (const _block of blocks);
        return factsOfArrived(found, end().sha256);
      }
      const key = versionOf(upload);
      const written = await storage.write(key, bytes, { maximumBytes, exactBytes });
      if (await attach(upload, { key, ...written }, origin)) return written;
      await storage.remove([key]);
      // Others were faster: with the same bytes, or with other ones.
      const now = await uploadOf(storageKey);
      if (!now || now.upload.state !== "READY") throw new Forbidden(nobodyWaits);
      return factsOfArrived(now, written.sha256);
    },

    async reconcileArrivals(before, limit) {
      if (storage.announcesArrivals) return;
      const uploads = await prisma.upload.findMany({
        where: { state: "PENDING", attachmentId: { not: null }, createdAt: { lt: before } },
        orderBy: { createdAt: "asc" },
        take: limit,
      });
      for (const upload of uploads) await collect(upload);
    },
  };
}

/** How many bytes were said to come. The driver gives a bigint as text, Prisma as what it is. */
function announcedBytes({ announcedSize }: Upload): number | undefined {
  return announcedSize === null ? undefined : Number(announcedSize);
}

/** The account that an object's key begins with. */
function accountOf(storageKey: string): string | undefined {
  const [accountId] = storageKey.split("/");
  return accountId !== undefined && isUuid(accountId) ? accountId : undefined;
}

/**
 * Refuses a filename that the database cannot hold: no attachment has such a name, and a query for it would fail. @throws
 * {NotFound}
 */
function requireStorable(filename: string): void {
  if (unstorable(filename) !== undefined) throw new NotFound("attachment");
}

import type { Readable } from "node:stream";
import type { Attachment, Note, Upload } from "#generated/prisma/client.ts";
import { auditInsert, auditInsertOnBehalf } from "../access/audit.ts";
import { auditEventsIn } from "../access/audit-events.ts";
import { Forbidden, invalid, NotFound } from "../errors.ts";
import { visibleAttachments, visibleNotes } from "../notes/policy.ts";
import { inOrder } from "../lib/in-order.ts";
import type { Clock } from "../lib/clock.ts";
import type { Database } from "../database/database.ts";
import type { Slice, Total } from "../query/model/page.ts";
import { matches, sql, whereSql } from "../database/sql.ts";
import { measured, type ObjectFacts, type ObjectStorage, type SignedRequest } from "../storage/storage.ts";
import { insertInto, selectList, setList } from "../database/table.ts";
import { unstorable } from "../lib/text.ts";
import { isUuid } from "../lib/uuid.ts";
import { noteById } from "../notes/relations.ts";
import type { KeyClaim } from "../idempotency/claim.ts";
import type { Idempotency } from "../idempotency/service.ts";
import type { ReadPages, Reads } from "../query/reads.ts";
import type { Selection } from "../query/model/selection.ts";
import { authorize, type Origin, type Viewer } from "../viewer.ts";
import {
  type AttachmentReach,
  type AttachmentRead,
  type AttachmentReference,
  type DeleteAttachmentInput,
  originalFilename,
  parseUpload,
  type RequestUploadInput,
} from "./input.ts";
import { notesToAttachTo, notesWithVisibleAttachments } from "./policy.ts";
import { type QuotaRefusal, quotaExceeded, quotaOfNote } from "./quotas.ts";
import { attachmentByFilename, attachmentById, attachmentsOfNote } from "./relations.ts";
import { attachmentsTable, discardedObjectsTable, uploadsTable } from "./tables.ts";

export type { Attachment } from "#generated/prisma/client.ts";

/** How long an upload URL is valid. It is what /v2 promises its clients. */
const uploadLifetimeMs = 60_000;
/** How long a download URL is valid. */
const downloadLifetimeMs = 8 * 60 * 60 * 1000;

/** The message for an upload whose row is gone. */
const uploadGone = "Nobody waits for this file any more: what it was to be attached to is gone.";

declare module "../services.ts" {
  interface Services {
    readonly attachments: Attachments;
  }
}

/** The columns that say where the bytes of an attachment are, and how they are served. */
type StoredFileColumn = "state" | "storageKey" | "contentType" | "filename" | "inline";

export interface Attachments {
  /**
   * Returns attachments in the order of `ids` with the selected fields, or null for an attachment that is missing or
   * whose note the viewer may not see.
   */
  byIds(viewer: Viewer, ids: readonly string[], selection?: Selection): Promise<(Attachment | null)[]>;
  /**
   * Returns the same page of each note's attachments, in the order of `noteIds`, or null for a note that is missing or
   * that the viewer may not see.
   */
  readonly ofNotes: ReadPages<Attachment, AttachmentRead>;
  totalOfNotes(viewer: Viewer, noteIds: readonly string[], reach: AttachmentReach): Promise<Total[]>;
  /**
   * Returns a page of attachments that was read with its note in the state that {@link Attachments.ofNotes} would
   * return: with the uploads that have arrived meanwhile.
   */
  reconciled<Page extends Slice<Attachment>>(viewer: Viewer, page: Page, reach: AttachmentReach): Page | Promise<Page>;
  /**
   * Returns a note's attachment by its filename. Throws {@link NotFound} if there is none, its bytes have not arrived,
   * or the viewer may not see it.
   */
  byFilename(viewer: Viewer, noteId: string, filename: string): Promise<Attachment>;
  /**
   * Returns a URL with which anyone can read the bytes for {@link downloadLifetimeMs}, or null if they have not
   * arrived.
   */
  download(attachment: Pick<Attachment, StoredFileColumn>): Promise<SignedRequest | null>;
  /**
   * Returns a URL that accepts the bytes of a note's attachment for {@link uploadLifetimeMs}. If the note has a file
   * with that name, the new bytes replace the old ones when they arrive. `uploadKey` is the key for
   * {@link Attachments.receive}. Throws {@link NotFound} if the viewer may not see the note, {@link Forbidden} if they
   * may not attach to it or a quota is exceeded, and {@link InvalidInput} if a field is not valid.
   */
  requestUpload(viewer: Viewer, input: RequestUploadInput): Promise<RequestedUpload>;
  /**
   * Deletes an attachment and its bytes. Throws {@link NotFound} if the viewer may not see the
   * note or there is no such attachment, and {@link Forbidden} if they may not change the note.
   */
  delete(viewer: Viewer, input: DeleteAttachmentInput): Promise<DeletedAttachment>;
  /**
   * Stores the bytes that were sent to the upload URL of `storageKey` from `origin`. Returns the facts of the object
   * that is served now. A URL accepts one file; sending the same bytes again changes nothing. The audit attributes the
   * upload to the person who requested it. Throws {@link Forbidden} if the upload is no longer expected or other bytes
   * have arrived at this URL, `InvalidInput` if the number of bytes is not the declared one, `TooLarge`, and
   * `Unavailable`. An error does not destroy the stream.
   */
  receive(storageKey: string, sent: SentFile, origin?: Origin): Promise<ObjectFacts>;
  /** Removes the bytes of files that were deleted or redacted. Safe to run at any time. */
  removeDiscarded(): Promise<void>;
  /**
   * For stores that do not report uploads: makes those of a note that have arrived its files.
   */
  collectArrived(accountId: string, noteId: string): Promise<void>;
  /**
   * For stores that do not report uploads: checks which of the oldest `limit` uploads requested before `before` have
   * arrived.
   */
  reconcileArrivals(before: Date, limit: number): Promise<void>;
}

/** An attachment that awaits its bytes, the request that sends them, and the key under which they are received. */
export interface RequestedUpload {
  readonly attachment: Attachment;
  readonly upload: SignedRequest;
  readonly uploadKey: string;
}

/** The ids in the response to a deletion of an attachment. */
export type DeletedAttachment = Pick<Attachment, "id" | "noteId">;

/** The bytes that were sent to an upload URL. */
export interface SentFile {
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
  readonly idempotency: Idempotency;
  readonly maximumBytes: number;
  /** Removes the bytes of deleted rows. */
  readonly removeDiscarded: () => Promise<void>;
}

const attachmentColumns = selectList(attachmentsTable, "a");
const uploadColumns = selectList(uploadsTable, "u");
/** The columns of an upload whose bytes have not arrived. */
const notArrived = { state: "PENDING", size: null, sha256: null, key: null } as const;

export function createAttachments({
  database,
  reads,
  storage,
  clock,
  newId,
  idempotency,
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
    if (note.medium === "REDACTED") throw new Forbidden("The note is redacted: nothing can be attached to it.");
    return note;
  }

  /**
   * Returns the current state of an attachment. An external store does not report arrived bytes, so rows that await
   * some are checked when they are read. The file store passes the bytes to {@link Attachments.receive}, so its rows
   * are always current.
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
   * Makes the bytes that have arrived at the URL of `upload` in an external store the attachment's file. It copies them
   * to another key, because the URL still accepts further bytes for a while; only the copy is certain to keep its size
   * and digest. Returns the attachment, or undefined if nothing usable has arrived.
   */
  async function collect(upload: Upload): Promise<Attachment | undefined> {
    const announced = announcedBytes(upload);
    const isAccepted = ({ size }: ObjectFacts) => size <= maximumBytes && (announced === undefined || size === announced);
    const arrived = await storage.stat(upload.storageKey);
    if (arrived === null) return undefined;
    const key = versionOf(upload);
    // The copy is checked by itself, because other bytes may have been sent in between.
    const copy = isAccepted(arrived) ? await storage.collect?.({ from: upload.storageKey, to: key }) : undefined;
    if (!isAccepted(copy ?? arrived)) await storage.remove([upload.storageKey, key]);
    // Without a copy another process may have collected the upload. The next read shows its result.
    if (!copy || !isAccepted(copy)) return undefined;
    const attached = await attach(upload, { key, size: copy.size, sha256: copy.sha256 });
    await storage.remove([attached ? upload.storageKey : key]);
    return attached;
  }

  /**
   * Makes an object the file of the attachment for which `upload` was requested. Returns the attachment, or undefined
   * if it is gone or the upload is no longer pending. One statement sets key, size, digest and type together, so a
   * process that dies never leaves them inconsistent. The previous bytes stay as long as URLs to them are valid. The
   * audit records one arrival, attributed to the person who requested the upload.
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
          SELECT e.person_id, e.credential_kind, e.credential_id FROM ${auditEventsIn(accountId)}
          WHERE e.account_id = ${accountId}::uuid AND e.entity_id = a.id AND e.action = 'UPLOAD_REQUESTED'
          ORDER BY e.created_at DESC, e.id DESC LIMIT 1
        ) asked ON true
      ), audited AS (${auditInsertOnBehalf(origin, { action: "UPLOAD_ARRIVED", entity: "ATTACHMENT", rows: "arrived", at })})
      SELECT ${attachmentColumns} FROM attached a`);
    return attached;
  }

  /**
   * Returns the upload whose URL has this key and the key of its attachment's current bytes, or undefined if either is
   * gone.
   */
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

  /**
   * Returns the facts of the object that is served, for bytes with this digest that were sent to a URL whose file has
   * arrived. Throws {@link Forbidden} if another file has arrived.
   */
  async function factsOfArrived(
    { upload, servedKey }: { upload: Upload; servedKey: string },
    sha256: string,
  ): Promise<ObjectFacts> {
    const facts = upload.sha256 === sha256 ? await storage.stat(servedKey) : null;
    if (facts === null) throw new Forbidden("Another file has arrived by this URL: to replace it, ask for a fresh one.");
    return facts;
  }

  /**
   * Returns a key for the bytes of an upload. Each attempt has a key of its own, so that concurrent attempts do not
   * overwrite each other.
   */
  function versionOf({ storageKey }: Upload): string {
    return `${storageKey}-${newId()}`;
  }

  function isReached(reach: AttachmentReach, attachment: Attachment): boolean {
    if (attachment.state === "READY") return true;
    if (reach === "ready") return false;
    if (attachment.state === "REDACTED") return true;
    return attachment.uploadExpiresAt !== null && attachment.uploadExpiresAt > clock();
  }

  function needsReconciling(rows: readonly Attachment[]): boolean {
    return !storage.announcesArrivals && rows.some((row) => row.uploadExpiresAt !== null);
  }

  /** Returns the current state of `rows` without those that `reach` leaves out. The selected relations stay. */
  async function reconcileAll(
    viewer: Viewer,
    rows: readonly Attachment[],
    reach: AttachmentReach,
  ): Promise<readonly Attachment[]> {
    if (!needsReconciling(rows)) return rows;
    const awaited = rows.filter((row) => row.uploadExpiresAt !== null).map((row) => row.id);
    const whole = (await reads.byKeys(viewer, attachmentById, awaited)).filter((row) => row !== null);
    const reconciled = new Map((await Promise.all(whole.map(reconcile))).map((row) => [row.id, row]));
    return rows.flatMap((row) => {
      if (row.uploadExpiresAt === null) return [row];
      const now = reconciled.get(row.id);
      return now && isReached(reach, now) ? [Object.assign(row, now)] : [];
    });
  }

  /** Adds the row of an attachment that awaits `file`, or lets the one with that filename await it. */
  async function awaitUpload(viewer: Viewer, note: Note, file: FileToUpload, key: KeyClaim): Promise<RequestedUpload> {
    const person = authorize(viewer);
    const allowed = notesToAttachTo(viewer);
    const { filename, contentType, size = null, inline } = file;
    const id = newId();
    const uploadId = newId();
    const uploadKey = uploadKeyOf(note, uploadId);
    const now = clock();
    const expiresAt = new Date(now.getTime() + uploadLifetimeMs);
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
          inline,
          isInternal: false,
          storageKey: `${note.accountId}/${id}`,
          uploadExpiresAt: expiresAt,
          createdAt: now,
        })}
        FROM notes n CROSS JOIN quota WHERE ${whereSql("n", allowed)} AND n.id = ${note.id}::uuid AND quota.refusal IS NULL AND ${key.condition}
        FOR KEY SHARE OF n
        ON CONFLICT (note_id, filename) DO UPDATE SET ${setList(attachmentsTable, {
          uploadExpiresAt: sql`excluded.upload_expires_at`,
          contentType: sql`CASE WHEN attachments.state = 'READY' THEN attachments.content_type ELSE excluded.content_type END`,
        })}
          WHERE attachments.account_id = excluded.account_id AND attachments.state <> 'REDACTED' AND NOT attachments.is_internal
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
      ${key.kept("requested", [id, uploadId])}
      SELECT quota.refusal, ${attachmentColumns} FROM quota LEFT JOIN requested a ON true`);
    if (!asked) throw new Error("A quota was asked for and did not come back.");
    const { refusal, id: requestedId, ...rest } = asked;
    if (refusal !== null) throw quotaExceeded(refusal, maximumBytes);
    // The statement has added nothing: the name is taken for ever, or the viewer may not attach to the note any more.
    if (requestedId === null) {
      if (await isRedacted(note, filename)) throw invalid("filename", "A redacted file has this name: choose another one.");
      throw new NotFound("note");
    }
    return { attachment: { id: requestedId, ...rest }, ...(await signedUpload(note, uploadId, file, expiresAt)) };
  }

  async function isRedacted({ id, accountId }: Note, filename: string): Promise<boolean> {
    const redacted = await database.query(sql`
      SELECT 1 FROM attachments a
      WHERE a.account_id = ${accountId}::uuid AND a.note_id = ${id}::uuid AND a.filename = ${filename} AND a.state = 'REDACTED'`);
    return redacted.length > 0;
  }

  /**
   * Signs the URL of an upload anew, which still accepts one file, and lets the attachment await it again if none has
   * arrived. Throws {@link NotFound} if the attachment is gone.
   */
  async function awaitAgain(note: Note, id: string, uploadId: string, file: FileToUpload): Promise<RequestedUpload> {
    const expiresAt = new Date(clock().getTime() + uploadLifetimeMs);
    const [attachment] = await database.query<Attachment>(sql`
      WITH awaited AS (
        UPDATE attachments a SET ${setList(attachmentsTable, { uploadExpiresAt: expiresAt })} FROM uploads u
        WHERE a.account_id = ${note.accountId}::uuid AND a.id = ${id}::uuid AND u.account_id = a.account_id
          AND u.id = ${uploadId}::uuid AND u.attachment_id = a.id AND u.state = 'PENDING'
        RETURNING a.*
      )
      SELECT ${attachmentColumns} FROM awaited a
      UNION ALL
      SELECT ${attachmentColumns} FROM attachments a
      WHERE a.account_id = ${note.accountId}::uuid AND a.id = ${id}::uuid AND NOT EXISTS (SELECT FROM awaited)`);
    if (!attachment) throw new NotFound("attachment");
    return { attachment, ...(await signedUpload(note, uploadId, file, expiresAt)) };
  }

  async function signedUpload(
    note: Note,
    uploadId: string,
    { contentType, size }: FileToUpload,
    expiresAt: Date,
  ): Promise<Omit<RequestedUpload, "attachment">> {
    const uploadKey = uploadKeyOf(note, uploadId);
    // The row keeps the type of its current bytes until the new ones arrive. The URL has the new type.
    return { upload: await storage.signUpload({ key: uploadKey, contentType, size, expiresAt }), uploadKey };
  }

  async function remove(viewer: Viewer, reference: AttachmentReference, key: KeyClaim): Promise<DeletedAttachment> {
    if ("noteId" in reference) await noteToAttachTo(viewer, reference.noteId);
    const attachment = await prisma.attachment.findFirst({ where: { ...reference, ...visibleAttachments(viewer) } });
    if (!attachment) throw new NotFound("attachment");
    const { id, accountId, noteId } = attachment;
    if ("id" in reference) await noteToAttachTo(viewer, noteId);
    const deleted = await database.query(sql`
      WITH deleted AS (
        DELETE FROM attachments a WHERE a.account_id = ${accountId}::uuid AND a.id = ${id}::uuid AND ${key.condition}
        RETURNING a.id, a.account_id
      ), audited AS (${auditInsert(authorize(viewer), { action: "DELETED", entity: "ATTACHMENT", rows: "deleted", at: clock() })})
      ${key.kept("deleted", [id, noteId])}
      SELECT d.id FROM deleted d`);
    if (deleted.length === 0) throw new NotFound("attachment");
    await removeDiscarded();
    return { id, noteId };
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

    totalOfNotes: (viewer, noteIds, reach) =>
      reads.totalsOf(viewer, { relation: noteById, keys: noteIds }, attachmentsOfNote, { reach }),

    reconciled(viewer, page, reach) {
      if (!needsReconciling(page.rows)) return page;
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
      // Throws if the viewer may not attach files, whatever else is wrong.
      notesToAttachTo(viewer);
      const { filename, contentType } = parseUpload(input, { maximumBytes });
      const note = await noteToAttachTo(viewer, input.noteId);
      // Said to everybody, also to those who do not see that file: they would learn of it by another answer.
      if (note.medium === "EMAIL" && filename === originalFilename)
        throw invalid("filename", "The mail itself has this name among the attachments of a mail's note: choose another one.");
      const file = { filename, contentType, size: input.size, inline: input.inline ?? false };
      return idempotency.once(authorize(viewer), input.idempotencyKey, {
        write: (key) => awaitUpload(viewer, note, file, key),
        replay: ([attachmentId = "", uploadId = ""]) => awaitAgain(note, attachmentId, uploadId, file),
      });
    },

    async delete(viewer, { attachment, idempotencyKey }) {
      if ("filename" in attachment) requireStorable(attachment.filename);
      return idempotency.once(authorize(viewer), idempotencyKey, {
        write: (key) => remove(viewer, attachment, key),
        replay: async ([id = "", noteId = ""]) => {
          await noteToAttachTo(viewer, noteId);
          return { id, noteId };
        },
      });
    },

    async receive(storageKey, { bytes, length }, origin) {
      const found = await uploadOf(storageKey);
      if (!found) throw new Forbidden(uploadGone);
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
      // Another request has attached its bytes first. They may be the same ones.
      const now = await uploadOf(storageKey);
      if (!now || now.upload.state !== "READY") throw new Forbidden(uploadGone);
      return factsOfArrived(now, written.sha256);
    },

    removeDiscarded,

    async collectArrived(accountId, noteId) {
      if (storage.announcesArrivals) return;
      const awaited = await database.query<Attachment>(sql`
        SELECT ${attachmentColumns} FROM attachments a
        WHERE a.account_id = ${accountId}::uuid AND a.note_id = ${noteId}::uuid AND a.upload_expires_at IS NOT NULL`);
      await Promise.all(awaited.map(reconcile));
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

/** A file for which a URL is requested. */
interface FileToUpload {
  readonly filename: string;
  readonly contentType: string;
  /** In bytes, if it is known. */
  readonly size: number | undefined;
  readonly inline: boolean;
}

/** Returns the key under which the URL of an upload stores its bytes. */
function uploadKeyOf({ accountId }: Note, uploadId: string): string {
  return `${accountId}/${uploadId}`;
}

/** Returns the declared size of an upload. The driver returns a bigint column as text, Prisma as a bigint. */
function announcedBytes({ announcedSize }: Upload): number | undefined {
  return announcedSize === null ? undefined : Number(announcedSize);
}

/** Returns the account id at the beginning of an object's key. */
function accountOf(storageKey: string): string | undefined {
  const [accountId] = storageKey.split("/");
  return accountId !== undefined && isUuid(accountId) ? accountId : undefined;
}

/**
 * Throws {@link NotFound} if the database cannot store the filename: no attachment has such a name, and a query with it
 * would fail.
 */
function requireStorable(filename: string): void {
  if (unstorable(filename) !== undefined) throw new NotFound("attachment");
}

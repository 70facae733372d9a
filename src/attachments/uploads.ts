import type { Readable } from "node:stream";
import { type Upload } from "#generated/prisma/client.ts";
import { auditInsert } from "../access/audit.ts";
import { Forbidden, invalid, InvalidInput } from "../errors.ts";
import type { NoteUpload } from "../notes/input.ts";
import type { NoteUploads, UploadClaim, UploadClaims } from "../notes/service.ts";
import type { Clock } from "../lib/clock.ts";
import type { Database } from "../database/database.ts";
import type { Signer } from "../storage/signature.ts";
import { sql } from "../database/sql.ts";
import { insertInto, setList } from "../database/table.ts";
import type { ObjectStorage, WrittenObject } from "../storage/storage.ts";
import { unstorable } from "../lib/text.ts";
import { authorize, type PersonViewer, type Viewer } from "../viewer.ts";
import { distinctNames } from "./distinct-names.ts";
import { allowedExtensions, extensionOf } from "./extensions.ts";
import { contentTypeOf, parseFilename } from "./filename.ts";
import { isMediaType } from "./input.ts";
import { type QuotaRefusal, quotaExceeded, quotaOfPerson } from "./quotas.ts";
import { attachmentsTable, uploadsTable } from "./tables.ts";

/** The placeholder for the filename in a key. */
const filenamePlaceholder = "${filename}";

/** How long an upload form is valid. */
const offerLifetimeMs = 10 * 60 * 1000;

/** The maximum number of uploads that one note may claim. */
const maximumClaims = 100;

/** A signed form with which anyone can upload files for a limited time. */
export interface UploadOffer {
  /** The key of the uploaded file, with the placeholder `${filename}`. */
  readonly key: string;
  /** The permissions of the form as base64-encoded JSON. */
  readonly policy: string;
  /** The signature of `policy`. */
  readonly signature: string;
  readonly offeredAt: Date;
  readonly maximumBytes: number;
}

/** A submitted form. */
export interface UploadForm {
  readonly key: string;
  readonly policy: string;
  readonly signature: string;
  /** The filename that was sent with the file. */
  readonly filename: string;
  /** Default, and if it is not a media type: the MIME type of the filename's extension. */
  readonly contentType?: string | undefined;
  /** The length of the whole request body, if the request states it. It is more than the file's size. */
  readonly length?: number | undefined;
}

/** A file that the gateway itself received. */
export interface KeptFile {
  readonly filename: string;
  readonly contentType: string;
  /** In bytes. */
  readonly length: number;
}

export interface ReceivedUpload {
  readonly key: string;
  readonly size: number;
  readonly etag: string;
}

declare module "../services.ts" {
  interface Services {
    readonly uploads: Uploads;
  }
}

/** Files that are uploaded before the note they are meant for, the way /v1 does it. */
export interface Uploads extends UploadClaims {
  /**
   * Returns a new form. Throws `Unauthenticated` if the viewer is anonymous, and {@link Forbidden} if they lack the
   * scope.
   */
  offer(viewer: Viewer): UploadOffer;
  /**
   * Stores a file under its key, where a note can claim it. It replaces an earlier unclaimed file with the same key.
   * Throws {@link Forbidden} if the form was not signed by this gateway or has expired, the extension is not allowed,
   * or a quota is exceeded; {@link InvalidInput} if the filename is not valid; `TooLarge`; and `Unavailable`. A refusal
   * does not destroy the stream.
   */
  receive(form: UploadForm, bytes: Readable): Promise<ReceivedUpload>;
  /**
   * Stores a file of the viewer's and returns the key by which a note can claim it. Throws {@link Forbidden} if the
   * viewer may not attach files or a quota is exceeded, {@link InvalidInput} if the filename is not valid, `TooLarge`,
   * and `Unavailable`.
   */
  keep(viewer: Viewer, file: KeptFile, bytes: Readable): Promise<string>;
  /** Removes those of the viewer's uploads that no note has claimed. */
  discard(viewer: Viewer, uploads: readonly Pick<NoteUpload, "key">[]): Promise<void>;
  /**
   * Removes uploads that have not arrived or were not claimed in time. It is safe to run at any time, in several
   * processes at once.
   */
  sweep(): Promise<void>;
}

export interface UploadsDependencies {
  readonly database: Database;
  readonly storage: ObjectStorage;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly signer: Signer;
  readonly maximumBytes: number;
  /** Removes rows and bytes that are no longer needed. */
  readonly sweep: () => Promise<void>;
  /** Called when a row was deleted whose bytes must be removed. */
  readonly onDiscarded: () => void;
}

/** The permissions of a form: files of one person in one account, under one prefix, until `expiration`. */
interface Policy {
  readonly expiration: string;
  readonly accountId: string;
  readonly personId: string;
  readonly prefix: string;
}

/** An upload whose bytes have not arrived. */
interface NewUpload {
  readonly id: string;
  readonly accountId: string;
  readonly personId: string;
  readonly key: string;
  readonly filename: string;
  readonly contentType: string;
  readonly storageKey: string;
}

/** The row of an upload by /v1, which has a key. */
type KeyedUpload = Upload & { readonly key: string };

export function createUploads(dependencies: UploadsDependencies): Uploads {
  const { database, storage, clock, newId, signer, maximumBytes, sweep, onDiscarded } = dependencies;
  const { prisma } = database;

  /**
   * Returns the permissions of a form. Throws {@link Forbidden} if the signature is not valid or the form has expired.
   */
  function verify({ policy, signature }: UploadForm): Policy {
    if (!signer.verify([policy], signature)) throw new Forbidden("Invalid according to Policy: it was not signed here.");
    // The signature proves that `offer` has written this JSON.
    const permitted = JSON.parse(Buffer.from(policy, "base64").toString()) as Policy;
    if (clock() >= new Date(permitted.expiration)) throw new Forbidden("Invalid according to Policy: Policy expired.");
    return permitted;
  }

  /** Returns the uploads with these keys that a note may claim, the latest one of each key, in the order of `keys`. */
  async function available(viewer: PersonViewer, keys: readonly string[]): Promise<(KeyedUpload | undefined)[]> {
    const rows = await prisma.upload.findMany({
      where: { accountId: viewer.account.id, key: { in: [...keys] }, state: "READY", consumedAt: null },
      orderBy: [{ createdAt: "asc" }, { id: "asc" }],
    });
    const byKey = new Map(rows.flatMap(({ key, ...row }) => (key === null ? [] : [[key, { ...row, key }]])));
    return keys.map((key) => byKey.get(key));
  }

  return {
    offer(viewer) {
      const person = authorize(viewer, "attachments:write");
      const prefix = `attachments/${person.account.slug}/${newId()}/`;
      const offeredAt = clock();
      const expiration = new Date(offeredAt.getTime() + offerLifetimeMs).toISOString();
      const permitted: Policy = { expiration, accountId: person.account.id, personId: person.person.id, prefix };
      const policy = Buffer.from(JSON.stringify(permitted)).toString("base64");
      return { key: `${prefix}${filenamePlaceholder}`, policy, signature: signer.sign([policy]), offeredAt, maximumBytes };
    },

    async receive(form, bytes) {
      const { accountId, personId, prefix } = verify(form);
      if (!form.key.startsWith(prefix))
        throw new Forbidden('Invalid according to Policy: Policy Condition failed: ["starts-with", "$key"].');
      // A function, because dollar signs in a replacement text are special.
      const filename = parseFilename(form.key.slice(prefix.length).replace(filenamePlaceholder, () => form.filename));
      if (!allowedExtensions.has(extensionOf(filename))) {
        throw new Forbidden(`Invalid according to Policy: files with the extension "${extensionOf(filename)}" are not taken.`);
      }
      const contentType =
        form.contentType !== undefined && isMediaType(form.contentType)
          ? form.contentType.toLowerCase()
          : contentTypeOf(filename);
      const length = Math.min(form.length ?? maximumBytes, maximumBytes);
      return store({ accountId, personId, key: `${prefix}${filename}`, filename, contentType }, length, bytes);
    },

    async keep(viewer, { filename, contentType, length }, bytes) {
      const { account, person } = authorize(viewer, "attachments:write");
      const key = `attachments/${account.slug}/${newId()}/${parseFilename(filename)}`;
      await store({ accountId: account.id, personId: person.id, key, filename, contentType }, length, bytes);
      return key;
    },

    async discard(viewer, kept) {
      const { account, person } = authorize(viewer);
      const keys = kept.map(({ key }) => key);
      const mine = { accountId: account.id, personId: person.id, key: { in: keys }, consumedAt: null };
      await prisma.upload.deleteMany({ where: mine });
      onDiscarded();
    },

    async claim(viewer, notes) {
      const person = authorize(viewer, "attachments:write");
      const crowded = notes.find(({ uploads }) => uploads.length > maximumClaims);
      if (crowded)
        throw invalid(crowded.path, `Attachments has ${crowded.uploads.length} keys; at most ${maximumClaims} are taken`);
      const requested = notes.flatMap(({ uploads }) => uploads.map(({ key }) => key));
      const keys = [...new Set(requested)];
      // A text that PostgreSQL cannot store is no upload's key, and a query with it would fail.
      const found = await available(
        person,
        keys.map((key) => (unstorable(key) === undefined ? key : "")),
      );
      const missing = keys.filter((_, index) => !found[index]);
      if (missing.length > 0 || keys.length < requested.length) throw unusableUploads(notes, missing);
      const rows = found.filter((row) => row !== undefined);
      return claimOf(person, rows, notes);
    },

    sweep,
  };

  /** Stores the bytes of an upload, at most `length` of them. Nothing stays of it if this throws. */
  async function store(given: Omit<NewUpload, "id" | "storageKey">, length: number, bytes: Readable): Promise<ReceivedUpload> {
    const id = newId();
    const upload = { ...given, id, storageKey: `${given.accountId}/${id}` };
    await addPending(upload, length);
    try {
      const facts = await storage.write(upload.storageKey, bytes, { maximumBytes });
      if (!(await markReady(upload, facts)))
        throw new Forbidden("Nobody waits for this file any more: it took more than a day.");
      return { key: upload.key, size: facts.size, etag: facts.etag };
    } catch (error) {
      // A trigger queues the object of the deleted row for removal, whether or not it was written.
      await prisma.upload.deleteMany({ where: { id, accountId: upload.accountId } });
      onDiscarded();
      throw error;
    }
  }

  /**
   * Adds the row of an upload whose bytes are about to be stored, at most `length` of them. The row is added first, so
   * that bytes never exist without a row. Throws {@link Forbidden} if a quota is exceeded.
   */
  async function addPending(upload: NewUpload, length: number): Promise<void> {
    const at = clock();
    const { accountId, personId } = upload;
    const insert = insertInto(uploadsTable, {
      ...upload,
      attachmentId: null,
      state: "PENDING",
      announcedSize: BigInt(length),
      size: null,
      sha256: null,
      createdAt: at,
      consumedAt: null,
    });
    const [asked] = await database.query<{ refusal: QuotaRefusal | null }>(sql`
      WITH quota AS (${quotaOfPerson({ accountId, personId, at, bytes: length, maximumBytes })}), added AS (
        ${insert} FROM quota WHERE quota.refusal IS NULL
      ) SELECT quota.refusal FROM quota`);
    if (asked?.refusal) throw quotaExceeded(asked.refusal, maximumBytes);
  }

  /**
   * Marks an upload as READY, and deletes earlier unclaimed uploads with its key. Returns false if the upload is gone.
   */
  async function markReady(
    { id, accountId, key }: Pick<NewUpload, "id" | "accountId" | "key">,
    object: WrittenObject,
  ): Promise<boolean> {
    const ready = await database.query<{ replaced: number }>(sql`
      WITH ready AS (
        UPDATE uploads u SET ${setList(uploadsTable, { state: "READY", size: BigInt(object.size), sha256: object.sha256 })}
        WHERE u.account_id = ${accountId}::uuid AND u.id = ${id}::uuid AND u.state = 'PENDING'
        RETURNING u.id
      ), replaced AS (
        DELETE FROM uploads u USING ready
        WHERE u.account_id = ${accountId}::uuid AND u.key = ${key} AND u.id <> ready.id AND u.state = 'READY' AND u.consumed_at IS NULL
        RETURNING u.id
      ) SELECT ready.id, (SELECT count(*) FROM replaced)::int AS replaced FROM ready`);
    if (ready.some(({ replaced }) => replaced > 0)) onDiscarded();
    return ready.length > 0;
  }

  /** Returns parts for the statement that adds notes. With them the notes claim `rows`, or are not added. */
  function claimOf(person: PersonViewer, rows: readonly KeyedUpload[], notes: readonly NoteUploads[]): UploadClaim {
    const at = clock();
    const accountId = person.account.id;
    const byKey = new Map(rows.map((row) => [row.key, row]));
    const taken = notes.flatMap(({ noteId, text, uploads }) => {
      const ofNote = uploads.flatMap(({ key }) => byKey.get(key) ?? []);
      const names = distinctNames(ofNote.map(({ filename }) => filename));
      const flagged = new Set(uploads.filter(({ inline }) => inline).map(({ key }) => key));
      const internal = new Set(uploads.filter(({ isInternal = false }) => isInternal).map(({ key }) => key));
      return ofNote.map(({ id, key }, index) => ({
        ...{ id, noteId, filename: names[index] },
        inline: flagged.has(key) || text.includes(`](${key})`),
        isInternal: internal.has(key),
      }));
    });
    const ids = taken.map(({ id }) => id);
    return {
      // The rows are locked, so of two notes that claim an upload at the same time the second one finds it claimed.
      // They are locked in one order, so that two notes which claim the same uploads do not wait for each other.
      before: sql`claimable AS (
        SELECT u.id FROM uploads u
        WHERE u.account_id = ${accountId}::uuid AND u.id = ANY(${ids}::uuid[]) AND u.state = 'READY' AND u.consumed_at IS NULL
        ORDER BY u.id FOR UPDATE
      ), `,
      condition: sql`(SELECT count(*) FROM claimable) = ${rows.length}::bigint`,
      after: sql`, claimed AS (
        UPDATE uploads u SET ${setList(uploadsTable, { consumedAt: at })} FROM claimable
        WHERE u.id = claimable.id AND u.account_id = ${accountId}::uuid AND EXISTS (SELECT FROM added) RETURNING u.*
      ), attached AS (
        ${insertInto(attachmentsTable, {
          id: sql`u.id`,
          accountId: sql`u.account_id`,
          noteId: sql`added.id`,
          filename: sql`named.filename`,
          contentType: sql`u.content_type`,
          inline: sql`named.inline`,
          isInternal: sql`named.is_internal`,
          state: "READY",
          size: sql`u.size`,
          sha256: sql`u.sha256`,
          storageKey: sql`u.storage_key`,
          key: sql`u.key`,
          uploadExpiresAt: null,
          createdAt: at,
        })}
        FROM claimed u
        JOIN unnest(${ids}::uuid[], ${taken.map(({ filename }) => filename)}::text[], ${taken.map(({ inline }) => inline)}::boolean[],
          ${taken.map(({ isInternal }) => isInternal)}::boolean[], ${taken.map(({ noteId }) => noteId)}::uuid[])
          AS named (id, filename, inline, is_internal, note_id) ON named.id = u.id
        JOIN added ON added.id = named.note_id
        RETURNING id, account_id
      ), attached_audited AS (${auditInsert(person, { action: "CREATED", entity: "ATTACHMENT", rows: "attached", at })})`,
      refusal: unusableUploads(
        notes,
        rows.map((row) => row.key),
      ),
    };
  }
}

/**
 * Returns the error for uploads that cannot be claimed: those of `keys`, by note. If `keys` is empty, a key was named
 * twice.
 */
function unusableUploads(notes: readonly NoteUploads[], keys: readonly string[]): InvalidInput {
  const [first] = notes;
  if (keys.length === 0) return invalid(first?.path ?? "uploads", "Attachments contains a key twice");
  const missing = new Set(keys);
  return new InvalidInput(
    notes.flatMap(({ path, uploads }) =>
      uploads
        .filter(({ key }) => missing.has(key))
        .map(({ key }) => ({ path, message: `Attachments key '${shortened(key)}' was not uploaded or is already used` })),
    ),
  );
}

/** The number of characters of a key that an error message shows. */
const maxShownKeyLength = 400;

function shortened(key: string): string {
  return key.length > maxShownKeyLength ? `${key.slice(0, maxShownKeyLength).toWellFormed()}…` : key;
}

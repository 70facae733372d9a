import type { RedactionReason } from "#generated/prisma/client.ts";
import { auditInsert } from "../access/audit.ts";
import { isStillAdministrator } from "../access/still-administrator.ts";
import { attachmentsTable, discardedObjectsTable } from "../attachments/tables.ts";
import { raw, sql, type Sql } from "../database/sql.ts";
import { insertInto, recordset, setList } from "../database/table.ts";
import type { KeyClaim } from "../idempotency/claim.ts";
import { redactionMark } from "../lib/redaction-mark.ts";
import { inboundEmailsTable } from "../mail/table.ts";
import { notesTable } from "../notes/table.ts";
import type { PersonViewer } from "../viewer.ts";
import { redactionsTable } from "./table.ts";

/** What a redaction writes to one note. The file of a mail that is kept goes in any case: it has the whole text. */
export interface NoteRedaction {
  readonly id: string;
  /** The version that the note must have. */
  readonly version: number;
  readonly isDeleted: boolean;
  /**
   * The text that the note gets; all its earlier states lose theirs. Null: no text has anything of what is redacted.
   */
  readonly text: string | null;
  /** Whether the whole note is redacted, with all its files. */
  readonly isWhole: boolean;
  /** A file that is redacted. */
  readonly attachmentId: string | null;
  /** What happens to the subject and the sender of the mail as which the note was received. */
  readonly mail: "KEPT" | "SUBJECT_REDACTED" | "REDACTED";
  /** Whether those who see the note are told of the redaction. */
  readonly isTold: boolean;
}

/** Everything that one redaction writes. */
export interface RedactionWriting {
  readonly by: PersonViewer;
  readonly now: Date;
  readonly reason: RedactionReason;
  readonly notes: readonly NoteRedaction[];
  readonly newId: () => string;
  /** The key of the call, and the ids that are kept for a replay. */
  readonly key: KeyClaim;
  readonly ids: readonly string[];
}

/** The tables of notes and their files, and where the bytes of a file `a` are. */
interface NoteTables {
  readonly isDeleted: Sql;
  readonly notes: Sql;
  readonly attachments: Sql;
  readonly storageKeys: Sql;
}

const currentTables: NoteTables = {
  isDeleted: raw("false"),
  notes: raw("notes"),
  attachments: raw("attachments"),
  storageKeys: raw("ARRAY[a.storage_key]"),
};
const deletedTables: NoteTables = {
  isDeleted: raw("true"),
  notes: raw("deleted_notes"),
  attachments: raw("deleted_attachments"),
  storageKeys: raw("ARRAY[a.storage_key, a.kept_key]"),
};

const asked = recordset(notesTable, "asked", ["id", "version"], {
  text: "text",
  redactionId: "uuid",
  isDeleted: "boolean",
  isWhole: "boolean",
  attachmentId: "uuid",
  mail: "text",
  isTold: "boolean",
});

/**
 * Returns the statement that redacts notes and their files. It returns a row for each note; none, and nothing is
 * written, if one of them has another version by now or if the person is no administrator any more.
 */
export function redactionStatement({ by, now, reason, notes, newId, key, ids }: RedactionWriting): Sql {
  const accountId = sql`${by.account.id}::uuid`;
  const rows = notes.map((note) => ({ ...note, redactionId: newId() }));
  const record = {
    id: sql`r."redactionId"`,
    ...{ accountId: sql`r.account_id`, noteId: sql`r.id` },
    ...{ redactedAt: now, redactorNumber: by.person.number, reason },
  };
  const redactedMail = {
    subject: redactionMark,
    sender: sql`CASE r."mail" WHEN 'REDACTED' THEN NULL ELSE i.sender END`,
  };
  return sql`
    WITH ${asked.part(rows)},
    locked AS (${lock(currentTables, accountId, sql`${key.condition} AND ${isStillAdministrator(by)}`)}),
    locked_deleted AS (${lock(deletedTables, accountId, sql`${key.condition} AND ${isStillAdministrator(by)}`)}),
    redacted AS (
      SELECT ${accountId} AS account_id, asked.* FROM asked
      WHERE (SELECT count(*) FROM locked) + (SELECT count(*) FROM locked_deleted) = (SELECT count(*) FROM asked)
    ),
    changed AS (${changeTexts(currentTables, accountId, now)}),
    changed_deleted AS (${changeTexts(deletedTables, accountId, now, sql`, version = n.version + 1`)}),
    edits_forgotten AS (
      UPDATE note_edits e SET text = NULL FROM redacted r
      WHERE e.account_id = ${accountId} AND e.note_id = r.id AND r."isDeleted" AND r.text IS NOT NULL
    ),
    kept_files AS (${redactedFilesOf(currentTables, accountId)}),
    kept_files_deleted AS (${redactedFilesOf(deletedTables, accountId)}),
    files AS (${redactFiles(currentTables, accountId, raw("kept_files"))}),
    files_deleted AS (${redactFiles(deletedTables, accountId, raw("kept_files_deleted"), sql`, is_moved = true`)}),
    all_files AS (SELECT * FROM kept_files UNION ALL SELECT * FROM kept_files_deleted),
    uploads_gone AS (
      DELETE FROM uploads u USING all_files f
      WHERE u.account_id = ${accountId} AND (u.attachment_id = f.id OR u.storage_key = f.storage_key)
    ),
    bytes_gone AS (
      ${insertInto(discardedObjectsTable, {
        ...{ storageKey: sql`place.storage_key`, discardedAt: sql`now()`, attachmentId: sql`f.id` },
      })} FROM all_files f CROSS JOIN LATERAL unnest(f.storage_keys) AS place (storage_key)
      ON CONFLICT (storage_key) DO UPDATE SET discarded_at = least(discarded_objects.discarded_at, excluded.discarded_at)
    ),
    earlier_bytes_gone AS (
      UPDATE discarded_objects d SET discarded_at = now() FROM all_files f WHERE d.attachment_id = f.id AND d.discarded_at > now()
    ),
    mails_redacted AS (
      UPDATE inbound_emails i SET ${setList(inboundEmailsTable, redactedMail)} FROM redacted r
      WHERE i.account_id = ${accountId} AND i.note_id = r.id AND r."mail" <> 'KEPT'
    ),
    recorded AS (${insertInto(redactionsTable, record)} FROM redacted r WHERE r."isTold"),
    told AS (SELECT r.id, r.account_id FROM redacted r WHERE r."isTold"),
    audited AS (${auditInsert(by, { action: "REDACTED", entity: "NOTE", rows: "told", at: now })}),
    redacted_files AS (SELECT id, account_id FROM files UNION ALL SELECT id, account_id FROM files_deleted),
    audited_files AS (${auditInsert(by, { action: "REDACTED", entity: "ATTACHMENT", rows: "redacted_files", at: now })})
    ${key.kept("redacted", ids)}
    SELECT r.id FROM redacted r`;
}

/** Locks the notes in the order of their ids, so that two redactions wait for each other and do not deadlock. */
function lock({ notes, isDeleted }: NoteTables, accountId: Sql, condition: Sql): Sql {
  return sql`
    SELECT n.id FROM ${notes} n JOIN asked ON asked.id = n.id AND asked.version = n.version AND asked."isDeleted" = ${isDeleted}
    WHERE n.account_id = ${accountId} AND ${condition} ORDER BY n.id FOR NO KEY UPDATE OF n`;
}

/** The triggers of notes forget the earlier states when redacted_at changes; those of deleted notes have none. */
function changeTexts({ notes, isDeleted }: NoteTables, accountId: Sql, now: Date, further: Sql = raw("")): Sql {
  const changes = {
    text: sql`r.text`,
    medium: sql`CASE WHEN r."isWhole" THEN 'REDACTED'::"NoteMedium" ELSE n.medium END`,
    updatedAt: sql`greatest(n.created_at, ${now}::timestamptz)`,
    redactedAt: sql`greatest(${now}::timestamptz, n.redacted_at + interval '1 millisecond')`,
  };
  return sql`
    UPDATE ${notes} n SET ${setList(notesTable, changes)}${further} FROM redacted r
    WHERE n.account_id = ${accountId} AND n.id = r.id AND r."isDeleted" = ${isDeleted} AND r.text IS NOT NULL`;
}

/** The files that are redacted, with the names that they get. /v2 knows a file by its note and its name. */
function redactedFilesOf({ attachments, isDeleted, storageKeys }: NoteTables, accountId: Sql): Sql {
  return sql`
    SELECT a.id, a.storage_key, ${storageKeys} AS storage_keys,
      CASE WHEN row_number() OVER (PARTITION BY a.note_id ORDER BY a.number) = 1 AND NOT EXISTS (
        SELECT FROM ${attachments} o WHERE o.account_id = ${accountId} AND o.note_id = a.note_id AND o.filename = 'redacted'
      ) THEN 'redacted' ELSE 'redacted (' || a.number || ')' END AS new_filename
    FROM ${attachments} a JOIN redacted r ON r.id = a.note_id AND r."isDeleted" = ${isDeleted}
    WHERE a.account_id = ${accountId} AND a.state <> 'REDACTED' AND (r."isWhole" OR a.is_internal OR a.id = r."attachmentId")`;
}

function redactFiles({ attachments }: NoteTables, accountId: Sql, files: Sql, further: Sql = raw("")): Sql {
  const changes = setList(attachmentsTable, {
    ...{ state: "REDACTED", filename: sql`f.new_filename`, contentType: "application/octet-stream", inline: false },
    ...{ size: null, sha256: null, key: null, uploadExpiresAt: null },
  });
  return sql`
    UPDATE ${attachments} a SET ${changes}${further} FROM ${files} f WHERE a.account_id = ${accountId} AND a.id = f.id
    RETURNING a.id, a.account_id`;
}

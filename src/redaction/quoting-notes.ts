import type { Note } from "#generated/prisma/client.ts";
import type { Database } from "../database/database.ts";
import { raw, sql, type Sql } from "../database/sql.ts";
import type { Quotations } from "./quotations.ts";
import type { NoteRedaction } from "./write-redactions.ts";

/** A note that is redacted, and what finds quotations of it. */
export interface QuotedNote {
  readonly note: Note;
  /** What is redacted of all its texts. */
  readonly ofAll: Quotations;
  /** What is redacted of the texts with which it was public. A customer can have quoted no others. */
  readonly ofPublic: Quotations;
  /** Whether it was ever public. */
  readonly wasPublic: boolean;
}

/** A note of the ticket that may quote. */
interface OtherNote {
  readonly id: string;
  readonly version: number;
  readonly text: string;
  readonly isDeleted: boolean;
  /** Whether a customer wrote it. */
  readonly isOfCustomer: boolean;
  /** The subject of the mail as which it was received. */
  readonly subject: string | null;
  /** Whether the mail is kept, and may quote the note that is redacted. */
  readonly hasQuotingMail: boolean;
}

/** A text that a note had before it was changed. */
interface EarlierText {
  readonly noteId: string;
  readonly version: number;
  readonly text: string;
}

/** The number of notes, and of their earlier texts, that one statement reads: a text can have 64 KiB. */
const notesAtOnce = 200;
const earlierTextsAtOnce = 100;

/** The notes of the ticket that were looked at, each with the version that it had. */
export type ReadVersions = Map<string, number>;

/**
 * Returns what a redaction writes to the other notes of the ticket, deleted ones too, whose texts, earlier texts or
 * mails quote what is redacted. The kept mail of a note that came after it goes if it answers or quotes. Notes that
 * `read` has in their version are passed by; the others are added to it.
 *
 * What a customer wrote is compared with what customers could see. A customer could otherwise quote guesses, and would
 * learn by a redaction which of them an internal note had.
 */
export async function redactionsOfQuotingNotes(
  database: Database,
  quoted: QuotedNote,
  read: ReadVersions,
): Promise<NoteRedaction[]> {
  const { accountId, ticketId, id, createdAt } = quoted.note;
  const candidates = await database.query<{ id: string; version: number }>(sql`
    SELECT n.id, n.version FROM notes n WHERE ${mayQuote()}
    UNION ALL SELECT n.id, n.version FROM deleted_notes n WHERE ${mayQuote()}`);
  const unread = candidates.filter((note) => read.get(note.id) !== note.version).map((note) => note.id);
  const redactions: NoteRedaction[] = [];
  for (let start = 0; start < unread.length; start += notesAtOnce) {
    redactions.push(...(await redactionsOf(unread.slice(start, start + notesAtOnce))));
  }
  return redactions;

  /** A note that was there before, and was not changed since, cannot quote. */
  function mayQuote(): Sql {
    return sql`n.account_id = ${accountId}::uuid AND n.ticket_id = ${ticketId}::uuid AND n.id <> ${id}::uuid
      AND greatest(n.created_at, n.updated_at) >= ${createdAt}::timestamptz`;
  }

  async function redactionsOf(ids: readonly string[]): Promise<NoteRedaction[]> {
    const notes = await database.query<OtherNote & Record<string, unknown>>(sql`
      ${otherNotes(raw("notes"), raw("attachments"), raw("false"), quoted.note, ids)}
      UNION ALL ${otherNotes(raw("deleted_notes"), raw("deleted_attachments"), raw("true"), quoted.note, ids)}`);
    const byId = new Map(notes.map((note) => [note.id, note]));
    const hadQuotations = await notesThatQuoted(byId);
    const found: NoteRedaction[] = [];
    for (const note of notes) {
      const redaction = await redactionOf(note, hadQuotations.has(note.id));
      read.set(note.id, note.version);
      if (redaction) found.push(redaction);
    }
    return found;
  }

  function quotationsFor({ isOfCustomer }: OtherNote): Quotations {
    return isOfCustomer ? quoted.ofPublic : quoted.ofAll;
  }

  /** Returns the notes that quoted it in a text which they had before. */
  async function notesThatQuoted(notes: ReadonlyMap<string, OtherNote>): Promise<Set<string>> {
    const found = new Set<string>();
    let last: Pick<EarlierText, "noteId" | "version"> = { noteId: "00000000-0000-0000-0000-000000000000", version: 0 };
    for (;;) {
      const texts = await database.query<EarlierText & Record<string, unknown>>(sql`
        SELECT e.note_id AS "noteId", e.version, e.text FROM note_edits e
        WHERE e.account_id = ${accountId}::uuid AND e.note_id = ANY(${[...notes.keys()]}::uuid[]) AND e.text IS NOT NULL
          AND (e.note_id, e.version) > (${last.noteId}::uuid, ${last.version}::integer)
        ORDER BY e.note_id, e.version LIMIT ${earlierTextsAtOnce}::int`);
      for (const { noteId, text } of texts) {
        const note = notes.get(noteId);
        if (!note || found.has(noteId)) continue;
        if ((await quotationsFor(note).redactText(text)) !== text) found.add(noteId);
      }
      const end = texts.at(-1);
      if (!end || texts.length < earlierTextsAtOnce) return found;
      last = end;
    }
  }

  /** Returns what is written to a note, or undefined if it quotes nothing. */
  async function redactionOf(note: OtherNote, hasQuoted: boolean): Promise<NoteRedaction | undefined> {
    const { version, isDeleted, subject } = note;
    const quotations = quotationsFor(note);
    const text = await quotations.redactText(note.text);
    const isChanged = text !== note.text || hasQuoted;
    const isSubjectQuoting = subject !== null && (await quotations.redactLine(subject)) !== subject;
    const hasQuotingMail = note.hasQuotingMail && (quoted.wasPublic || !note.isOfCustomer);
    if (!isChanged && !isSubjectQuoting && !hasQuotingMail) return undefined;
    return {
      ...{ id: note.id, version, isDeleted, isWhole: false, attachmentId: null },
      text: isChanged ? text : null,
      mail: isSubjectQuoting ? "SUBJECT_REDACTED" : "KEPT",
      // Nobody but staff knows of the mail that is kept.
      isTold: isChanged || isSubjectQuoting,
    };
  }
}

/** The notes of one of the two tables. A mail that came before the note cannot quote it. */
function otherNotes(notes: Sql, attachments: Sql, isDeleted: Sql, quoted: Note, ids: readonly string[]): Sql {
  const { accountId, createdAt } = quoted;
  return sql`
    SELECT n.id, n.version, n.text, ${isDeleted} AS "isDeleted", i.subject,
      EXISTS (
        SELECT FROM memberships m
        WHERE m.account_id = ${accountId}::uuid AND m.person_number = n.author_number AND m.role = 'CUSTOMER' AND m.ended_at IS NULL
      ) AS "isOfCustomer",
      coalesce(i.may_quote IS NOT FALSE AND i.received_at >= ${createdAt}::timestamptz AND EXISTS (
        SELECT FROM ${attachments} a
        WHERE a.account_id = ${accountId}::uuid AND a.note_id = n.id AND a.is_internal AND a.state <> 'REDACTED'
      ), false) AS "hasQuotingMail"
    FROM ${notes} n LEFT JOIN inbound_emails i ON i.account_id = n.account_id AND i.note_id = n.id
    WHERE n.account_id = ${accountId}::uuid AND n.id = ANY(${ids}::uuid[])`;
}

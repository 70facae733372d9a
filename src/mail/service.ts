import pg from "pg";
import { Readable } from "node:stream";
import type { InboundEmail } from "#generated/prisma/client.ts";
import { originalFilename } from "../attachments/input.ts";
import type { Uploads } from "../attachments/uploads.ts";
import type { Database } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import { insertInto } from "../database/table.ts";
import { InvalidInput, NotFound } from "../errors.ts";
import type { KeyClaim } from "../idempotency/claim.ts";
import type { Idempotency } from "../idempotency/service.ts";
import type { Clock } from "../lib/clock.ts";
import type { Retryable } from "../lib/idempotency-key.ts";
import type { NoteUpload } from "../notes/input.ts";
import { authorOfNewNote } from "../notes/policy.ts";
import type { Notes } from "../notes/service.ts";
import type { Selection } from "../query/model/selection.ts";
import type { Reads } from "../query/reads.ts";
import { ticketById, ticketByNumber } from "../tickets/relations.ts";
import type { Ticket } from "../tickets/service.ts";
import type { PersonViewer, Role, Viewer } from "../viewer.ts";
import { isTrustedSender, type MailTrust, textOfNote } from "./input.ts";
import type { MailReader } from "./mail-reader.ts";
import { authorOfMail, isPublicMail, mailReceiver } from "./policy.ts";
import type { MailContent, MailFile, MailHead } from "./read-mail.ts";
import { inboundEmailByNote } from "./relations.ts";
import { inboundEmailsTable } from "./table.ts";

export type { InboundEmail } from "#generated/prisma/client.ts";

declare module "../services.ts" {
  interface Services {
    readonly mail: Mail;
  }
}

/** What became of a mail. */
export type MailOutcome =
  /** It is a note now, or was one before: the same mail of the same author on the same ticket. */
  | { readonly kind: "added" | "known"; readonly note: MailNote }
  /** It was sent by a program, and nothing was written. */
  | { readonly kind: "ignored" }
  /** It cannot become a note. `problem` says why to the operator of the mail server. */
  | { readonly kind: "refused"; readonly problem: string };

export interface MailNote {
  readonly id: string;
  readonly number: number;
}

export interface ReceiveMailInput extends Retryable {
  /** The mail as it was received (RFC 5322). They are not the caller's any more. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Makes notes of mails. */
export interface Mail {
  /**
   * Makes a mail a note of the ticket that it names and of the person who provably sent it, with its files and with the
   * mail itself as an internal attachment. Throws `Forbidden` if the viewer may not hand over mails or if a quota
   * of the sender's uploads is exceeded, `Conflict`, `NotFound` if the note of an earlier call under the same key is
   * gone, and `Unavailable`.
   */
  receive(viewer: Viewer, input: ReceiveMailInput): Promise<MailOutcome>;
  /**
   * Returns the mails that the notes were received as, in the order of `noteIds`; null for a note that is none or that
   * the viewer may not see.
   */
  ofNotes(viewer: Viewer, noteIds: readonly string[], selection?: Selection): Promise<(InboundEmail | null)[]>;
}

export interface MailDependencies {
  readonly database: Database;
  readonly reads: Reads;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly idempotency: Idempotency;
  readonly notes: Notes;
  readonly uploads: Uploads;
  readonly reader: MailReader;
  readonly trust: MailTrust;
}

/** The largest number that a ticket can have. */
const maxTicketNumber = 2_147_483_647;

/** A mail whose author and ticket are known. Its body is not read yet. */
interface AddressedMail {
  readonly mail: MailHead;
  readonly author: PersonViewer;
  readonly ticket: Ticket;
}

export function createMail(dependencies: MailDependencies): Mail {
  const { database, reads, clock, newId, idempotency, notes, uploads, reader, trust } = dependencies;

  /** Returns the member of the account whose mail it is. Throws {@link MailRefused}. */
  async function authorOf(receiver: PersonViewer, mail: MailHead): Promise<PersonViewer> {
    const { sender } = mail;
    if (!sender) throw new MailRefused("From must have exactly one address, and only once.");
    const { address, domain } = sender;
    if (trust.authservId !== undefined && !mail.hasPassedDmarc) {
      throw new MailRefused(
        `Whether ${address} sent the mail is not proven: the topmost Authentication-Results of ${trust.authservId} must have dmarc=pass with header.from=${domain}.`,
      );
    }
    if (trust.authservId === undefined && !isTrustedSender(trust, sender)) {
      throw new MailRefused(
        `Whether ${address} sent the mail is not proven: set MAIL_AUTHSERV_ID to the name of the mail server that checks it, or add the address to MAIL_TRUSTED_SENDERS.`,
      );
    }
    const accountId = receiver.account.id;
    const found = await database.query<PersonViewer["person"] & { email: string; role: Role }>(sql`
      SELECT p.id, p.number, p.name, p.email, m.role FROM memberships m JOIN people p ON p.id = m.person_id
      WHERE m.account_id = ${accountId}::uuid AND m.ended_at IS NULL AND lower(p.email) = lower(${address}) LIMIT 3`);
    const exact = found.filter(({ email }) => email === address);
    const [member, ...others] = found.length > 1 ? exact : found;
    if (!member && found.length === 0) throw new MailRefused(`Nobody in the account has the address ${address}.`);
    if (!member || others.length > 0) throw new MailRefused(`Several people of the account have the address ${address}.`);
    const { id, number, name, role } = member;
    return authorOfMail(receiver, { person: { id, number, name }, role });
  }

  /** Returns the ticket of the mail, which its author sees. Throws {@link MailRefused}. */
  async function ticketOf(author: PersonViewer, { ticket }: MailHead): Promise<Ticket> {
    if ("problem" in ticket) throw new MailRefused(ticket.problem);
    if ("number" in ticket) {
      const { number } = ticket;
      const [found] = number > maxTicketNumber ? [] : await reads.byKeys(author, ticketByNumber, [number]);
      if (!found) throw new MailRefused(`There is no ticket ${number}, or ${author.person.name} may not see it.`);
      return found;
    }
    const known = await database.query<{ messageId: string; ticketId: string }>(sql`
      SELECT DISTINCT i.message_id AS "messageId", i.ticket_id AS "ticketId" FROM inbound_emails i
      WHERE i.account_id = ${author.account.id}::uuid AND i.message_id = ANY(${ticket.messageIds}::text[])`);
    const byMessage = Map.groupBy(known, ({ messageId }) => messageId);
    const ids = ticket.messageIds.flatMap((messageId) => byMessage.get(messageId) ?? []).map(({ ticketId }) => ticketId);
    const visible = await reads.byKeys(author, ticketById, [...new Set(ids)]);
    const found = visible.find((one) => one !== null);
    if (!found) throw new MailRefused(`The mail replies to none that ${author.person.name} may see the ticket of.`);
    return found;
  }

  /** Returns the note that the mail is already. */
  async function knownNote({ mail, author, ticket }: AddressedMail): Promise<MailNote | undefined> {
    const [known] = await database.query<{ id: string; number: number }>(sql`
      SELECT i.note_id AS id, i.note_number AS number FROM inbound_emails i
      WHERE i.account_id = ${author.account.id}::uuid AND i.message_id = ${mail.messageId}
        AND i.ticket_id = ${ticket.id}::uuid AND i.author_number = ${author.person.number}::integer`);
    return known;
  }

  async function keepFile(author: PersonViewer, { filename, contentType, bytes }: MailFile): Promise<string> {
    return uploads.keep(author, { filename, contentType, length: bytes.length }, Readable.from(blocksOf(bytes)));
  }

  /** Stores the mail and its files, and returns them as the uploads that its note claims. Keeps none if it throws. */
  async function keepFiles(author: PersonViewer, mail: MailContent): Promise<NoteUpload[]> {
    const original = { filename: originalFilename, contentType: "message/rfc822", bytes: mail.bytes };
    const kept: NoteUpload[] = [];
    try {
      // The original comes first, so that no file of the mail has its name.
      kept.push({ key: await keepFile(author, original), inline: false, isInternal: true });
      for (const file of mail.files) kept.push({ key: await keepFile(author, file), inline: false });
      return kept;
    } catch (error) {
      await uploads.discard(author, kept);
      throw error;
    }
  }

  /** Adds the note of a mail that is none yet. Throws {@link MailRefused}. */
  async function add({ mail, author, ticket }: AddressedMail, key: KeyClaim): Promise<MailNote> {
    const isPublic = isPublicMail(author);
    const medium = "EMAIL";
    // Before anything else is read of the mail, and before anything is stored.
    authorOfNewNote(author, { isPublic, medium });
    const content = await reader.readContent(mail.bytes);
    if ("problem" in content) throw new MailRefused(content.problem);
    const text = textOfNote({ text: content.text || mail.subject, leftOut: content.leftOut });
    const input = { ticketId: ticket.id, text, categories: [], isPublic, medium } as const;
    const kept = await keepFiles(author, content);
    const insert = insertInto(inboundEmailsTable, {
      id: newId(),
      accountId: sql`n.account_id`,
      noteId: sql`n.id`,
      noteNumber: sql`n.number`,
      ticketId: sql`n.ticket_id`,
      authorNumber: sql`n.author_number`,
      messageId: mail.messageId,
      sender: mail.sender?.address ?? null,
      subject: mail.subject,
      receivedAt: clock(),
      mayQuote: content.mayQuote,
    });
    try {
      const after = sql`, mailed AS (${insert} FROM added n)`;
      return await notes.addTogether(author, { ...input, uploads: kept }, { key, after });
    } catch (error) {
      await uploads.discard(author, kept);
      // The ticket is out of sight since it was found, or the uploads are gone.
      throw error instanceof NotFound || error instanceof InvalidInput ? new MailRefused(error.message) : error;
    }
  }

  /** Adds the note of a mail under the claim of a key, unless there is one. */
  async function addOnce(addressed: AddressedMail, key: KeyClaim): Promise<MailOutcome> {
    const before = await knownNote(addressed);
    if (before) return keepKnown(before, key);
    try {
      return { kind: "added", note: await add(addressed, key) };
    } catch (error) {
      if (!isOfMessage(error)) throw error;
      const meanwhile = await knownNote(addressed);
      if (!meanwhile) throw error;
      return keepKnown(meanwhile, key);
    }
  }

  /** The two ids tell a replay that the mail was known. */
  async function keepKnown(note: MailNote, key: KeyClaim): Promise<MailOutcome> {
    await key.keep([note.id, note.id]);
    return { kind: "known", note };
  }

  /** Returns the outcome of an earlier call under the same key, if the author may still see the note. */
  async function replay(author: PersonViewer, ids: readonly string[]): Promise<MailOutcome> {
    const [note] = await notes.byIds(author, ids.slice(0, 1));
    if (!note) throw new NotFound("note");
    return { kind: ids.length > 1 ? "known" : "added", note: { id: note.id, number: note.number } };
  }

  async function receive(receiver: PersonViewer, { bytes, idempotencyKey }: ReceiveMailInput): Promise<MailOutcome> {
    const mail = await reader.readHead({ bytes, authservId: trust.authservId });
    if ("problem" in mail) throw new MailRefused(mail.problem);
    if (mail.isAutomatic) return { kind: "ignored" };
    const author = await authorOf(receiver, mail);
    const ticket = await ticketOf(author, mail);
    const key = idempotencyKey && { ...idempotencyKey, input: `${idempotencyKey.input} ${mail.digest}` };
    return idempotency.once(receiver, key, {
      write: (claim) => addOnce({ mail, author, ticket }, claim),
      replay: (ids) => replay(author, ids),
    });
  }

  return {
    async receive(viewer, input) {
      const receiver = mailReceiver(viewer);
      try {
        return await receive(receiver, input);
      } catch (error) {
        if (error instanceof MailRefused) return { kind: "refused", problem: error.message };
        throw error;
      }
    },

    ofNotes: (viewer, noteIds, selection) => reads.byKeys(viewer, inboundEmailByNote, noteIds, selection),
  };
}

/** Why a mail cannot become a note. Only `receive` throws and catches it. */
class MailRefused extends Error {
  constructor(message: string) {
    super(message);
    this.name = "MailRefused";
  }
}

/** Whether the database refused a statement because the mail is a note already. */
function isOfMessage(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === "23505" && error.constraint === "inbound_emails_message_key";
}

const blockBytes = 65_536;

/** Yields the bytes in blocks, between which other requests have their turn. */
function* blocksOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += blockBytes) yield bytes.subarray(start, start + blockBytes);
}

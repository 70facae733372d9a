import type { Account, Attachment, InboundEmail, Membership, Note, Person, Role, Ticket } from "#generated/prisma/client.ts";
import { type Actor, type AuditedAct, auditInsert } from "../access/audit.ts";
import { membershipsTable, peopleTable } from "../access/tables.ts";
import { attachmentsTable } from "../attachments/tables.ts";
import type { Database } from "../database/database.ts";
import { knownLanguages, maxLanguages } from "../database/search-documents.ts";
import { join, raw, sql, type Sql } from "../database/sql.ts";
import { defineTable, insertInto, recordset, selectList } from "../database/table.ts";
import { inboundEmailsTable } from "../mail/table.ts";
import { noteColumns } from "../notes/insert-notes.ts";
import { notesTable } from "../notes/table.ts";
import { ticketsTable } from "../tickets/table.ts";
import type { Origin } from "../viewer.ts";

// The statements of an import. They are of some hundred rows each, and each names one account. Triggers keep the
// counts, the search documents and the orders, as for rows that the services write.

/** The tables as an import writes them: numbers may be given, and are taken from the sequence where they are not. */
const importedPeopleTable = defineTable<Person>({ name: peopleTable.name, types: peopleTable.types });
const importedTicketsTable = defineTable<Ticket, "version">({ name: ticketsTable.name, types: ticketsTable.types });
const importedNotesTable = defineTable<Note, "requesterId" | "version">({ name: notesTable.name, types: notesTable.types });
const importedAttachmentsTable = defineTable<Attachment>({ name: attachmentsTable.name, types: attachmentsTable.types });
const importedInboundEmailsTable = defineTable<InboundEmail>({
  name: inboundEmailsTable.name,
  types: inboundEmailsTable.types,
});

type Numbered<Row extends { readonly number: number }> = Omit<Row, "number"> & { readonly number: number | null };
export type NewPerson = Numbered<Pick<Person, "id" | "number" | "name" | "email" | "createdAt">>;
export type NewMember = Pick<Membership, "personId" | "createdAt" | "endedAt" | "role">;
export type NewTicket = Numbered<
  Pick<Ticket, "id" | "number" | "kind" | "status" | "subject" | "requesterId" | "createdAt" | "updatedAt">
>;
const importedNoteFields = [
  ...(["id", "ticketId", "authorNumber", "text", "isPublic", "categories", "medium", "source"] as const),
  ...(["createdAt", "updatedAt", "editorNumber"] as const),
] satisfies readonly (keyof Note)[];
export type ImportedNote = Numbered<Pick<Note, (typeof importedNoteFields)[number] | "number">>;
export type NewAttachment = Numbered<
  Pick<
    Attachment,
    | ("id" | "number" | "noteId" | "filename" | "contentType" | "inline" | "isInternal" | "sha256" | "storageKey" | "key")
    | "createdAt"
  >
> & { readonly size: string };
export type NewInboundEmail = Numbered<Omit<InboundEmail, "accountId" | "mayQuote">>;

/** A person of the database, with their role in the account that is imported into. */
export type MatchingPerson = Pick<Person, "id" | "number" | "accountId" | "name" | "email"> & {
  /** Null if they have left. Undefined if they were never a member. */
  readonly role: Role | null | undefined;
};
export type KnownTicket = Ticket;
export type KnownNote = Note;
export type KnownAttachment = Pick<Attachment, "id" | "number" | "accountId" | "noteId" | "filename" | "sha256"> & {
  readonly size: string | null;
};

/** An id and the number that the database has given or kept. */
export interface AddedRow {
  readonly id: string;
  readonly number: number;
}

/** The tables whose rows have numbers. */
export const numberedTables = ["people", "tickets", "notes", "attachments", "inbound_emails"] as const;
export type NumberedTable = (typeof numberedTables)[number];

/** Reads and writes the rows of an import. */
export interface ImportRows {
  account(slug: string): Promise<Account | null>;
  /** Adds an account with those of the text search configurations that the database has. */
  addAccount(account: Omit<Account, "languages">, languages: readonly string[]): Promise<Account>;
  /** Sees to it that the numbers up to `number` are given to nobody else from now on. */
  reserve(table: NumberedTable, number: number): Promise<void>;
  /** Begins the segments of the search in which notes with these numbers belong. */
  beginSegments(accountId: string, numbers: readonly number[]): Promise<void>;
  /** Returns the people who have one of the ids or numbers, or one of the addresses in the account. */
  knownPeople(accountId: string, wanted: Wanted & { readonly emails: readonly string[] }): Promise<MatchingPerson[]>;
  knownTickets(accountId: string, wanted: Wanted): Promise<KnownTicket[]>;
  knownNotes(accountId: string, wanted: Wanted): Promise<KnownNote[]>;
  /** Returns the attachments that have one of the ids or numbers, and those of the notes. */
  knownAttachments(accountId: string, wanted: Wanted & { readonly noteIds: readonly string[] }): Promise<KnownAttachment[]>;
  knownInboundEmails(accountId: string, noteIds: readonly string[]): Promise<string[]>;
  /** The following add rows, except those whose id or number is taken. Each returns what it has added. */
  addPeople(accountId: string, rows: readonly NewPerson[]): Promise<AddedRow[]>;
  addMembers(accountId: string, rows: readonly NewMember[]): Promise<void>;
  addTickets(accountId: string, rows: readonly NewTicket[]): Promise<AddedRow[]>;
  addNotes(accountId: string, rows: readonly ImportedNote[]): Promise<AddedRow[]>;
  addAttachments(accountId: string, rows: readonly NewAttachment[]): Promise<AddedRow[]>;
  addInboundEmails(accountId: string, rows: readonly NewInboundEmail[]): Promise<AddedRow[]>;
}

interface Wanted {
  readonly ids: readonly string[];
  readonly numbers: readonly number[];
}

/** The rows of a segment of the search, as the triggers of notes count them. */
const segmentSize = 8192;

const knownTicketColumns = selectList(ticketsTable, "t");

/** Null where the sequence gives the number. */
const numberColumn = { number: "integer" } as const;
const givenPeople = recordset(importedPeopleTable, "given", ["id", "name", "email", "createdAt"], numberColumn);
const givenMembers = recordset(membershipsTable, "given", ["personId", "role", "createdAt", "endedAt"], {});
const givenTickets = recordset(
  importedTicketsTable,
  "given",
  ["id", "kind", "status", "subject", "requesterId", "createdAt", "updatedAt"],
  numberColumn,
);
const givenNotes = recordset(importedNotesTable, "given", importedNoteFields, { ...numberColumn, position: "integer" });
const givenAttachments = recordset(
  importedAttachmentsTable,
  "given",
  [
    ...(["id", "noteId", "filename", "contentType", "inline", "isInternal", "sha256", "storageKey"] as const),
    ...(["key", "createdAt"] as const),
  ],
  { ...numberColumn, size: "bigint" },
);
const givenEmails = recordset(
  importedInboundEmailsTable,
  "given",
  [...(["id", "noteId", "noteNumber", "ticketId", "authorNumber", "messageId", "sender", "subject"] as const), "receivedAt"],
  numberColumn,
);

function numberFrom(table: NumberedTable): Sql {
  return raw(`coalesce(given."number", nextval(pg_get_serial_sequence('${table}', 'number')))::integer`);
}

/** `origin` is that of all audit events of the import. */
export function createImportRows(database: Database, origin: Origin, clock: () => Date): ImportRows {
  const { prisma } = database;
  const act = (entity: AuditedAct["entity"], rows = "added"): AuditedAct => ({ action: "CREATED", entity, rows, at: clock() });
  const actorOf = (accountId: string): Actor => ({ origin, accountId });

  /** Adds the rows of `insert` with their audit events. */
  function add(accountId: string, entity: AuditedAct["entity"], given: Sql, insert: Sql): Promise<AddedRow[]> {
    return database.query<AddedRow & Record<string, unknown>>(sql`
      WITH ${given}, added AS (${insert} ON CONFLICT DO NOTHING RETURNING *),
        audited AS (${auditInsert(actorOf(accountId), act(entity))})
      SELECT added.id, added.number FROM added`);
  }

  return {
    account: (slug) => prisma.account.findUnique({ where: { slug } }),

    async addAccount(account, languages) {
      const known = new Set(await knownLanguages(database));
      const kept = [...new Set(languages)].filter((language) => known.has(language)).slice(0, maxLanguages);
      return await prisma.account.create({ data: { ...account, ...(kept.length > 0 && { languages: kept }) } });
    },

    async reserve(table, number) {
      // A number between the two reads of the sequence would have to be taken more than once: setval never goes back.
      await database.query(sql`
        SELECT setval(pg_get_serial_sequence(${table}, 'number'), ${number}::bigint)
        FROM ${raw(`${table}_number_seq`)} WHERE ${number}::bigint > last_value`);
    },

    async beginSegments(accountId, numbers) {
      const first = [...new Set(numbers.map((number) => number - (number % segmentSize)))];
      // A segment that begins below a note that is there would part it from its own, which is the one before.
      await database.query(sql`
        INSERT INTO search_segments (account_id, kind, first_number)
        SELECT ${accountId}::uuid, 'NOTE'::"SearchKind", begun.first_number FROM unnest(${[0, ...first]}::integer[]) AS begun (first_number)
        WHERE begun.first_number = 0 OR NOT EXISTS (
          SELECT 1 FROM notes n WHERE n.account_id = ${accountId}::uuid AND n.number >= begun.first_number
        )
        ON CONFLICT DO NOTHING`);
    },

    async knownPeople(accountId, { ids, numbers, emails }) {
      const rows = await database.query<MatchingPerson & { isMember: boolean }>(sql`
        SELECT p.id, p.number, p.account_id AS "accountId", p.name, p.email,
          CASE WHEN m.ended_at IS NULL THEN m.role END AS role, m.person_id IS NOT NULL AS "isMember"
        FROM people p LEFT JOIN memberships m ON m.account_id = ${accountId}::uuid AND m.person_id = p.id
        WHERE p.id = ANY(${ids}::uuid[]) OR p.number = ANY(${numbers}::integer[])
          OR (p.account_id = ${accountId}::uuid AND lower(p.email) = ANY(${emails.map((email) => email.toLowerCase())}::text[]))`);
      return rows.map(({ isMember, ...person }) => ({ ...person, role: isMember ? person.role : undefined }));
    },

    knownTickets: (accountId, { ids, numbers }) =>
      database.query<KnownTicket>(sql`
        SELECT ${knownTicketColumns} FROM tickets t WHERE t.account_id = ${accountId}::uuid AND t.id = ANY(${ids}::uuid[])
        UNION SELECT ${knownTicketColumns} FROM tickets t WHERE t.account_id = ${accountId}::uuid AND t.number = ANY(${numbers}::integer[])`),

    knownNotes: (accountId, { ids, numbers }) =>
      database.query<KnownNote>(sql`
        SELECT ${noteColumns} FROM notes n WHERE n.account_id = ${accountId}::uuid AND n.id = ANY(${ids}::uuid[])
        UNION SELECT ${noteColumns} FROM notes n WHERE n.account_id = ${accountId}::uuid AND n.number = ANY(${numbers}::integer[])`),

    knownAttachments: (accountId, { ids, numbers, noteIds }) => {
      const columns = raw(
        `a.id, a.number, a.account_id AS "accountId", a.note_id AS "noteId", a.filename, a.sha256, a.size::text AS size`,
      );
      // Ids and numbers are unique in all accounts.
      return database.query<KnownAttachment>(
        join(
          [
            sql`SELECT ${columns} FROM attachments a WHERE a.id = ANY(${ids}::uuid[])`,
            sql`SELECT ${columns} FROM attachments a WHERE a.number = ANY(${numbers}::integer[])`,
            sql`SELECT ${columns} FROM attachments a WHERE a.account_id = ${accountId}::uuid AND a.note_id = ANY(${noteIds}::uuid[])`,
          ],
          " UNION ",
        ),
      );
    },

    async knownInboundEmails(accountId, noteIds) {
      const rows = await database.query<{ noteId: string }>(sql`
        SELECT i.note_id AS "noteId" FROM inbound_emails i WHERE i.account_id = ${accountId}::uuid AND i.note_id = ANY(${noteIds}::uuid[])`);
      return rows.map(({ noteId }) => noteId);
    },

    // The event of a person is that of their membership.
    addPeople: (accountId, rows) =>
      database.query<AddedRow & Record<string, unknown>>(sql`
        WITH ${givenPeople.part(rows)}, added AS (
          ${insertInto(importedPeopleTable, {
            id: givenPeople.column("id"),
            number: numberFrom("people"),
            accountId,
            name: givenPeople.column("name"),
            email: givenPeople.column("email"),
            createdAt: givenPeople.column("createdAt"),
          })}
          FROM given ON CONFLICT DO NOTHING RETURNING *
        ) SELECT added.id, added.number FROM added`),

    async addMembers(accountId, rows) {
      await database.query(sql`
        WITH ${givenMembers.part(rows)}, added AS (
          ${insertInto(membershipsTable, {
            accountId,
            personId: givenMembers.column("personId"),
            role: givenMembers.column("role"),
            createdAt: givenMembers.column("createdAt"),
            endedAt: givenMembers.column("endedAt"),
          })}
          FROM given ON CONFLICT DO NOTHING RETURNING person_id AS id, account_id
        ), audited AS (${auditInsert(actorOf(accountId), act("PERSON"))})
        SELECT added.id FROM added`);
    },

    addTickets: (accountId, rows) =>
      add(
        accountId,
        "TICKET",
        givenTickets.part(rows),
        sql`${insertInto(importedTicketsTable, {
          id: givenTickets.column("id"),
          number: numberFrom("tickets"),
          accountId,
          kind: givenTickets.column("kind"),
          status: givenTickets.column("status"),
          subject: givenTickets.column("subject"),
          requesterId: givenTickets.column("requesterId"),
          createdAt: givenTickets.column("createdAt"),
          updatedAt: givenTickets.column("updatedAt"),
        })} FROM given`,
      ),

    addNotes: (accountId, rows) =>
      add(
        accountId,
        "NOTE",
        givenNotes.part(rows.map((row, position) => ({ ...row, position }))),
        sql`${insertInto(importedNotesTable, {
          id: givenNotes.column("id"),
          number: numberFrom("notes"),
          accountId,
          ticketId: givenNotes.column("ticketId"),
          authorNumber: givenNotes.column("authorNumber"),
          text: givenNotes.column("text"),
          isPublic: givenNotes.column("isPublic"),
          categories: givenNotes.column("categories"),
          medium: givenNotes.column("medium"),
          source: givenNotes.column("source"),
          createdAt: givenNotes.column("createdAt"),
          updatedAt: givenNotes.column("updatedAt"),
          editorNumber: givenNotes.column("editorNumber"),
          // What the legacy APIs show as updated was seen so by everybody.
          publicEditedAt: sql`CASE WHEN given."isPublic" THEN given."updatedAt" END`,
          publicEditorNumber: sql`CASE WHEN given."isPublic" THEN given."editorNumber" END`,
          redactedAt: sql`NULL`,
        })} FROM given ORDER BY given.position`,
      ),

    addAttachments: (accountId, rows) =>
      add(
        accountId,
        "ATTACHMENT",
        givenAttachments.part(rows),
        sql`${insertInto(importedAttachmentsTable, {
          id: givenAttachments.column("id"),
          number: numberFrom("attachments"),
          accountId,
          noteId: givenAttachments.column("noteId"),
          filename: givenAttachments.column("filename"),
          contentType: givenAttachments.column("contentType"),
          inline: givenAttachments.column("inline"),
          isInternal: givenAttachments.column("isInternal"),
          state: "READY",
          size: givenAttachments.column("size"),
          sha256: givenAttachments.column("sha256"),
          storageKey: givenAttachments.column("storageKey"),
          key: givenAttachments.column("key"),
          uploadExpiresAt: null,
          createdAt: givenAttachments.column("createdAt"),
        })} FROM given`,
      ),

    addInboundEmails: (accountId, rows) =>
      database.query<AddedRow & Record<string, unknown>>(sql`
        WITH ${givenEmails.part(rows)}, added AS (
          ${insertInto(importedInboundEmailsTable, {
            id: givenEmails.column("id"),
            number: numberFrom("inbound_emails"),
            accountId,
            noteId: givenEmails.column("noteId"),
            noteNumber: givenEmails.column("noteNumber"),
            ticketId: givenEmails.column("ticketId"),
            authorNumber: givenEmails.column("authorNumber"),
            messageId: givenEmails.column("messageId"),
            sender: givenEmails.column("sender"),
            subject: givenEmails.column("subject"),
            receivedAt: givenEmails.column("receivedAt"),
            mayQuote: null,
          })}
          FROM given ON CONFLICT DO NOTHING RETURNING *
        ) SELECT added.id, added.number FROM added`),
  };
}

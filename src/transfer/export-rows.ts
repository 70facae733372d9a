import type { Account, NoteCategory, NoteMedium, Role, TicketKind, TicketStatus } from "#generated/prisma/client.ts";
import type { Database } from "../database/database.ts";
import { integer, raw, sql } from "../database/sql.ts";

// The reads of an export, in pages by number: each is the read of some thousand rows by an index, however many there
// are.

export interface ExportedPerson {
  readonly id: string;
  readonly number: number;
  readonly name: string;
  readonly email: string;
  readonly createdAt: Date;
  readonly role: Role;
  readonly endedAt: Date | null;
  readonly homeSlug: string;
  readonly homeName: string;
}

export interface ExportedTicket {
  readonly id: string;
  readonly number: number;
  readonly kind: TicketKind;
  readonly status: TicketStatus;
  readonly subject: string;
  readonly requesterNumber: number | null;
  readonly requesterName: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export interface ExportedNote {
  readonly id: string;
  readonly number: number;
  readonly text: string;
  readonly isPublic: boolean;
  readonly categories: readonly NoteCategory[];
  readonly medium: NoteMedium;
  readonly source: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date | null;
  readonly authorNumber: number;
  readonly authorName: string;
  readonly editorNumber: number | null;
  readonly editorName: string | null;
  readonly ticketKind: TicketKind;
  readonly ticketNumber: number;
  readonly ticketSubject: string;
  readonly emailNumber: number | null;
  readonly emailSubject: string | null;
  readonly emailMessageId: string | null;
  readonly emailSender: string | null;
  readonly emailReceivedAt: Date | null;
}

export interface ExportedAttachment {
  readonly id: string;
  readonly number: number;
  readonly noteId: string;
  readonly filename: string;
  readonly contentType: string;
  readonly inline: boolean;
  readonly isInternal: boolean;
  readonly size: string;
  readonly sha256: string | null;
  readonly storageKey: string;
  readonly key: string | null;
  readonly createdAt: Date;
}

export interface ExportRows {
  account(slug: string): Promise<Account | null>;
  counts(accountId: string): Promise<{ readonly people: number; readonly tickets: number; readonly notes: number }>;
  people(accountId: string, after: number): Promise<ExportedPerson[]>;
  tickets(accountId: string, kind: TicketKind, after: number): Promise<ExportedTicket[]>;
  notes(accountId: string, after: number): Promise<ExportedNote[]>;
  /** Returns the files that have arrived, oldest first. */
  attachments(accountId: string, noteIds: readonly string[]): Promise<ExportedAttachment[]>;
}

const exportedPageSize = integer(1000);

export function createExportRows(database: Database): ExportRows {
  return {
    account: (slug) => database.prisma.account.findUnique({ where: { slug } }),

    async counts(accountId) {
      const [counted] = await database.query<{ people: number; tickets: number; notes: number }>(sql`
        SELECT (SELECT count(*) FROM memberships m WHERE m.account_id = ${accountId}::uuid)::integer AS people,
          (SELECT count(*) FROM note_counts c WHERE c.account_id = ${accountId}::uuid)::integer AS tickets,
          (SELECT coalesce(sum(c.public_notes + c.internal_notes), 0) FROM note_counts c WHERE c.account_id = ${accountId}::uuid)::integer AS notes`);
      return counted ?? { people: 0, tickets: 0, notes: 0 };
    },

    people: (accountId, after) =>
      database.query<ExportedPerson & Record<string, unknown>>(sql`
        SELECT p.id, p.number, p.name, p.email, p.created_at AS "createdAt", m.role, m.ended_at AS "endedAt",
          h.slug AS "homeSlug", h.name AS "homeName"
        FROM memberships m JOIN people p ON p.id = m.person_id JOIN accounts h ON h.id = p.account_id
        WHERE m.account_id = ${accountId}::uuid AND m.person_number > ${after}::integer ORDER BY m.person_number LIMIT ${exportedPageSize}`),

    tickets: (accountId, kind, after) =>
      database.query<ExportedTicket & Record<string, unknown>>(sql`
        SELECT t.id, t.number, t.kind, t.status, t.subject, t.created_at AS "createdAt", t.updated_at AS "updatedAt",
          p.number AS "requesterNumber", p.name AS "requesterName"
        FROM tickets t LEFT JOIN people p ON p.id = t.requester_id
        WHERE t.account_id = ${accountId}::uuid AND t.kind = ${kind}::"TicketKind" AND t.number > ${after}::integer
        ORDER BY t.number LIMIT ${exportedPageSize}`),

    notes: (accountId, after) =>
      database.query<ExportedNote & Record<string, unknown>>(sql`
        SELECT n.id, n.number, n.text, n.is_public AS "isPublic", n.categories::text[] AS categories, n.medium, n.source,
          n.created_at AS "createdAt", n.updated_at AS "updatedAt", n.author_number AS "authorNumber", a.name AS "authorName",
          n.editor_number AS "editorNumber", e.name AS "editorName",
          t.kind AS "ticketKind", t.number AS "ticketNumber", t.subject AS "ticketSubject",
          i.number AS "emailNumber", i.subject AS "emailSubject", i.message_id AS "emailMessageId", i.sender AS "emailSender",
          i.received_at AS "emailReceivedAt"
        FROM (
          SELECT * FROM notes o WHERE o.account_id = ${accountId}::uuid AND o.number > ${after}::integer ORDER BY o.number LIMIT ${exportedPageSize}
        ) n
        JOIN people a ON a.number = n.author_number
        LEFT JOIN people e ON e.number = n.editor_number
        JOIN tickets t ON t.account_id = n.account_id AND t.id = n.ticket_id
        LEFT JOIN inbound_emails i ON i.account_id = n.account_id AND i.note_id = n.id
        ORDER BY n.number`),

    attachments: (accountId, noteIds) =>
      database.query<ExportedAttachment & Record<string, unknown>>(sql`
        SELECT ${raw(`f.id, f.number, f.note_id AS "noteId", f.filename, f.content_type AS "contentType", f.inline,
          f.is_internal AS "isInternal", f.size::text AS size, f.sha256, f.storage_key AS "storageKey", f.key, f.created_at AS "createdAt"`)}
        FROM attachments f
        WHERE f.account_id = ${accountId}::uuid AND f.note_id = ANY(${noteIds}::uuid[]) AND f.state = 'READY'
        ORDER BY f.created_at, f.id`),
  };
}

import { type ImportContext, addMissing } from "./import-context.ts";
import type { NewInboundEmail, ImportedNote } from "./import-rows.ts";
import { derivedId, type InboundEmailRecord } from "./records.ts";

/** The email as which an imported note was received. */
export interface NoteEmail {
  readonly at: string;
  readonly sourceId: string;
  readonly noteId: string;
  readonly noteNumber: number;
  readonly row: ImportedNote;
  readonly inboundEmail: InboundEmailRecord;
}

/** Imports the emails of notes. One that is there is left as it is. */
export async function importInboundEmails(
  context: ImportContext,
  accountId: string,
  emails: readonly NoteEmail[],
): Promise<void> {
  if (emails.length === 0) return;
  const entries = emails.map(({ at, sourceId, ...email }) => ({ at, sourceId, row: emailRowOf(email) }));
  await addMissing<NewInboundEmail>(context, entries, {
    kind: "inbound email",
    judge: async (open) => {
      const known = new Set(
        await context.rows.knownInboundEmails(
          accountId,
          open.map(({ row }) => row.noteId),
        ),
      );
      return ({ row }) =>
        known.has(row.noteId) ? { kind: "unchanged", row: { id: row.id, number: row.number ?? 0 } } : { kind: "add", row };
    },
    add: async (added) => {
      const rows = added.map(({ row }) => row);
      if (context.isDryRun) return rows.map(({ id, number }) => ({ id, number: number ?? 0 }));
      return context.rows.addInboundEmails(accountId, rows);
    },
  });
}

function emailRowOf({ noteId, noteNumber, row, inboundEmail }: Omit<NoteEmail, "at" | "sourceId">): NewInboundEmail {
  const { number, subject, messageId, sender, receivedAt = row.createdAt } = inboundEmail;
  const { ticketId, authorNumber } = row;
  return {
    ...{ noteId, noteNumber, ticketId, authorNumber, number, subject, sender, receivedAt },
    id: derivedId(`email of ${noteId}`, receivedAt),
    // /v1 does not tell it, and each mail must have one of its own.
    messageId: messageId ?? `<${noteId}@unknown.invalid>`,
  };
}

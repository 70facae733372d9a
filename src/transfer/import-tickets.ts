import { checkTicket } from "../tickets/input.ts";
import {
  differences,
  differsIn,
  type Entry,
  type ImportContext,
  importInBatches,
  type KnownAccount,
  addMissing,
  type Verdict,
} from "./import-context.ts";
import { personMentioned } from "./import-people.ts";
import type { AddedRow, KnownTicket, NewTicket } from "./import-rows.ts";
import { derivedId, type TicketRecord } from "./records.ts";

interface TicketEntry extends NewTicket {
  /** The id and the number in the source. */
  readonly originalId: string;
  readonly originalNumber: number | undefined;
  readonly reference: string;
  readonly accountId: string;
}

/** Imports the tickets of the source. */
export async function importTickets(
  context: ImportContext,
  accountOf: (slug: string | undefined) => KnownAccount,
): Promise<void> {
  await importInBatches(context, context.source.tickets(), {
    kind: "ticket",
    entryOf: (at, ticket) => ticketEntryOf(context, at, ticket, accountOf),
    write: async (entries) => {
      for (const [accountId, ofAccount] of Map.groupBy(entries, ({ row }) => row.accountId))
        await addMissingTickets(context, accountId, ofAccount);
    },
  });
}

/** Throws {@link UnusableRecord} or {@link InvalidInput} for a ticket that cannot be taken. */
async function ticketEntryOf(
  context: ImportContext,
  at: string,
  ticket: TicketRecord,
  accountOf: (slug: string | undefined) => KnownAccount,
): Promise<Entry<TicketEntry>> {
  const account = accountOf(ticket.account);
  checkTicket(ticket);
  const originalId = ticket.id ?? derivedId(`${ticket.reference} of ${account.slug}`, ticket.createdAt);
  const mapped = context.idMap?.get("ticket", originalId);
  const requester = ticket.requester && (await personMentioned(context, ticket.requester, account, at));
  const { reference, kind, status, subject, createdAt, updatedAt } = ticket;
  return {
    at,
    sourceId: ticket.id ?? reference,
    row: {
      ...{ id: mapped?.id ?? originalId, originalId, originalNumber: ticket.number, accountId: account.id },
      number: mapped?.number ?? ticket.number ?? null,
      ...{ reference, kind, status, subject, createdAt, updatedAt, requesterId: requester?.id ?? null },
    },
  };
}

async function addMissingTickets(
  context: ImportContext,
  accountId: string,
  entries: readonly Entry<TicketEntry>[],
): Promise<void> {
  await addMissing<TicketEntry>(context, entries, {
    kind: "ticket",
    judge: async (open) => {
      const wanted = { ids: open.map(({ row }) => row.id), numbers: open.flatMap(({ row }) => row.number ?? []) };
      const known = await context.rows.knownTickets(accountId, wanted);
      return (entry) => ticketVerdict(context, entry.row, known);
    },
    add: async (added) => {
      const rows = added.map(({ row }) => row);
      if (context.isDryRun) return rows.map(({ id, number }) => ({ id, number: number ?? 0 }));
      return context.rows.addTickets(accountId, rows);
    },
    onPresent: ({ row }, added) => rememberTicket(context, row, added),
  });
}

function ticketVerdict({ idMap }: ImportContext, row: TicketEntry, known: readonly KnownTicket[]): Verdict<TicketEntry> {
  const same = known.find(({ id }) => id === row.id);
  if (same) {
    const differing = differences({
      subject: [same.subject, row.subject],
      kind: [same.kind, row.kind],
      status: [same.status, row.status],
      requester: [same.requesterId, row.requesterId],
      "time of creation": [same.createdAt, row.createdAt],
      number: [same.number, idMap || row.number === null ? same.number : row.number],
    });
    return differing.length === 0 ? { kind: "unchanged", row: same } : { kind: "reject", reason: differsIn(differing) };
  }
  if (!known.some(({ number }) => number === row.number)) return { kind: "add", row };
  if (idMap) return { kind: "add", row: { ...row, number: null } };
  return { kind: "reject", reason: `the number ${row.number} is that of another ticket; --id-map gives another one` };
}

function rememberTicket(context: ImportContext, row: TicketEntry, { id, number }: AddedRow): void {
  context.tickets.set(row.reference, { id, accountId: row.accountId });
  const { originalId, originalNumber } = row;
  if (originalNumber === undefined || originalNumber === number) return;
  context.renumbered.set(row.reference, number);
  context.idMap?.add({ kind: "ticket", from: { id: originalId, number: originalNumber }, to: { id, number } });
}

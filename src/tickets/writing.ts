import type { Ticket, TicketStatus } from "#generated/prisma/client.ts";
import { auditInsert } from "../access/audit.ts";
import { NotFound } from "../errors.ts";
import { personById } from "../people/relations.ts";
import type { Clock } from "../lib/clock.ts";
import { sql, type Sql, whereSql } from "../database/sql.ts";
import { insertInto, setList } from "../database/table.ts";
import type { Reads } from "../query/reads.ts";
import type { Viewer } from "../viewer.ts";
import { type AddTicketInput, checkTicket, type UpdateTicketInput } from "./input.ts";
import { editorOfTickets, newTicketFor, visibleTickets } from "./policy.ts";
import { ticketById } from "./relations.ts";
import { ticketsTable } from "./table.ts";
import { TicketChanged } from "./ticket-changed.ts";

/**
 * The WITH parts that write a ticket. They are put into one statement with the other changes, such as the notes that
 * are added to the ticket, so that all changes are made or none.
 */
export interface TicketWrite {
  readonly ticketId: string;
  /**
   * Returns the WITH parts: `written`, which is the written ticket, and its audit event. They must have `condition`,
   * because a WITH part that writes does so even if the rest of the statement adds nothing.
   */
  readonly parts: (condition: Sql) => Sql;
  /** The status that the ticket gets, if it is another one than before. */
  readonly newStatus?: TicketStatus | undefined;
}

/** Prepares writes of tickets: it authorizes and checks them but does not send them. */
export interface TicketWriting {
  /**
   * Returns the write that opens a ticket. Throws `InvalidInput` if a field is not valid, `Forbidden` if a customer
   * opens it for someone else, and {@link NotFound} if the requester is not a member of the account.
   */
  opening(viewer: Viewer, input: AddTicketInput): Promise<TicketWrite>;
  /**
   * Returns the current ticket and the write that changes it, which is undefined if all fields have the given values
   * already. The write has no effect if somebody changes the ticket before it. Throws {@link NotFound} if the viewer
   * may not see the ticket or the new requester is not a member, `Forbidden` if they may not change it,
   * {@link TicketChanged} if it is not in the expected version, and `InvalidInput` if a field is not valid.
   */
  change(viewer: Viewer, input: UpdateTicketInput): Promise<{ ticket: Ticket; write: TicketWrite | undefined }>;
}

export function createTicketWriting({
  reads,
  clock,
  newId,
}: {
  reads: Reads;
  clock: Clock;
  newId: () => string;
}): TicketWriting {
  async function requireMember(viewer: Viewer, personId: string): Promise<void> {
    const [person] = await reads.byKeys(viewer, personById, [personId]);
    if (!person || person.role === null) throw new NotFound("person");
  }

  return {
    async opening(viewer, input) {
      const { opener, accountId, requesterId } = newTicketFor(viewer, input);
      checkTicket(input);
      if (requesterId !== null) await requireMember(viewer, requesterId);
      const [ticketId, now] = [newId(), clock()];
      const { kind, status, subject } = input;
      const row = { id: ticketId, accountId, kind, status, subject, requesterId, createdAt: now, updatedAt: now };
      const event = { action: "CREATED", entity: "TICKET", rows: "written", at: now } as const;
      return {
        ticketId,
        parts: (condition) => sql`written AS (
          ${insertInto(ticketsTable, row)}
          WHERE ${condition}
          RETURNING *
        ), ticket_audited AS (${auditInsert(opener, event)})`,
      };
    },

    async change(viewer, input) {
      const [ticket] = await reads.byKeys(viewer, ticketById, [input.id]);
      if (!ticket) throw new NotFound("ticket");
      const editor = editorOfTickets(viewer);
      const { expectedVersion = ticket.version } = input;
      if (expectedVersion !== ticket.version) throw new TicketChanged(ticket);
      checkTicket(input);
      const changes = {
        subject: changed(input.subject, ticket.subject),
        status: changed(input.status, ticket.status),
        requesterId: changed(input.requesterId, ticket.requesterId),
      };
      if (Object.values(changes).every((value) => value === undefined)) return { ticket, write: undefined };
      if (typeof changes.requesterId === "string") await requireMember(viewer, changes.requesterId);
      const now = clock();
      const event = { action: "EDITED", entity: "TICKET", rows: "written", at: now } as const;
      const write: TicketWrite = {
        ticketId: ticket.id,
        newStatus: changes.status,
        // `greatest`, because clocks of two machines may differ and the time of a change must not be before that of the
        // last one.
        parts: (condition) => sql`written AS (
          UPDATE tickets t SET ${setList(ticketsTable, { ...changes, updatedAt: sql`greatest(t.updated_at, ${now}::timestamptz)` })}
          WHERE ${whereSql("t", visibleTickets(viewer))} AND t.id = ${ticket.id}::uuid
            AND t.version = ${ticket.version}::integer AND ${condition}
          RETURNING t.*
        ), ticket_audited AS (${auditInsert(editor, event)})`,
      };
      return { ticket, write };
    },
  };
}

/** Returns the new value of a field, or undefined if it is not given or is the current one. */
function changed<Value>(given: Value | undefined, current: Value): Value | undefined {
  return given === current ? undefined : given;
}

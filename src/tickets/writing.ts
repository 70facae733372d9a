import type { Ticket } from "#generated/prisma/client.ts";
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

/**
 * The part of a statement that writes a ticket. It is one of the WITH parts of the statement that makes other changes with it:
 * notes that are added to the ticket are written by the same statement, so that all changes are made or none.
 */
export interface TicketWrite {
  readonly ticketId: string;
  /**
   * Returns the WITH parts: the written ticket, under the name `written`, and its audit event. It is written only if `condition`
   * holds: a part that writes does so whatever becomes of the rest of its statement.
   */
  readonly parts: (condition: Sql) => Sql;
}

/** Prepares what writes tickets: authorized, checked, and not sent yet. */
export interface TicketWriting {
  /** @throws {InvalidInput}, {@link Forbidden} where a customer opens it for someone else, {@link NotFound} where the requester is no member. */
  opening(viewer: Viewer, input: AddTicketInput): Promise<TicketWrite>;
  /**
   * The ticket as it is, and what changes it; that is undefined where all that was given is so already.
   *
   * @throws {NotFound} where the viewer sees no such ticket or the new requester is no member, {@link Forbidden}, {@link InvalidInput}
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
    const [member] = await reads.byKeys(viewer, personById, [personId]);
    if (!member) throw new NotFound("person");
  }

  return {
    async opening(viewer, input) {
      const { opener, accountId, requesterId } = newTicketFor(viewer, input.requesterId);
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
      const write = {
        ticketId: ticket.id,
        // Clocks of two machines may differ, and a change must not lie before the one before it.
        parts: (condition: Sql) => sql`written AS (
          UPDATE tickets t SET ${setList(ticketsTable, { ...changes, updatedAt: sql`greatest(t.updated_at, ${now}::timestamptz)` })}
          WHERE ${whereSql("t", visibleTickets(viewer))} AND t.id = ${ticket.id}::uuid AND ${condition}
          RETURNING t.*
        ), ticket_audited AS (${auditInsert(editor, event)})`,
      };
      return { ticket, write };
    },
  };
}

/** What a field is to become; undefined where that is not given, or is so already. */
function changed<Value>(given: Value | undefined, current: Value): Value | undefined {
  return given === current ? undefined : given;
}

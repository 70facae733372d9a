import type { Ticket } from "#generated/prisma/client.ts";
import { NotFound } from "../errors.ts";
import type { Clock } from "../platform/clock.ts";
import type { Database } from "../platform/database.ts";
import type { Reads } from "../reading/reads.ts";
import { type CountedSlice, type Selection, totalOnly, type WantedOfPage } from "../reading/selection.ts";
import type { Viewer } from "../viewer.ts";
import { type AddTicketInput, checkTicket, type TicketFilter, ticketOrderings, type TicketRead } from "./input.ts";
import { newTicketFor } from "./policy.ts";
import { ticketById, ticketByNumber, ticketsOfAccount } from "./relations.ts";

export type { Ticket, TicketKind, TicketStatus } from "#generated/prisma/client.ts";

export interface Tickets {
  /** In the order of `ids` with what is selected, null where there is none or the viewer may not see it. */
  byIds(viewer: Viewer, ids: readonly string[], selection?: Selection): Promise<(Ticket | null)[]>;
  byNumbers(viewer: Viewer, numbers: readonly number[], selection?: Selection): Promise<(Ticket | null)[]>;
  list(viewer: Viewer, read: TicketRead, wanted?: WantedOfPage, selection?: Selection): Promise<CountedSlice<Ticket>>;
  /** How many there are; no more than `most` are counted where that is given. */
  count(viewer: Viewer, filter: TicketFilter, most?: number): Promise<number>;
  /** @throws {InvalidInput}, {@link Forbidden} where a customer opens it for someone else, {@link NotFound} where the requester is no member. */
  add(viewer: Viewer, input: AddTicketInput): Promise<Ticket>;
}

/** A count needs no page, and a read has one. */
const firstByNumber = {
  ordering: [{ ...ticketOrderings.NUMBER, direction: "ASC" }],
  page: { size: 1, from: "start" },
} as const;

export function createTickets(dependencies: { database: Database; reads: Reads; clock: Clock; newId: () => string }): Tickets {
  const { database, reads, clock, newId } = dependencies;

  async function requireMember(accountId: string, personId: string): Promise<void> {
    const member = await database.prisma.membership.findUnique({ where: { accountId_personId: { accountId, personId } } });
    if (!member) throw new NotFound("person");
  }

  return {
    byIds: (viewer, ids, selection) => reads.byKeys(viewer, ticketById, ids, selection),
    byNumbers: (viewer, numbers, selection) => reads.byKeys(viewer, ticketByNumber, numbers, selection),
    list: (viewer, read, wanted, selection) => reads.page(viewer, ticketsOfAccount, read, wanted, selection),

    async count(viewer, filter, most) {
      const wanted = { ...totalOnly, total: most === undefined ? true : { most } };
      const { total } = await reads.page(viewer, ticketsOfAccount, { filter, ...firstByNumber }, wanted);
      return total ?? 0;
    },

    async add(viewer, input) {
      const allowed = newTicketFor(viewer, input.requesterId);
      checkTicket(input);
      if (allowed.requesterId !== null) await requireMember(allowed.accountId, allowed.requesterId);
      const now = clock();
      return database.prisma.ticket.create({
        data: {
          id: newId(),
          ...allowed,
          kind: input.kind,
          status: input.status,
          subject: input.subject,
          createdAt: now,
          updatedAt: now,
        },
      });
    },
  };
}

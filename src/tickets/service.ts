import { Prisma, type Ticket } from "#generated/prisma/client.ts";
import { NotFound } from "../errors.ts";
import { inOrder } from "../platform/batch.ts";
import type { Clock } from "../platform/clock.ts";
import type { Database } from "../platform/database.ts";
import { meets } from "../platform/field-filter.ts";
import { withinRange } from "../platform/instants.ts";
import { countUpTo, keyset, type Ordering, type Page, pageFrom, type Slice, toSlice } from "../platform/keyset.ts";
import { allOf, columns, sql, type Sql, whereSql } from "../platform/sql.ts";
import type { Viewer } from "../viewer.ts";
import { type AddTicketInput, checkTicket, type TicketFilter } from "./input.ts";
import { newTicketFor, visibleTickets } from "./policy.ts";

export type { Ticket, TicketKind, TicketStatus } from "#generated/prisma/client.ts";

export interface TicketRead {
  readonly filter: TicketFilter;
  readonly ordering: Ordering;
  readonly page: Page;
}

export interface Tickets {
  /** In the order of `ids`, null where there is none or the viewer may not see it. */
  byIds(viewer: Viewer, ids: readonly string[]): Promise<(Ticket | null)[]>;
  byNumbers(viewer: Viewer, numbers: readonly number[]): Promise<(Ticket | null)[]>;
  list(viewer: Viewer, read: TicketRead): Promise<Slice<Ticket>>;
  /** How many there are; no more than `most` are counted where that is given. */
  count(viewer: Viewer, filter: TicketFilter, most?: number): Promise<number>;
  /** @throws {InvalidInput}, {@link Forbidden} where a customer opens it for someone else, {@link NotFound} where the requester is no member. */
  add(viewer: Viewer, input: AddTicketInput): Promise<Ticket>;
}

const ticketColumns = columns("t", Prisma.TicketScalarFieldEnum);

export function createTickets(dependencies: { database: Database; clock: Clock; newId: () => string }): Tickets {
  const { database, clock, newId } = dependencies;

  async function requireMember(accountId: string, personId: string): Promise<void> {
    const member = await database.prisma.membership.findUnique({ where: { accountId_personId: { accountId, personId } } });
    if (!member) throw new NotFound("person");
  }

  return {
    async byIds(viewer, ids) {
      const visible = visibleTickets(viewer);
      const rows = await database.query<Ticket>(sql`
        SELECT ${ticketColumns} FROM tickets t WHERE ${whereSql("t", visible)} AND t.id = ANY(${ids}::uuid[])`);
      return inOrder(ids, rows, (ticket) => ticket.id);
    },

    async byNumbers(viewer, numbers) {
      const visible = visibleTickets(viewer);
      const rows = await database.query<Ticket>(sql`
        SELECT ${ticketColumns} FROM tickets t WHERE ${whereSql("t", visible)} AND t.number = ANY(${numbers}::integer[])`);
      return inOrder(numbers, rows, (ticket) => ticket.number);
    },

    async list(viewer, { filter, ordering, page }) {
      const visible = visibleTickets(viewer);
      const read = keyset("t", ordering, page);
      const rows = await database.query<Ticket>(sql`
        SELECT ${ticketColumns}
        FROM (${pageFrom("t", sql`tickets t WHERE ${whereSql("t", visible)} AND ${filterSql(filter)}`, read)}) t
        ORDER BY ${read.orderBy}`);
      return toSlice(rows, page);
    },

    async count(viewer, filter, most) {
      const visible = visibleTickets(viewer);
      const [row] = await database.query<{ count: bigint }>(
        countUpTo(sql`tickets t WHERE ${whereSql("t", visible)} AND ${filterSql(filter)}`, most),
      );
      return Number(row?.count ?? 0);
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

function filterSql(filter: TicketFilter): Sql {
  const { fields = {} } = filter;
  return allOf([
    filter.ids && sql`t.id = ANY(${filter.ids}::uuid[])`,
    filter.kinds && meets("t", "kind", '"TicketKind"', { in: filter.kinds }),
    filter.statuses && sql`t.status = ANY(${filter.statuses}::"TicketStatus"[])`,
    filter.requesterId === undefined ? undefined : sql`t.requester_id = ${filter.requesterId}::uuid`,
    withinRange("t", "createdAt", filter.createdAt),
    withinRange("t", "updatedAt", filter.updatedAt),
    ...(fields.number ?? []).map((field) => meets("t", "number", "bigint", field)),
    ...(fields.status ?? []).map((field) => meets("t", "status", '"TicketStatus"', field)),
    ...(fields.createdAt ?? []).map((field) => meets("t", "createdAt", "timestamptz", field)),
    ...(fields.updatedAt ?? []).map((field) => meets("t", "updatedAt", "timestamptz", field)),
  ]);
}

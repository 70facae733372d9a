import { Prisma, type Ticket } from "#generated/prisma/client.ts";
import { accountWhere, personWhere } from "../people/relations.ts";
import { meets } from "../platform/field-filter.ts";
import { withinRange } from "../platform/instants.ts";
import { allOf, slot, sql, type Sql, whereSql } from "../platform/sql.ts";
import { defineEntity } from "../reading/entity.ts";
import type { ManyRelation, OneRelation } from "../reading/selection.ts";
import type { TicketFilter, TicketRead } from "./input.ts";
import { visibleTickets } from "./policy.ts";

export const ticketEntity = defineEntity<Ticket>({
  alias: "t",
  fields: Prisma.TicketScalarFieldEnum,
  revive: { createdAt: "instant", updatedAt: "instant" },
});

/** The ticket for which `term` holds, as `t`. */
export function ticketWhere(term: Sql): OneRelation<Ticket> {
  return {
    kind: "one",
    target: ticketEntity,
    from: (viewer) => sql`tickets t WHERE ${whereSql("t", visibleTickets(viewer))} AND ${term}`,
  };
}

export const ticketById = ticketWhere(sql`t.id = ${slot("key")}::uuid`);
export const ticketByNumber = ticketWhere(sql`t.number = ${slot("key")}::integer`);

export const ticketsOfAccount: ManyRelation<Ticket, TicketRead> = {
  kind: "many",
  target: ticketEntity,
  from: (viewer, { filter }) => sql`tickets t WHERE ${whereSql("t", visibleTickets(viewer))} AND ${filterSql(filter)}`,
};

export const requesterOfTicket = personWhere(sql`m.person_id = t.requester_id`);
export const accountOfTicket = accountWhere(sql`c.id = t.account_id`);

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

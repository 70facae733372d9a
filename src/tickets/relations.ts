import { Prisma, type Ticket, TicketKind, TicketStatus } from "#generated/prisma/client.ts";
import { accountWhere, personWhere } from "../people/relations.ts";
import {
  type Among,
  allTerms,
  meeting,
  meets,
  oneOf,
  type Terms,
  createdAtField,
  numberField,
} from "../platform/field-filter.ts";
import { param, sql, type Sql, whereSql } from "../platform/sql.ts";
import { defineEntity } from "../reading/entity.ts";
import type { ManyRelation, OneRelation } from "../reading/relation.ts";
import type { TicketFilter, TicketRead } from "./input.ts";
import { visibleTickets } from "./policy.ts";

const updatedAt = { field: "updatedAt", type: "timestamptz" } as const;
const kind = { field: "kind", type: '"TicketKind"', values: Object.values(TicketKind) } as const satisfies Among;
const status = { field: "status", type: '"TicketStatus"', values: Object.values(TicketStatus) } as const satisfies Among;

export const ticketEntity = defineEntity<Ticket>({
  alias: "t",
  fields: Prisma.TicketScalarFieldEnum,
  revive: { createdAt: "instant", updatedAt: "instant" },
  indexes: [
    ["accountId", "createdAt", "id"],
    ["accountId", "updatedAt", "id"],
    ["accountId", "number"],
    ["accountId", "kind", "number"],
    ["accountId", "kind", "createdAt", "id"],
    ["accountId", "kind", "updatedAt", "id"],
    ["accountId", "kind", "status", "number"],
    ["accountId", "requesterId", "createdAt", "id"],
    ["accountId", "requesterId", "kind", "number"],
  ],
  closed: [kind, status],
});

/** The ticket for which `term` holds, as `t`. */
export function ticketWhere(term: Sql): OneRelation<Ticket> {
  return {
    target: ticketEntity,
    from: (viewer) => sql`tickets t WHERE ${whereSql("t", visibleTickets(viewer))} AND ${term}`,
  };
}

export const ticketById = ticketWhere(sql`t.id = ${param("key")}::uuid`);
export const ticketByNumber = ticketWhere(sql`t.number = ${param("key")}::integer`);

export const ticketsOfAccount: ManyRelation<Ticket, TicketRead> = {
  target: ticketEntity,
  from: (viewer, { filter }) => {
    const { accountId, ...visible } = visibleTickets(viewer);
    return {
      from: sql`tickets t WHERE ${whereSql("t", { accountId })}`,
      scope: "accountId",
      terms: allTerms("t", [meeting(visible), ...ticketTerms(filter)]),
    };
  },
};

export const requesterOfTicket = personWhere(sql`m.person_id = t.requester_id`);
export const accountOfTicket = accountWhere(sql`c.id = t.account_id`);

function ticketTerms(filter: TicketFilter): readonly (Partial<Terms> | undefined)[] {
  const { fields = {} } = filter;
  return [
    filter.ids && { others: [sql`t.id = ANY(${filter.ids}::uuid[])`] },
    filter.kinds && oneOf(kind, filter.kinds),
    filter.statuses && oneOf(status, filter.statuses),
    filter.requesterId === undefined ? undefined : meeting({ requesterId: filter.requesterId }),
    filter.createdAt && meets("t", createdAtField, filter.createdAt),
    filter.updatedAt && meets("t", updatedAt, filter.updatedAt),
    ...(fields.number ?? []).map((field) => meets("t", numberField, field)),
    ...(fields.status ?? []).map((field) => meets("t", status, field, status.values)),
    ...(fields.createdAt ?? []).map((field) => meets("t", createdAtField, field)),
    ...(fields.updatedAt ?? []).map((field) => meets("t", updatedAt, field)),
  ];
}

import { Prisma, type Ticket, TicketKind, TicketStatus } from "#generated/prisma/client.ts";
import { accountWhere, personWhere } from "../people/relations.ts";
import {
  type InFilter,
  combinePredicates,
  conditionPredicate,
  fieldPredicate,
  inPredicate,
  type Predicate,
  createdAtField,
  numberField,
  updatedAtField,
} from "../query/model/field-filter.ts";
import { type AccountCondition, param, sql, type Sql, whereSql } from "../database/sql.ts";
import { defineEntity } from "../query/model/entity.ts";
import type { Rows } from "../query/model/paged-table.ts";
import type { ManyRelation, OneRelation } from "../query/model/relation.ts";
import type { SearchedTicketRead, TicketFilter } from "./input.ts";
import type { SearchQuery } from "../search/input.ts";
import { maxMatches, searchMatches } from "../search/relations.ts";
import type { Viewer } from "../viewer.ts";
import { visibleTickets } from "./policy.ts";

const kind = { field: "kind", type: '"TicketKind"', values: Object.values(TicketKind) } as const satisfies InFilter;
const status = { field: "status", type: '"TicketStatus"', values: Object.values(TicketStatus) } as const satisfies InFilter;

export const ticketEntity = defineEntity<Ticket>({
  alias: "t",
  fields: Prisma.TicketScalarFieldEnum,
  revive: { createdAt: "instant", updatedAt: "instant" },
  // Those by the requester come first: of two that hold as many conditions, they pass by no ticket out of sight.
  indexes: [
    ["accountId", "requesterId", "createdAt", "id"],
    ["accountId", "requesterId", "updatedAt", "id"],
    ["accountId", "requesterId", "kind", "number"],
    ["accountId", "createdAt", "id"],
    ["accountId", "updatedAt", "id"],
    ["accountId", "number"],
    ["accountId", "kind", "number"],
    ["accountId", "kind", "createdAt", "id"],
    ["accountId", "kind", "updatedAt", "id"],
    ["accountId", "kind", "status", "number"],
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

export const ticketsOfAccount: ManyRelation<Ticket, SearchedTicketRead> = {
  target: ticketEntity,
  from: (viewer, read) => ticketRows(viewer, read, sql`tickets t`),
};

/**
 * Returns the tickets of `source`, a FROM item that has them as `t`, that the viewer may see and that meet the filter.
 */
export function ticketRows(viewer: Viewer, { filter, notes }: Pick<SearchedTicketRead, "filter" | "notes">, source: Sql): Rows {
  const { accountId, ...visible } = visibleTickets(viewer);
  const found = filter.query && foundTickets({ accountId, ...visible }, filter.query, notes);
  return {
    from: sql`${source} WHERE ${whereSql("t", { accountId })}`,
    scope: "accountId",
    visibleBy: Object.keys(visible),
    areFew: filter.ids !== undefined || found !== undefined,
    predicate: combinePredicates("t", [conditionPredicate(visible), ...ticketPredicates(filter), found]),
  };
}

export const requesterOfTicket = personWhere(sql`p.id = t.requester_id`);
export const accountOfTicket = accountWhere(sql`c.id = t.account_id`);

/**
 * Returns the predicate of the tickets with the newest matching subjects, and of those with the newest matching notes.
 */
function foundTickets(tickets: AccountCondition, query: SearchQuery, notes: AccountCondition | undefined): Partial<Predicate> {
  const most = { query, most: maxMatches, isRanked: false };
  const bySubject = sql`SELECT m.id FROM ${searchMatches({ kind: "TICKET", visible: tickets, ...most })}`;
  const byNotes =
    notes && sql`SELECT m.ticket_id FROM ${searchMatches({ kind: "NOTE", visible: notes, ...most })} WHERE m.id IS NOT NULL`;
  return { others: [sql`t.id = ANY (ARRAY(${byNotes ? sql`${bySubject} UNION ${byNotes}` : bySubject}))`] };
}

function ticketPredicates(filter: TicketFilter): readonly (Partial<Predicate> | undefined)[] {
  const { fields = {} } = filter;
  return [
    filter.ids && { others: [sql`t.id = ANY(${filter.ids}::uuid[])`] },
    filter.kinds && inPredicate(kind, filter.kinds),
    filter.statuses && inPredicate(status, filter.statuses),
    filter.requesterId === undefined ? undefined : conditionPredicate({ requesterId: filter.requesterId }),
    filter.createdAt && fieldPredicate("t", createdAtField, filter.createdAt),
    filter.updatedAt && fieldPredicate("t", updatedAtField, filter.updatedAt),
    ...(fields.number ?? []).map((field) => fieldPredicate("t", numberField, field)),
    ...(fields.status ?? []).map((field) => fieldPredicate("t", status, field, status.values)),
    ...(fields.createdAt ?? []).map((field) => fieldPredicate("t", createdAtField, field)),
    ...(fields.updatedAt ?? []).map((field) => fieldPredicate("t", updatedAtField, field)),
  ];
}

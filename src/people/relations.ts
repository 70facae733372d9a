import { type Account, type Person as StoredPerson, Prisma, Role } from "#generated/prisma/client.ts";
import {
  combinePredicates,
  fieldPredicate,
  type InFilter,
  inPredicate,
  numberField,
  type Predicate,
  predicateSql,
} from "../query/model/field-filter.ts";
import { distinctNumbers, type DistinctRange, rangeOfPage } from "../query/model/distinct-numbers.ts";
import { maxTotal, type Page } from "../query/model/page.ts";
import type { Rows } from "../query/model/paged-table.ts";
import { empty, param, raw, sql, type Sql, whereSql } from "../database/sql.ts";
import { defineEntity } from "../query/model/entity.ts";
import type { ManyRelation, OneRelation } from "../query/model/relation.ts";
import type { Viewer } from "../viewer.ts";
import type { PersonFilter, PersonRead } from "./input.ts";
import { findsParticipantsOf, type ParticipantsOf, searchableEmails, visibleAccounts, visibleMemberships } from "./policy.ts";

const name = { field: "name", type: "text" } as const;
const email = { field: "email", type: "text" } as const;
const role = { field: "role", type: '"Role"', values: Object.values(Role) } as const satisfies InFilter;

/** A person with their role in the viewer's account: null if they have none, because they left it. */
export type Person = StoredPerson & { readonly role: Role | null };

export const personEntity = defineEntity<Person>({
  alias: "p",
  fields: { ...Prisma.PersonScalarFieldEnum, role: "role" },
  revive: { createdAt: "instant" },
  // Of the memberships of an account: see peopleOfAccount.
  indexes: [
    ["membership", "number"],
    ["membership", "role", "number"],
  ],
  closed: [role],
});

export const accountEntity = defineEntity<Account>({
  alias: "c",
  fields: Prisma.AccountScalarFieldEnum,
  revive: { createdAt: "instant" },
});

/** The columns of a person, of the memberships `m` and the people `p`. `roleColumn` is the role in the account. */
const personColumns = (roleColumn: Sql) =>
  sql`m.person_id AS id, m.person_number AS number, p.account_id, p.name, p.email, p.created_at, ${roleColumn} AS role`;
const roleUnlessEnded = raw("CASE WHEN m.ended_at IS NULL THEN m.role END");

/** The person for whom `term` holds, as `p`: also one who has left the account, because their name stays on notes. */
export function personWhere(term: Sql): OneRelation<Person> {
  return {
    target: personEntity,
    from: (viewer) => sql`(
      SELECT ${personColumns(roleUnlessEnded)}
      FROM memberships m JOIN people p ON p.id = m.person_id WHERE ${whereSql("m", visibleMemberships(viewer))}
    ) p WHERE ${term}`,
  };
}

/** The account for which `term` holds, as `c`. */
export function accountWhere(term: Sql): OneRelation<Account> {
  return {
    target: accountEntity,
    from: (viewer) => sql`accounts c WHERE ${whereSql("c", visibleAccounts(viewer))} AND ${term}`,
  };
}

export const personById = personWhere(sql`p.id = ${param("key")}::uuid`);
export const personByNumber = personWhere(sql`p.number = ${param("key")}::integer`);

/** As {@link personByNumber}, for a number that a client sends: it leads a customer to people whom they find, alone. */
export const personFoundByNumber: OneRelation<Person> = {
  target: personEntity,
  from: (viewer) => {
    const tickets = findsParticipantsOf(viewer);
    const byNumber = sql`p.number = ${param("key")}::integer`;
    return personWhere(tickets ? sql`${byNumber} AND ${isMetBy(tickets)}` : byNumber).from(viewer);
  },
};

export const accountById = accountWhere(sql`c.id = ${param("key")}::uuid`);

/**
 * Where a person is at home: the account that administers them, which may be another than the one they are met in.
 * Whoever sees the person sees its name.
 */
export const homeAccountOfPerson: OneRelation<Account> = {
  target: accountEntity,
  from: (viewer) => {
    visibleMemberships(viewer);
    return sql`accounts c WHERE c.id = p.account_id`;
  },
};

/** Like {@link homeAccountOfPerson}, for the person for whom `term` holds. `term` names people as `p`. */
export function homeAccountOf(term: Sql): OneRelation<Account> {
  return {
    target: accountEntity,
    from: (viewer) =>
      sql`memberships m JOIN people p ON p.id = m.person_id JOIN accounts c ON c.id = p.account_id
        WHERE ${whereSql("m", visibleMemberships(viewer))} AND ${term}`,
  };
}

/**
 * The members of the viewer's account whom the viewer can find: all of them for staff; for a customer themselves and
 * the participants of their tickets.
 */
export const peopleOfAccount: ManyRelation<Person, PersonRead> = {
  target: personEntity,
  from: (viewer, { filter, page }) => foundPeople(viewer, filter, page),
  countFrom: (viewer, { filter }) => foundPeople(viewer, filter, undefined),
};

function foundPeople(viewer: Viewer, filter: PersonFilter, page: Page | undefined): Rows {
  const tickets = findsParticipantsOf(viewer);
  // An address is one person's in their account, and has an index.
  const areFew = filter.ids !== undefined || hasAddresses(filter);
  const asked = personPredicates(viewer, filter);
  const rows = { scope: "membership", visibleBy: [], areFew };
  if (!tickets || areFew) {
    const predicate = combinePredicates("p", tickets ? [...asked, { others: [isMetBy(tickets)] }] : asked);
    return { ...rows, from: currentMembers(viewer), predicate };
  }
  const conditions = predicateSql("p", combinePredicates("p", asked));
  // Those who left are among the numbers, and none of the page.
  const range = rangeOfPage(page, page?.maxScanned ?? maxTotal);
  // No index of memberships has whom a customer has met, so a page is read in the order of their numbers.
  const predicate = combinePredicates("p", [{ others: [conditions] }]);
  return { ...rows, from: peopleNumbered(viewer, numbersMetBy(tickets, range), "members"), predicate };
}

function currentMembers(viewer: Viewer): Sql {
  return sql`(
    SELECT ${personColumns(raw("m.role"))}
    FROM memberships m JOIN people p ON p.id = m.person_id WHERE ${whereSql("m", visibleMemberships(viewer))} AND m.ended_at IS NULL
  ) p WHERE true`;
}

/**
 * Returns the people of the viewer's account with one of `numbers`, which is a query with a column `number`, as the
 * FROM item `p` and a condition. `members` are those who have not left.
 */
export function peopleNumbered(viewer: Viewer, numbers: Sql, which: "everyone" | "members" = "everyone"): Sql {
  const condition = which === "members" ? sql`AND m.ended_at IS NULL` : empty;
  // OFFSET 0: PostgreSQL would rather read all members of the account and join them.
  return sql`(
    SELECT person.* FROM (${numbers}) numbered CROSS JOIN LATERAL (
      SELECT ${personColumns(roleUnlessEnded)}
      FROM memberships m JOIN people p ON p.id = m.person_id
      WHERE ${whereSql("m", visibleMemberships(viewer))} AND m.person_number = numbered.number ${condition} OFFSET 0
    ) person
  ) p WHERE true`;
}

/** The authors of public notes are what a customer can read of a ticket, so they are its participants to them. */
function numbersMetBy({ accountId, requesterId }: ParticipantsOf, range: DistinctRange): Sql {
  const index = { prefix: [{ field: "requesterId", value: sql`${requesterId}::uuid` }], field: "authorNumber" };
  const authors = distinctNumbers(
    "a",
    index,
    range,
    sql`ticket_authors a WHERE ${whereSql("a", { accountId })} AND a.is_public`,
  );
  return sql`${authors} UNION SELECT m.person_number FROM memberships m WHERE ${whereSql("m", { accountId, personId: requesterId })}`;
}

/** Whether a customer has met `p`. LIMIT: PostgreSQL would otherwise read all of the authors to look in them. */
function isMetBy({ accountId, requesterId }: ParticipantsOf): Sql {
  const author = sql`SELECT 1 FROM ticket_authors a WHERE ${whereSql("a", { accountId, requesterId })} AND a.is_public AND a.author_number = p.number LIMIT 1`;
  return sql`(p.id = ${requesterId}::uuid OR (${author}) IS NOT NULL)`;
}

function hasAddresses({ fields }: PersonFilter): boolean {
  return (fields?.email ?? []).some((condition) => condition.in !== undefined);
}

function personPredicates(viewer: Viewer, filter: PersonFilter): readonly (Partial<Predicate> | undefined)[] {
  const { ids, roles, words = [], fields = {} } = filter;
  return [
    ids && { others: [sql`p.id = ANY(${ids}::uuid[])`] },
    roles && inPredicate(role, roles),
    { others: words.map((word) => hasWord(viewer, word)) },
    ...(fields.number ?? []).map((field) => fieldPredicate("p", numberField, field)),
    ...(fields.name ?? []).map((field) => fieldPredicate("p", name, field)),
    ...(fields.email ?? []).map((field) => withEmail(viewer, fieldPredicate("p", email, field))),
  ];
}

/** Whether `word` is a part of the name, or of the address if the viewer may read it, in either case of letters. */
function hasWord(viewer: Viewer, word: string): Sql {
  const isIn = (text: Sql) => sql`strpos(lower(${text}), lower(${word}::text)) > 0`;
  const readable = searchableEmails(viewer);
  const condition = Object.keys(readable).length === 0 ? empty : sql`${whereSql("p", readable)} AND `;
  return sql`(${isIn(raw("p.name"))} OR (${condition}${isIn(raw("p.email"))}))`;
}

/** Nobody learns by a filter what they would not be shown: an address out of sight is as none. */
function withEmail(viewer: Viewer, predicate: Predicate): Partial<Predicate> {
  const readable = searchableEmails(viewer);
  return Object.keys(readable).length === 0
    ? predicate
    : { others: [sql`${whereSql("p", readable)} AND ${predicateSql("p", predicate)}`] };
}

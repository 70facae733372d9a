import { type Account, type Person, Prisma } from "#generated/prisma/client.ts";
import { combinePredicates, fieldPredicate, type Predicate, predicateSql, numberField } from "../query/model/field-filter.ts";
import { param, sql, type Sql, whereSql } from "../database/sql.ts";
import { defineEntity } from "../query/model/entity.ts";
import type { ManyRelation, OneRelation } from "../query/model/relation.ts";
import type { Viewer } from "../viewer.ts";
import type { PersonFilter, PersonRead } from "./input.ts";
import { findsParticipantsOf, searchableEmails, visibleAccounts, visibleMemberships } from "./policy.ts";

const name = { field: "name", type: "text" } as const;
const email = { field: "email", type: "text" } as const;

export const personEntity = defineEntity<Person>({
  alias: "p",
  fields: Prisma.PersonScalarFieldEnum,
  revive: { createdAt: "instant" },
  // Of the memberships of an account: see peopleOfAccount.
  indexes: [["membership", "number"]],
});

export const accountEntity = defineEntity<Account>({
  alias: "c",
  fields: Prisma.AccountScalarFieldEnum,
  revive: { createdAt: "instant" },
});

/**
 * The person for whom `term` holds. `term` names people as `p` and their memberships of the viewer's account as `m`.
 */
export function personWhere(term: Sql): OneRelation<Person> {
  return {
    target: personEntity,
    from: (viewer) =>
      sql`memberships m JOIN people p ON p.id = m.person_id WHERE ${whereSql("m", visibleMemberships(viewer))} AND ${term}`,
  };
}

/** The account for which `term` holds, as `c`. */
export function accountWhere(term: Sql): OneRelation<Account> {
  return {
    target: accountEntity,
    from: (viewer) => sql`accounts c WHERE ${whereSql("c", visibleAccounts(viewer))} AND ${term}`,
  };
}

export const personById = personWhere(sql`m.person_id = ${param("key")}::uuid`);
export const personByNumber = personWhere(sql`p.number = ${param("key")}::integer`);
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
 * The people of the viewer's account that the viewer can find: all of them for staff; for a customer themselves and the
 * participants of their tickets.
 */
export const peopleOfAccount: ManyRelation<Person, PersonRead> = {
  target: personEntity,
  from: (viewer, { filter }) => ({
    from: sql`(
      SELECT p.id, p.account_id, p.name, p.email, p.created_at, m.person_number AS number
      FROM memberships m JOIN people p ON p.id = m.person_id WHERE ${whereSql("m", visibleMemberships(viewer))}
    ) p WHERE true`,
    scope: "membership",
    visibleBy: [],
    // An address is one person's in their account, and has an index.
    areFew: (filter.fields?.email ?? []).some((condition) => condition.in !== undefined),
    predicate: combinePredicates("p", [foundBy(viewer), ...personPredicates(viewer, filter)]),
  }),
};

/**
 * The participants of a ticket are the authors of its public notes, which a customer can read. These are looked for
 * once: an author who never wrote to the customer has all of their notes elsewhere.
 */
function foundBy(viewer: Viewer): Partial<Predicate> | undefined {
  const tickets = findsParticipantsOf(viewer);
  if (!tickets) return undefined;
  const own = sql`p.id = ${tickets.requesterId}::uuid`;
  const met = sql`p.number = ANY (ARRAY(SELECT DISTINCT n.author_number FROM notes n WHERE ${whereSql("n", { ...tickets, isPublic: true })}))`;
  return { others: [sql`(${own} OR ${met})`] };
}

function personPredicates(viewer: Viewer, { fields = {} }: PersonFilter): readonly (Partial<Predicate> | undefined)[] {
  return [
    ...(fields.number ?? []).map((field) => fieldPredicate("p", numberField, field)),
    ...(fields.name ?? []).map((field) => fieldPredicate("p", name, field)),
    ...(fields.email ?? []).map((field) => withEmail(viewer, fieldPredicate("p", email, field))),
  ];
}

/** Nobody learns by a filter what they would not be shown: an address out of sight is as none. */
function withEmail(viewer: Viewer, predicate: Predicate): Partial<Predicate> {
  const readable = searchableEmails(viewer);
  return Object.keys(readable).length === 0
    ? predicate
    : { others: [sql`${whereSql("p", readable)} AND ${predicateSql("p", predicate)}`] };
}

import { type Account, type Person, Prisma } from "#generated/prisma/client.ts";
import { slot, sql, type Sql, whereSql } from "../platform/sql.ts";
import { defineEntity } from "../reading/entity.ts";
import type { OneRelation } from "../reading/relation.ts";
import { visibleAccounts, visibleMemberships } from "./policy.ts";

export const personEntity = defineEntity<Person>({
  alias: "p",
  fields: Prisma.PersonScalarFieldEnum,
  revive: { createdAt: "instant" },
});

export const accountEntity = defineEntity<Account>({
  alias: "c",
  fields: Prisma.AccountScalarFieldEnum,
  revive: { createdAt: "instant" },
});

/** The person for whom `term` holds: of people as `p`, of their memberships of the viewer's account as `m`. */
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

export const personById = personWhere(sql`m.person_id = ${slot("key")}::uuid`);
export const personByNumber = personWhere(sql`p.number = ${slot("key")}::integer`);
export const accountById = accountWhere(sql`c.id = ${slot("key")}::uuid`);

/** Where a person is at home: the account that administers them, which may be another than the one they are met in. Whoever sees the person sees its name. */
export const homeAccountOfPerson: OneRelation<Account> = {
  target: accountEntity,
  from: (viewer) => {
    visibleMemberships(viewer);
    return sql`accounts c WHERE c.id = p.account_id`;
  },
};

/** As {@link homeAccountOfPerson}, of the person for whom `term` holds, of people as `p`. */
export function homeAccountOf(term: Sql): OneRelation<Account> {
  return {
    target: accountEntity,
    from: (viewer) =>
      sql`memberships m JOIN people p ON p.id = m.person_id JOIN accounts c ON c.id = p.account_id
        WHERE ${whereSql("m", visibleMemberships(viewer))} AND ${term}`,
  };
}

import { type Account, type Person, Prisma } from "#generated/prisma/client.ts";
import { inOrder } from "../platform/batch.ts";
import type { Database } from "../platform/database.ts";
import { columns, sql, whereSql } from "../platform/sql.ts";
import type { Viewer } from "../viewer.ts";
import { visibleAccounts, visibleMemberships } from "./policy.ts";

export type { Account, Person } from "#generated/prisma/client.ts";

/** People and accounts, as a viewer may read them. Every read takes many keys, and answers in their order, null where there is nothing to see. */
export interface People {
  byIds(viewer: Viewer, ids: readonly string[]): Promise<(Person | null)[]>;
  byNumbers(viewer: Viewer, numbers: readonly number[]): Promise<(Person | null)[]>;
  /** Where people are at home, by their numbers: the accounts that administer them, which may be others than the one they are met in. */
  homeAccounts(viewer: Viewer, numbers: readonly number[]): Promise<(Account | null)[]>;
  accountsByIds(viewer: Viewer, ids: readonly string[]): Promise<(Account | null)[]>;
}

export function createPeople({ database }: { database: Database }): People {
  return {
    async byIds(viewer, ids) {
      const visible = visibleMemberships(viewer);
      const rows = await database.query<Person>(sql`
        SELECT ${columns("p", Prisma.PersonScalarFieldEnum)}
        FROM memberships m JOIN people p ON p.id = m.person_id
        WHERE ${whereSql("m", visible)} AND m.person_id = ANY(${ids}::uuid[])`);
      return inOrder(ids, rows, (person) => person.id);
    },

    async byNumbers(viewer, numbers) {
      const visible = visibleMemberships(viewer);
      const rows = await database.query<Person>(sql`
        SELECT ${columns("p", Prisma.PersonScalarFieldEnum)}
        FROM memberships m JOIN people p ON p.id = m.person_id
        WHERE ${whereSql("m", visible)} AND p.number = ANY(${numbers}::integer[])`);
      return inOrder(numbers, rows, (person) => person.number);
    },

    async homeAccounts(viewer, numbers) {
      const visible = visibleMemberships(viewer);
      const rows = await database.query<Account & { readonly personNumber: number }>(sql`
        SELECT p.number AS "personNumber", ${columns("a", Prisma.AccountScalarFieldEnum)}
        FROM memberships m JOIN people p ON p.id = m.person_id JOIN accounts a ON a.id = p.account_id
        WHERE ${whereSql("m", visible)} AND p.number = ANY(${numbers}::integer[])`);
      return inOrder(numbers, rows, (row) => row.personNumber);
    },

    async accountsByIds(viewer, ids) {
      const visible = visibleAccounts(viewer);
      const rows = await database.query<Account>(sql`
        SELECT ${columns("a", Prisma.AccountScalarFieldEnum)}
        FROM accounts a WHERE ${whereSql("a", visible)} AND a.id = ANY(${ids}::uuid[])`);
      return inOrder(ids, rows, (account) => account.id);
    },
  };
}

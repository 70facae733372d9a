import type { Account, ApiKey, Person } from "#generated/prisma/client.ts";
import { invalid, NotFound } from "../errors.ts";
import type { Clock } from "../platform/clock.ts";
import type { Database } from "../platform/database.ts";
import { unstorable } from "../platform/text.ts";
import { type Role, type Scope, scopes } from "../viewer.ts";
import { newApiKey } from "./credentials.ts";

/**
 * Accounts, people and keys, for the command-line tools and the demo data. No viewer is asked for: whoever runs a command with the database's
 * own credentials is beyond policy.
 */
export interface Provisioning {
  addAccount(input: { slug: string; name: string; timeZone: string }): Promise<Account>;
  addPerson(input: { accountId: string; name: string; email: string; role: Role }): Promise<Person>;
  /** The key itself comes back this once and is kept nowhere. */
  addApiKey(input: NewApiKey): Promise<{ key: string; apiKey: ApiKey }>;
  /** Every key, newest first, without anything to use it by. */
  apiKeys(): Promise<(Omit<ApiKey, "hash"> & { membership: { person: Person; account: Account } })[]>;
  /** Revokes a key for good; revoking it again changes nothing. @throws {NotFound} */
  revokeApiKey(id: string): Promise<void>;
  personByEmail(accountSlug: string, email: string): Promise<{ person: Person; account: Account; role: Role }>;
}

export interface NewApiKey {
  readonly accountId: string;
  readonly personId: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly expiresAt?: Date | undefined;
}

/** The scopes a key has when none are named: all that the role can use. */
export function defaultScopes(role: Role): readonly Scope[] {
  const beyond: readonly Scope[] = role === "CUSTOMER" ? ["admin", "notes:internal"] : role === "SPECIALIST" ? ["admin"] : [];
  return scopes.filter((scope) => !beyond.includes(scope));
}

export function createProvisioning(dependencies: { database: Database; clock: Clock; newId: () => string }): Provisioning {
  const { database, clock, newId } = dependencies;
  const { prisma } = database;

  return {
    addAccount: (input) => prisma.account.create({ data: { id: newId(), ...input, createdAt: clock() } }),

    addPerson: ({ accountId, name, email, role }) =>
      prisma.person.create({
        data: {
          id: newId(),
          accountId,
          name,
          email,
          createdAt: clock(),
          memberships: { create: { accountId, role, createdAt: clock() } },
        },
      }),

    async addApiKey({ scopes: granted, ...input }) {
      const problem = unstorable(input.name);
      if (problem) throw invalid("name", `The name ${problem}.`);
      if (input.expiresAt && input.expiresAt <= clock()) throw invalid("expiresAt", "The key would have expired already.");
      const { key, hash } = newApiKey();
      const apiKey = await prisma.apiKey.create({
        data: { id: newId(), ...input, expiresAt: input.expiresAt ?? null, hash, scopes: [...granted], createdAt: clock() },
      });
      return { key, apiKey };
    },

    apiKeys: () =>
      prisma.apiKey.findMany({
        orderBy: { createdAt: "desc" },
        omit: { hash: true },
        include: { membership: { include: { person: true, account: true } } },
      }),

    async revokeApiKey(id) {
      const existing = await prisma.apiKey.findUnique({ where: { id } });
      if (!existing) throw new NotFound("key");
      await prisma.apiKey.updateMany({ where: { id, revokedAt: null }, data: { revokedAt: clock() } });
    },

    async personByEmail(accountSlug, email) {
      const membership = await prisma.membership.findFirst({
        where: { account: { slug: accountSlug }, person: { email } },
        include: { person: true, account: true },
      });
      if (!membership) throw new NotFound("person in that account");
      return { person: membership.person, account: membership.account, role: membership.role };
    },
  };
}

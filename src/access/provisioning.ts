import { type Account, type IdentityLink, type Person, Prisma } from "#generated/prisma/client.ts";
import { Conflict, invalid, NotFound } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import type { Database } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import { insertInto, selectList, setList } from "../database/table.ts";
import type { Origin, Role, Scope } from "../viewer.ts";
import { type Actor, auditInsert } from "./audit.ts";
import { checkCredential, checkLink, type SecretKind } from "./input.ts";
import { knownLanguages, maxLanguages, rereadAccount } from "../database/search-documents.ts";
import {
  addCredential,
  changeCredential,
  type Credential,
  credentialColumns,
  credentialTable,
  revokeCredential,
} from "./issuing.ts";
import { createMembers } from "./members.ts";
import { identityLinksTable } from "./tables.ts";

/**
 * Adds and finds accounts, people and credentials, for the command-line tools and the demo data. It takes no viewer:
 * policies do not apply to an operator who has the database's own credentials. Changes of people and credentials are
 * audited here too.
 */
export interface Provisioning {
  /**
   * Throws {@link InvalidInput} if the slug is not valid, {@link Conflict} if it is taken, and as
   * {@link Provisioning.setLanguages}.
   */
  addAccount(input: {
    slug: string;
    name: string;
    timeZone: string;
    languages?: readonly string[] | undefined;
  }): Promise<Account>;
  /** Changes what is given of an account. Throws {@link NotFound} if there is no such account. */
  changeAccount(
    slug: string,
    changes: { readonly name?: string | undefined; readonly timeZone?: string | undefined },
  ): Promise<Account>;
  /**
   * Sets the text search configurations of an account, and reads its notes and tickets anew by them, some thousand at a
   * time beside other work. Throws {@link NotFound} if there is no such account, and {@link InvalidInput} if the
   * database has no such configuration.
   */
  setLanguages(accountSlug: string, languages: readonly string[]): Promise<Account>;
  /** Throws as {@link Members.add}. */
  addPerson(input: { accountId: string; name: string; email: string; role: Role }): Promise<Person>;
  /** Makes a person of another account a member of this one too. Throws as {@link Members.join}. */
  addMembership(input: { accountId: string; personId: string; role: Role }): Promise<void>;
  /** Returns the key, which is not stored and so cannot be read again. */
  addApiKey(input: NewCredential): Promise<{ key: string; apiKey: Credential }>;
  /**
   * Adds a client of the token endpoint. Its id is the `client_id`. Returns the secret, which is not stored and so
   * cannot be read again.
   */
  addOAuthClient(input: NewCredential): Promise<{ secret: string; client: Credential }>;
  /**
   * Adds a link: from now on tokens of `issuer` with the subject `subject` act for the person. Throws {@link Conflict}
   * if the subject is linked already.
   */
  addIdentityLink(input: NewLink): Promise<IdentityLink>;
  /** Returns a page of the keys, clients and links, newest first, without secrets. */
  list(read?: CredentialListing): Promise<ListedCredential[]>;
  /**
   * Changes what is given of a key or a client: its name, its scopes, and when it expires. Returns it. Throws
   * {@link NotFound} if there is none with that id, {@link Conflict} if it is revoked, and {@link InvalidInput} if a
   * field is not valid.
   */
  changeCredential(kind: SecretKind, id: string, changes: CredentialChanges): Promise<ListedCredential>;
  /** Changes the scopes of a link, and returns it. Throws {@link NotFound} if there is none with that id. */
  changeLink(id: string, scopes: readonly Scope[]): Promise<ListedCredential>;
  /**
   * Revokes a key or a client, or removes a link, by its id. Revoking it again changes nothing. Throws {@link NotFound}
   * if there is none with that id, or none of `kind`.
   */
  revoke(id: string, kind?: ListedCredential["kind"]): Promise<void>;
  /** Throws {@link NotFound} if there is no such account. */
  accountBySlug(slug: string): Promise<Account>;
  /** Throws {@link NotFound} if there is no such account or person. */
  personByEmail(accountSlug: string, email: string): Promise<{ person: Person; account: Account; role: Role }>;
}

export interface NewCredential {
  readonly accountId: string;
  readonly personId: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly expiresAt?: Date | undefined;
  /** Whether the credential works in every account of which its person is a member. Default: true. */
  readonly everyAccount?: boolean | undefined;
  /** A secret from `newSecret`, for callers that must store it before it works. Default: a new secret. */
  readonly secret?: string | undefined;
}

export interface NewLink {
  readonly accountId: string;
  readonly personId: string;
  readonly issuer: string;
  readonly subject: string;
  readonly scopes: readonly Scope[];
  readonly everyAccount?: boolean | undefined;
}

/** Which keys, clients and links are listed. All conditions must hold. */
export interface CredentialListing {
  readonly kind?: ListedCredential["kind"] | undefined;
  readonly accountSlug?: string | undefined;
  /** The mail address of the person. */
  readonly email?: string | undefined;
  readonly name?: string | undefined;
  readonly id?: string | undefined;
  /** The last one of the page before. */
  readonly after?: Pick<ListedCredential, "id" | "createdAt"> | undefined;
  /** How many at most. Default: all. */
  readonly limit?: number | undefined;
}

/** Absent fields stay unchanged. */
export interface CredentialChanges {
  readonly name?: string | undefined;
  readonly scopes?: readonly Scope[] | undefined;
  /** Null: it does not expire. */
  readonly expiresAt?: Date | null | undefined;
}

export interface ListedCredential {
  readonly id: string;
  readonly kind: SecretKind | "IDENTITY_LINK";
  /** The name of the credential, or the subject and issuer of the link. */
  readonly name: string;
  readonly account: string;
  readonly person: string;
  readonly email: string;
  readonly scopes: readonly string[];
  /** Whether it works in every account of which its person is a member. */
  readonly everyAccount: boolean;
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
  readonly lastUsedAt: Date | null;
}

export interface ProvisioningDependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly newId: () => string;
  /** The origin that the audit records for the commands. */
  readonly origin?: Origin;
}

const provisioningOrigin: Origin = { address: null, userAgent: "provisioning", requestId: null };
const credentialWords: Readonly<Record<ListedCredential["kind"], string>> = {
  API_KEY: "key",
  OAUTH_CLIENT: "client",
  IDENTITY_LINK: "link",
};
const secretKinds: readonly SecretKind[] = ["API_KEY", "OAUTH_CLIENT"];

export function createProvisioning(dependencies: ProvisioningDependencies): Provisioning {
  const { database, clock, newId, origin = provisioningOrigin } = dependencies;
  const { prisma } = database;
  const members = createMembers({ database, clock, newId });
  const operator: Actor = { origin };

  async function add(kind: SecretKind, input: NewCredential): Promise<{ credential: Credential; secret: string }> {
    const now = clock();
    checkCredential(input, now);
    const credential = {
      id: newId(),
      accountId: input.accountId,
      personId: input.personId,
      name: input.name,
      scopes: [...input.scopes],
      everyAccount: input.everyAccount ?? true,
      createdAt: now,
      expiresAt: input.expiresAt ?? null,
    };
    return addCredential(database, kind, operator, credential, input.secret);
  }

  /** Throws {@link InvalidInput} if `languages` are no text search configurations of the database. */
  async function requireLanguages(languages: readonly string[]): Promise<void> {
    const names = await knownLanguages(database);
    if (languages.length === 0 || languages.length > maxLanguages || !languages.every((one) => names.includes(one)))
      throw invalid("languages", `An account has 1 to ${maxLanguages} languages: ${names.join(", ")}.`);
  }

  async function credentialOf(kind: ListedCredential["kind"], id: string): Promise<ListedCredential> {
    const [listed] = await provisioning.list({ kind, id });
    if (!listed) throw new NotFound(credentialWords[kind]);
    return listed;
  }

  const provisioning: Provisioning = {
    async addAccount(input) {
      if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(input.slug)) {
        throw invalid(
          "slug",
          "The account's slug has 1 to 63 small letters, digits and hyphens, and does not begin with a hyphen.",
        );
      }
      const { languages = ["simple"], ...given } = input;
      if (input.languages) await requireLanguages(languages);
      const data = { id: newId(), ...given, languages: [...new Set(languages)], createdAt: clock() };
      return unlessTaken(prisma.account.create({ data }), "There is an account of that slug already.");
    },

    async changeAccount(slug, { name, timeZone }) {
      const account = await provisioning.accountBySlug(slug);
      const data = { ...(name !== undefined && { name }), ...(timeZone !== undefined && { timeZone }) };
      return prisma.account.update({ where: { id: account.id }, data });
    },

    async setLanguages(accountSlug, languages) {
      const account = await provisioning.accountBySlug(accountSlug);
      await requireLanguages(languages);
      const changed = await prisma.account.update({ where: { id: account.id }, data: { languages: [...new Set(languages)] } });
      await rereadAccount(database, account.id);
      return changed;
    },

    async addPerson({ accountId, ...input }) {
      const id = await members.add(operator, accountId, input);
      return prisma.person.findFirstOrThrow({ where: { id, accountId } });
    },

    addMembership: ({ accountId, personId, role }) => members.join(operator, accountId, personId, role),

    async addApiKey(input) {
      const { credential, secret } = await add("API_KEY", input);
      return { key: secret, apiKey: credential };
    },

    async addOAuthClient(input) {
      const { credential, secret } = await add("OAUTH_CLIENT", input);
      return { secret, client: credential };
    },

    async addIdentityLink(input) {
      checkLink(input);
      if (input.scopes.length === 0) throw invalid("scopes", "Name one scope at least.");
      const now = clock();
      const [link] = await database.query<IdentityLink>(sql`
        WITH added AS (
          ${insertInto(identityLinksTable, {
            id: newId(),
            accountId: input.accountId,
            personId: input.personId,
            issuer: input.issuer,
            subject: input.subject,
            scopes: input.scopes,
            everyAccount: input.everyAccount ?? true,
            createdAt: now,
            lastUsedAt: null,
          })}
          ON CONFLICT (issuer, subject) DO NOTHING
          RETURNING *
        ), audited AS (${auditInsert(operator, { action: "CREATED", entity: "IDENTITY_LINK", rows: "added", at: now })})
        SELECT ${linkColumns} FROM added l`);
      if (!link) throw new Conflict("That subject is linked already: remove that link first.");
      return link;
    },

    list: ({ kind, accountSlug, email, name, id, after, limit } = {}) =>
      database.query<ListedCredential & Record<string, unknown>>(sql`
        SELECT c.id, c.kind, c.name, a.slug AS account, p.name AS person, p.email, c.scopes, c.every_account AS "everyAccount",
          c.created_at AS "createdAt", c.expires_at AS "expiresAt", c.revoked_at AS "revokedAt", c.last_used_at AS "lastUsedAt"
        FROM (
          SELECT id, 'API_KEY' AS kind, name, account_id, person_id, scopes, every_account, created_at, expires_at, revoked_at, last_used_at
          FROM api_keys
          UNION ALL
          SELECT id, 'OAUTH_CLIENT', name, account_id, person_id, scopes, every_account, created_at, expires_at, revoked_at, last_used_at
          FROM oauth_clients
          UNION ALL
          SELECT id, 'IDENTITY_LINK', subject || ' of ' || issuer, account_id, person_id, scopes, every_account, created_at, NULL, NULL, last_used_at
          FROM identity_links
        ) c
        JOIN accounts a ON a.id = c.account_id
        JOIN people p ON p.id = c.person_id
        WHERE (${kind ?? null}::text IS NULL OR c.kind = ${kind ?? null})
          AND (${accountSlug ?? null}::text IS NULL OR a.slug = ${accountSlug ?? null})
          AND (${email ?? null}::text IS NULL OR lower(p.email) = lower(${email ?? null}))
          AND (${name ?? null}::text IS NULL OR c.name = ${name ?? null})
          AND (${id ?? null}::uuid IS NULL OR c.id = ${id ?? null}::uuid)
          AND (${after?.id ?? null}::uuid IS NULL OR (c.created_at, c.id) < (${after?.createdAt ?? null}::timestamptz, ${after?.id ?? null}::uuid))
        ORDER BY c.created_at DESC, c.id DESC LIMIT ${limit ?? null}::integer`),

    async changeCredential(kind, id, changes) {
      const now = clock();
      const [listed] = await provisioning.list({ kind, id });
      if (!listed) throw new NotFound(credentialWords[kind]);
      const { name = listed.name, scopes, expiresAt } = changes;
      checkCredential({ name, scopes, expiresAt: expiresAt ?? undefined }, now);
      const account = await provisioning.accountBySlug(listed.account);
      const changed = await changeCredential(database, kind, operator, { id, accountId: account.id, at: now, changes });
      if (!changed) throw new Conflict(`The ${credentialWords[kind]} is revoked: add another one.`);
      return credentialOf(kind, id);
    },

    async changeLink(id, scopes) {
      if (scopes.length === 0) throw invalid("scopes", "Name one scope at least.");
      const [listed] = await provisioning.list({ kind: "IDENTITY_LINK", id });
      if (!listed) throw new NotFound(credentialWords.IDENTITY_LINK);
      const account = await provisioning.accountBySlug(listed.account);
      await database.query(sql`
        WITH changed AS (
          UPDATE identity_links l SET ${setList(identityLinksTable, { scopes })}
          WHERE l.id = ${id}::uuid AND l.account_id = ${account.id}::uuid RETURNING l.*
        ), audited AS (${auditInsert(operator, { action: "EDITED", entity: "IDENTITY_LINK", rows: "changed", at: clock() })})
        SELECT changed.id FROM changed`);
      return credentialOf("IDENTITY_LINK", id);
    },

    async revoke(id, only) {
      const now = clock();
      for (const kind of secretKinds.filter((one) => only === undefined || only === one)) {
        const [found] = await database.query<Credential>(sql`
          SELECT ${credentialColumns} FROM ${credentialTable(kind)} c WHERE c.id = ${id}::uuid`);
        if (!found) continue;
        await revokeCredential(database, kind, operator, { id, accountId: found.accountId, at: now });
        return;
      }
      if (only !== undefined && only !== "IDENTITY_LINK") throw new NotFound(credentialWords[only]);
      const removed = await database.query(sql`
        WITH removed AS (DELETE FROM identity_links l WHERE l.id = ${id}::uuid RETURNING l.*),
          audited AS (${auditInsert(operator, { action: "REVOKED", entity: "IDENTITY_LINK", rows: "removed", at: now })})
        SELECT removed.id FROM removed`);
      if (removed.length === 0) throw new NotFound(only === undefined ? "key, client or link" : credentialWords[only]);
    },

    async accountBySlug(slug) {
      const account = await prisma.account.findUnique({ where: { slug } });
      if (!account) throw new NotFound("account");
      return account;
    },

    async personByEmail(accountSlug, email) {
      const membership = await prisma.membership.findFirst({
        where: { account: { slug: accountSlug }, person: { email }, endedAt: null },
        include: { person: true, account: true },
      });
      if (!membership) {
        const account = await prisma.account.findUnique({ where: { slug: accountSlug } });
        throw new NotFound(account ? "person in that account" : "account");
      }
      return { person: membership.person, account: membership.account, role: membership.role };
    },
  };
  return provisioning;
}

const linkColumns = selectList(identityLinksTable, "l");

/** Returns the row that `write` adds. Throws {@link Conflict} with the message `taken` if there is one already. */
async function unlessTaken<Row>(write: Promise<Row>, taken: string): Promise<Row> {
  try {
    return await write;
  } catch (error) {
    if (error instanceof Prisma.PrismaClientKnownRequestError && error.code === "P2002") throw new Conflict(taken);
    throw error;
  }
}

import { type Account, type IdentityLink, type Person, Prisma } from "#generated/prisma/client.ts";
import { invalid, NotFound } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import type { Database } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import { insertInto, selectList } from "../database/table.ts";
import { unstorable } from "../lib/text.ts";
import type { Origin, Role, Scope } from "../viewer.ts";
import { type Actor, auditInsert } from "./audit.ts";
import { checkCredential, type SecretKind } from "./input.ts";
import { rereadAccount } from "../database/search-documents.ts";
import { addCredential, type Credential, credentialColumns, credentialTable, revokeCredential } from "./issuing.ts";
import { createMembers } from "./members.ts";
import { identityLinksTable } from "./tables.ts";

/**
 * Adds and finds accounts, people and credentials, for the command-line tools and the demo data. It takes no viewer:
 * policies do not apply to an operator who has the database's own credentials. Changes of people and credentials are
 * audited here too.
 */
export interface Provisioning {
  addAccount(input: { slug: string; name: string; timeZone: string }): Promise<Account>;
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
  /** Adds a link: from now on tokens of `issuer` with the subject `subject` act for the person. */
  addIdentityLink(input: NewLink): Promise<IdentityLink>;
  /** Returns every key, client and link, newest first, without secrets. */
  list(accountSlug?: string): Promise<ListedCredential[]>;
  /**
   * Revokes a key or a client, or removes a link, by its id. Revoking it again changes nothing. Throws {@link NotFound}
   * if there is none with that id.
   */
  revoke(id: string): Promise<void>;
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

export interface ListedCredential {
  readonly id: string;
  readonly kind: SecretKind | "IDENTITY_LINK";
  /** The name of the credential, or the subject and issuer of the link. */
  readonly name: string;
  readonly account: string;
  readonly person: string;
  readonly email: string;
  readonly scopes: readonly string[];
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

/** As the constraint of the column. */
const maxLanguages = 8;

const provisioningOrigin: Origin = { address: null, userAgent: "provisioning", requestId: null };
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

  const provisioning: Provisioning = {
    async addAccount(input) {
      if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(input.slug)) {
        throw invalid(
          "slug",
          "The account's slug has 1 to 63 small letters, digits and hyphens, and does not begin with a hyphen.",
        );
      }
      const data = { id: newId(), ...input, createdAt: clock() };
      return unlessTaken(prisma.account.create({ data }), "slug", "There is an account of that slug already.");
    },

    async setLanguages(accountSlug, languages) {
      const account = await provisioning.accountBySlug(accountSlug);
      const known = await database.query<{ name: string }>(
        sql`SELECT c.cfgname AS name FROM pg_ts_config c WHERE pg_ts_config_is_visible(c.oid) ORDER BY c.cfgname`,
      );
      const names = known.map(({ name }) => name);
      if (languages.length === 0 || languages.length > maxLanguages || !languages.every((one) => names.includes(one)))
        throw invalid("languages", `An account has 1 to ${maxLanguages} languages: ${names.join(", ")}.`);
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
      if (!link) throw invalid("subject", "That subject is linked already: remove that link first.");
      return link;
    },

    list: (accountSlug) =>
      database.query<ListedCredential & Record<string, unknown>>(sql`
        SELECT c.id, c.kind, c.name, a.slug AS account, p.name AS person, p.email, c.scopes, c.created_at AS "createdAt",
          c.expires_at AS "expiresAt", c.revoked_at AS "revokedAt", c.last_used_at AS "lastUsedAt"
        FROM (
          SELECT id, 'API_KEY' AS kind, name, account_id, person_id, scopes, created_at, expires_at, revoked_at, last_used_at FROM api_keys
          UNION ALL
          SELECT id, 'OAUTH_CLIENT', name, account_id, person_id, scopes, created_at, expires_at, revoked_at, last_used_at FROM oauth_clients
          UNION ALL
          SELECT id, 'IDENTITY_LINK', subject || ' of ' || issuer, account_id, person_id, scopes, created_at, NULL, NULL, last_used_at
          FROM identity_links
        ) c
        JOIN accounts a ON a.id = c.account_id
        JOIN people p ON p.id = c.person_id
        WHERE ${accountSlug ?? null}::text IS NULL OR a.slug = ${accountSlug ?? null}
        ORDER BY c.created_at DESC, c.id DESC`),

    async revoke(id) {
      const now = clock();
      for (const kind of secretKinds) {
        const [found] = await database.query<Credential>(sql`
          SELECT ${credentialColumns} FROM ${credentialTable(kind)} c WHERE c.id = ${id}::uuid`);
        if (!found) continue;
        await revokeCredential(database, kind, operator, { id, accountId: found.accountId, at: now });
        return;
      }
      const removed = await database.query(sql`
        WITH removed AS (DELETE FROM identity_links l WHERE l.id = ${id}::uuid RETURNING l.*),
          audited AS (${auditInsert(operator, { action: "REVOKED", entity: "IDENTITY_LINK", rows: "removed", at: now })})
        SELECT removed.id FROM removed`);
      if (removed.length === 0) throw new NotFound("key, client or link");
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

/**
 * Returns the row that `write` adds. Throws {@link InvalidInput} with the message `taken` if there is such a row
 * already.
 */
async function unlessTaken<Row>(write: Promise<Row>, path: string, taken: string): Promise<Row> {
  try {
    return await write;
  } catch (error) {
    if (error instanceof Prisma.PrismaClientKnownRequestError && error.code === "P2002") throw invalid(path, taken);
    throw error;
  }
}

function checkLink({ issuer, subject, scopes }: NewLink): void {
  if (!/^https?:\/\//.test(issuer) || !URL.canParse(issuer))
    throw invalid("issuer", "The issuer must be the http or https URL of OIDC_ISSUERS.");
  const problem = unstorable(subject) ?? (subject === "" || subject.length > 255 ? "must have 1 to 255 characters" : undefined);
  if (problem) throw invalid("subject", `The subject ${problem}.`);
  if (scopes.length === 0) throw invalid("scopes", "Name one scope at least.");
}

import type { Account } from "#generated/prisma/client.ts";
import type { Actor } from "../access/audit.ts";
import type { SecretKind } from "../access/input.ts";
import { createMembers, type Members } from "../access/members.ts";
import {
  type CredentialListing,
  createProvisioning,
  type ListedCredential,
  type NewCredential,
  type Provisioning,
} from "../access/provisioning.ts";
import type { Database } from "../database/database.ts";
import { integer, sql, type Sql } from "../database/sql.ts";
import { invalid, NotFound } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import { isUuid } from "../lib/uuid.ts";
import { type Origin, type Role, type Scope, scopesOf } from "../viewer.ts";
import type { OperationInput, OperationName } from "./input.ts";

/**
 * What an operator does: accounts, people, their roles and their credentials. It takes no viewer: policies do not apply
 * to an operator, who has the database's own credentials or may use the socket of the gateway. The audit has each
 * change.
 */
export interface Administration {
  /**
   * Does an operation. The result has the field names of docs/administration.md, and times as texts of ISO 8601, so
   * that it is the same on both ends of the socket. Throws the errors of {@link Provisioning} and {@link Members}.
   */
  run<Name extends OperationName>(origin: Origin, name: Name, input: OperationInput<Name>): Promise<ResultOfOperation<Name>>;
}

export interface AdministrationDependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly newId: () => string;
}

export interface AdministeredAccount {
  readonly id: string;
  readonly account: string;
  readonly name: string;
  readonly timeZone: string;
  readonly languages: readonly string[];
  readonly createdAt: string;
}

export interface AdministeredPerson {
  readonly id: string;
  readonly number: number;
  readonly account: string;
  readonly name: string;
  readonly mail: string;
  /** Null if they left the account. */
  readonly role: Lowercase<Role> | null;
  /** The account that administers their name and mail address. */
  readonly home: string;
}

export interface AdministeredCredential {
  readonly id: string;
  readonly kind: "key" | "client" | "link";
  /** The name of a key or a client, or the subject and issuer of a link. */
  readonly name: string;
  readonly account: string;
  readonly person: string;
  readonly mail: string;
  readonly scopes: readonly string[];
  /** Whether it works in no other account of the person. */
  readonly ownAccountOnly: boolean;
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;
  readonly lastUsedAt: string | null;
}

/** A credential that was added, and for a key or a client the secret, which cannot be read again. */
export interface AddedCredential {
  readonly credential: AdministeredCredential;
  readonly role: Lowercase<Role>;
  readonly secret: string | null;
}

/** A page of a list. `next` is the `after` of the next one, or null at the end. */
interface ListedPage<Row> {
  readonly rows: readonly Row[];
  readonly next: string | null;
}

interface RemovedThing {
  readonly id: string;
}

/** The results of the operationHandlers, by the second word of their names, where it says enough. */
export interface OperationResults {
  readonly "accounts.list": ListedPage<AdministeredAccount>;
  readonly "accounts.add": AdministeredAccount;
  readonly "accounts.change": AdministeredAccount;
  readonly "people.list": ListedPage<AdministeredPerson>;
  readonly "people.add": AdministeredPerson;
  readonly "people.change": AdministeredPerson;
  readonly "people.remove": AdministeredPerson;
  readonly "roles.list": ListedPage<AdministeredPerson>;
  readonly "roles.add": AdministeredPerson;
  readonly "roles.change": AdministeredPerson;
  readonly "roles.remove": AdministeredPerson;
  readonly "keys.list": ListedPage<AdministeredCredential>;
  readonly "keys.add": AddedCredential;
  readonly "keys.change": AdministeredCredential;
  readonly "keys.remove": RemovedThing;
  readonly "clients.list": ListedPage<AdministeredCredential>;
  readonly "clients.add": AddedCredential;
  readonly "clients.change": AdministeredCredential;
  readonly "clients.remove": RemovedThing;
  readonly "links.list": ListedPage<AdministeredCredential>;
  readonly "links.add": AddedCredential;
  readonly "links.change": AdministeredCredential;
  readonly "links.remove": RemovedThing;
  readonly "credentials.list": ListedPage<AdministeredCredential>;
  readonly "credentials.remove": RemovedThing;
}

export type ResultOfOperation<Name extends OperationName> = OperationResults[Name];

/** What an operation works with. */
interface OperatorWork {
  readonly database: Database;
  readonly provisioning: Provisioning;
  readonly members: Members;
  readonly actor: Actor;
}

type Operations = {
  readonly [Name in OperationName]: (work: OperatorWork, input: OperationInput<Name>) => Promise<ResultOfOperation<Name>>;
};

/** How many rows of a list are in memory at a time. */
const rowsOfPage = 1_000;

const kindWords: Readonly<Record<ListedCredential["kind"], AdministeredCredential["kind"]>> = {
  API_KEY: "key",
  OAUTH_CLIENT: "client",
  IDENTITY_LINK: "link",
};

export function createAdministration(dependencies: AdministrationDependencies): Administration {
  const { database } = dependencies;
  const members = createMembers(dependencies);
  return {
    run(origin, name, input) {
      const provisioning = createProvisioning({ ...dependencies, origin });
      return operationHandlers[name]({ database, provisioning, members, actor: { origin } }, input);
    },
  };
}

const operationHandlers: Operations = {
  "accounts.list": listAccounts,
  async "accounts.add"({ provisioning }, { account, ...given }) {
    return administeredAccount(await provisioning.addAccount({ slug: account, ...given }));
  },
  async "accounts.change"({ provisioning }, { account, languages, ...changes }) {
    if (languages) await provisioning.setLanguages(account, languages);
    return administeredAccount(await provisioning.changeAccount(account, changes));
  },

  "people.list": (work, { account, person, after }) => listMembers(work, account, { person, after, withFormer: true }),
  async "people.add"(work, { account, person, name, role }) {
    const { id: accountId } = await work.provisioning.accountBySlug(account);
    const id = await work.members.add(work.actor, accountId, { name, email: person, role });
    return memberWithId(work, account, id);
  },
  async "people.change"(work, { account, person, newMail, name, role }) {
    const found = await work.provisioning.personByEmail(account, person);
    const { id } = found.person;
    await work.members.change(work.actor, found.account.id, { id, name, email: newMail, role });
    return memberWithId(work, account, id);
  },
  "people.remove": removeMember,

  "roles.list": (work, { account, person, after }) => listMembers(work, account, { person, after, withFormer: false }),
  async "roles.add"(work, { account, person, home, role }) {
    const { id: accountId } = await work.provisioning.accountBySlug(account);
    const { id } = (await work.provisioning.personByEmail(home, person)).person;
    await work.provisioning.addMembership({ accountId, personId: id, role });
    return memberWithId(work, account, id);
  },
  async "roles.change"(work, { account, person, role }) {
    const found = await work.provisioning.personByEmail(account, person);
    await work.members.change(work.actor, found.account.id, { id: found.person.id, role });
    return memberWithId(work, account, found.person.id);
  },
  "roles.remove": removeMember,

  "keys.list": (work, read) => listCredentials(work, "API_KEY", read),
  "keys.add": (work, input) => addCredentialFor(work, "API_KEY", input),
  "keys.change": (work, input) => changeCredentialOf(work, "API_KEY", input),
  "keys.remove": (work, { id }) => removeCredential(work, "API_KEY", id),
  "clients.list": (work, read) => listCredentials(work, "OAUTH_CLIENT", read),
  "clients.add": (work, input) => addCredentialFor(work, "OAUTH_CLIENT", input),
  "clients.change": (work, input) => changeCredentialOf(work, "OAUTH_CLIENT", input),
  "clients.remove": (work, { id }) => removeCredential(work, "OAUTH_CLIENT", id),
  "links.list": (work, read) => listCredentials(work, "IDENTITY_LINK", read),
  async "links.add"(work, { account, person, issuer, subject, scopes, ownAccountOnly }) {
    const holder = await holderOf(work, account, person, scopes);
    const link = await work.provisioning.addIdentityLink({ ...holder.of, issuer, subject, everyAccount: !ownAccountOnly });
    return { credential: await credentialWithId(work, "IDENTITY_LINK", link.id), role: holder.role, secret: null };
  },
  async "links.change"({ provisioning }, { id, scopes }) {
    return administeredCredential(await provisioning.changeLink(id, scopes));
  },
  "links.remove": (work, { id }) => removeCredential(work, "IDENTITY_LINK", id),
  "credentials.list": (work, read) => listCredentials(work, undefined, read),
  "credentials.remove": (work, { id }) => removeCredential(work, undefined, id),
};

async function listAccounts(
  { database }: OperatorWork,
  { account, after }: OperationInput<"accounts.list">,
): Promise<ListedPage<AdministeredAccount>> {
  const rows = await database.query<StoredAccount>(sql`
    SELECT a.id, a.slug, a.name, a.time_zone AS "timeZone", a.languages, a.created_at AS "createdAt" FROM accounts a
    WHERE (${account ?? null}::text IS NULL OR a.slug = ${account ?? null}) AND (${after ?? null}::text IS NULL OR a.slug > ${after ?? null})
    ORDER BY a.slug LIMIT ${integer(rowsOfPage)}`);
  return pageOf(rows.map(administeredAccount), ({ account: slug }) => slug);
}

async function listMembers(
  work: OperatorWork,
  account: string,
  { person, after, withFormer }: { person?: string | undefined; after?: string | undefined; withFormer: boolean },
): Promise<ListedPage<AdministeredPerson>> {
  if (after !== undefined && !/^\d{1,9}$/.test(after)) throw badPosition();
  const { id: accountId } = await work.provisioning.accountBySlug(account);
  const rows = await people(
    work,
    { account, accountId },
    sql`p.number > ${Number(after ?? 0)}::integer AND (${withFormer} OR m.ended_at IS NULL)
      AND (${person ?? null}::text IS NULL OR lower(p.email) = lower(${person ?? null}))`,
  );
  return pageOf(rows, ({ number }) => String(number));
}

async function people(
  { database }: OperatorWork,
  { account, accountId }: { readonly account: string; readonly accountId: string },
  condition: Sql,
): Promise<AdministeredPerson[]> {
  const rows = await database.query<Omit<AdministeredPerson, "role" | "account"> & { readonly role: Role | null }>(sql`
    SELECT p.id, p.number, p.name, p.email AS mail, CASE WHEN m.ended_at IS NULL THEN m.role END AS role, h.slug AS home
    FROM memberships m JOIN people p ON p.id = m.person_id JOIN accounts h ON h.id = p.account_id
    WHERE m.account_id = ${accountId}::uuid AND ${condition} ORDER BY p.number LIMIT ${integer(rowsOfPage)}`);
  return rows.map(({ id, number, name, mail, role, home }) => ({
    ...{ id, number, account, name, mail, home },
    role: role === null ? null : inSmallLetters(role),
  }));
}

async function memberWithId(work: OperatorWork, account: string, id: string): Promise<AdministeredPerson> {
  const { id: accountId } = await work.provisioning.accountBySlug(account);
  const [found] = await people(work, { account, accountId }, sql`p.id = ${id}::uuid`);
  if (!found) throw new NotFound("person");
  return found;
}

async function removeMember(
  work: OperatorWork,
  { account, person }: OperationInput<"people.remove">,
): Promise<AdministeredPerson> {
  const found = await work.provisioning.personByEmail(account, person);
  await work.members.remove(work.actor, found.account.id, found.person.id);
  return memberWithId(work, account, found.person.id);
}

async function listCredentials(
  { provisioning }: OperatorWork,
  kind: CredentialListing["kind"],
  { account, person, name, after }: OperationInput<"credentials.list">,
): Promise<ListedPage<AdministeredCredential>> {
  // Who names an account that is not there has made a mistake, and is not told that it has no credentials.
  if (account !== undefined) await provisioning.accountBySlug(account);
  const read = { kind, accountSlug: account, email: person, name, after: positionOfCredential(after), limit: rowsOfPage };
  const rows = (await provisioning.list(read)).map(administeredCredential);
  return pageOf(rows, ({ id, createdAt }) => `${createdAt} ${id}`);
}

async function addCredentialFor(
  work: OperatorWork,
  kind: SecretKind,
  { account, person, name, scopes, expires, ownAccountOnly }: OperationInput<"keys.add">,
): Promise<AddedCredential> {
  const holder = await holderOf(work, account, person, scopes);
  const input: NewCredential = { ...holder.of, name, expiresAt: expires, everyAccount: !ownAccountOnly };
  const { id, secret } = await addSecret(work.provisioning, kind, input);
  return { credential: await credentialWithId(work, kind, id), role: holder.role, secret };
}

async function addSecret(
  provisioning: Provisioning,
  kind: SecretKind,
  input: NewCredential,
): Promise<{ id: string; secret: string }> {
  if (kind === "API_KEY") {
    const { apiKey, key } = await provisioning.addApiKey(input);
    return { id: apiKey.id, secret: key };
  }
  const { client, secret } = await provisioning.addOAuthClient(input);
  return { id: client.id, secret };
}

/** Returns for whom a credential is added, with the scopes: if none are given, all that their role can use. */
async function holderOf({ provisioning }: OperatorWork, account: string, mail: string, scopes: readonly Scope[] | undefined) {
  const { person, account: found, role } = await provisioning.personByEmail(account, mail);
  const of = { accountId: found.id, personId: person.id, scopes: scopes ?? scopesOf(role) };
  return { of, role: inSmallLetters(role) };
}

async function changeCredentialOf(
  { provisioning }: OperatorWork,
  kind: SecretKind,
  { id, name, scopes, expires }: OperationInput<"keys.change">,
): Promise<AdministeredCredential> {
  return administeredCredential(await provisioning.changeCredential(kind, id, { name, scopes, expiresAt: expires }));
}

async function removeCredential(
  { provisioning }: OperatorWork,
  kind: ListedCredential["kind"] | undefined,
  id: string,
): Promise<RemovedThing> {
  await provisioning.revoke(id, kind);
  return { id };
}

async function credentialWithId(
  { provisioning }: OperatorWork,
  kind: ListedCredential["kind"],
  id: string,
): Promise<AdministeredCredential> {
  const [found] = await provisioning.list({ kind, id });
  if (!found) throw new NotFound(kindWords[kind]);
  return administeredCredential(found);
}

type StoredAccount = Pick<Account, "id" | "slug" | "name" | "timeZone" | "languages" | "createdAt">;

function administeredAccount({ id, slug, name, timeZone, languages, createdAt }: StoredAccount): AdministeredAccount {
  return { id, account: slug, name, timeZone, languages, createdAt: createdAt.toISOString() };
}

function administeredCredential(listed: ListedCredential): AdministeredCredential {
  const { id, kind, name, account, person, email, scopes, everyAccount } = listed;
  const instantOf = (date: Date | null) => date?.toISOString() ?? null;
  return {
    ...{ id, kind: kindWords[kind], name, account, person, mail: email, scopes, ownAccountOnly: !everyAccount },
    createdAt: listed.createdAt.toISOString(),
    expiresAt: instantOf(listed.expiresAt),
    revokedAt: instantOf(listed.revokedAt),
    lastUsedAt: instantOf(listed.lastUsedAt),
  };
}

function pageOf<Row>(rows: readonly Row[], position: (row: Row) => string): ListedPage<Row> {
  const last = rows.at(-1);
  return { rows, next: last !== undefined && rows.length === rowsOfPage ? position(last) : null };
}

function positionOfCredential(after: string | undefined): CredentialListing["after"] {
  if (after === undefined) return undefined;
  const [instant = "", id = ""] = after.split(" ");
  const createdAt = new Date(instant);
  if (Number.isNaN(createdAt.getTime()) || !isUuid(id)) throw badPosition();
  return { createdAt, id };
}

function badPosition(): Error {
  return invalid("after", "A page begins after a position that the page before has given.");
}

function inSmallLetters(role: Role): Lowercase<Role> {
  return role.toLowerCase() as Lowercase<Role>; // what the type says
}

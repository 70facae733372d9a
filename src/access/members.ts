import pg from "pg";
import type { ApiKey, Membership, Person } from "#generated/prisma/client.ts";
import type { Database } from "../database/database.ts";
import { empty, join, raw, sql, type Sql } from "../database/sql.ts";
import { type ChangedValues, insertInto, setList, type Table } from "../database/table.ts";
import { Conflict, Forbidden, NotFound } from "../errors.ts";
import { type KeyClaim, noClaim } from "../idempotency/claim.ts";
import type { Clock } from "../lib/clock.ts";
import { type AddPersonInput, checkPerson, type UpdatePersonInput } from "../people/input.ts";
import type { Role } from "../viewer.ts";
import { type Actor, auditInsert } from "./audit.ts";
import { isStillAdministrator, requireStillAdministrator } from "./still-administrator.ts";
import { apiKeysTable, membershipsTable, oauthClientsTable, peopleTable } from "./tables.ts";

/**
 * Adds, changes and removes the people of an account, for administrators and for the operator at the command line. Each
 * change is one statement with its audit event, and with the idempotency key of the call if it has one.
 */
export interface Members {
  /**
   * Adds a person to the account that becomes their home, or lets one who left it come back. Returns their id. Throws
   * {@link Conflict} if a member of the account has that mail address, and {@link InvalidInput} if a field is not
   * valid.
   */
  add(actor: Actor, accountId: string, input: AddPersonInput, key?: KeyClaim): Promise<string>;
  /**
   * Makes a person of another account a member of this one too, or lets one who left it come back. Throws
   * {@link Conflict} if they are a member.
   */
  join(actor: Actor, accountId: string, personId: string, role: Role): Promise<void>;
  /**
   * Changes a person's role in the account, and their name and mail address if it is their home. A change that changes
   * nothing writes nothing. Throws {@link NotFound} if they never were a member, {@link Forbidden} if another account
   * is their home, {@link Conflict} if another member has the mail address, if the role of one who left is given, or if
   * the account would have no administrator, and {@link InvalidInput} if a field is not valid.
   */
  change(actor: Actor, accountId: string, input: UpdatePersonInput, key?: KeyClaim): Promise<void>;
  /**
   * Ends a person's membership, and revokes their credentials of the account. To remove somebody who has left changes
   * nothing. Throws {@link NotFound} if they never were a member, and {@link Conflict} if they are the only
   * administrator.
   */
  remove(actor: Actor, accountId: string, personId: string, key?: KeyClaim): Promise<void>;
  /** Returns everyone who is or was a member, by number. */
  list(accountId: string): Promise<ListedMember[]>;
}

/** A person of an account as the command line shows them. The role of one who left is null. */
export interface ListedMember {
  readonly id: string;
  readonly number: number;
  readonly name: string;
  readonly email: string;
  readonly role: Role | null;
}

export interface MembersDependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly newId: () => string;
}

interface KnownPerson {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  /** Null if they left the account. */
  readonly role: Role | null;
  /** Whether the account is their home, which administers their name and mail address. */
  readonly isAtHome: boolean;
}

const addressTaken = "A member of the account has that mail address already.";
const isLastAdministrator = "They are the only administrator of the account. Make somebody else an administrator first.";
const hasLeft = "They have left the account. Add them again with their mail address to give them a role.";

export function createMembers({ database, clock, newId }: MembersDependencies): Members {
  async function people(accountId: string, condition: Sql): Promise<readonly KnownPerson[]> {
    return database.query<KnownPerson & pg.QueryResultRow>(sql`
      SELECT p.id, p.name, p.email, CASE WHEN m.ended_at IS NULL THEN m.role END AS role,
        p.account_id = m.account_id AS "isAtHome"
      FROM people p JOIN memberships m ON m.person_id = p.id
      WHERE m.account_id = ${accountId}::uuid AND ${condition} ORDER BY p.number`);
  }

  const peopleWithAddress = (accountId: string, email: string) => people(accountId, sql`lower(p.email) = lower(${email})`);

  async function personOf(accountId: string, personId: string): Promise<KnownPerson> {
    const [person] = await people(accountId, sql`p.id = ${personId}::uuid`);
    if (!person) throw new NotFound("person");
    return person;
  }

  async function insert(
    actor: Actor,
    accountId: string,
    { name, email, role }: AddPersonInput,
    key: KeyClaim,
  ): Promise<string> {
    const [id, createdAt] = [newId(), clock()];
    const membership = { accountId, personId: id, role, createdAt, endedAt: null };
    await write(
      actor,
      sql`
        WITH person AS (${insertInto(peopleTable, { id, accountId, name, email, createdAt })} WHERE ${key.condition} AND ${isStillAdministrator(actor)} RETURNING *),
          member AS (${insertInto(membershipsTable, membership)} FROM person RETURNING person_id AS id, account_id),
          audited AS (${auditInsert(actor, { action: "CREATED", entity: "PERSON", rows: "member", at: createdAt })})
          ${key.kept("member", [id])}
        SELECT member.id FROM member`,
    );
    return id;
  }

  /** Credentials of before stay revoked, also one that was created in the moment in which the person was removed. */
  async function comeBack(
    actor: Actor,
    accountId: string,
    id: string,
    { name, role }: AddPersonInput,
    key: KeyClaim,
  ): Promise<string> {
    const now = clock();
    const rows = await write(
      actor,
      sql`
        WITH member AS (
          UPDATE memberships m SET ${setList(membershipsTable, { role, endedAt: null })}
          WHERE m.account_id = ${accountId}::uuid AND m.person_id = ${id}::uuid AND m.ended_at IS NOT NULL
            AND ${key.condition} AND ${isStillAdministrator(actor)}
          RETURNING m.person_id AS id, m.account_id
        ), ${personPart(actor, accountId, id, { name })}, audited AS (${auditInsert(actor, { action: "CREATED", entity: "PERSON", rows: "member", at: now })}),
          ${credentialsEnded(actor, accountId, now)} ${key.kept("member", [id])}
        SELECT member.id FROM member`,
    );
    if (rows.length === 0) throw new Conflict(addressTaken);
    return id;
  }

  /**
   * Runs a statement with the condition that the actor is still an administrator. Throws {@link Forbidden} if they are
   * not, and {@link Conflict} for facts that the database keeps.
   */
  async function write(actor: Actor, statement: Sql): Promise<pg.QueryResultRow[]> {
    try {
      const rows = await database.query(statement);
      if (rows.length > 0) return rows;
      await requireStillAdministrator(database, actor);
      return rows;
    } catch (error) {
      if (!(error instanceof pg.DatabaseError)) throw error;
      if (error.constraint === "memberships_keep_administrator") throw new Conflict(isLastAdministrator);
      if (error.constraint === "people_account_id_email_key") throw new Conflict(addressTaken);
      throw error;
    }
  }

  return {
    async add(actor, accountId, input, key = noClaim) {
      checkPerson(input);
      const known = await peopleWithAddress(accountId, input.email);
      if (known.some(({ role }) => role !== null)) throw new Conflict(addressTaken);
      // Somebody of another account does not come back by an address, which that account may have changed.
      const former = known.find(({ isAtHome }) => isAtHome);
      return former ? comeBack(actor, accountId, former.id, input, key) : insert(actor, accountId, input, key);
    },

    async join(actor, accountId, personId, role) {
      const createdAt = clock();
      const rows = await write(
        actor,
        sql`
          WITH member AS (
            ${insertInto(membershipsTable, { accountId, personId, role, createdAt, endedAt: null })}
            ON CONFLICT (account_id, person_id) DO UPDATE SET ${setList(membershipsTable, { role, endedAt: null })}
              WHERE memberships.account_id = ${accountId}::uuid AND memberships.ended_at IS NOT NULL
            RETURNING person_id AS id, account_id
          ), audited AS (${auditInsert(actor, { action: "CREATED", entity: "PERSON", rows: "member", at: createdAt })}),
            ${credentialsEnded(actor, accountId, createdAt)}
          SELECT member.id FROM member`,
      );
      if (rows.length === 0) throw new Conflict("The person is a member of that account already.");
    },

    async change(actor, accountId, { id, ...input }, key = noClaim) {
      const person = await personOf(accountId, id);
      if (!person.isAtHome && (input.name !== undefined || input.email !== undefined)) {
        throw new Forbidden("Another account administers this person's name and mail address: change their role only.");
      }
      checkPerson(input);
      if (person.role === null && input.role !== undefined) throw new Conflict(hasLeft);
      const { email } = input;
      if (email !== undefined) {
        const others = await peopleWithAddress(accountId, email);
        if (others.some((other) => other.id !== id && other.role !== null)) throw new Conflict(addressTaken);
      }
      const profile = { name: changedValue(input.name, person.name), email: changedValue(email, person.email) };
      const role = input.role === person.role ? undefined : input.role;
      const parts = [
        ...(role === undefined ? [] : [memberPart(actor, accountId, id, { role }, key)]),
        ...(isGiven(profile)
          ? [role === undefined ? personPart(actor, accountId, id, profile, key) : personPart(actor, accountId, id, profile)]
          : []),
      ];
      if (parts.length === 0) return key.keep([id]);
      const rows = role === undefined ? "person" : "member";
      const audited = auditInsert(actor, { action: "EDITED", entity: "PERSON", rows, at: clock() });
      const changed = await write(
        actor,
        sql`WITH ${join(parts, ", ")}, audited AS (${audited})${key.kept(rows, [id])} SELECT acted.id FROM ${raw(rows)} acted`,
      );
      // They were removed in the same moment.
      if (changed.length === 0) throw new Conflict(hasLeft);
    },

    async remove(actor, accountId, personId, key = noClaim) {
      const person = await personOf(accountId, personId);
      if (person.role === null) return key.keep([personId]);
      const now = clock();
      await write(
        actor,
        sql`
          WITH ${memberPart(actor, accountId, personId, { role: "CUSTOMER", endedAt: now }, key)}, audited AS (${auditInsert(actor, { action: "DELETED", entity: "PERSON", rows: "member", at: now })}),
            ${credentialsEnded(actor, accountId, now)} ${key.kept("member", [personId])}
          SELECT member.id FROM member`,
      );
    },

    list: (accountId) =>
      database.query<ListedMember & pg.QueryResultRow>(sql`
        SELECT p.id, p.number, p.name, p.email, CASE WHEN m.ended_at IS NULL THEN m.role END AS role
        FROM memberships m JOIN people p ON p.id = m.person_id WHERE m.account_id = ${accountId}::uuid ORDER BY p.number`),
  };
}

/** Returns the WITH part `member`: the membership that is changed, with the id of its person, unless it has ended. */
function memberPart(actor: Actor, accountId: string, personId: string, changes: ChangedValues<Membership>, key: KeyClaim): Sql {
  return sql`member AS (
    UPDATE memberships m SET ${setList(membershipsTable, changes)}
    WHERE m.account_id = ${accountId}::uuid AND m.person_id = ${personId}::uuid AND m.ended_at IS NULL
      AND ${key.condition} AND ${isStillAdministrator(actor)}
    RETURNING m.person_id AS id, m.account_id
  )`;
}

/**
 * Returns the WITH part `person`: the person of the account who is changed. Without a key it is changed if the WITH
 * part `member` has a row.
 */
function personPart(actor: Actor, accountId: string, id: string, changes: ChangedValues<Person>, key?: KeyClaim): Sql {
  return sql`person AS (
    UPDATE people p SET ${setList(peopleTable, changes)} ${key ? empty : raw("FROM member")}
    WHERE p.id = ${id}::uuid AND p.account_id = ${accountId}::uuid AND ${key ? sql`${key.condition} AND ${isStillAdministrator(actor)}` : raw("p.id = member.id")}
    RETURNING p.id, p.account_id
  )`;
}

/** Returns the WITH parts that end the credentials of the person of the WITH part `member` in the account. */
function credentialsEnded(actor: Actor, accountId: string, at: Date): Sql {
  const revoked = (rows: string, table: Table<ApiKey>) => sql`${raw(rows)} AS (
    UPDATE ${raw(table.name)} c SET ${setList(table, { revokedAt: at })} FROM member
    WHERE c.account_id = ${accountId}::uuid AND c.person_id = member.id AND c.revoked_at IS NULL RETURNING c.id, c.account_id
  )`;
  const audited = (rows: string, entity: "API_KEY" | "OAUTH_CLIENT" | "IDENTITY_LINK") =>
    sql`${raw(`${rows}_audited`)} AS (${auditInsert(actor, { action: "REVOKED", entity, rows, at })})`;
  const links = sql`links AS (
    DELETE FROM identity_links l USING member
    WHERE l.account_id = ${accountId}::uuid AND l.person_id = member.id RETURNING l.id, l.account_id
  )`;
  return join(
    [
      ...[revoked("keys", apiKeysTable), audited("keys", "API_KEY")],
      ...[revoked("clients", oauthClientsTable), audited("clients", "OAUTH_CLIENT")],
      ...[links, audited("links", "IDENTITY_LINK")],
    ],
    ", ",
  );
}

/** Returns the new value of a field of a person, or undefined if it is not given or is the current one. */
function changedValue<Value>(given: Value | undefined, current: Value): Value | undefined {
  return given === current ? undefined : given;
}

function isGiven(changes: object): boolean {
  return Object.values(changes).some((value) => value !== undefined);
}

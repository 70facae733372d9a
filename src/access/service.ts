import type { AuditEvent } from "#generated/prisma/client.ts";
import { Forbidden, NotFound } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import type { Database } from "../database/database.ts";
import { withinRange } from "../database/instants.ts";
import { keyset } from "../query/plan/keyset.ts";
import { type Page, type Slice, toSlice } from "../query/model/page.ts";
import { allOf, sql, type Sql, whereSql } from "../database/sql.ts";
import { selectList } from "../database/table.ts";
import { type Role, type Scope, scopesOf, type Viewer } from "../viewer.ts";
import {
  type AuditFilter,
  checkCredential,
  type CreateCredentialInput,
  type CredentialFilter,
  newestFirst,
  type SecretKind,
} from "./input.ts";
import { addCredential, type Credential, credentialColumns, credentialTable, revokeCredential } from "./issuing.ts";
import { auditEventsTable } from "./tables.ts";
import { administeredRows, administratorOf } from "./policy.ts";

export type { AuditEvent } from "#generated/prisma/client.ts";
export type { Credential } from "./issuing.ts";

declare module "../services.ts" {
  interface Services {
    readonly access: Access;
  }
}

/** What administrators look after: the keys and clients of their account, and the audit of it. */
export interface Access {
  /** Newest first. @throws {Forbidden} */
  credentials(viewer: Viewer, kind: SecretKind, read: { filter: CredentialFilter; page: Page }): Promise<Slice<Credential>>;
  countCredentials(viewer: Viewer, kind: SecretKind, filter: CredentialFilter): Promise<number>;
  /**
   * Makes a credential for a member of the account. The secret comes back this once, and is kept nowhere.
   *
   * @throws {Forbidden} where it would have scopes that the viewer's own credential lacks, {@link NotFound} where the person is no member,
   * {@link InvalidInput}
   */
  createCredential(
    viewer: Viewer,
    kind: SecretKind,
    input: CreateCredentialInput,
  ): Promise<{ credential: Credential; secret: string }>;
  /**
   * Revokes a credential permanently: it stops working within a second. To revoke it again changes nothing. @throws {NotFound},
   * {@link Forbidden}
   */
  revokeCredential(viewer: Viewer, kind: SecretKind, id: string): Promise<Credential>;
  /** Newest first. @throws {Forbidden} */
  auditEvents(viewer: Viewer, read: { filter: AuditFilter; page: Page }): Promise<Slice<AuditEvent>>;
  countAuditEvents(viewer: Viewer, filter: AuditFilter): Promise<number>;
}

const credentialNames: Readonly<Record<SecretKind, string>> = { API_KEY: "key", OAUTH_CLIENT: "client" };
const eventColumns = selectList(auditEventsTable, "e");

export function createAccess(dependencies: { database: Database; clock: Clock; newId: () => string }): Access {
  const { database, clock, newId } = dependencies;

  async function roleOf(accountId: string, personId: string): Promise<Role> {
    const member = await database.prisma.membership.findUnique({ where: { accountId_personId: { accountId, personId } } });
    if (!member) throw new NotFound("person");
    return member.role;
  }

  return {
    async credentials(viewer, kind, { filter, page }) {
      const administered = administeredRows(viewer);
      const { within, orderBy, limit } = keyset("c", newestFirst, page);
      const rows = await database.query<Credential>(sql`
        SELECT ${credentialColumns} FROM ${credentialTable(kind)} c
        WHERE ${whereSql("c", administered)} AND ${credentialFilterSql(filter)} AND ${within}
        ORDER BY ${orderBy} ${limit}`);
      return toSlice(rows, page);
    },

    async countCredentials(viewer, kind, filter) {
      const administered = administeredRows(viewer);
      const [row] = await database.query<{ count: bigint }>(sql`
        SELECT count(*) AS count FROM ${credentialTable(kind)} c WHERE ${whereSql("c", administered)} AND ${credentialFilterSql(filter)}`);
      return Number(row?.count ?? 0);
    },

    async createCredential(viewer, kind, input) {
      const administrator = administratorOf(viewer);
      const now = clock();
      checkCredential(input, now);
      const { id: accountId } = administrator.account;
      const personId = input.personId ?? administrator.person.id;
      const role = await roleOf(accountId, personId);
      const scopes = input.scopes ?? scopesOf(role).filter((scope) => administrator.scopes.has(scope));
      requireOwnScopes(administrator.scopes, scopes);
      return addCredential(database, kind, administrator, {
        id: newId(),
        accountId,
        personId,
        name: input.name,
        scopes: [...scopes],
        // For oneself it reaches as far as oneself. What an administrator makes for somebody else stays in the account they look after,
        // or it would let them into the others that this person works for.
        everyAccount: personId === administrator.person.id,
        createdAt: now,
        expiresAt: input.expiresAt ?? null,
      });
    },

    async revokeCredential(viewer, kind, id) {
      const administrator = administratorOf(viewer);
      const revoked = await revokeCredential(database, kind, administrator, {
        id,
        accountId: administrator.account.id,
        at: clock(),
      });
      if (!revoked) throw new NotFound(credentialNames[kind]);
      return revoked;
    },

    async auditEvents(viewer, { filter, page }) {
      const administered = administeredRows(viewer);
      const { within, orderBy, limit } = keyset("e", newestFirst, page);
      const rows = await database.query<AuditEvent>(sql`
        SELECT ${eventColumns} FROM audit_events e
        WHERE ${whereSql("e", administered)} AND ${auditFilterSql(filter)} AND ${within}
        ORDER BY ${orderBy} ${limit}`);
      return toSlice(rows, page);
    },

    async countAuditEvents(viewer, filter) {
      const administered = administeredRows(viewer);
      const [row] = await database.query<{ count: bigint }>(sql`
        SELECT count(*) AS count FROM audit_events e WHERE ${whereSql("e", administered)} AND ${auditFilterSql(filter)}`);
      return Number(row?.count ?? 0);
    },
  };
}

/** A credential cannot be used to make one that may do more. @throws {Forbidden} */
function requireOwnScopes(own: ReadonlySet<Scope>, wanted: readonly Scope[]): void {
  const missing = wanted.filter((scope) => !own.has(scope));
  if (missing.length === 0) return;
  throw new Forbidden(`The credential lacks the scope ${missing.join(" and ")}, and cannot give it to another.`, missing);
}

function credentialFilterSql(filter: CredentialFilter): Sql {
  return allOf([
    filter.personId === undefined ? undefined : sql`c.person_id = ${filter.personId}::uuid`,
    filter.isRevoked === undefined ? undefined : sql`(c.revoked_at IS NOT NULL) = ${filter.isRevoked}`,
  ]);
}

function auditFilterSql(filter: AuditFilter): Sql {
  return allOf([
    filter.actions && sql`e.action = ANY(${filter.actions}::"AuditAction"[])`,
    filter.entities && sql`e.entity = ANY(${filter.entities}::"AuditEntity"[])`,
    filter.entityId === undefined ? undefined : sql`e.entity_id = ${filter.entityId}::uuid`,
    filter.personId === undefined ? undefined : sql`e.person_id = ${filter.personId}::uuid`,
    withinRange("e", "createdAt", filter.createdAt),
  ]);
}

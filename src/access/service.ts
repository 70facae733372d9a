import type { AuditEvent } from "#generated/prisma/client.ts";
import { Forbidden, NotFound } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import type { Database } from "../database/database.ts";
import type { CountedSlice, PageSelection } from "../query/model/selection.ts";
import type { Reads } from "../query/reads.ts";
import { type Role, type Scope, scopesOf, type Viewer } from "../viewer.ts";
import {
  type AuditFilter,
  type AuditRead,
  checkCredential,
  type CreateCredentialInput,
  type CredentialFilter,
  type CredentialRead,
  type SecretKind,
} from "./input.ts";
import { addCredential, type Credential, revokeCredential } from "./issuing.ts";
import { administratorOf } from "./policy.ts";
import { auditEventsOfAccount, credentialsOfAccount } from "./relations.ts";

export type { AuditEvent } from "#generated/prisma/client.ts";
export type { Credential } from "./issuing.ts";

declare module "../services.ts" {
  interface Services {
    readonly access: Access;
  }
}

/** What administrators look after: the keys and clients of their account, and the audit of it. */
export interface Access {
  /** Returns a page of the credentials of a kind. Throws {@link Forbidden} if the viewer may not administer the account. */
  credentials(
    viewer: Viewer,
    kind: SecretKind,
    read: CredentialRead,
    selection?: PageSelection,
  ): Promise<CountedSlice<Credential>>;
  /** Returns how many credentials of a kind there are. Throws as {@link Access.credentials}. */
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
  /** Returns a page of the audit events. Throws {@link Forbidden} if the viewer may not administer the account. */
  auditEvents(viewer: Viewer, read: AuditRead, selection?: PageSelection): Promise<CountedSlice<AuditEvent>>;
  /** Returns how many audit events there are. Throws as {@link Access.auditEvents}. */
  countAuditEvents(viewer: Viewer, filter: AuditFilter): Promise<number>;
}

export interface AccessDependencies {
  readonly database: Database;
  readonly reads: Reads;
  readonly clock: Clock;
  readonly newId: () => string;
}

const credentialNames: Readonly<Record<SecretKind, string>> = { API_KEY: "key", OAUTH_CLIENT: "client" };

export function createAccess(dependencies: AccessDependencies): Access {
  const { database, reads, clock, newId } = dependencies;

  async function roleOf(accountId: string, personId: string): Promise<Role> {
    const member = await database.prisma.membership.findUnique({ where: { accountId_personId: { accountId, personId } } });
    if (!member) throw new NotFound("person");
    return member.role;
  }

  return {
    credentials: (viewer, kind, read, selection) => reads.page(viewer, credentialsOfAccount[kind], read, selection),
    countCredentials: (viewer, kind, filter) => reads.count(viewer, credentialsOfAccount[kind], { filter }),

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

    auditEvents: (viewer, read, selection) => reads.page(viewer, auditEventsOfAccount, read, selection),
    countAuditEvents: (viewer, filter) => reads.count(viewer, auditEventsOfAccount, { filter }),
  };
}

/** A credential cannot be used to make one that may do more. @throws {Forbidden} */
function requireOwnScopes(own: ReadonlySet<Scope>, wanted: readonly Scope[]): void {
  const missing = wanted.filter((scope) => !own.has(scope));
  if (missing.length === 0) return;
  throw new Forbidden(`The credential lacks the scope ${missing.join(" and ")}, and cannot give it to another.`, missing);
}

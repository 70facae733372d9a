import { Forbidden, NotFound } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import { readTimedKey } from "../lib/global-ids.ts";
import type { Database } from "../database/database.ts";
import type { Total } from "../query/model/page.ts";
import type { CountedSlice, PageSelection } from "../query/model/selection.ts";
import type { Idempotency } from "../idempotency/service.ts";
import type { Retryable } from "../lib/idempotency-key.ts";
import type { ReadByKeys, Reads } from "../query/reads.ts";
import type { AddPersonInput, RemovePersonInput, UpdatePersonInput } from "../people/input.ts";
import { type Role, type Scope, scopesOf, type Viewer } from "../viewer.ts";
import type { AuditEvent } from "./audit-events.ts";
import {
  type AuditFilter,
  type AuditRead,
  checkCredential,
  type CreateCredentialInput,
  type CredentialFilter,
  type CredentialRead,
  type SecretKind,
} from "./input.ts";
import { addCredential, type Credential, findCredential, revokeCredential } from "./issuing.ts";
import { createMembers } from "./members.ts";
import { administratorOf, managerOfPeople } from "./policy.ts";
import { auditEventByTimeAndId, auditEventsOfAccount, credentialById, credentialsOfAccount } from "./relations.ts";

export type { AuditEvent } from "./audit-events.ts";
export type { Credential } from "./issuing.ts";

declare module "../services.ts" {
  interface Services {
    readonly access: Access;
  }
}

/** The use cases of administrators: the people, API keys and OAuth clients of their account, and its audit. */
export interface Access {
  /**
   * Returns a page of the credentials of a kind. Throws {@link Forbidden} if the viewer may not administer the account.
   */
  credentials(
    viewer: Viewer,
    kind: SecretKind,
    read: CredentialRead,
    selection?: PageSelection,
  ): Promise<CountedSlice<Credential>>;
  /**
   * Returns the credentials of a kind with these ids: null for one that the account does not have. Throws as
   * {@link Access.credentials}.
   */
  readonly credentialsByIds: Readonly<Record<SecretKind, ReadByKeys<Credential>>>;
  /** Returns how many credentials of a kind there are. Throws as {@link Access.credentials}. */
  totalOfCredentials(viewer: Viewer, kind: SecretKind, filter: CredentialFilter): Promise<Total>;
  /**
   * Creates a credential for a member of the account. Returns it and its secret, which is not stored and so cannot be
   * read again. Throws {@link Forbidden} if the credential would have scopes that the viewer's own credential lacks,
   * {@link NotFound} if the person is not a member, and {@link InvalidInput} if a field is not valid.
   */
  createCredential(
    viewer: Viewer,
    kind: SecretKind,
    input: CreateCredentialInput,
  ): Promise<{ credential: Credential; secret: string }>;
  /**
   * Revokes a credential permanently: it stops working within a second. Revoking it again changes nothing. Throws
   * {@link NotFound} if the account has no such credential, and {@link Forbidden} if the viewer is not an
   * administrator.
   */
  revokeCredential(viewer: Viewer, kind: SecretKind, input: RevokeCredentialInput): Promise<Credential>;
  /**
   * Adds a person to the viewer's account, and returns their id. Throws {@link Forbidden} if the viewer may not manage
   * people, and as {@link Members.add}.
   */
  addPerson(viewer: Viewer, input: AddPersonInput): Promise<string>;
  /** Throws {@link Forbidden} if the viewer may not manage people, and as {@link Members.change}. */
  updatePerson(viewer: Viewer, input: UpdatePersonInput): Promise<void>;
  /** Throws {@link Forbidden} if the viewer may not manage people, and as {@link Members.remove}. */
  removePerson(viewer: Viewer, input: RemovePersonInput): Promise<void>;
  /** Returns a page of the audit events. Throws {@link Forbidden} if the viewer may not administer the account. */
  auditEvents(viewer: Viewer, read: AuditRead, selection?: PageSelection): Promise<CountedSlice<AuditEvent>>;
  /** Returns the audit events with these keys (`timedKey`). Null and throws as {@link Access.credentialsByIds}. */
  readonly auditEventsByKeys: ReadByKeys<AuditEvent>;
  /** Returns how many audit events there are. Throws as {@link Access.auditEvents}. */
  totalOfAuditEvents(viewer: Viewer, filter: AuditFilter): Promise<Total>;
}

export interface AccessDependencies {
  readonly database: Database;
  readonly reads: Reads;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly idempotency: Idempotency;
}

interface RevokeCredentialInput extends Retryable {
  readonly id: string;
}

const credentialNames: Readonly<Record<SecretKind, string>> = { API_KEY: "key", OAUTH_CLIENT: "client" };

export function createAccess(dependencies: AccessDependencies): Access {
  const { database, reads, clock, newId, idempotency } = dependencies;
  const members = createMembers({ database, clock, newId });

  async function roleOf(accountId: string, personId: string): Promise<Role> {
    const member = await database.prisma.membership.findUnique({
      where: { accountId_personId: { accountId, personId }, endedAt: null },
    });
    if (!member) throw new NotFound("person");
    return member.role;
  }

  return {
    credentials: (viewer, kind, read, selection) => reads.page(viewer, credentialsOfAccount[kind], read, selection),
    totalOfCredentials: (viewer, kind, filter) => reads.total(viewer, credentialsOfAccount[kind], { filter }),

    credentialsByIds: {
      API_KEY: (viewer, ids, selection) => reads.byKeys(viewer, credentialById.API_KEY, ids, selection),
      OAUTH_CLIENT: (viewer, ids, selection) => reads.byKeys(viewer, credentialById.OAUTH_CLIENT, ids, selection),
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
        // A credential for the administrator works in all of their accounts. One for somebody else works in this
        // account only: the administrator, who knows its secret, could otherwise enter the other accounts of that
        // person.
        everyAccount: personId === administrator.person.id,
        createdAt: now,
        expiresAt: input.expiresAt ?? null,
      });
    },

    async revokeCredential(viewer, kind, { id, idempotencyKey }) {
      const administrator = administratorOf(viewer);
      const { id: accountId } = administrator.account;
      return idempotency.once(administrator, idempotencyKey, {
        write: async (key) => {
          const revoked = await revokeCredential(database, kind, administrator, { id, accountId, at: clock() }, key);
          if (!revoked) throw new NotFound(credentialNames[kind]);
          return revoked;
        },
        replay: async () => {
          const known = await findCredential(database, kind, { id, accountId });
          if (!known) throw new NotFound(credentialNames[kind]);
          return known;
        },
      });
    },

    async addPerson(viewer, { idempotencyKey, ...input }) {
      const manager = managerOfPeople(viewer);
      return idempotency.once(manager, idempotencyKey, {
        write: (key) => members.add(manager, manager.account.id, input, key),
        // Their name and role are read as of now.
        replay: ([id = ""]) => Promise.resolve(id),
      });
    },

    async updatePerson(viewer, { idempotencyKey, ...input }) {
      const manager = managerOfPeople(viewer);
      await idempotency.once(manager, idempotencyKey, {
        write: (key) => members.change(manager, manager.account.id, input, key),
        replay: () => Promise.resolve(),
      });
    },

    async removePerson(viewer, { idempotencyKey, id }) {
      const manager = managerOfPeople(viewer);
      await idempotency.once(manager, idempotencyKey, {
        write: (key) => members.remove(manager, manager.account.id, id, key),
        replay: () => Promise.resolve(),
      });
    },

    auditEvents: (viewer, read, selection) => reads.page(viewer, auditEventsOfAccount, read, selection),
    auditEventsByKeys: (viewer, keys, selection) =>
      reads.byKeys(viewer, auditEventByTimeAndId, keys.map(readTimedKey), selection),
    totalOfAuditEvents: (viewer, filter) => reads.total(viewer, auditEventsOfAccount, { filter }),
  };
}

/**
 * A credential cannot create one that may do more than itself. Throws {@link Forbidden} if `wanted` has a scope that
 * `own` lacks.
 */
function requireOwnScopes(own: ReadonlySet<Scope>, wanted: readonly Scope[]): void {
  const missing = wanted.filter((scope) => !own.has(scope));
  if (missing.length === 0) return;
  throw new Forbidden(`The credential lacks the scope ${missing.join(" and ")}, and cannot give it to another.`, missing);
}

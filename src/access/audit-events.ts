import type { AuditAction, AuditEntity, CredentialKind } from "#generated/prisma/client.ts";
import { raw, sql, type Sql } from "../database/sql.ts";

/** An audit event with the values that it names. */
export interface AuditEvent {
  readonly id: string;
  readonly accountId: string;
  readonly action: AuditAction;
  readonly entity: AuditEntity;
  readonly entityId: string;
  readonly personId: string | null;
  readonly credentialKind: CredentialKind | null;
  readonly credentialId: string | null;
  readonly address: string | null;
  readonly userAgent: string | null;
  readonly requestId: string | null;
  readonly createdAt: Date;
}

/** Returns the values that an event `e` of {@link storedEventsIn} names, as columns. */
export function eventValues(accountId: string): Sql {
  const valueOf = (column: string) =>
    sql`(SELECT v.value FROM audit_values v WHERE v.account_id = ${accountId}::uuid AND v.id = e.${raw(column)})`;
  return sql`
    ${valueOf("person_ref")}::uuid AS person_id,
    ${valueOf("credential_ref")}::uuid AS credential_id,
    ${valueOf("address_ref")} AS address,
    ${valueOf("user_agent_ref")} AS user_agent`;
}

/** Returns the audit events of an account as they are stored, as the FROM item `e`. */
export function storedEventsIn(accountId: string): Sql {
  return sql`(SELECT
    s.id, s.account_id, s.action, s.entity, s.entity_id, s.credential_kind, s.created_at, s.kind_ref, s.person_ref,
    s.credential_ref, s.address_ref, s.user_agent_ref, coalesce(s.request_uuid::text, s.request_id) AS request_id
    FROM audit_events s WHERE s.account_id = ${accountId}::uuid) e`;
}

/** Returns the audit events of an account as the FROM item `e`, with the columns of an {@link AuditEvent}. */
export function auditEventsIn(accountId: string): Sql {
  return sql`(SELECT e.*, ${eventValues(accountId)} FROM ${storedEventsIn(accountId)}) e`;
}

/** Returns the value for an action on a kind of entity. */
export function kindOfAct(action: AuditAction, entity: AuditEntity): string {
  return `${action} ${entity}`;
}

/** Returns an SQL expression for the id under which events of an account name `value`. Null if none does. */
export function auditValueId(accountId: string, value: string): Sql {
  return sql`(SELECT v.id FROM audit_values v WHERE v.account_id = ${accountId}::uuid AND v.value = ${value})`;
}

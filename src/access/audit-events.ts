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

/** Returns the columns of an event `s`, with the values that it names. */
function eventColumns(accountId: string): Sql {
  const valueOf = (column: string) =>
    sql`(SELECT v.value FROM audit_values v WHERE v.account_id = ${accountId}::uuid AND v.id = s.${raw(column)})`;
  return sql`
    s.id, s.account_id, s.action, s.entity, s.entity_id, s.credential_kind, s.created_at, s.kind_ref, s.person_ref,
    ${valueOf("person_ref")}::uuid AS person_id,
    ${valueOf("credential_ref")}::uuid AS credential_id,
    ${valueOf("address_ref")} AS address,
    ${valueOf("user_agent_ref")} AS user_agent,
    coalesce(s.request_uuid::text, s.request_id) AS request_id`;
}

/**
 * Returns the audit events of an account as the FROM item `e`, with the columns of an {@link AuditEvent},
 * `kind_ref` and `person_ref`. The values of columns that a statement does not use are not looked up.
 */
export function auditEventsIn(accountId: string): Sql {
  return sql`(SELECT ${eventColumns(accountId)} FROM audit_events s WHERE s.account_id = ${accountId}::uuid) e`;
}

/** Returns the value for an action on a kind of entity. */
export function kindOfAct(action: AuditAction, entity: AuditEntity): string {
  return `${action} ${entity}`;
}

/** Returns an SQL expression for the id under which events of an account name `value`. Null if none does. */
export function auditValueId(accountId: string, value: string): Sql {
  return sql`(SELECT v.id FROM audit_values v WHERE v.account_id = ${accountId}::uuid AND v.value = ${value})`;
}

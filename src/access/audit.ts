import type { AuditAction, AuditEntity } from "#generated/prisma/client.ts";
import { raw, sql, type Sql } from "../platform/sql.ts";
import type { Origin, PersonViewer } from "../viewer.ts";

/** Who does something that the audit records: a viewer, or the operator at the command line, who belongs to no account. */
export type Actor =
  | Pick<PersonViewer, "person" | "credential" | "origin">
  | { readonly person?: undefined; readonly origin: Origin };

/** What is done, to which rows. `rows` names a table expression with their `id` and `account_id`. */
export interface AuditedAct {
  readonly action: AuditAction;
  readonly entity: AuditEntity;
  readonly rows: string;
  /** When; the time of each row, as `acted`, where they differ. */
  readonly at: Date | Sql;
  /** The request of each row, as `acted`, where they came with several. */
  readonly requestId?: Sql;
}

/** The columns of an event in the order in which events are inserted. */
const eventColumns = raw(
  "id, account_id, action, entity, entity_id, person_id, credential_kind, credential_id, address, user_agent, request_id, created_at",
);

/**
 * Returns the INSERT that records what `actor` does. It is a WITH part of the statement that acts: no action without its event,
 * no event without its action, and no further round trip.
 */
export function auditInsert(actor: Actor, { action, entity, rows, at, requestId }: AuditedAct): Sql {
  const credential = actor.person ? actor.credential : undefined;
  const { origin } = actor;
  return sql`INSERT INTO audit_events (${eventColumns})
    SELECT gen_random_uuid(), acted.account_id, ${action}::"AuditAction", ${entity}::"AuditEntity", acted.id, ${actor.person?.id ?? null}::uuid,
      ${credential?.kind ?? null}::"CredentialKind", ${credential?.id ?? null}::uuid, ${origin?.address ?? null}::text,
      ${origin?.userAgent ?? null}::text, ${requestId ?? origin?.requestId ?? null}::text, ${at}::timestamptz
    FROM ${raw(rows)} acted`;
}

/**
 * Like {@link auditInsert}, for actions that no person does directly. `rows` also has the `person_id`, `credential_kind` and
 * `credential_id` to which the action is attributed.
 */
export function auditInsertOnBehalf(origin: Origin | undefined, { action, entity, rows, at }: AuditedAct): Sql {
  return sql`INSERT INTO audit_events (${eventColumns})
    SELECT gen_random_uuid(), acted.account_id, ${action}::"AuditAction", ${entity}::"AuditEntity", acted.id, acted.person_id,
      acted.credential_kind, acted.credential_id, ${origin?.address ?? null}::text, ${origin?.userAgent ?? null}::text,
      ${origin?.requestId ?? null}::text, ${at}::timestamptz
    FROM ${raw(rows)} acted`;
}

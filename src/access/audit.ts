import type { AuditAction, AuditEntity, AuditEvent } from "#generated/prisma/client.ts";
import { raw, sql, type Sql } from "../database/sql.ts";
import { type InsertedValues, insertInto } from "../database/table.ts";
import type { Origin, PersonViewer } from "../viewer.ts";
import { auditEventsTable } from "./tables.ts";

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

/**
 * Returns the INSERT that records what `actor` does. It is a WITH part of the statement that acts: no action without its event,
 * no event without its action, and no further round trip.
 */
export function auditInsert(actor: Actor, act: AuditedAct): Sql {
  const credential = actor.person ? actor.credential : undefined;
  return insertEvent(actor.origin, act, {
    personId: actor.person?.id ?? null,
    credentialKind: credential?.kind ?? null,
    credentialId: credential?.id ?? null,
  });
}

/**
 * Like {@link auditInsert}, for actions that no person does directly. `rows` also has the `person_id`, `credential_kind` and
 * `credential_id` to which the action is attributed.
 */
export function auditInsertOnBehalf(origin: Origin | undefined, act: AuditedAct): Sql {
  const { personId, credentialKind, credentialId } = acted;
  return insertEvent(origin, act, { personId, credentialKind, credentialId });
}

/** Columns of the rows that something was done to. */
const acted = {
  id: raw("acted.id"),
  accountId: raw("acted.account_id"),
  personId: raw("acted.person_id"),
  credentialKind: raw("acted.credential_kind"),
  credentialId: raw("acted.credential_id"),
} as const;
const newEventId = raw("gen_random_uuid()");

function insertEvent(
  origin: Origin | undefined,
  { action, entity, rows, at, requestId }: AuditedAct,
  by: Pick<InsertedValues<AuditEvent, never>, "personId" | "credentialKind" | "credentialId">,
): Sql {
  const insert = insertInto(auditEventsTable, {
    ...by,
    id: newEventId,
    accountId: acted.accountId,
    action,
    entity,
    entityId: acted.id,
    address: origin?.address ?? null,
    userAgent: origin?.userAgent ?? null,
    requestId: requestId ?? origin?.requestId ?? null,
    createdAt: at,
  });
  return sql`${insert} FROM ${raw(rows)} acted`;
}

import type { AuditAction, AuditEntity, AuditEvent } from "#generated/prisma/client.ts";
import { raw, sql, type Sql } from "../database/sql.ts";
import { type InsertedValues, insertInto } from "../database/table.ts";
import type { Origin, PersonViewer } from "../viewer.ts";
import { auditEventsTable } from "./tables.ts";

/** Who performs an audited action: a viewer, or the operator at the command line, who belongs to no account. */
export type Actor =
  | Pick<PersonViewer, "person" | "credential" | "origin">
  | { readonly person?: undefined; readonly origin: Origin };

/** An audited action. `rows` is the name of a table expression with the `id` and `account_id` of the affected rows. */
export interface AuditedAct {
  readonly action: AuditAction;
  readonly entity: AuditEntity;
  readonly rows: string;
  /** The time of the action, or an SQL expression over the alias `acted` if each row has its own time. */
  readonly at: Date | Sql;
  /**
   * An SQL expression over the alias `acted` for the request id of each row, if the rows came with several requests.
   */
  readonly requestId?: Sql;
}

/**
 * Returns the INSERT that records the action of `actor`. Put it as a WITH part into the statement that performs the
 * action: both happen or neither does, in one round trip.
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
 * Like {@link auditInsert}, for actions that no person performs directly. `rows` also has the `person_id`,
 * `credential_kind` and `credential_id` to which the action is attributed.
 */
export function auditInsertOnBehalf(origin: Origin | undefined, act: AuditedAct): Sql {
  const { personId, credentialKind, credentialId } = acted;
  return insertEvent(origin, act, { personId, credentialKind, credentialId });
}

/** Columns of the affected rows. */
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

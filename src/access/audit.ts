import type { AuditAction, AuditEntity, CredentialKind } from "#generated/prisma/client.ts";
import { raw, sql, type Sql } from "../database/sql.ts";
import { insertInto } from "../database/table.ts";
import type { Origin, PersonViewer } from "../viewer.ts";
import { kindOfAct } from "./audit-events.ts";
import { auditEventsTable } from "./tables.ts";

/** Who performs an audited action: a viewer, or the operator at the command line, who belongs to no account. */
export type Actor =
  | Pick<PersonViewer, "person" | "account" | "credential" | "origin">
  | {
      readonly person?: undefined;
      readonly origin: Origin;
      /** The account of all affected rows, if it is known. The values of the events are then looked up once. */
      readonly accountId?: string;
    };

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
  if (!actor.person) {
    const nobody = { personId: null, credentialId: null };
    const ids =
      actor.accountId === undefined
        ? valueIds(act, { accountId: acted.accountId, ...nobody }, actor.origin)
        : sql`(SELECT ${valueIds(act, { accountId: sql`${actor.accountId}::uuid`, ...nobody }, actor.origin)})`;
    return insertEvent(actor.origin, act, { credentialKind: null, ids });
  }
  const { person, account, credential, origin } = actor;
  // All rows are of the account in which the person acts, so the ids of the values are asked for once.
  const accountId = sql`${account.id}::uuid`;
  const ids = sql`(SELECT ${valueIds(act, { accountId, personId: person.id, credentialId: credential?.id ?? null }, origin)})`;
  return insertEvent(origin, act, { credentialKind: credential?.kind ?? null, ids });
}

/**
 * Like {@link auditInsert}, for actions that no person performs directly. `rows` also has the `person_id`,
 * `credential_kind` and `credential_id` to which the action is attributed.
 */
export function auditInsertOnBehalf(origin: Origin | undefined, act: AuditedAct): Sql {
  const { accountId, personId, credentialKind, credentialId } = acted;
  return insertEvent(origin, act, { credentialKind, ids: valueIds(act, { accountId, personId, credentialId }, origin) });
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
/** The ids of the values that an event names, in the order of the arguments of `audit_value_ids`. */
const refs = {
  kindRef: raw("named.ids[1]"),
  personRef: raw("named.ids[2]"),
  credentialRef: raw("named.ids[3]"),
  addressRef: raw("named.ids[4]"),
  userAgentRef: raw("named.ids[5]"),
} as const;

/** Who acts, as values or as SQL expressions. */
interface ActorIds {
  readonly accountId: Sql;
  readonly personId: string | Sql | null;
  readonly credentialId: string | Sql | null;
}

/** By whom an action is done. */
interface Attribution {
  readonly credentialKind: CredentialKind | Sql | null;
  /** An SQL expression for the ids of the values that the event names. */
  readonly ids: Sql;
}

/**
 * Returns a call of the function of the database that stores the values which an event names, and returns their ids. It
 * is evaluated only if a row is affected.
 */
function valueIds(
  { action, entity }: AuditedAct,
  { accountId, personId, credentialId }: ActorIds,
  { address, userAgent }: Pick<Origin, "address" | "userAgent"> = { address: null, userAgent: null },
): Sql {
  return sql`audit_value_ids(${accountId}, ${kindOfAct(action, entity)}, ${personId}::text, ${credentialId}::text, ${address}::text, ${userAgent}::text)`;
}

function insertEvent(
  origin: Origin | undefined,
  { action, entity, rows, at, requestId }: AuditedAct,
  { credentialKind, ids }: Attribution,
): Sql {
  const insert = insertInto(auditEventsTable, {
    ...refs,
    id: newEventId,
    accountId: acted.accountId,
    action,
    entity,
    entityId: acted.id,
    credentialKind,
    requestUuid: requestId ?? origin?.requestId ?? null,
    createdAt: at,
  });
  // OFFSET keeps the call in one place. Without it each of the five columns would have a call of its own.
  return sql`${insert} FROM ${raw(rows)} acted CROSS JOIN LATERAL (SELECT ${ids} AS ids OFFSET 0) named`;
}

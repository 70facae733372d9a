import { AuditAction, AuditEntity, Prisma } from "#generated/prisma/client.ts";
import { param, raw, sql, whereSql } from "../database/sql.ts";
import { personWhere } from "../people/relations.ts";
import type { Person } from "../people/service.ts";
import { defineEntity, type Entity } from "../query/model/entity.ts";
import {
  combinePredicates,
  conditionPredicate,
  createdAtField,
  fieldPredicate,
  type Predicate,
} from "../query/model/field-filter.ts";
import type { ManyRelation, OneRelation } from "../query/model/relation.ts";
import { type AuditEvent, auditEventsIn, auditValueId, eventValues, kindOfAct, storedEventsIn } from "./audit-events.ts";
import type { AuditRead, CredentialRead, SecretKind } from "./input.ts";
import { type Credential, credentialTable } from "./issuing.ts";
import { administeredRows } from "./policy.ts";

const revokedAt = { field: "revokedAt", type: "timestamptz" } as const;
const kindRef = { field: "kindRef", type: "integer" } as const;
const personRef = { field: "personRef", type: "integer" } as const;
const everyAction = Object.values(AuditAction);
const everyEntity = Object.values(AuditEntity);

/** The indexes of the table, of which two are by columns that no event has. */
const auditEventIndexes = [
  ["accountId", "createdAt", "id"],
  ["entityId", "createdAt"],
  ["kindRef", "createdAt"],
  ["personRef", "createdAt"],
] as const;

// The hash is no field of these entities, so that no read returns it.
const { hash: _hash, ...credentialFields } = Prisma.ApiKeyScalarFieldEnum;

/** The two kinds of credentials have the same columns and the same indexes. */
const credentialDefinition = {
  fields: credentialFields,
  revive: { createdAt: "instant", expiresAt: "instant", revokedAt: "instant", lastUsedAt: "instant" },
  indexes: [
    ["accountId", "personId", "createdAt", "id"],
    ["accountId", "createdAt", "id"],
  ],
} as const;

export const credentialEntities: Readonly<Record<SecretKind, Entity<Credential>>> = {
  API_KEY: defineEntity<Credential>({ alias: "k", ...credentialDefinition }),
  OAUTH_CLIENT: defineEntity<Credential>({ alias: "o", ...credentialDefinition }),
};

export const auditEventEntity = defineEntity<AuditEvent>({
  alias: "e",
  fields: {
    ...{ id: "id", accountId: "accountId", action: "action", entity: "entity", entityId: "entityId" },
    ...{ personId: "personId", credentialKind: "credentialKind", credentialId: "credentialId" },
    ...{ address: "address", userAgent: "userAgent", requestId: "requestId", createdAt: "createdAt" },
  },
  revive: { createdAt: "instant" },
  indexes: auditEventIndexes,
  isPartitioned: true,
  // Every action on every kind of entity.
  maxIndexRanges: everyAction.length * everyEntity.length,
});

/** The credentials of a kind that the viewer administers. */
export const credentialsOfAccount: Readonly<Record<SecretKind, ManyRelation<Credential, CredentialRead>>> = {
  API_KEY: credentialsOf("API_KEY"),
  OAUTH_CLIENT: credentialsOf("OAUTH_CLIENT"),
};

/** A credential of a kind that the viewer administers, by its id. */
export const credentialById: Readonly<Record<SecretKind, OneRelation<Credential>>> = {
  API_KEY: credentialOf("API_KEY"),
  OAUTH_CLIENT: credentialOf("OAUTH_CLIENT"),
};

/** The person for whom a credential of a kind acts. */
export const personOfCredential: Readonly<Record<SecretKind, OneRelation<Person>>> = {
  API_KEY: personWhere(sql`p.id = k.person_id`),
  OAUTH_CLIENT: personWhere(sql`p.id = o.person_id`),
};

/** The audit events of the account that the viewer administers. */
export const auditEventsOfAccount: ManyRelation<AuditEvent, AuditRead> = {
  target: auditEventEntity,
  from: (viewer, { filter }) => {
    const rows = administeredRows(viewer);
    const { actions, entities, entityId, personId, createdAt } = filter;
    const person = personId === undefined ? undefined : auditValueId(rows.accountId, personId);
    return {
      from: sql`${storedEventsIn(rows.accountId)} WHERE ${whereSql("e", rows)}`,
      lookups: eventValues(rows.accountId),
      scope: "accountId",
      visibleBy: [],
      predicate: combinePredicates("e", [
        actions || entities ? ofKinds(rows.accountId, actions ?? everyAction, entities ?? everyEntity) : undefined,
        entityId === undefined ? undefined : conditionPredicate({ entityId }),
        person && { inFilters: [{ ...personRef, values: [person] }] },
        createdAt && fieldPredicate("e", createdAtField, createdAt),
      ]),
    };
  },
};

/** An audit event of the account that the viewer administers, by its time and its id. No index has the id alone. */
export const auditEventByTimeAndId: OneRelation<AuditEvent> = {
  target: auditEventEntity,
  from: (viewer) => {
    const rows = administeredRows(viewer);
    return sql`${auditEventsIn(rows.accountId)} WHERE ${whereSql("e", rows)}
      AND e.created_at = ${param("createdAt")}::timestamptz AND e.id = ${param("id")}::uuid`;
  },
};

/** Returns the predicate that an event is of one of these actions on one of these kinds of entities. */
function ofKinds(accountId: string, actions: readonly AuditAction[], entities: readonly AuditEntity[]): Partial<Predicate> {
  const kinds = new Set(actions.flatMap((action) => entities.map((entity) => kindOfAct(action, entity))));
  return { inFilters: [{ ...kindRef, values: [...kinds].map((kind) => auditValueId(accountId, kind)) }] };
}

export const personOfAuditEvent = personWhere(sql`p.id = e.person_id`);

function credentialOf(kind: SecretKind): OneRelation<Credential> {
  const target = credentialEntities[kind];
  const alias = raw(target.alias);
  return {
    target,
    from: (viewer) =>
      sql`${credentialTable(kind)} ${alias} WHERE ${whereSql(target.alias, administeredRows(viewer))} AND ${alias}.id = ${param("key")}::uuid`,
  };
}

function credentialsOf(kind: SecretKind): ManyRelation<Credential, CredentialRead> {
  const target = credentialEntities[kind];
  const { alias } = target;
  return {
    target,
    from: (viewer, { filter }) => ({
      from: sql`${credentialTable(kind)} ${raw(alias)} WHERE ${whereSql(alias, administeredRows(viewer))}`,
      scope: "accountId",
      visibleBy: [],
      predicate: combinePredicates(alias, [
        filter.personId === undefined ? undefined : conditionPredicate({ personId: filter.personId }),
        filter.isRevoked === undefined ? undefined : fieldPredicate<Date>(alias, revokedAt, { empty: !filter.isRevoked }),
      ]),
    }),
  };
}

import { type AuditEvent, AuditAction, AuditEntity, Prisma } from "#generated/prisma/client.ts";
import { raw, sql, whereSql } from "../database/sql.ts";
import { personWhere } from "../people/relations.ts";
import type { Person } from "../people/service.ts";
import { defineEntity, type Entity } from "../query/model/entity.ts";
import {
  combinePredicates,
  conditionPredicate,
  createdAtField,
  fieldPredicate,
  inPredicate,
  type InFilter,
} from "../query/model/field-filter.ts";
import type { ManyRelation, OneRelation } from "../query/model/relation.ts";
import type { AuditRead, CredentialRead, SecretKind } from "./input.ts";
import { type Credential, credentialTable } from "./issuing.ts";
import { administeredRows } from "./policy.ts";

const revokedAt = { field: "revokedAt", type: "timestamptz" } as const;
const action = { field: "action", type: '"AuditAction"', values: Object.values(AuditAction) } as const satisfies InFilter;
const entity = { field: "entity", type: '"AuditEntity"', values: Object.values(AuditEntity) } as const satisfies InFilter;

// The hash is no field of these entities, so that no read returns it.
const { hash: _hash, ...credentialFields } = Prisma.ApiKeyScalarFieldEnum;

/** The two kinds of credentials have the same columns and the same indexes. */
const credentialDefinition = {
  fields: credentialFields,
  revive: { createdAt: "instant", expiresAt: "instant", revokedAt: "instant", lastUsedAt: "instant" },
  indexes: [
    ["accountId", "personId"],
    ["accountId", "createdAt", "id"],
  ],
} as const;

export const credentialEntities: Readonly<Record<SecretKind, Entity<Credential>>> = {
  API_KEY: defineEntity<Credential>({ alias: "k", ...credentialDefinition }),
  OAUTH_CLIENT: defineEntity<Credential>({ alias: "o", ...credentialDefinition }),
};

export const auditEventEntity = defineEntity<AuditEvent>({
  alias: "e",
  fields: Prisma.AuditEventScalarFieldEnum,
  revive: { createdAt: "instant" },
  indexes: [
    ["accountId", "createdAt", "id"],
    ["accountId", "entityId", "createdAt", "id"],
    ["accountId", "personId", "createdAt", "id"],
  ],
  closed: [action, entity],
});

/** The credentials of a kind that the viewer administers. */
export const credentialsOfAccount: Readonly<Record<SecretKind, ManyRelation<Credential, CredentialRead>>> = {
  API_KEY: credentialsOf("API_KEY"),
  OAUTH_CLIENT: credentialsOf("OAUTH_CLIENT"),
};

/** The person for whom a credential of a kind acts. */
export const personOfCredential: Readonly<Record<SecretKind, OneRelation<Person>>> = {
  API_KEY: personWhere(sql`m.person_id = k.person_id`),
  OAUTH_CLIENT: personWhere(sql`m.person_id = o.person_id`),
};

/** The audit events of the account that the viewer administers. */
export const auditEventsOfAccount: ManyRelation<AuditEvent, AuditRead> = {
  target: auditEventEntity,
  from: (viewer, { filter }) => ({
    from: sql`audit_events e WHERE ${whereSql("e", administeredRows(viewer))}`,
    scope: "accountId",
    predicate: combinePredicates("e", [
      filter.actions && inPredicate(action, filter.actions),
      filter.entities && inPredicate(entity, filter.entities),
      filter.entityId === undefined ? undefined : conditionPredicate({ entityId: filter.entityId }),
      filter.personId === undefined ? undefined : conditionPredicate({ personId: filter.personId }),
      filter.createdAt && fieldPredicate("e", createdAtField, filter.createdAt),
    ]),
  }),
};

export const personOfAuditEvent = personWhere(sql`m.person_id = e.person_id`);

function credentialsOf(kind: SecretKind): ManyRelation<Credential, CredentialRead> {
  const target = credentialEntities[kind];
  const { alias } = target;
  return {
    target,
    from: (viewer, { filter }) => ({
      from: sql`${credentialTable(kind)} ${raw(alias)} WHERE ${whereSql(alias, administeredRows(viewer))}`,
      scope: "accountId",
      predicate: combinePredicates(alias, [
        filter.personId === undefined ? undefined : conditionPredicate({ personId: filter.personId }),
        filter.isRevoked === undefined ? undefined : fieldPredicate<Date>(alias, revokedAt, { empty: !filter.isRevoked }),
      ]),
    }),
  };
}

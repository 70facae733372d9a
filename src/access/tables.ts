import type {
  ApiKey,
  AuditEvent,
  IdentityLink,
  Membership,
  OAuthClient,
  Person,
  SigningKey,
} from "#generated/prisma/client.ts";
import { defineTable } from "../database/table.ts";

export const apiKeysTable = defineTable<ApiKey>({
  name: "api_keys",
  types: {
    id: "uuid",
    accountId: "uuid",
    personId: "uuid",
    name: "text",
    hash: "bytea",
    scopes: "text[]",
    everyAccount: "boolean",
    createdAt: "timestamptz",
    expiresAt: "timestamptz",
    revokedAt: "timestamptz",
    lastUsedAt: "timestamptz",
  },
});

/** OAuth clients have the columns of API keys, in a table of their own. */
export const oauthClientsTable = defineTable<OAuthClient>({ name: "oauth_clients", types: apiKeysTable.types });

export const identityLinksTable = defineTable<IdentityLink>({
  name: "identity_links",
  types: {
    id: "uuid",
    accountId: "uuid",
    personId: "uuid",
    issuer: "text",
    subject: "text",
    scopes: "text[]",
    everyAccount: "boolean",
    createdAt: "timestamptz",
    lastUsedAt: "timestamptz",
  },
});

export const peopleTable = defineTable<Person, "number">({
  name: "people",
  types: { id: "uuid", number: "integer", accountId: "uuid", name: "text", email: "text", createdAt: "timestamptz" },
});

export const membershipsTable = defineTable<Membership, "personNumber">({
  name: "memberships",
  types: {
    accountId: "uuid",
    personId: "uuid",
    personNumber: "integer",
    role: '"Role"',
    createdAt: "timestamptz",
    endedAt: "timestamptz",
  },
});

export const signingKeysTable = defineTable<SigningKey>({
  name: "signing_keys",
  types: { id: "text", activeFrom: "timestamptz", sealedBy: "text", sealedKey: "bytea", createdAt: "timestamptz" },
});

/** The columns into which only the version before partitions writes. */
type ReplacedColumn = "personId" | "credentialId" | "address" | "userAgent" | "requestId";

export const auditEventsTable = defineTable<AuditEvent, ReplacedColumn>({
  name: "audit_events",
  types: {
    createdAt: "timestamptz",
    action: '"AuditAction"',
    entity: '"AuditEntity"',
    credentialKind: '"CredentialKind"',
    kindRef: "integer",
    personRef: "integer",
    credentialRef: "integer",
    addressRef: "integer",
    userAgentRef: "integer",
    id: "uuid",
    accountId: "uuid",
    entityId: "uuid",
    requestUuid: "uuid",
    personId: "uuid",
    credentialId: "uuid",
    address: "text",
    userAgent: "text",
    requestId: "text",
  },
});

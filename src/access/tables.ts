import type { ApiKey, AuditEvent, IdentityLink, OAuthClient, SigningKey } from "#generated/prisma/client.ts";
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

export const signingKeysTable = defineTable<SigningKey>({
  name: "signing_keys",
  types: { id: "text", activeFrom: "timestamptz", sealedBy: "text", sealedKey: "bytea", createdAt: "timestamptz" },
});

export const auditEventsTable = defineTable<AuditEvent>({
  name: "audit_events",
  types: {
    id: "uuid",
    accountId: "uuid",
    action: '"AuditAction"',
    entity: '"AuditEntity"',
    entityId: "uuid",
    personId: "uuid",
    credentialKind: '"CredentialKind"',
    credentialId: "uuid",
    address: "text",
    userAgent: "text",
    requestId: "text",
    createdAt: "timestamptz",
  },
});

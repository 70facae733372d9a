import { builder } from "../graphql/kit/builder.ts";
import { readPage } from "../graphql/kit/connections.ts";
import { defineConnection } from "../graphql/kit/define-connection.ts";
import { mutationErrors } from "../graphql/kit/errors.ts";
import { extensionsFor } from "../graphql/kit/field-options.ts";
import { idempotencyKeyDescription, readIdempotencyKey } from "../graphql/kit/idempotency.ts";
import { readId, readIdOfAny, readOptionalId } from "../graphql/kit/ids.ts";
import { loadNode } from "../graphql/kit/nodes.ts";
import { DateTimeRange, readRange } from "../graphql/kit/ranges.ts";
import { timedKey } from "../lib/global-ids.ts";
import { PersonRef, ScopeEnum } from "../people/graphql.ts";
import { scopes } from "../viewer.ts";
import { type AuditFilter, type CredentialFilter, newestFirst, type SecretKind } from "./input.ts";
import { personOfAuditEvent, personOfCredential } from "./relations.ts";
import type { AuditEvent, Credential } from "./service.ts";

const CredentialFilterInput = builder.inputType("CredentialFilter", {
  description:
    "Conditions on API keys or OAuth clients. All given conditions must hold; a condition that is null or omitted is ignored.",
  fields: (t) => ({
    personId: t.id({ description: "Only those that act for this person: a global id or a UUID." }),
    isRevoked: t.boolean({ description: "True: only revoked ones. False: only those that are not revoked." }),
  }),
});

function readCredentialFilter(filter: typeof CredentialFilterInput.$inferInput | null | undefined): CredentialFilter {
  return {
    personId: readOptionalId("Person", filter?.personId, ["filter", "personId"]),
    isRevoked: filter?.isRevoked ?? undefined,
  };
}

/** The names and descriptions of a kind of credential in the schema. */
interface Wording {
  readonly kind: SecretKind;
  readonly type: "ApiKey" | "OAuthClient";
  readonly list: string;
  readonly create: string;
  readonly revoke: string;
  /** The field of the payloads that holds it. */
  readonly one: string;
  readonly thing: string;
  readonly things: string;
  readonly about: string;
  /** The field with its UUID. */
  readonly uuid: string;
  readonly uuidText: string;
  readonly secretText: string;
}

const wordings: readonly Wording[] = [
  {
    kind: "API_KEY",
    type: "ApiKey",
    list: "apiKeys",
    create: "createApiKey",
    revoke: "revokeApiKey",
    one: "apiKey",
    thing: "API key",
    things: "API keys",
    about:
      "An API key, which acts for a person. Clients send it as `X-API-Key` or `Authorization: Bearer`. This type never " +
      "contains the key itself.",
    uuid: "uuid",
    uuidText: "The API key's UUID. It is not secret, and it is not the key.",
    secretText: "The API key itself. This is the only response that contains it: the gateway stores only its hash.",
  },
  {
    kind: "OAUTH_CLIENT",
    type: "OAuthClient",
    list: "oauthClients",
    create: "createOAuthClient",
    revoke: "revokeOAuthClient",
    one: "oauthClient",
    thing: "OAuth client",
    things: "OAuth clients",
    about:
      "An OAuth 2 client, which acts for a person. It exchanges its id and its secret for an access token at `POST " +
      "/oauth2/token` (RFC 6749, client credentials).",
    uuid: "clientId",
    uuidText: "The `client_id` of RFC 6749: the OAuth client's UUID.",
    secretText:
      "The `client_secret` of RFC 6749. This is the only response that contains it: the gateway stores only its hash.",
  },
];

for (const wording of wordings) defineCredential(wording);

function defineCredential(wording: Wording): void {
  const { kind, type, thing, things } = wording;

  const CredentialRef = builder.objectRef<Credential>(type).implement({
    description: wording.about,
    fields: (t) => ({
      [wording.uuid]: t.expose("id", { type: "UUID", description: wording.uuidText }),
      name: t.exposeString("name", { description: `What the ${thing} is for, as its creator described it.` }),
      person: t.toOne({
        type: PersonRef,
        description: `The person for whom the ${thing} acts.`,
        relation: personOfCredential[kind],
        by: "personId",
        read: ({ people }) => people.byIds,
      }),
      scopes: t.computed({
        type: [ScopeEnum],
        description: `What the ${thing} may be used for, as far as the role of its person allows it.`,
        columns: ["scopes"],
        resolve: (credential) => scopes.filter((scope) => credential.scopes.includes(scope)),
      }),
      createdAt: t.expose("createdAt", { type: "DateTime", description: `When the ${thing} was created.` }),
      expiresAt: t.expose("expiresAt", {
        type: "DateTime",
        nullable: true,
        description: `When the ${thing} expires. Null if it does not expire.`,
      }),
      revokedAt: t.expose("revokedAt", {
        type: "DateTime",
        nullable: true,
        description: `When the ${thing} was revoked. Null if it was not.`,
      }),
      lastUsedAt: t.expose("lastUsedAt", {
        type: "DateTime",
        nullable: true,
        description: `When the ${thing} was last used, accurate to one hour. Null if it never was.`,
      }),
    }),
  });

  builder.nodeRef(CredentialRef, {
    id: { description: `The ${thing}'s global id.`, resolve: (credential: Credential) => credential.id },
    loadWithoutCache: loadNode(type, ({ services }) => services.access.credentialsByIds[kind]),
  });

  builder.queryField(wording.list, (t) =>
    t.rootConnection({
      connection: defineConnection({ type: CredentialRef, singular: `An ${thing}`, plural: things }),
      description: `Returns the ${things} of the account, the newest first. Requires the role ADMINISTRATOR and the scope \`admin\`.`,
      args: {
        filter: t.arg({
          type: CredentialFilterInput,
          description: `Conditions on the ${things}. Without it all are returned.`,
        }),
      },
      scope: () => ({ name: `Query.${wording.list}`, ordering: newestFirst }),
      input: (args, scope) => ({
        filter: readCredentialFilter(args.filter),
        ordering: scope.ordering,
        page: readPage(args, scope),
      }),
      read: ({ services, viewer }, input, selection) => services.access.credentials(viewer, kind, input, selection),
      total: ({ services, viewer }, { filter }) => services.access.totalOfCredentials(viewer, kind, filter),
    }),
  );

  const CreateInput = builder.inputType(`Create${type}Input`, {
    description: `The ${thing} to create.`,
    fields: (t) => ({
      name: t.string({ required: true, description: `What the ${thing} is for: 1 to 255 characters, not blank.` }),
      personId: t.id({
        description: `The person for whom the ${thing} acts: a member of the account, as a global id or a UUID. Default: the viewer.`,
      }),
      scopes: t.field({
        type: [ScopeEnum],
        description:
          `What the ${thing} may be used for: at least one scope, and only scopes of the viewer's own credential. Default: all ` +
          "of those that are of use to the person's role.",
      }),
      expiresAt: t.field({ type: "DateTime", description: `When the ${thing} expires: a time in the future. Default: never.` }),
    }),
  });

  const CreatePayload = builder.objectRef<{ credential: Credential; secret: string }>(`Create${type}Payload`).implement({
    description: `The ${thing} that was created, and its secret.`,
    fields: (t) => ({
      [wording.one]: t.expose("credential", { type: CredentialRef, description: `The ${thing} that was created.` }),
      secret: t.exposeString("secret", { description: wording.secretText }),
    }),
  });

  const RevokeInput = builder.inputType(`Revoke${type}Input`, {
    description: `The ${thing} to revoke.`,
    fields: (t) => ({
      id: t.id({ required: true, description: `The ${thing}'s global id or its UUID.` }),
      idempotencyKey: t.string({ description: idempotencyKeyDescription }),
    }),
  });

  const RevokePayload = builder.objectRef<{ credential: Credential }>(`Revoke${type}Payload`).implement({
    description: `The ${thing} that was revoked.`,
    fields: (t) => ({
      [wording.one]: t.expose("credential", { type: CredentialRef, description: `The ${thing} that was revoked.` }),
    }),
  });

  builder.mutationField(wording.create, (t) =>
    t.field({
      type: CreatePayload,
      description: `Creates an ${thing} for a member of the account. Requires the role ADMINISTRATOR and the scope \`admin\`.`,
      errors: mutationErrors,
      args: { input: t.arg({ type: CreateInput, required: true, description: `The ${thing} to create.` }) },
      resolve: (_root, { input }, { services, viewer }) =>
        services.access.createCredential(viewer, kind, {
          name: input.name,
          personId: readOptionalId("Person", input.personId, "personId"),
          scopes: input.scopes ?? undefined,
          expiresAt: input.expiresAt ?? undefined,
        }),
    }),
  );

  builder.mutationField(wording.revoke, (t) =>
    t.field({
      type: RevokePayload,
      description:
        `Revokes an ${thing} permanently: it stops working within one second. To revoke it again changes nothing. Requires the ` +
        "role ADMINISTRATOR and the scope `admin`.",
      errors: mutationErrors,
      args: { input: t.arg({ type: RevokeInput, required: true, description: `The ${thing} to revoke.` }) },
      resolve: async (_root, { input }, { services, viewer }) => ({
        credential: await services.access.revokeCredential(viewer, kind, {
          id: readId(type, input.id),
          idempotencyKey: readIdempotencyKey(wording.revoke, input),
        }),
      }),
    }),
  );
}

const AuditActionEnum = builder.enumType("AuditAction", {
  description: "The actions that the audit records.",
  values: {
    CREATED: { description: "The entity was added or created." },
    EDITED: { description: "The entity was updated." },
    DELETED: { description: "The entity was deleted, directly or together with the note to which it belonged." },
    UPLOAD_REQUESTED: { description: "A URL was requested to which the file of the attachment can be uploaded." },
    UPLOAD_ARRIVED: {
      description:
        "The file of the attachment arrived. The event has the person who requested the upload URL and the address from which " +
        "the file was sent.",
    },
    REVOKED: { description: "The credential was revoked." },
    REDACTED: { description: "Something of the note was removed for ever, or the attachment was." },
    USED: { description: "The credential was used. Recorded at most once an hour for each credential." },
    UNDELETED: { description: "The deleted entity was brought back, directly or together with its note." },
  } as const,
});

const AuditEntityEnum = builder.enumType("AuditEntity", {
  description: "The kinds of entities that the audit records actions on.",
  values: {
    TICKET: { description: "A ticket." },
    NOTE: { description: "A note." },
    ATTACHMENT: { description: "An attachment." },
    API_KEY: { description: "An API key." },
    OAUTH_CLIENT: { description: "An OAuth client." },
    IDENTITY_LINK: { description: "A link between a person and a subject of an external token issuer." },
    PERSON: {
      description:
        "A person of the account. CREATED: they were added, also again. DELETED: they were removed from the account.",
    },
  } as const,
});

const CredentialKindEnum = builder.enumType("CredentialKind", {
  description: "The kinds of credentials.",
  values: {
    API_KEY: { description: "An API key." },
    OAUTH_CLIENT: { description: "An access token that this gateway issued to an OAuth client." },
    IDENTITY_LINK: { description: "A token of an external issuer, whose subject is linked to a person." },
  } as const,
});

const AuditEventRef = builder.objectRef<AuditEvent>("AuditEvent").implement({
  description:
    "A record of who did what, when and from where. It is written in the same transaction as the action, and never changes.",
  fields: (t) => ({
    uuid: t.expose("id", { type: "UUID", description: "The event's UUID." }),
    action: t.expose("action", { type: AuditActionEnum, description: "The action." }),
    entity: t.expose("entity", { type: AuditEntityEnum, description: "The kind of the entity on which the action was done." }),
    entityId: t.expose("entityId", {
      type: "UUID",
      description: "The UUID of that entity, which may have been deleted since.",
    }),
    person: t.toOne({
      type: PersonRef,
      nullable: true,
      description: "The person who did it. Null if it was done from the command line.",
      relation: personOfAuditEvent,
      by: "personId",
      read: ({ people }) => people.byIds,
    }),
    credentialKind: t.expose("credentialKind", {
      type: CredentialKindEnum,
      nullable: true,
      description: "The kind of credential that was used. Null if there was none.",
    }),
    credentialId: t.expose("credentialId", {
      type: "UUID",
      nullable: true,
      description: "The id of the API key, OAuth client or identity link that was used. Null if there was none.",
    }),
    address: t.exposeString("address", {
      nullable: true,
      description: "The IP address from which the request came. Null if there was no request.",
    }),
    userAgent: t.exposeString("userAgent", {
      nullable: true,
      description: "The `User-Agent` header of the request. Null if it had none.",
    }),
    requestId: t.exposeString("requestId", {
      nullable: true,
      description:
        "The `x-request-id` header of the response, which is also in the gateway's log. Null if there was no request.",
    }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When the action was done." }),
  }),
});

builder.nodeRef(AuditEventRef, {
  id: {
    description: "The event's global id.",
    resolve: (event: AuditEvent) => timedKey(event),
    extensions: extensionsFor({ kind: "columns", columns: ["id", "createdAt"] }),
  },
  loadWithoutCache: loadNode("AuditEvent", ({ services }) => services.access.auditEventsByKeys),
});

const AuditEventFilterInput = builder.inputType("AuditEventFilter", {
  description: "Conditions on audit events. All given conditions must hold; a condition that is null or omitted is ignored.",
  fields: (t) => ({
    action: t.field({ type: [AuditActionEnum], description: "Only events with one of these actions." }),
    entity: t.field({ type: [AuditEntityEnum], description: "Only events on one of these kinds of entities." }),
    entityId: t.id({ description: "Only events on this entity: its global id or its UUID." }),
    personId: t.id({ description: "Only events of this person: a global id or a UUID." }),
    createdAt: t.field({ type: DateTimeRange, description: "Only events in this range of time." }),
  }),
});

/** The types of the entities that have a global id. */
const auditedTypes = ["Ticket", "Note", "Attachment", "ApiKey", "OAuthClient", "Person"] as const;

function readAuditFilter(filter: typeof AuditEventFilterInput.$inferInput | null | undefined): AuditFilter {
  if (!filter) return {};
  return {
    actions: filter.action ?? undefined,
    entities: filter.entity ?? undefined,
    entityId:
      typeof filter.entityId === "string" ? readIdOfAny(auditedTypes, filter.entityId, ["filter", "entityId"]) : undefined,
    personId: readOptionalId("Person", filter.personId, ["filter", "personId"]),
    createdAt: readRange(filter.createdAt, ["filter", "createdAt"]),
  };
}

builder.queryField("auditEvents", (t) =>
  t.rootConnection({
    connection: defineConnection({ type: AuditEventRef, singular: "An audit event", plural: "audit events" }),
    description:
      "Returns the audit events of the account, the newest first. Requires the role ADMINISTRATOR and the scope `admin`.",
    args: {
      filter: t.arg({
        type: AuditEventFilterInput,
        description: "Conditions on the audit events. Without it all are returned.",
      }),
    },
    scope: () => ({ name: "Query.auditEvents", ordering: newestFirst }),
    input: (args, scope) => ({
      filter: readAuditFilter(args.filter),
      ordering: scope.ordering,
      page: readPage(args, scope),
    }),
    read: ({ services, viewer }, input, selection) => services.access.auditEvents(viewer, input, selection),
    total: ({ services, viewer }, { filter }) => services.access.totalOfAuditEvents(viewer, filter),
  }),
);

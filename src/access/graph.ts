import { builder } from "../graph/builder.ts";
import {
  type Connection,
  type ConnectionArguments,
  countOf,
  nodesDescription,
  nodesOf,
  readPage,
  toConnection,
} from "../graph/connections.ts";
import type { CursorScope } from "../platform/cursor.ts";
import type { GraphContext } from "../graph/context.ts";
import { whenThere } from "../platform/eventually.ts";
import { mutationErrors } from "../graph/errors.ts";
import { readId, readIdOfAny } from "../graph/ids.ts";
import { DateTimeRange, readRange } from "../graph/ranges.ts";
import { PersonRef, present, ScopeEnum } from "../people/graph.ts";
import { scopes } from "../viewer.ts";
import { type AuditFilter, type CredentialFilter, newestFirst, type SecretKind } from "./input.ts";
import type { AuditEvent, Credential } from "./service.ts";

const CredentialFilterInput = builder.inputType("CredentialFilter", {
  description: "Which keys or clients are wanted; everything given must hold.",
  fields: (t) => ({
    personId: t.id({ description: "That act for this person." }),
    isRevoked: t.boolean({ description: "Revoked ones, or those that are not." }),
  }),
});

function readCredentialFilter(filter: typeof CredentialFilterInput.$inferInput | null | undefined): CredentialFilter {
  return {
    personId: filter?.personId ? readId("Person", filter.personId, ["filter", "personId"]) : undefined,
    isRevoked: filter?.isRevoked ?? undefined,
  };
}

/** What the schema calls a kind of credential, and says of it. */
interface Wording {
  readonly kind: SecretKind;
  readonly type: string;
  readonly list: string;
  readonly create: string;
  readonly revoke: string;
  /** The field of the payloads that holds it. */
  readonly one: string;
  readonly thing: string;
  readonly things: string;
  readonly about: string;
  readonly idText: string;
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
    about: "A key that acts for a person: sent as `X-API-Key` or as `Authorization: Bearer`. Here it is told of, never shown.",
    idText: "The key's id, which is no secret.",
    secretText: "The key itself. It is shown this once, and is kept nowhere.",
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
      "A client of the token endpoint, `POST /oauth2/token`, which exchanges its id and its secret for an access token that acts for a person.",
    idText: "The `client_id`.",
    secretText: "The `client_secret`. It is shown this once, and is kept nowhere.",
  },
];

for (const wording of wordings) defineCredential(wording);

function defineCredential(wording: Wording): void {
  const { kind, type, thing, things } = wording;

  const CredentialRef = builder.objectRef<Credential>(type).implement({
    description: wording.about,
    fields: (t) => ({
      id: t.exposeID("id", { description: wording.idText }),
      name: t.exposeString("name", { description: "What it is for, in the words of whoever made it." }),
      person: t.field({
        type: PersonRef,
        description: "Whom it acts for.",
        resolve: (credential, _args, context, info) =>
          whenThere(context.load(context.services.people.byIds, credential.personId, context.selected(info)), present),
      }),
      scopes: t.field({
        type: [ScopeEnum],
        description: "What it may be used for, as far as its person's role allows.",
        resolve: (credential) => scopes.filter((scope) => credential.scopes.includes(scope)),
      }),
      createdAt: t.expose("createdAt", { type: "DateTime", description: "When it was made." }),
      expiresAt: t.expose("expiresAt", {
        type: "DateTime",
        nullable: true,
        description: "When it stops working; null where it does not by itself.",
      }),
      revokedAt: t.expose("revokedAt", {
        type: "DateTime",
        nullable: true,
        description: "When it was revoked; null where it was not.",
      }),
      lastUsedAt: t.expose("lastUsedAt", {
        type: "DateTime",
        nullable: true,
        description: "When it was last used, to within an hour; null where it never was.",
      }),
    }),
  });

  const Edge = builder.edgeObject({
    name: `${type}Edge`,
    type: CredentialRef,
    description: `One of the ${things}, and where it stands.`,
  });
  const ConnectionRef = builder.connectionObject(
    {
      name: `${type}Connection`,
      type: CredentialRef,
      description: `A page of ${things}.`,
      fields: (t) => ({
        nodes: t.field({ type: [CredentialRef], description: nodesDescription, resolve: (page) => nodesOf<Credential>(page) }),
        totalCount: t.int({
          description: `How many ${things} there are on all pages. Counted only when asked for.`,
          resolve: countOf,
        }),
      }),
    },
    Edge,
  );

  builder.queryField(wording.list, (t) =>
    t.connection(
      {
        type: CredentialRef,
        description: `The ${things} of the account, newest first. For administrators, with the scope \`admin\`.`,
        args: { filter: t.arg({ type: CredentialFilterInput, description: `Which ${things} are wanted.` }) },
        resolve: (_root, args, context) => credentials(args, readCredentialFilter(args.filter), context),
      },
      ConnectionRef,
      Edge,
    ),
  );

  async function credentials(
    args: ConnectionArguments,
    filter: CredentialFilter,
    context: GraphContext,
  ): Promise<Connection<Credential>> {
    const { viewer, services } = context;
    const scope: CursorScope = { name: `Query.${wording.list}`, ordering: newestFirst };
    const slice = await services.access.credentials(viewer, kind, { filter, page: readPage(args, scope) });
    return toConnection(slice, scope, () => services.access.countCredentials(viewer, kind, filter));
  }

  const CreateInput = builder.inputType(`Create${type}Input`, {
    description: `The ${thing} to make.`,
    fields: (t) => ({
      name: t.string({ required: true, description: "What it is for: 1 to 255 characters." }),
      personId: t.id({ description: "Whom it acts for: a member of the account. You, where it is left out." }),
      scopes: t.field({
        type: [ScopeEnum],
        description:
          "What it may be used for: no more than your own credential. All of that which is of use to the person, where it is left out.",
      }),
      expiresAt: t.field({ type: "DateTime", description: "When it stops working by itself. Never, where it is left out." }),
    }),
  });

  const CreatePayload = builder.objectRef<{ credential: Credential; secret: string }>(`Create${type}Payload`).implement({
    description: `The ${thing} that was made, and its secret.`,
    fields: (t) => ({
      [wording.one]: t.expose("credential", { type: CredentialRef, description: `The ${thing}.` }),
      secret: t.exposeString("secret", { description: wording.secretText }),
    }),
  });

  const RevokeInput = builder.inputType(`Revoke${type}Input`, {
    description: `The ${thing} to revoke.`,
    fields: (t) => ({ id: t.id({ required: true, description: wording.idText }) }),
  });

  const RevokePayload = builder.objectRef<{ credential: Credential }>(`Revoke${type}Payload`).implement({
    description: `The ${thing} that was revoked.`,
    fields: (t) => ({ [wording.one]: t.expose("credential", { type: CredentialRef, description: `The ${thing}.` }) }),
  });

  builder.mutationField(wording.create, (t) =>
    t.field({
      type: CreatePayload,
      description: `Makes one of the ${things} of a member of the account. For administrators, with the scope \`admin\`.`,
      errors: mutationErrors,
      args: { input: t.arg({ type: CreateInput, required: true, description: `The ${thing} to make.` }) },
      resolve: (_root, { input }, { services, viewer }) =>
        services.access.createCredential(viewer, kind, {
          name: input.name,
          personId: input.personId ? readId("Person", input.personId, "personId") : undefined,
          scopes: input.scopes ?? undefined,
          expiresAt: input.expiresAt ?? undefined,
        }),
    }),
  );

  builder.mutationField(wording.revoke, (t) =>
    t.field({
      type: RevokePayload,
      description: `Revokes one of the ${things} for good: it stops working within a second. For administrators, with the scope \`admin\`.`,
      errors: mutationErrors,
      args: { input: t.arg({ type: RevokeInput, required: true, description: `The ${thing} to revoke.` }) },
      resolve: async (_root, { input }, { services, viewer }) => ({
        credential: await services.access.revokeCredential(viewer, kind, readIdOfAny([], input.id)),
      }),
    }),
  );
}

const AuditActionEnum = builder.enumType("AuditAction", {
  description: "What was done.",
  values: {
    CREATED: { description: "It was made." },
    EDITED: { description: "It was changed." },
    DELETED: { description: "It was deleted, by itself or with what it belonged to." },
    UPLOAD_REQUESTED: { description: "A URL that takes its bytes was asked for." },
    UPLOAD_ARRIVED: {
      description: "Its bytes arrived. The person is whoever asked for the URL; the address, where the bytes came from.",
    },
    REVOKED: { description: "It was revoked for good." },
    USED: { description: "It was used. Kept once an hour at most." },
  } as const,
});

const AuditEntityEnum = builder.enumType("AuditEntity", {
  description: "What something was done with.",
  values: {
    TICKET: { description: "A ticket." },
    NOTE: { description: "A note." },
    ATTACHMENT: { description: "An attachment." },
    API_KEY: { description: "An API key." },
    OAUTH_CLIENT: { description: "A client of the token endpoint." },
    IDENTITY_LINK: { description: "A link from an outside issuer's subject to a person." },
  } as const,
});

const CredentialKindEnum = builder.enumType("CredentialKind", {
  description: "How somebody proved who they are.",
  values: {
    API_KEY: { description: "By an API key." },
    OAUTH_CLIENT: { description: "By an access token of this gateway, which one of its clients was given." },
    IDENTITY_LINK: { description: "By a token of an outside issuer, whose subject is linked to a person." },
  } as const,
});

const AuditEventRef = builder.objectRef<AuditEvent>("AuditEvent").implement({
  description: "Who did what, when, from where. It is written with what it tells of, and never changed.",
  fields: (t) => ({
    id: t.exposeID("id", { description: "The event's id." }),
    action: t.expose("action", { type: AuditActionEnum, description: "What was done." }),
    entity: t.expose("entity", { type: AuditEntityEnum, description: "What it was done with." }),
    entityId: t.field({
      type: "UUID",
      description: "The UUID of that, which may be gone by now.",
      resolve: (event) => event.entityId,
    }),
    person: t.field({
      type: PersonRef,
      nullable: true,
      description: "Who did it; null where it was done from the command line.",
      resolve: (event, _args, context, info) =>
        event.personId === null ? null : context.load(context.services.people.byIds, event.personId, context.selected(info)),
    }),
    credentialKind: t.expose("credentialKind", {
      type: CredentialKindEnum,
      nullable: true,
      description: "How they proved who they are.",
    }),
    credentialId: t.field({
      type: "UUID",
      nullable: true,
      description: "The id of the key, client or link they did that with.",
      resolve: (event) => event.credentialId,
    }),
    address: t.exposeString("address", { nullable: true, description: "The network address the call came from." }),
    userAgent: t.exposeString("userAgent", { nullable: true, description: "What the calling program said it is." }),
    requestId: t.exposeString("requestId", {
      nullable: true,
      description: "The call's `x-request-id`, which finds it in the log.",
    }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When it was done." }),
  }),
});

const AuditEventEdge = builder.edgeObject({
  name: "AuditEventEdge",
  type: AuditEventRef,
  description: "An event and where it stands.",
});

const AuditEventConnection = builder.connectionObject(
  {
    name: "AuditEventConnection",
    type: AuditEventRef,
    description: "A page of events.",
    fields: (t) => ({
      nodes: t.field({ type: [AuditEventRef], description: nodesDescription, resolve: (page) => nodesOf<AuditEvent>(page) }),
      totalCount: t.int({
        description: "How many events there are on all pages. Counted only when asked for.",
        resolve: countOf,
      }),
    }),
  },
  AuditEventEdge,
);

const AuditEventFilterInput = builder.inputType("AuditEventFilter", {
  description: "Which events are wanted; everything given must hold.",
  fields: (t) => ({
    action: t.field({ type: [AuditActionEnum], description: "Any of these was done." }),
    entity: t.field({ type: [AuditEntityEnum], description: "With any of these." }),
    entityId: t.id({ description: "With this one: its UUID, or the global id of a note or an attachment." }),
    personId: t.id({ description: "By this person." }),
    createdAt: t.field({ type: DateTimeRange, description: "Done within." }),
  }),
});

function readAuditFilter(filter: typeof AuditEventFilterInput.$inferInput | null | undefined): AuditFilter {
  if (!filter) return {};
  return {
    actions: filter.action ?? undefined,
    entities: filter.entity ?? undefined,
    entityId: filter.entityId ? readIdOfAny(["Note", "Attachment"], filter.entityId, ["filter", "entityId"]) : undefined,
    personId: filter.personId ? readId("Person", filter.personId, ["filter", "personId"]) : undefined,
    createdAt: readRange(filter.createdAt, ["filter", "createdAt"]),
  };
}

builder.queryField("auditEvents", (t) =>
  t.connection(
    {
      type: AuditEventRef,
      description: "What was done in the account, newest first. For administrators, with the scope `admin`.",
      args: { filter: t.arg({ type: AuditEventFilterInput, description: "Which events are wanted." }) },
      resolve: async (_root, args, { viewer, services }) => {
        const scope: CursorScope = { name: "Query.auditEvents", ordering: newestFirst };
        const filter = readAuditFilter(args.filter);
        const slice = await services.access.auditEvents(viewer, { filter, page: readPage(args, scope) });
        return toConnection(slice, scope, () => services.access.countAuditEvents(viewer, filter));
      },
    },
    AuditEventConnection,
    AuditEventEdge,
  ),
);

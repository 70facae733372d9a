import type { Logger } from "pino";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { createCredentials } from "./access/credentials.ts";
import { createIssuers } from "./access/issuers.ts";
import { createSigningKeys } from "./access/signing-keys.ts";
import { createTokenEndpoint } from "./access/token-endpoint.ts";
import { createAccessTokens } from "./access/tokens.ts";
import type { Config } from "./config.ts";
import { createExecutionCounts } from "./graphql/server/execution/execution-counts.ts";
import { type Manifests, noManifests } from "./graphql/documents/persisted-documents.ts";
import type { NamedKeys } from "./graphql/graphiql/demo-keys.ts";
import type { GraphqlPlugin } from "./graphql/server/plugins.ts";
import { graphql } from "./graphql/server/http/routes.ts";
import { authenticate, originOf } from "./http/server/authentication.ts";
import { serveFiles } from "./http/server/files.ts";
import { health } from "./http/server/health.ts";
import { mail } from "./http/server/mail.ts";
import { oauth } from "./http/server/oauth.ts";
import { docs } from "./http/server/docs/docs.ts";
import type { SampleIds } from "./http/server/docs/operation-example.ts";
import { pages } from "./http/server/pages.ts";
import { restReference } from "./http/server/reference/reference.ts";
import { type ConnectionLimits } from "./http/server/connections.ts";
import { createServer, type Server } from "./http/server/server.ts";
import { createLimits } from "./limits/limits.ts";
import type { Clock } from "./lib/clock.ts";
import type { Database } from "./database/database.ts";
import type { FileStorage } from "./storage/file-storage.ts";
import type { S3Storage } from "./storage/s3-storage.ts";
import { createResponseBudget } from "./lib/response-budget.ts";
import { createSigner } from "./storage/signature.ts";
import { publishV1Document, unreadablePath, v1 } from "./rest/v1/server/routes.ts";
import { uploadForm } from "./rest/v1/server/upload-form.ts";
import { attachmentsPath, publishV2Document, unreadableFilenamePath, v2 } from "./rest/v2/server/routes.ts";
import { buildSchema, schema } from "./schema.ts";
import { createServices } from "./create-services.ts";
import type { Services } from "./services.ts";

export interface AppDependencies {
  readonly config: Pick<
    Config,
    | "publicUrl"
    | "signingSecret"
    | "maxUploadBytes"
    | "corsOrigins"
    | "oidcIssuers"
    | "trustedProxies"
    | "maxResponseBytes"
    | "rateLimits"
    | "redisUrl"
    | "deletedRetentionDays"
    | "mail"
    | "persistedDocumentsOnly"
  >;
  readonly database: Database;
  readonly storage: FileStorage | S3Storage;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly log: Logger;
  /** Ids for the examples of the pages, such as those of the demo data. */
  readonly examples?: SampleIds | undefined;
  /** The keys of the demo data, which GraphiQL offers on this machine. Only with the embedded database. */
  readonly demoKeys?: NamedKeys | undefined;
  /** Plugins of GraphQL Yoga and Envelop. See docs/plugins.md. */
  readonly plugins?: readonly GraphqlPlugin[];
  /** The operator's manifests of documents, as they are now. Default: none. */
  readonly manifests?: () => Manifests;
  /** A monotonic clock, in milliseconds. Default: that of the process. */
  readonly elapsed?: () => number;
  /** Default: `defaultConnectionLimits`. */
  readonly connectionLimits?: ConnectionLimits | undefined;
}

export interface App {
  readonly server: FastifyInstance;
  readonly connections: Server["connections"];
  readonly services: Services;
}

/**
 * Returns the HTTP host with all APIs on the services. It opens no resources; the caller closes the ones that it
 * passes.
 */
export async function createApp(dependencies: AppDependencies): Promise<App> {
  const {
    config,
    database,
    storage,
    clock,
    newId,
    log,
    examples = {},
    demoKeys,
    plugins = [],
    manifests = () => noManifests,
    elapsed = () => performance.now(),
  } = dependencies;
  const { publicUrl } = config;
  const budget = createResponseBudget({ maximumBytes: config.maxResponseBytes });
  const services = createServices({
    database,
    storage,
    clock,
    newId,
    uploadSigner: createSigner(config.signingSecret, "uploads"),
    maximumUploadBytes: config.maxUploadBytes,
    deletedRetentionDays: config.deletedRetentionDays,
    mailTrust: config.mail,
    budget,
    onBackgroundError: (error) =>
      log.error({ err: error }, "removing the bytes of deleted attachments failed; it will be tried again"),
  });
  const limits = createLimits({ limits: config.rateLimits, redisUrl: config.redisUrl, clock, log });
  const signingKeys = createSigningKeys({ database, clock, signingSecret: config.signingSecret });
  const tokens = createAccessTokens({ signingKeys, clock, newId, issuer: publicUrl });
  const issuers = createIssuers({ issuers: config.oidcIssuers, audience: publicUrl, clock, log, now: elapsed });
  const credentials = createCredentials({
    ...{ database, clock, tokens, issuers, ownIssuer: publicUrl, now: elapsed },
    guesses: limits.guesses,
  });
  const viewerOf = (request: FastifyRequest) => authenticate(request, credentials);

  const unreadable = { "/v1/": unreadablePath, [attachmentsPath]: unreadableFilenamePath };
  const counts = createExecutionCounts();
  const { app: server, connections } = createServer({
    ...{ log, newId, budget, corsOrigins: config.corsOrigins, trustedProxies: config.trustedProxies },
    connectionLimits: dependencies.connectionLimits,
    counters: counts.counters,
    unreadable,
  });
  server.addHook("onClose", () => limits.close());
  await server.register(health, {
    checks: { database: () => database.check(), storage: () => storage.check() },
    isDraining: () => connections.isDraining,
  });
  await server.register(pages, { publicUrl, apis: ["graphql", "v2", "v1"], exampleTicketId: examples.ticketId });
  const documents = { "/v2": publishV2Document(publicUrl), "/v1": publishV1Document(publicUrl) };
  await server.register(docs, { publicUrl, schema, examples, documents });
  await server.register(restReference, { publicUrl });
  await server.register(oauth, {
    publicUrl,
    signingKeys,
    tokenEndpoint: createTokenEndpoint({ credentials, tokens, points: limits.points }),
  });
  await server.register(graphql, {
    // Plugins may change a schema, and other apps of this process share the usual one.
    schema: plugins.length === 0 ? schema : buildSchema(),
    services,
    maximumBytes: budget.maximumBytes,
    authenticate: viewerOf,
    limits,
    counts,
    publicUrl,
    uploadOrigin: storage.kind === "s3" ? storage.origin : undefined,
    demoKeys,
    plugins,
    clock,
    manifests,
    onlyManifests: config.persistedDocumentsOnly,
  });
  await server.register(v2, { services, authenticate: viewerOf, limits, publicUrl });
  await server.register(v1, { services, credentials, clock, publicUrl, limits });
  await server.register(mail, { services, authenticate: viewerOf, limits, maximumBytes: config.maxUploadBytes });
  await server.register(uploadForm, { uploads: services.uploads, publicUrl });
  if (storage.kind === "file") {
    await server.register(serveFiles, {
      storage,
      receive: (key, sent, request) => services.attachments.receive(key, sent, originOf(request)),
    });
  }
  return { server, connections, services };
}

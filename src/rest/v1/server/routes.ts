import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { parse } from "yaml";
import type { Credentials } from "../../../access/credentials.ts";
import * as attachments from "../../../attachments/v1.ts";
import { Forbidden, NotFound, Unauthenticated } from "../../../errors.ts";
import { addressOf, identify } from "../../../http/server/authentication.ts";
import { isKnownTag } from "../../../http/kit/conditions.ts";
import { wantsPage } from "../../../http/server/fixed-responses.ts";
import { responseBody } from "../../../http/kit/response-body.ts";
import { nameOfAddress } from "../../../limits/address.ts";
import { costOfRest } from "../../../limits/cost.ts";
import { type Allowance, requireAllowance } from "../../../limits/limiter.ts";
import { type Limits, nameOfCredential } from "../../../limits/limits.ts";
import { type IdempotencyKey, keyRule } from "../../../lib/idempotency-key.ts";
import { inboundEmail } from "../../../mail/v1.ts";
import { noteOperations } from "../../../notes/v1.ts";
import { recordOperations } from "../../../notes/v1-records.ts";
import * as people from "../../../people/v1.ts";
import type { Clock } from "../../../lib/clock.ts";
import { jsonTextProblem } from "../../../lib/json-shape.ts";
import { decodeUtf8 } from "../../../lib/text.ts";
import type { Services } from "../../../services.ts";
import type { TicketKind } from "../../../tickets/service.ts";
import { kindNames, ticketOperations } from "../../../tickets/v1.ts";
import type { PersonViewer } from "../../../viewer.ts";
import { jsonIn } from "../../kit/json-text.ts";
import { type JsonObject, publishDocument } from "../../kit/openapi.ts";
import { idempotencyKeyIn } from "../../kit/idempotency.ts";
import { BadRequest, describeV1Failure, invalidJson, NotAcceptable } from "../kit/errors.ts";
import { createSelectionReader } from "../kit/fields.ts";
import type { V1Operation } from "../kit/operation.ts";
import { maxPageSize } from "../kit/paging.ts";
import { readQuery } from "../kit/query.ts";
import { rateHeaders, rateOf } from "./rate-limit.ts";
import { createTimeFormatter } from "../kit/time.ts";
import examples from "./examples.json" with { type: "json" };

/** Whether a route needs a credential. `free` routes need one but are not counted; `open` routes need none. */
type RouteAccess = "required" | "free" | "open";

declare module "fastify" {
  interface FastifyContextConfig {
    /** The access to a route of /v1. */
    readonly access?: RouteAccess;
  }
}

export interface V1Options {
  readonly services: Services;
  readonly credentials: Credentials;
  readonly clock: Clock;
  readonly publicUrl: string;
  readonly limits: Limits;
}

const commonHeaders = { "cache-control": "no-store", "x-content-type-options": "nosniff" };

/**
 * The path to which the host sends a path that the router cannot read. Like every unknown path it responds Not Found.
 */
export const unreadablePath = "/v1/unreadable";

/** The OpenAPI document of /v1. */
// A file of this code base
export const v1Document = parse(readFileSync(new URL("./openapi.yaml", import.meta.url), "utf8"), {
  merge: true,
}) as V1Document;

export interface V1Document extends JsonObject {
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** Returns the document of /v1 as a gateway at that URL publishes it. */
export function publishV1Document(publicUrl: string): JsonObject {
  return publishDocument(v1Document, `${publicUrl}/v1`, examples);
}

/** The caller of a request. */
interface V1Caller {
  readonly viewer: PersonViewer;
  /** The state of the credential's rate limit after this request. */
  readonly allowance: Allowance;
}

/**
 * The /v1 API. A Fastify plugin.
 *
 * Every path works with and without `.json`, and with and without a trailing slash. The response to an unknown path,
 * and to a method that a path does not have, is Not Found.
 */
export async function v1(app: FastifyInstance, options: V1Options): Promise<void> {
  await app.register(async (api) => serveV1(api, options), { prefix: "/v1" });
}

async function serveV1(app: FastifyInstance, { services, credentials, clock, publicUrl, limits }: V1Options): Promise<void> {
  const callers = new WeakMap<FastifyRequest, V1Caller>();
  const readSelection = createSelectionReader();
  const formatTime = createTimeFormatter();
  const published = publishV1Document(publicUrl);

  // Every body must be JSON, whatever its media type.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (request, body: Buffer, done) => {
    // What is wrong with a request to an address that does not exist is the address.
    if (request.is404) return done(null, undefined);
    try {
      done(null, body.length === 0 ? undefined : parseBody(body));
    } catch (error) {
      done(error instanceof Error ? error : new BadRequest(invalidJson));
    }
  });

  app.addHook("onRequest", async (request, reply) => {
    reply.headers(commonHeaders);
    keepLowerCase(request, reply);
    const access = accessOf(request);
    const caller = await callerOf(request);
    if (!caller) {
      requireAllowance(await limits.anonymous.take(nameOfAddress(addressOf(request)), 1));
      if (access === "required") throw new Unauthenticated();
    } else {
      const allowance = await counted(request, caller.viewer, access);
      reply.headers(rateHeaders(allowance));
      requireAllowance(allowance);
      callers.set(request, { viewer: await inAccount(request, caller.viewer), allowance });
    }
    if (!request.is404) requireJson(request);
  });

  function sendJson(reply: FastifyReply, body: unknown): FastifyReply {
    // Serialised here, because the media type of a sent text stays as it is set.
    const json = jsonIn(body) ?? JSON.stringify(body);
    reply.header("content-type", "application/json; charset=utf-8");
    if (reply.statusCode !== 200) return reply.send(json);
    const etag = etagOf(json, clock());
    reply.header("etag", etag);
    if (!isKnownTag(reply.request.headers["if-none-match"], etag)) return reply.send(responseBody([json]));
    return reply.code(304).removeHeader("content-type").send();
  }

  app.setErrorHandler((error, request, reply) => {
    const { status, body, headers } = describeV1Failure(error, request);
    if (status >= 500) request.log.error({ err: error }, "a request failed");
    return sendJson(reply.code(status).headers(headers), body);
  });
  app.setNotFoundHandler((_request, _reply) => {
    throw new NotFound("address");
  });

  /**
   * Counts a request of a credential. Returns the state of its limit of requests; if its points are used up, they
   * determine `retryAfterSeconds`.
   */
  async function counted(request: FastifyRequest, viewer: PersonViewer, access: RouteAccess): Promise<Allowance> {
    const name = nameOfCredential(viewer);
    const requests = await limits.requests.take(name, access === "free" ? 0 : 1);
    if (access === "free" || requests.retryAfterSeconds !== undefined) return requests;
    const { retryAfterSeconds } = await limits.points.take(name, costOfV1Route(request));
    return retryAfterSeconds === undefined ? requests : { ...requests, retryAfterSeconds };
  }

  /**
   * Returns the viewer of a request in the credential's own account, or undefined if the request has no credential.
   * Throws {@link Unauthenticated} if the credential is not valid.
   */
  async function callerOf(request: FastifyRequest): Promise<{ viewer: PersonViewer } | undefined> {
    const identified = await identify(request, credentials, undefined);
    if (identified.outcome === "anonymous") return undefined;
    // /v1 has one message for every credential that is not valid.
    if (identified.outcome !== "viewer") throw new Unauthenticated();
    return identified;
  }

  /**
   * Returns the viewer in the account that the account header names. Throws {@link BadRequest} if there is no such
   * account, and {@link Forbidden} if the credential may not be used in it.
   */
  async function inAccount(request: FastifyRequest, viewer: PersonViewer): Promise<PersonViewer> {
    const slug = headerOf(request, "x-xurrent-account") ?? headerOf(request, "x-4me-account");
    if (slug === undefined || slug === viewer.account.slug) return viewer;
    const identified = await identify(request, credentials, slug);
    if (identified.outcome === "viewer") return identified.viewer;
    if (await credentials.accountExists(slug)) throw new Forbidden("The credential may not be used in that account.");
    throw new BadRequest("Invalid x-xurrent-account header");
  }

  function handle(operation: V1Operation): (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply> {
    return async (request, reply) => {
      const caller = callers.get(request);
      if (!caller) throw new Unauthenticated();
      const { id = "" } = request.params as { id?: string }; // the only parameter that routes have
      const answer = await operation({
        services,
        publicUrl,
        readSelection,
        formatTime,
        viewer: caller.viewer,
        id: id.replace(/\.json$/, ""),
        query: readQuery(request.raw.url ?? ""),
        body: request.body,
        source: sourceOf(request),
        path: pathOf(request),
        idempotencyKey: sentKey(request, reply),
      });
      return sendJson(reply.code(answer.status ?? 200).headers(answer.headers ?? {}), answer.body);
    };
  }

  function route(method: "GET" | "POST" | "PATCH", path: string, operation: V1Operation): void {
    // The parameter `:id` also matches the ending `.json`.
    const urls = path.endsWith(":id") ? [path] : [path, `${path}.json`];
    for (const url of urls) app.route({ method, url, handler: handle(operation), config: { access: "required" } });
  }

  app.get(".json", { config: { access: "open" } }, async (_request, reply) => sendJson(reply, {}));
  app.get("/", { config: { access: "open" } }, async (request, reply) => {
    reply.header("vary", "accept");
    return wantsPage(request) ? reply.redirect(`${publicUrl}/v1/docs`) : sendJson(reply, {});
  });
  app.get("/openapi.json", { config: { access: "open" } }, async (_request, reply) => sendJson(reply, published));
  for (const url of ["/rate_limit", "/rate_limit.json"]) {
    app.get(url, { config: { access: "free" } }, async (request, reply) => {
      const caller = callers.get(request);
      if (!caller) throw new Unauthenticated();
      const core = rateOf(caller.allowance);
      return sendJson(reply, { resources: { core }, ...core });
    });
  }

  const notes = noteOperations({ attachments: attachments.attachments, inboundEmail });
  route("GET", "/me", people.getMe);
  route("GET", "/account", people.getAccount);
  route("GET", "/people", people.listPeople);
  route("GET", "/people/me", people.getMe);
  route("GET", "/people/:id", people.getPerson);
  route("GET", "/people/:id/teams", people.listTeams);
  route("GET", "/notes", notes.list("all"));
  route("GET", "/notes/public", notes.list("public"));
  route("GET", "/notes/internal", notes.list("internal"));
  route("GET", "/notes/:id", notes.get);
  route("GET", "/search", notes.search);
  route("GET", "/attachments/storage", attachments.offerStorage);
  for (const [name, { collection }] of Object.entries(kindNames)) {
    const kind = name as TicketKind; // Object.entries loses the type of the keys
    const tickets = ticketOperations(kind);
    const records = recordOperations(kind);
    route("GET", `/${collection}`, tickets.list);
    for (const { path, list } of tickets.lists) route("GET", `/${collection}/${path}`, list);
    route("GET", `/${collection}/:id`, tickets.get);
    route("PATCH", `/${collection}/:id`, records.update);
    route("GET", `/${collection}/:id/notes`, notes.listOfTicket(kind, "all"));
    route("GET", `/${collection}/:id/notes/public`, notes.listOfTicket(kind, "public"));
    route("GET", `/${collection}/:id/notes/internal`, notes.listOfTicket(kind, "internal"));
    route("POST", `/${collection}/:id/notes`, notes.add(kind));
  }
  route("POST", `/${kindNames.REQUEST.collection}`, recordOperations("REQUEST").open);
}

/** Returns the access to the route of a request. An unknown path needs no credential: its response is Not Found. */
function accessOf(request: FastifyRequest): RouteAccess {
  return request.is404 ? "open" : (request.routeOptions.config.access ?? "open");
}

/**
 * Returns the cost of a request in points. Reads by id cost one point; all other reads cost a full page and its total.
 */
function costOfV1Route({ method, routeOptions: { url } }: FastifyRequest): number {
  return costOfRest({
    method,
    isList: url !== undefined && !/(:id|\/me|\/storage|\/account)(\.json)?$/.test(url),
    rows: maxPageSize,
  });
}

function parseBody(body: Uint8Array): unknown {
  const text = decodeUtf8(body);
  try {
    if (text !== undefined && jsonTextProblem(text) === undefined) return JSON.parse(text);
  } catch (error) {
    // The error below is the same as for a body that is not UTF-8, is nested too deeply or has too many members.
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new BadRequest(invalidJson);
}

/** Throws {@link NotAcceptable} if the client does not accept JSON. */
function requireJson({ headers }: FastifyRequest): void {
  const ranges = (headers.accept ?? "*/*").split(",").map((range) => {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
    return { type, refused: parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter)) };
  });
  const taken = ranges.some(({ type, refused }) => !refused && ["", "*/*", "application/*", "application/json"].includes(type));
  if (!taken) throw new NotAcceptable();
}

function headerOf({ headers }: FastifyRequest, name: string): string | undefined {
  const value = headers[name];
  const text = String(value ?? "").trim();
  return text === "" ? undefined : text;
}

/** Returns the idempotency key of a write. Throws {@link BadRequest} if it is not valid. */
function sentKey(request: FastifyRequest, reply: FastifyReply): IdempotencyKey | undefined {
  // Each path works with and without `.json`: it is one operation.
  const operation = `${request.method} ${(request.routeOptions.url ?? "").replace(/\.json$/, "")}`;
  const key = idempotencyKeyIn(request, reply, { api: "V1", operation });
  if (key === "malformed") throw new BadRequest(keyRule);
  return key;
}

/** Returns the path of the request, encoded for a header that clients split at commas and semicolons. */
function pathOf({ raw }: FastifyRequest): string {
  const [path = ""] = (raw.url ?? "").split("?", 1);
  return path.replaceAll(/[,;<>"]/g, encodeURIComponent);
}

/** The length to which the name of a client's program is cut, in characters. */
const maxSourceLength = 255;

function sourceOf(request: FastifyRequest): string | undefined {
  const sent = headerOf(request, "x-xurrent-source") ?? headerOf(request, "x-4me-source");
  if (sent === undefined) return undefined;
  // Node.js decodes headers as Latin-1. If the bytes are valid UTF-8, they are decoded as UTF-8.
  const text = decodeUtf8(Buffer.from(sent, "latin1")) ?? sent;
  return [...text].slice(0, maxSourceLength).join("");
}

/**
 * Sets the headers that Node.js would otherwise add with capital letters, because clients of /v1 expect lower case. A
 * connection header that is set already stays.
 */
function keepLowerCase(request: FastifyRequest, reply: FastifyReply): void {
  reply.raw.sendDate = false;
  reply.header("date", new Date().toUTCString());
  if (reply.raw.hasHeader("connection")) return;
  const closes = request.raw.httpVersion === "1.0" || /close/i.test(request.headers.connection ?? "");
  if (closes) return void reply.header("connection", "close");
  reply.headers({
    connection: "keep-alive",
    "keep-alive": `timeout=${Math.floor(request.server.server.keepAliveTimeout / 1000)}`,
  });
}

/** The query of a signed URL. It differs in every response, although the URL leads to the same bytes. */
const signedQuery = /("uri":"[^"?]*)\?[^"]*/g;

/** How long a client is told that a response with signed URLs is unchanged. The URLs are valid for twice as long. */
const uriPeriodMs = 4 * 60 * 60 * 1000;

/** Returns a weak entity tag. Bodies that differ only in signed URLs have the same tag within one period. */
function etagOf(body: string, now: Date): string {
  const stable = body.replaceAll(signedQuery, "$1");
  const period = stable === body ? "" : String(Math.floor(now.getTime() / uriPeriodMs));
  return `W/"${createHash("sha256").update(stable).update(period).digest("base64url").slice(0, 27)}"`;
}

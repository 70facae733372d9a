import { readFileSync } from "node:fs";
import { Ajv, type AnySchema, type ErrorObject, type ValidateFunction } from "ajv";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import openapiGlue from "fastify-openapi-glue";
import { parse } from "yaml";
import * as attachments from "../../../attachments/v2.ts";
import { attempt, Forbidden, invalid, InvalidInput, Unauthenticated } from "../../../errors.ts";
import { addressOf } from "../../../http/server/authentication.ts";
import { NotUtf8 } from "../../../http/server/server.ts";
import { describeFailure } from "../../../http/kit/failure.ts";
import { sendProblem } from "../../../http/kit/problem.ts";
import { responseBody } from "../../../http/kit/response-body.ts";
import { nameOfAddress } from "../../../limits/address.ts";
import { costOfRest } from "../../../limits/cost.ts";
import { rateLimitHeaders, requireAllowance } from "../../../limits/limiter.ts";
import { type Limits, nameOfCredential } from "../../../limits/limits.ts";
import { type IdempotencyKey, keyRule } from "../../../lib/idempotency-key.ts";
import type { MaybePromise } from "../../../lib/maybe-promise.ts";
import * as notes from "../../../notes/v2.ts";
import { isUuid } from "../../../lib/uuid.ts";
import type { Services } from "../../../services.ts";
import type { PersonViewer, Viewer } from "../../../viewer.ts";
import { jsonIn } from "../../kit/json-text.ts";
import { type JsonObject, mergePatch, publishDocument } from "../../kit/openapi.ts";
import { idempotencyKeyIn } from "../../kit/idempotency.ts";
import { type AnyOperation, type OperationId, runV2Operation } from "../kit/operation.ts";
import { validationSentence, validationSummary } from "./validation-sentences.ts";
import examples from "./examples.json" with { type: "json" };

export interface V2Options {
  readonly services: Services;
  /** Returns the viewer of a request. Throws {@link Unauthenticated} if the credential is not valid. */
  readonly authenticate: (request: FastifyRequest) => MaybePromise<Viewer>;
  readonly limits: Pick<Limits, "points" | "anonymous">;
  readonly publicUrl: string;
}

/** Every operation of the OpenAPI document. A missing one does not compile. */
const operations: Record<OperationId, unknown> = { ...notes, ...attachments };

/** The statuses of successful responses that are not 200. */
const statusOfOperation: Partial<Record<OperationId, number>> = { addNote: 201, deleteNote: 204 };

/** The /v2 names of fields that have other names in the services. */
const v2FieldNames: ReadonlyMap<string, string> = new Map([
  ["text", "value"],
  ["ticketId", "ticket_id"],
  ["noteId", "note_id"],
  ["isPublic", "is_public"],
]);

/** The path of attachments, to which the note and the filename are appended. */
export const attachmentsPath = "/v2/tickets/note-attachments";

/** The path to which the host sends a path below {@link attachmentsPath} that the router cannot read. */
export const unreadableFilenamePath = "/v2/unreadable-filename";

const notUtf8 = "The filename is not UTF-8.";

/** The OpenAPI document of /v2, from which routes, validation and the served document are made. */
export const v2Document = parse(readFileSync(new URL("./openapi.yaml", import.meta.url), "utf8")) as OpenApiDocument;

/** What the served document says beyond {@link v2Document}. */
const referencePatch: unknown = parse(readFileSync(new URL("./reference.yaml", import.meta.url), "utf8"), { merge: true });

/** Returns the document of /v2 as a gateway at that URL publishes it. */
export function publishV2Document(publicUrl: string): JsonObject {
  const document = mergePatch(v2Document, referencePatch) as JsonObject; // a patch of an object by an object
  return publishDocument(document, publicUrl, examples);
}

export interface OpenApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

const methods = ["get", "post", "put", "delete", "patch"] as const;

/** The /v2 API. A Fastify plugin. */
export async function v2(app: FastifyInstance, { services, authenticate, limits, publicUrl }: V2Options): Promise<void> {
  const viewers = new WeakMap<FastifyRequest, PersonViewer>();

  app.setValidatorCompiler(({ schema, httpPart }) =>
    httpPart === "body" ? bodies.compile(schema) : compileParameters(schema),
  );
  app.setErrorHandler((error, request, reply) => answerFailure(error, request, reply));

  await app.register(async (routes) => {
    routes.addHook("onRequest", async (request, reply) => {
      const viewer = await authenticate(request);
      const isAnonymous = viewer.kind === "anonymous";
      const allowance = isAnonymous
        ? await limits.anonymous.take(nameOfAddress(addressOf(request)), 1)
        : await limits.points.take(nameOfCredential(viewer), costOfV2Route(request));
      reply.headers(rateLimitHeaders(allowance));
      requireAllowance(allowance);
      if (isAnonymous) throw new Unauthenticated();
      viewers.set(request, viewer);
      // A write without a body is refused because the body is missing. Without a media type the host would not check
      // that.
      if (request.method !== "GET" && request.method !== "DELETE") request.headers["content-type"] ??= "application/json";
    });
    routes.all(unreadableFilenamePath, async ({ originalUrl }) => {
      throw invalid("filename", isReadable(originalUrl) ? "The filename must have at most 255 bytes as UTF-8." : notUtf8);
    });
    await routes.register(openapiGlue, {
      specification: routable(v2Document),
      operationResolver: (operationId: string) => async (request: FastifyRequest, reply: FastifyReply) => {
        const viewer = viewers.get(request);
        if (!viewer) throw new Unauthenticated();
        // The operation ids of the document are the keys of `operations`, which a test checks.
        const id = operationId as OperationId;
        const response = await runV2Operation(
          operations[id] as AnyOperation,
          services,
          viewer,
          request,
          readSentKey(request, reply, id),
        );
        const { body, status = statusOfOperation[id] ?? 200, headers } = response;
        reply.code(status).headers({ "cache-control": "no-store", ...headers });
        const json = jsonIn(body);
        if (json === undefined) return reply.send(body);
        return reply.header("content-type", "application/json; charset=utf-8").send(responseBody([json]));
      },
    });
  });

  for (const [path, item] of Object.entries(v2Document.paths)) {
    const url = routablePath(path).replaceAll(/\{([^}]+)\}/g, ":$1");
    const offered = methods.filter((method) => method in item);
    const allow = [...offered, ...(offered.includes("get") ? ["head"] : []), "options"].join(", ").toUpperCase();
    // For a browser's preflight, the host's CORS answers before any handler. This adds `Allow` when the response is
    // sent.
    const addAllow = async (_request: FastifyRequest, reply: FastifyReply) => void reply.header("allow", allow);
    app.options(url, { onSend: addAllow }, async (_request, reply) => reply.code(204).send());
    app.route({
      method: methods.filter((method) => !offered.includes(method)).map((method) => method.toUpperCase()),
      url,
      handler: async (_request, reply) =>
        sendProblem(reply.header("allow", allow), { status: 405, detail: `This address takes ${allow}.` }),
    });
  }

  const published = publishV2Document(publicUrl);
  app.get("/v2/openapi.json", async (_request, reply) => reply.send(published));
}

/** Returns the idempotency key of a write. Throws {@link InvalidInput} if it is not valid. */
function readSentKey(request: FastifyRequest, reply: FastifyReply, operation: OperationId): IdempotencyKey | undefined {
  const key = idempotencyKeyIn(request, reply, { api: "V2", operation });
  if (key === "malformed") throw invalid("idempotency-key", keyRule);
  return key;
}

/** The maximum and the default of `limit` in the OpenAPI document. */
const maxLimit = 1_000;
const defaultLimit = 25;

/**
 * Returns the cost of a request in points. An invalid `limit` costs as much as the maximum, and is refused before
 * anything is read.
 */
function costOfV2Route({ method, routeOptions, query }: FastifyRequest): number {
  const isList = !(routeOptions.url ?? "").includes(":") || (routeOptions.url ?? "").endsWith("/attachments");
  const limit = Number((query as { limit?: unknown }).limit ?? defaultLimit); // Fastify's query is always an object
  return costOfRest({ method, isList, rows: limit >= 0 && limit <= maxLimit ? limit : maxLimit });
}

/**
 * Returns the document with path parameters that can be routed. For the router and the generator of routes, a hyphen
 * ends the name of a parameter.
 */
function routable(document: OpenApiDocument): OpenApiDocument {
  const paths = Object.entries(document.paths).map(([path, item]): [string, unknown] => [routablePath(path), item]);
  // The copy has no error responses either: errors are handled here, and the generator would need parsers for their
  // media type.
  return JSON.parse(JSON.stringify({ ...document, paths: Object.fromEntries(paths) }), (_key, value: unknown) => {
    if (isFailure(value)) return undefined;
    return isPathParameter(value) ? { ...value, name: routableName(value.name) } : value;
  }) as OpenApiDocument;
}

function isFailure(value: unknown): boolean {
  return typeof value === "object" && value !== null && "$ref" in value && value.$ref === "#/components/responses/Problem";
}

function isPathParameter(value: unknown): value is { readonly name: string; readonly in: "path" } {
  return typeof value === "object" && value !== null && "in" in value && value.in === "path";
}

function routablePath(path: string): string {
  return path.replaceAll(/\{[^}]+\}/g, routableName);
}

function routableName(name: string): string {
  return name.replaceAll("-", "_");
}

const formats = {
  // Stricter than JSON Schema's own format, which also accepts urn:uuid:.
  uuid: isUuid,
  int32: { type: "number", validate: (value: number) => Number.isInteger(value) && value <= 2_147_483_647 },
  int64: { type: "number", validate: (value: number) => Number.isInteger(value) && value <= 2 ** 63 },
  "date-time": true,
  uri: true,
} as const;

/** With the schemas of the values, which the sentences about them need. */
const validation = { allErrors: true, verbose: true, useDefaults: true, coerceTypes: false, strict: false, formats } as const;
/** Validates bodies, which are JSON and have types. */
const bodies = new Ajv(validation);
/** Validates parameters, whose texts {@link compileParameters} has converted. */
const parameters = new Ajv(validation);

/**
 * Returns a validator that converts the texts of parameters to the types in the document. Ajv's own coercion follows
 * JavaScript, which also reads `0x10`, `1e3` and ` 5` as numbers.
 */
function compileParameters(schema: unknown): ValidateFunction {
  const validate = parameters.compile(schema as AnySchema); // a schema of the document, which Ajv can compile
  const types = typesIn(schema);
  const validateTexts = (data: Record<string, unknown>): boolean => {
    const large = new Map<string, bigint>();
    for (const [name, type] of types) {
      const value = data[name];
      if (typeof value !== "string") continue;
      data[name] = readParameter(value, type);
      if (typeof data[name] === "number" && !Number.isSafeInteger(data[name])) large.set(name, BigInt(value));
    }
    const isValid = validate(data) === true;
    validateTexts.errors = validate.errors;
    // The response repeats the value, and a JavaScript number would lose digits.
    for (const [name, whole] of large) data[name] = whole;
    return isValid;
  };
  validateTexts.errors = validate.errors;
  return validateTexts as unknown as ValidateFunction; // Fastify only calls it and reads `errors`
}

function typesIn(schema: unknown): (readonly [name: string, type: unknown])[] {
  if (typeof schema !== "object" || schema === null || !("properties" in schema)) return [];
  return Object.entries(schema.properties ?? {}).map(([name, property]: [string, { readonly type?: unknown }]) => [
    name,
    property.type,
  ]);
}

/**
 * Returns a parameter's text as a value of that type. If it is not one, returns the text itself, which the schema then
 * refuses.
 */
function readParameter(text: string, type: unknown): unknown {
  if (type === "integer" && /^\d+$/.test(text) && BigInt(text) < 2n ** 63n) return Number(text);
  if (type === "boolean" && (text === "true" || text === "false")) return text === "true";
  return text;
}

/** The maximum number of problems in one response. A long list can have a problem in each element. */
const maxRequestProblems = 50;

/** Returns whether the percent-encoding of a URL is valid UTF-8. */
function isReadable(url: string): boolean {
  return !(attempt(() => decodeURIComponent(url), URIError) instanceof Error);
}

function answerFailure(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  // The filename is the only text in this body.
  if (error instanceof NotUtf8 && request.url.startsWith(attachmentsPath))
    return answerFailure(invalid("filename", notUtf8), request, reply);
  if (error instanceof InvalidInput) {
    const errors = error.fields.map((field) => ({
      pointer: `#/${field.path.map((name) => v2FieldNames.get(name) ?? name).join("/")}`,
      detail: field.message,
    }));
    return sendProblem(reply, { status: 400, detail: error.message, errors });
  }
  if (isValidationFailure(error)) {
    const reported = error.validation.slice(0, maxRequestProblems);
    const errors = reported.map((problem) => ({
      pointer: pointerOf(problem),
      detail: validationSentence(problem, error.validationContext),
    }));
    return sendProblem(reply, { status: 400, detail: validationSummary(errors.map(({ detail }) => detail)), errors });
  }
  if (error instanceof Unauthenticated) reply.header("www-authenticate", "Bearer");
  if (error instanceof Forbidden && error.missingScopes.length > 0) {
    reply.header("www-authenticate", `Bearer error="insufficient_scope", scope="${error.missingScopes.join(" ")}"`);
  }
  const failure = describeFailure(error, request);
  if (failure.status >= 500) request.log.error({ err: error }, "a request failed");
  return sendProblem(reply, failure);
}

interface ValidationFailure {
  readonly validation: readonly ErrorObject[];
  readonly validationContext: string;
}

function isValidationFailure(error: unknown): error is ValidationFailure {
  return error instanceof Error && "validation" in error && Array.isArray(error.validation);
}

function pointerOf({ instancePath, keyword, params }: ErrorObject): string {
  const missing: unknown = keyword === "required" ? params["missingProperty"] : undefined;
  return `#${instancePath}${typeof missing === "string" ? `/${missing}` : ""}`;
}

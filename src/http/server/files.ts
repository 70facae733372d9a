import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { extensions } from "mime-types";
import { Forbidden, NotFound, TooLarge } from "../../errors.ts";
import { errorCodeOf } from "../../lib/error-code.ts";
import { type FileStorage, filesPath } from "../../storage/file-storage.ts";
import { dispositionOf, mediaType, type ObjectFacts } from "../../storage/storage.ts";
import { uncodedTag } from "../kit/content-coding.ts";
import { lingering } from "../kit/lingering.ts";
import { sendProblem } from "../kit/problem.ts";
import { Refusal } from "../kit/refusal.ts";
import { describeFailure } from "../kit/failure.ts";

export interface FilesOptions {
  readonly storage: FileStorage;
  /**
   * Stores the bytes that are sent to the upload URL of a key. Returns the entity tag of the stored object. Throws
   * {@link Forbidden} if no upload with that key is expected, `InvalidInput`, {@link TooLarge}, and `Unavailable`.
   */
  readonly receive: (
    key: string,
    sent: { readonly bytes: Readable; readonly length: number | undefined },
    request: FastifyRequest,
  ) => Promise<Pick<ObjectFacts, "etag">>;
  /** The time after which an idle connection is destroyed. Default: half a minute. */
  readonly idleMilliseconds?: number;
  /**
   * How long the bytes of a refused upload are still read, so that its client gets to read the response. Default: half
   * a minute.
   */
  readonly lingerMilliseconds?: number;
}

type FileRequest = FastifyRequest<{ Params: { "*": string } }>;

/**
 * How long a private cache may show a file after it was deleted. Until then the bytes of a download URL never change.
 */
const cacheSeconds = 300;

/**
 * Serves the signed URLs of the file store: a PUT streams the request's bytes into it, a GET or HEAD reads them, with
 * ranges and conditions (RFC 9110). The signature is the whole permission; no credential is read. Failures are RFC 9457
 * problems.
 */
export async function serveFiles(app: FastifyInstance, options: FilesOptions): Promise<void> {
  const { storage, receive, idleMilliseconds = 30_000, lingerMilliseconds = 30_000 } = options;

  // Bodies are not parsed: the handler streams them, whatever their type is.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", (_request, _payload, done) => done(null));
  app.setErrorHandler(answerError);

  app.addHook("onRequest", async (_request, reply) => {
    reply.header("x-content-type-options", "nosniff");
    // After the request the server itself sets the connection's timeout again.
    reply.raw.setTimeout(idleMilliseconds, () => reply.raw.destroy());
  });

  // A client that reads only after it has sent everything would never see a refusal, because the connection is reset
  // while it sends. So a refusal is sent at once, and its request is read to the end before the response ends.
  app.addHook("onSend", async ({ raw }, reply, payload) => {
    if (raw.complete || typeof payload !== "string" || reply.statusCode === 408) return payload;
    reply.header("content-length", Buffer.byteLength(payload));
    return Readable.from(lingering(payload, raw, lingerMilliseconds));
  });

  app.put(`${filesPath}/*`, { config: { body: "upload" } }, async (request: FileRequest, reply) => {
    const key = request.params["*"];
    const { headers } = request.raw;
    // The URL must be valid when the upload begins. The upload may end later.
    const { contentType } = storage.verifyUpload(key, queryOf(request.raw));
    requireType(headers["content-type"], contentType);
    const encoding = headers["content-encoding"] ?? "identity";
    if (encoding.toLowerCase() !== "identity") {
      return sendProblem(reply, { status: 415, detail: "Send the bytes of the file as they are, without a Content-Encoding." });
    }
    // RFC 9110, section 14.5: a part of a file must not be stored as the whole file.
    if (headers["content-range"] !== undefined)
      return sendProblem(reply, { status: 400, detail: "Send the whole file, without a Content-Range." });
    const length = headers["content-length"] === undefined ? undefined : Number(headers["content-length"]);
    if ((length ?? 0) > storage.maximumBytes) throw new TooLarge(`A file may have at most ${storage.maximumBytes} bytes.`);
    const { etag } = await receive(key, { bytes: request.raw, length }, request);
    return reply.header("etag", etag).send();
  });

  app.route({
    method: ["GET", "HEAD"],
    url: `${filesPath}/*`,
    handler: async (request: FileRequest, reply) => {
      const key = request.params["*"];
      const permit = storage.verifyDownload(key, queryOf(request.raw));
      const object = await storage.open(key);
      if (object === null) throw new NotFound("file");
      let handedOn = false;
      try {
        const { facts } = object;
        reply.headers({
          etag: facts.etag,
          "last-modified": facts.modifiedAt.toUTCString(),
          "cache-control": `private, max-age=${Math.min(permit.secondsLeft, cacheSeconds)}`,
          "accept-ranges": "bytes",
        });
        const condition = evaluateConditions(request.headers, facts);
        if (condition === "failed")
          return sendProblem(reply, { status: 412, detail: "The file is another one than the request asks for." });
        if (condition === "not-modified") return reply.code(304).send();

        const range = request.method === "GET" ? readByteRange(request.headers, facts) : undefined;
        if (range === "unsatisfiable") {
          reply.header("content-range", `bytes */${facts.size}`);
          return sendProblem(reply, {
            status: 416,
            detail: `The file has ${facts.size} bytes, and none in the range asked for.`,
          });
        }
        const { start, end } = range ?? { start: 0, end: facts.size };
        if (range !== undefined) reply.code(206).header("content-range", `bytes ${start}-${end - 1}/${facts.size}`);
        reply.headers({
          "content-type": permit.contentType,
          "content-length": end - start,
          "content-disposition": dispositionOf(permit),
          // If a browser shows the file in spite of its disposition, nothing in it runs or loads.
          "content-security-policy": "sandbox; default-src 'none'",
        });
        if (request.method === "HEAD" || start === end) return reply.send(Buffer.alloc(0));
        handedOn = true;
        return reply.send(object.read(start, end));
      } finally {
        if (!handedOn) await object.close();
      }
    },
  });

  app.route({
    method: ["POST", "PATCH", "DELETE"],
    url: `${filesPath}/*`,
    handler: async (_request, reply) => {
      reply.header("allow", "GET, HEAD, PUT");
      return sendProblem(reply, { status: 405, detail: "A file is read with GET or HEAD and written with PUT." });
    },
  });
}

/**
 * Returns the query of the raw URL. The router's own parsing is not used, so the verified values are exactly the used
 * ones.
 */
function queryOf(raw: IncomingMessage): URLSearchParams {
  const url = raw.url ?? "";
  const mark = url.indexOf("?");
  return new URLSearchParams(mark === -1 ? "" : url.slice(mark + 1));
}

/**
 * Compares the media types without parameters and case, so `text/plain; charset=utf-8` matches text/plain. Types that
 * share a filename extension match too, such as application/xml and text/xml for .xml, because clients' type tables
 * differ. The file is later served with the signed type. Throws {@link Forbidden} if the types do not match.
 */
function requireType(sent: string | undefined, signed: string): void {
  const type = mediaType(sent ?? "");
  const expected = mediaType(signed);
  const expectedExtensions = extensionsOf(expected);
  if (type === expected || extensionsOf(type).some((extension) => expectedExtensions.includes(extension))) return;
  throw new Forbidden(`This URL takes a file with Content-Type: ${signed}.`);
}

/**
 * Returns the filename extensions of a media type, or none if it is unknown. Inherited properties of the table are
 * ignored.
 */
function extensionsOf(type: string): readonly string[] {
  return (Object.hasOwn(extensions, type) ? extensions[type] : undefined) ?? [];
}

interface Range {
  readonly start: number;
  /** The first byte after the range. */
  readonly end: number;
}

const rangeShape = /^bytes=(?:(?<first>\d+)-(?<last>\d*)|-(?<suffix>\d+))$/i;

/**
 * Returns the requested range, or undefined if the whole file is to be sent. The whole file is always a legal response;
 * it is sent for several ranges, for an invalid range, and for an If-Range with another entity tag. A date in If-Range
 * never matches, because it cannot distinguish two versions of the same second.
 */
function readByteRange(headers: IncomingHttpHeaders, { size, etag }: ObjectFacts): Range | "unsatisfiable" | undefined {
  const ifRange = headers["if-range"];
  if (ifRange !== undefined && ifRange !== etag) return undefined;
  const groups = rangeShape.exec(headers.range ?? "")?.groups;
  if (groups === undefined) return undefined;
  const { first, last, suffix } = groups;
  if (suffix !== undefined) {
    const length = Math.min(Number(suffix), size);
    return length === 0 ? "unsatisfiable" : { start: size - length, end: size };
  }
  const start = Number(first);
  const end = last === "" ? size : Number(last) + 1;
  if (last !== "" && end <= start) return undefined;
  return start < size ? { start, end: Math.min(end, size) } : "unsatisfiable";
}

/** Evaluates the conditions of a GET or HEAD in the order of RFC 9110, section 13.2.2. An invalid date is ignored. */
function evaluateConditions(
  headers: IncomingHttpHeaders,
  { etag, modifiedAt }: ObjectFacts,
): "met" | "failed" | "not-modified" {
  // Dates in headers have no fraction.
  const modifiedSeconds = Math.floor(modifiedAt.getTime() / 1000);
  const secondsOf = (date: string | undefined): number => Date.parse(date ?? "") / 1000;

  const ifMatch = headers["if-match"];
  if (ifMatch !== undefined && !lists(ifMatch, etag)) return "failed";
  if (ifMatch === undefined && modifiedSeconds > secondsOf(headers["if-unmodified-since"])) return "failed";

  const ifNoneMatch = headers["if-none-match"];
  // If-None-Match uses weak comparison, so a tag that a proxy has made weak matches too.
  if (ifNoneMatch !== undefined) return lists(ifNoneMatch.replaceAll("W/", ""), etag) ? "not-modified" : "met";
  return modifiedSeconds <= secondsOf(headers["if-modified-since"]) ? "not-modified" : "met";
}

/**
 * Returns whether a list of entity tags contains `etag`, with or without a content coding, or is `*`. The store's tags
 * have no commas.
 */
function lists(header: string, etag: string): boolean {
  return header.trim() === "*" || header.split(",").some((tag) => uncodedTag(tag.trim()) === etag);
}

function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  // The client is gone and cannot read this response. The log records its status.
  if (request.raw.destroyed && !request.raw.complete && !(error instanceof Refusal)) {
    return sendProblem(reply, { status: 400, detail: "The upload broke off." });
  }
  if (errorCodeOf(error) === "FST_ERR_CTP_INVALID_MEDIA_TYPE") {
    return sendProblem(reply, { status: 403, detail: "The Content-Type is not the one that this URL takes." });
  }
  const failure = describeFailure(error, request);
  if (failure.status >= 500) request.log.error({ err: error }, "a file request failed");
  return sendProblem(reply, failure);
}

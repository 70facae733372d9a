import type { FastifyInstance, FastifyRequest } from "fastify";
import { TooLarge, Unavailable } from "../../errors.ts";
import { hasBody } from "./connections.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /**
     * The maximum size of a body without a credential on this route, in bytes. Default: the body limit of the route.
     */
    readonly anonymousBodyLimit?: number;
  }
}

/** Bodies of up to this many bytes do not count towards the limit for all bodies together. */
const smallBodyBytes = 16_384;

/**
 * Limits the memory of request bodies that are arriving to `maximumBytes` together. A request beyond the limit is
 * refused with 503 before its body is read. A route may accept less without a credential. Uploads do not count, because
 * they are streamed. Call it on the root, before any route.
 */
export function boundBodies(app: FastifyInstance, { maximumBytes }: { maximumBytes: number }): void {
  let bytesUnderWay = 0;

  app.addHook("preParsing", (request, reply, payload, done) => {
    const { config, bodyLimit } = request.routeOptions;
    if (!hasBody(request.raw) || config.body === "upload") return done(null, payload);
    const bytes = expectedBytes(request, bodyLimit ?? 0);
    const { anonymousBodyLimit = Infinity } = config;
    if (Number(request.headers["content-length"] ?? 0) > anonymousBodyLimit && isAnonymous(request))
      return done(new TooLarge(`Without a credential a body may have at most ${anonymousBodyLimit} bytes.`));
    if (bytes <= smallBodyBytes) return done(null, payload);
    if (bytesUnderWay + bytes > maximumBytes)
      return done(new Unavailable({}, "The gateway is busy with other large requests. Try again in a few seconds."));
    bytesUnderWay += bytes;
    reply.raw.once("close", () => (bytesUnderWay -= bytes));
    done(null, payload);
  });
}

/**
 * Returns the maximum size of a body: its declared length, or the route's limit if the length is unknown or only that
 * of the encoded body.
 */
function expectedBytes({ headers }: FastifyRequest, bodyLimit: number): number {
  const { "content-length": length, "content-encoding": coding = "identity" } = headers;
  return length === undefined || coding !== "identity" ? bodyLimit : Math.min(Number(length), bodyLimit);
}

function isAnonymous({ headers }: FastifyRequest): boolean {
  return headers.authorization === undefined && headers["x-api-key"] === undefined;
}

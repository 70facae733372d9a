import type { FastifyInstance, FastifyRequest } from "fastify";
import { TooLarge, Unavailable } from "../../errors.ts";
import { hasBody } from "./connections.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** The largest body that a caller without a credential may send to this route, in bytes. Default: as large as anybody's. */
    readonly anonymousBodyLimit?: number;
  }
}

/** Bodies up to this many bytes are taken however many others are under way. */
const smallBodyBytes = 16_384;

/**
 * Bounds what request bodies take up in memory while they arrive: `maximumBytes` for all larger ones under way together, beyond which a request is
 * refused with 503 before its body is read. A route may take less of callers without a credential. Uploads are left as they come: they are
 * not kept in memory. To be called on the root, before any route.
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

/** What a body will have at most: as many bytes as it says, or as a route takes. */
function expectedBytes({ headers }: FastifyRequest, bodyLimit: number): number {
  const { "content-length": length, "content-encoding": coding = "identity" } = headers;
  return length === undefined || coding !== "identity" ? bodyLimit : Math.min(Number(length), bodyLimit);
}

function isAnonymous({ headers }: FastifyRequest): boolean {
  return headers.authorization === undefined && headers["x-api-key"] === undefined;
}

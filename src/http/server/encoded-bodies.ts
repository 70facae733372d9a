import type { IncomingMessage } from "node:http";
import type { Transform } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from "node:zlib";
import type { FastifyInstance } from "fastify";
import { hasBody } from "./connections.ts";
import { Refusal } from "../kit/refusal.ts";

/** The supported content codings of a body (RFC 9110, section 8.4.1). */
const decoders: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  "x-gzip": createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
  zstd: createZstdDecompress,
};

const supportedCodings = "gzip, deflate, br, zstd";

/**
 * A decoded body for Fastify's content-type parsers. They compare Content-Length with `receivedEncodedLength`, not with
 * the decoded bytes.
 */
interface DecodedBody extends Transform {
  receivedEncodedLength: number;
}

/**
 * Decodes bodies with a Content-Encoding before an API parses them, up to as many decoded bytes as a body without one
 * may have on that route; `maximumBytes` if the route has no limit of its own. A body that decodes to more is refused
 * with 413 and not decoded further; one with an unknown coding is refused with 415 (RFC 9110, section 15.5.16). Uploads
 * are not decoded: their bytes are stored as they are. Call it on the root, before any route.
 */
export function decodeBodies(app: FastifyInstance, { maximumBytes }: { maximumBytes: number }): void {
  app.addHook("preParsing", (request, reply, payload, done) => {
    const coding = request.headers["content-encoding"]?.trim().toLowerCase() ?? "";
    if (coding === "" || coding === "identity" || !hasBody(request.raw) || request.routeOptions.config.body === "upload")
      return done(null, payload);
    const decoder = Object.hasOwn(decoders, coding) ? decoders[coding] : undefined;
    if (!decoder) {
      reply.header("accept-encoding", supportedCodings);
      return done(
        new Refusal(415, `The body's Content-Encoding is not taken: send it as it is, or as one of ${supportedCodings}.`),
      );
    }
    done(null, decoded(request.raw, decoder(), request.routeOptions.bodyLimit ?? maximumBytes));
  });
}

function decoded(raw: IncomingMessage, decoder: Transform, maximumBytes: number): DecodedBody {
  const body: DecodedBody = Object.assign(decoder, { receivedEncodedLength: 0 });
  let decodedBytes = 0;
  raw.on("data", (chunk: Buffer) => (body.receivedEncodedLength += chunk.length));
  body.on("data", (chunk: Buffer) => {
    decodedBytes += chunk.length;
    // The parser of the body stops reading at its own limit. This stops the decoder.
    if (decodedBytes > maximumBytes) body.destroy(new Refusal(413, `A body may have at most ${maximumBytes} bytes, decoded.`));
  });
  // Bytes that cannot be decoded are the client's mistake. The parsers respond to an error of their stream with 400 and
  // its message.
  body.on("error", (error) => {
    if (!(error instanceof Refusal)) error.message = "The body is not what its Content-Encoding says.";
  });
  // Not stream.pipeline: it would destroy the request, and with it the connection that the refusal must be sent on.
  raw.on("error", (error) => body.destroy(error));
  raw.once("close", () => {
    if (!raw.complete) body.destroy();
  });
  return raw.pipe(body);
}

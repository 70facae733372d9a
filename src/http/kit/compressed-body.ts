import { promisify } from "node:util";
import { brotliDecompress, gzip } from "node:zlib";
import type { FastifyReply, FastifyRequest } from "fastify";
import { acceptEncodingOf, createCodingNegotiation } from "./content-coding.ts";
import { addVary } from "./vary.ts";

/** A body that was compressed before anybody asked for it, and is kept so. */
export interface CompressedBody {
  readonly br: Uint8Array;
  /** Made for the first client that does not take Brotli. */
  gzip?: Promise<Uint8Array>;
}

const [decompressed, gzipped] = [promisify(brotliDecompress), promisify(gzip)];
const codingFor = createCodingNegotiation(["br", "gzip"]);

/** Sends a body under the coding that the client prefers. The caller has set the other headers. */
export async function sendCompressed(
  request: FastifyRequest,
  reply: FastifyReply,
  body: CompressedBody,
): Promise<FastifyReply> {
  addVary(reply, ["accept-encoding"]);
  const coding = codingFor(acceptEncodingOf(request));
  if (coding === "br") return reply.header("content-encoding", coding).send(body.br);
  // Very few clients accept neither coding. They wait for it each time.
  if (coding !== "gzip") return reply.send(await decompressed(body.br));
  body.gzip ??= decompressed(body.br).then((content) => gzipped(content));
  return reply.header("content-encoding", coding).send(await body.gzip);
}

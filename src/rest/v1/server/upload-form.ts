import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { Busboy } from "@fastify/busboy";
import type { FastifyInstance, FastifyReply } from "fastify";
import type { UploadForm, Uploads } from "../../../attachments/uploads.ts";
import { DomainError, type ErrorCode, invalid, retryAfterOf } from "../../../errors.ts";
import { lingering } from "../../../http/kit/lingering.ts";
import { Refusal } from "../../../http/kit/refusal.ts";
import { uploadPath } from "../kit/upload-path.ts";

export interface UploadFormOptions {
  readonly uploads: Uploads;
  readonly publicUrl: string;
  /** The time after which an idle connection is destroyed. Default: half a minute. */
  readonly idleMilliseconds?: number;
  /**
   * How long the bytes of a refused upload are still read, so that its client gets to read the response. Default: half
   * a minute.
   */
  readonly lingerMilliseconds?: number;
}

/** The limits of a form's parts, far above those of a real form. */
const formLimits = { fields: 40, fieldSize: 16_384, fieldNameSize: 200, files: 1, parts: 60, headerPairs: 40 };

/** The statuses and S3 error codes of domain errors, as the store of the original API sends them. */
const s3Failures: Readonly<Record<ErrorCode, { readonly status: number; readonly code: string }>> = {
  INVALID_INPUT: { status: 400, code: "InvalidArgument" },
  UNAUTHENTICATED: { status: 403, code: "AccessDenied" },
  FORBIDDEN: { status: 403, code: "AccessDenied" },
  NOT_FOUND: { status: 404, code: "NoSuchKey" },
  CHANGED: { status: 412, code: "PreconditionFailed" },
  CONFLICT: { status: 409, code: "OperationAborted" },
  TOO_LARGE: { status: 400, code: "EntityTooLarge" },
  TOO_EXPENSIVE: { status: 400, code: "InvalidRequest" },
  ANSWER_TOO_LARGE: { status: 400, code: "InvalidRequest" },
  TOO_MANY_REQUESTS: { status: 503, code: "SlowDown" },
  UNAVAILABLE: { status: 503, code: "ServiceUnavailable" },
};

class MalformedForm extends Error {}

/**
 * Accepts uploads with the forms of `GET /v1/attachments/storage`, as S3 does: fields first, the file last, and an XML
 * response. The file is streamed to the object store. No credential is needed, because the form is signed. A Fastify
 * plugin.
 */
export async function uploadForm(app: FastifyInstance, options: UploadFormOptions): Promise<void> {
  const { uploads, publicUrl, idleMilliseconds = 30_000, lingerMilliseconds = 30_000 } = options;

  // Bodies are not parsed: the handler streams them.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", (_request, _payload, done) => done(null));
  app.setErrorHandler((error, request, reply) => {
    const { status, code, message } = describe(error);
    if (status >= 500) request.log.error({ err: error }, "an upload failed");
    const seconds = retryAfterOf(error);
    if (seconds !== undefined) reply.header("retry-after", seconds);
    return sendXml(reply.code(status), `<Error><Code>${code}</Code><Message>${escapeXml(message)}</Message></Error>`);
  });

  app.addHook("onRequest", async (request, reply) => {
    reply.headers({ "cache-control": "no-store", "x-content-type-options": "nosniff" });
    request.raw.setTimeout(idleMilliseconds, () => request.raw.destroy());
  });
  // A client that reads only after it has sent everything would never see a refusal. So its request is read to the end
  // after the response has been sent.
  app.addHook("onSend", async ({ raw }, reply, payload) => {
    if (raw.complete || typeof payload !== "string" || reply.statusCode === 408) return payload;
    reply.header("content-length", Buffer.byteLength(payload));
    return Readable.from(lingering(payload, raw, lingerMilliseconds));
  });

  app.post(uploadPath, { config: { body: "upload" } }, async (request, reply) => {
    const { key, etag } = await receive(request.raw, uploads);
    const location = `${publicUrl}${uploadPath}/${key.split("/").map(encodeURIComponent).join("/")}`;
    const parts = { Location: location, Bucket: "uploads", Key: key, ETag: etag };
    const elements = Object.entries(parts).map(([name, value]) => `<${name}>${escapeXml(value)}</${name}>`);
    return sendXml(reply.code(201).headers({ location, etag }), `<PostResponse>${elements.join("")}</PostResponse>`);
  });
}

/**
 * Reads the fields of the form and passes the file to `uploads`. Resolves when the file is stored and the form has
 * ended.
 */
async function receive(raw: IncomingMessage, uploads: Uploads): ReturnType<Uploads["receive"]> {
  const contentType = raw.headers["content-type"];
  if (contentType === undefined || !/^multipart\/form-data\s*;/i.test(contentType)) {
    throw new MalformedForm("The body must be a form of the type multipart/form-data.");
  }
  if ((raw.headers["content-encoding"] ?? "identity").toLowerCase() !== "identity")
    throw new MalformedForm("Send the form as it is, without a Content-Encoding.");
  const parser = openParser({ ...raw.headers, "content-type": contentType });
  const length = raw.headers["content-length"] === undefined ? undefined : Number(raw.headers["content-length"]);
  const beginning = bufferBeginning(raw);
  const fields = new Map<string, string>();
  const broken = (error: Error = new MalformedForm("The upload broke off.")): void => void parser.destroy(error);
  raw.once("error", broken);
  raw.once("close", () => {
    if (!raw.complete) broken();
  });
  try {
    return await new Promise((resolve, reject) => {
      let received: ReturnType<Uploads["receive"]> | undefined;
      parser.on("field", (name, value) => void fields.set(name.toLowerCase(), value));
      parser.on("file", (name, file, filename) => {
        file.on("error", (error) => reject(error instanceof Refusal ? error : new MalformedForm("The upload broke off.")));
        parser.once("error", (error) => file.destroy(error instanceof Error ? error : new MalformedForm(String(error))));
        if (name !== "file") return reject(new MalformedForm("The field of the file must be called file."));
        received = uploads.receive({ ...readForm(fields, filename, beginning()), length }, file);
        received.catch(reject);
      });
      parser.once("error", (error) =>
        reject(
          error instanceof MalformedForm || error instanceof DomainError || error instanceof Refusal
            ? error
            : new MalformedForm("The form cannot be read."),
        ),
      );
      parser.once("finish", () => {
        if (received) received.then(resolve, reject);
        else reject(new MalformedForm("The form has no field called file."));
      });
      raw.pipe(parser);
    });
  } finally {
    // The response reads and drops the rest of a refused form.
    raw.unpipe(parser);
  }
}

function openParser(headers: { "content-type": string }): InstanceType<typeof Busboy> {
  try {
    return new Busboy({
      headers,
      limits: formLimits,
      isPartAFile: (name, _type, filename) => name === "file" || filename !== undefined,
    });
  } catch {
    throw new MalformedForm("The form has no boundary.");
  }
}

/** How many of a form's first bytes are buffered: more than all of its fields have. */
const maxBufferedBytes = 1_048_576;

/** Buffers the first bytes of a request. Returns a function that stops this and returns them. */
function bufferBeginning(raw: IncomingMessage): () => Buffer {
  const blocks: Buffer[] = [];
  let bufferedBytes = 0;
  const buffer = (block: Buffer): void => {
    if (bufferedBytes < maxBufferedBytes) blocks.push(block);
    bufferedBytes += block.length;
  };
  raw.on("data", buffer);
  return () => {
    raw.off("data", buffer);
    return Buffer.concat(blocks);
  };
}

/**
 * The parser silently decodes bytes that are not UTF-8 as U+FFFD. If the client has sent that character itself, its
 * bytes are in `beginning`. Throws `InvalidInput` if `name` is not in `beginning` as it was sent.
 */
function requireUtf8(name: string, beginning: Buffer): void {
  if (name.includes("\u{fffd}") && !beginning.includes(name)) throw invalid("filename", "The filename is not UTF-8.");
}

/**
 * Returns the form. Throws {@link MalformedForm} if a field is missing, and `InvalidInput` if a filename is not UTF-8.
 */
function readForm(fields: ReadonlyMap<string, string>, filename: string, beginning: Buffer): UploadForm {
  const required = (name: string): string => {
    const value = fields.get(name);
    if (value === undefined) throw new MalformedForm(`The form lacks the field ${name}, or has it after the file.`);
    return value;
  };
  const key = required("key");
  // The filename may be in either of them.
  for (const name of [key, filename]) requireUtf8(name ?? "", beginning);
  return {
    key,
    policy: required("policy"),
    // Forms that were issued before an upgrade of the gateway use this name.
    signature: fields.get("signature") ?? required("x-amz-signature"),
    // Browsers on some systems send a path.
    filename: (filename ?? "").split(/[/\\]/).at(-1) ?? "",
    contentType: fields.get("content-type"),
  };
}

function describe(error: unknown): { status: number; code: string; message: string } {
  if (error instanceof DomainError) return { ...s3Failures[error.code], message: error.message };
  if (error instanceof Refusal) return { status: error.statusCode, code: "RequestTimeout", message: error.message };
  if (error instanceof MalformedForm) return { status: 400, code: "MalformedPOSTRequest", message: error.message };
  const status = error instanceof Error && "statusCode" in error ? Number(error.statusCode) : 500;
  if (status >= 400 && status < 500)
    return { status: 400, code: "MalformedPOSTRequest", message: "The request cannot be read as a form." };
  return {
    status: 500,
    code: "InternalError",
    message: "Something went wrong here. The request id in x-request-id finds it in our log.",
  };
}

function sendXml(reply: FastifyReply, xml: string): FastifyReply {
  return reply.header("content-type", "application/xml").send(xml);
}

function escapeXml(text: string): string {
  return (
    text
      .replaceAll("&", "&amp;")
      .replaceAll("<", "&lt;")
      .replaceAll(">", "&gt;")
      .replaceAll('"', "&quot;")
      // XML cannot represent these characters at all.
      .replaceAll(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, "\u{fffd}")
  );
}

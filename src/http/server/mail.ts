import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { Forbidden, invalid, Unauthenticated } from "../../errors.ts";
import { keyRule } from "../../lib/idempotency-key.ts";
import type { MaybePromise } from "../../lib/maybe-promise.ts";
import { nameOfAddress } from "../../limits/address.ts";
import { costOfRest } from "../../limits/cost.ts";
import { rateLimitHeaders, requireAllowance } from "../../limits/limiter.ts";
import { type Limits, nameOfCredential } from "../../limits/limits.ts";
import { mailReceiver } from "../../mail/policy.ts";
import type { MailOutcome } from "../../mail/service.ts";
import { idempotencyKeyIn } from "../../rest/kit/idempotency.ts";
import type { Services } from "../../services.ts";
import type { PersonViewer, Viewer } from "../../viewer.ts";
import { describeFailure } from "../kit/failure.ts";
import { sendProblem } from "../kit/problem.ts";
import { addressOf } from "./authentication.ts";

export interface MailOptions {
  readonly services: Services;
  /** Returns the viewer of a request. Throws {@link Unauthenticated} if the credential is not valid. */
  readonly authenticate: (request: FastifyRequest) => MaybePromise<Viewer>;
  readonly limits: Pick<Limits, "points" | "anonymous">;
  /** The maximum size of a mail, if it is less than {@link maximumMailBytes}. */
  readonly maximumBytes: number;
}

/**
 * The maximum size of a mail, whatever `MAX_UPLOAD_BYTES` allows. A mail is read in memory, and all bodies that arrive
 * together have 64 MiB. Mail servers take less by default.
 */
const maximumMailBytes = 52_428_800;

const mailPath = "/mail/inbound";

/** Takes mails from a mail server, which become notes. Failures are RFC 9457 problems. A Fastify plugin. */
export async function mail(app: FastifyInstance, options: MailOptions): Promise<void> {
  const { services, authenticate, limits, maximumBytes } = options;
  const viewers = new WeakMap<FastifyRequest, PersonViewer>();

  app.removeAllContentTypeParsers();
  app.addContentTypeParser("message/rfc822", { parseAs: "buffer" }, (_request, body: Buffer, done) => done(null, body));
  app.setErrorHandler((error, request, reply) => answerMailFailure(error, request, reply));

  // Before the body: nobody else may fill the memory with mails.
  const admit = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const viewer = await authenticate(request);
    const allowance =
      viewer.kind === "anonymous"
        ? await limits.anonymous.take(nameOfAddress(addressOf(request)), 1)
        : await limits.points.take(nameOfCredential(viewer), costOfRest({ method: "POST", isList: false, rows: 0 }));
    reply.headers(rateLimitHeaders(allowance));
    requireAllowance(allowance);
    viewers.set(request, mailReceiver(viewer));
  };

  const limitOfBody = { bodyLimit: Math.min(maximumBytes, maximumMailBytes) };
  app.post(mailPath, { onRequest: admit, ...limitOfBody }, async (request, reply) => {
    const viewer = viewers.get(request);
    if (!viewer) throw new Unauthenticated();
    const { method, url, headers, body } = request;
    // Its input is told from others by the digest of the mail, which is computed with the mail.
    const key = idempotencyKeyIn({ method, url, headers }, reply, { api: "MAIL", operation: "receive" });
    if (key === "malformed") throw invalid("idempotency-key", keyRule);
    const bytes = ownBytes(Buffer.isBuffer(body) ? body : Buffer.alloc(0));
    return answer(reply, await services.mail.receive(viewer, { bytes, idempotencyKey: key }));
  });

  app.route({
    method: ["GET", "HEAD", "PUT", "PATCH", "DELETE"],
    url: mailPath,
    handler: async (_request, reply) =>
      sendProblem(reply.header("allow", "POST, OPTIONS"), { status: 405, detail: "This address takes POST." }),
  });
}

/** Returns the bytes of a body in a buffer of their own, which can be handed to another thread. */
function ownBytes(body: Buffer): Uint8Array<ArrayBuffer> {
  const { buffer, byteLength } = body;
  const isAlone = buffer instanceof ArrayBuffer && buffer.byteLength === byteLength;
  return isAlone ? new Uint8Array(buffer) : new Uint8Array(body);
}

function answer(reply: FastifyReply, outcome: MailOutcome): FastifyReply {
  reply.header("cache-control", "no-store");
  switch (outcome.kind) {
    case "added":
    case "known":
      return reply.code(outcome.kind === "added" ? 201 : 200).send({ note: outcome.note.id, number: outcome.note.number });
    case "ignored":
      return reply.code(202).send();
    case "refused":
      return sendProblem(reply, { status: 422, detail: outcome.problem });
  }
}

function answerMailFailure(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (error instanceof Unauthenticated) reply.header("www-authenticate", "Bearer");
  if (error instanceof Forbidden && error.missingScopes.length > 0) {
    reply.header("www-authenticate", `Bearer error="insufficient_scope", scope="${error.missingScopes.join(" ")}"`);
  }
  const failure = describeFailure(error, request);
  if (failure.status >= 500) request.log.error({ err: error }, "a mail was not taken");
  return sendProblem(reply, failure);
}

import { type FastifyReply, type FastifyRequest, LogController } from "fastify";
import type { Logger } from "pino";
import { type CompletedRequest, createRequestLog } from "../../lib/log.ts";

/**
 * Logs one line for each request when its response has been sent or has failed. The arrival is logged at level `debug`.
 */
export class OneLineEachRequest extends LogController {
  readonly #logCompleted: (request: CompletedRequest) => void;

  constructor(log: Logger) {
    super();
    this.#logCompleted = createRequestLog(log);
  }

  override incomingRequest(request: FastifyRequest): void {
    request.log.debug({ req: request }, "incoming request");
  }

  override requestCompleted(error: Error | null | undefined, request: FastifyRequest, reply: FastifyReply): void {
    const { elapsedTime: milliseconds, statusCode } = reply;
    if (error) {
      reply.log.error({ req: request, res: reply, responseTime: milliseconds, err: error }, "request errored");
      return;
    }
    const { id, method, url, ip } = request;
    this.#logCompleted({ id, method, url, ip, statusCode, milliseconds });
  }
}

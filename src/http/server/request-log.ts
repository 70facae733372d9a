import { type FastifyReply, type FastifyRequest, LogController } from "fastify";

/**
 * Logs one line for each request when its response has been sent or has failed. The arrival is logged at level `debug`.
 */
export class OneLineEachRequest extends LogController {
  override incomingRequest(request: FastifyRequest): void {
    request.log.debug({ req: request }, "incoming request");
  }

  override requestCompleted(error: Error | null | undefined, request: FastifyRequest, reply: FastifyReply): void {
    const fields = { req: request, res: reply, responseTime: reply.elapsedTime };
    if (error) reply.log.error({ ...fields, err: error }, "request errored");
    else reply.log.info(fields, "request completed");
  }
}

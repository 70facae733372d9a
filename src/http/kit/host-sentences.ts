import type { FastifyRequest } from "fastify";
import { errorCodeOf } from "../../lib/error-code.ts";

/** The media types of bodies that some API takes. */
const bodyTypes = ["application/json", "application/x-www-form-urlencoded", "message/rfc822"] as const;

/** What users are told in place of the host's own messages about a request, by the host's codes. */
const hostSentences: Readonly<Record<string, (request: FastifyRequest) => string>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ({ routeOptions }) =>
    `The body of this request may have at most ${routeOptions.bodyLimit} bytes.`,
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ({ server }) =>
    `The Content-Type of the body must be ${bodyTypes.filter((type) => server.hasContentTypeParser(type)).join(" or ")}.`,
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: () => "The body has another length than its Content-Length says.",
  FST_ERR_BAD_URL: () => "The path of the URL cannot be decoded: percent-encode it as UTF-8.",
  FST_ERR_MAX_PARAM_LENGTH: () => "A part of the path of the URL is too long.",
};

/**
 * Returns what a user is told about an error of the host, or undefined if the error is not one of the host about a
 * request. The host's own messages speak to the programmer of a server.
 */
export function hostSentence(error: unknown, request: FastifyRequest): string | undefined {
  const code = errorCodeOf(error);
  return code === undefined || !Object.hasOwn(hostSentences, code) ? undefined : hostSentences[code]?.(request);
}

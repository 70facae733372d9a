import type { FastifyReply } from "fastify";

/** Adds `names` to the headers on which a response depends (RFC 9110, 12.5.5), in lower case. */
export function addVary(reply: FastifyReply, names: readonly string[]): void {
  const given = String(reply.getHeader("vary") ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  const known = new Set(given.map((name) => name.toLowerCase()));
  reply.header("vary", [...given, ...names.filter((name) => !known.has(name))].join(", "));
}

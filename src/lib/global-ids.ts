import { invalid } from "../errors.ts";
import { isUuid } from "./uuid.ts";

/** The types that have a global id. */
const nodeTypes = ["Account", "Person", "Ticket", "Note", "Attachment"] as const;

export type NodeType = (typeof nodeTypes)[number];

/** A global id: base64 (RFC 4648, 4) of `Type:uuid`. Clients treat it as opaque. */
export function encodeGlobalId(type: string, id: string): string {
  return Buffer.from(`${type}:${id}`).toString("base64");
}

/** A global id as /v1 shows it under `nodeID`: without the `=` of its padding, which the clients of /v1 cut off anyway. */
export function encodeNodeId(type: NodeType, id: string): string {
  return withoutPadding(encodeGlobalId(type, id));
}

function withoutPadding(base64: string): string {
  return base64.replace(/=+$/, "");
}

/**
 * The type and the UUID of a global id, which may come with or without the `=` of its padding: an id of one API is good in the others.
 *
 * @throws {InvalidInput} where `globalId` is not one of ours.
 */
export function decodeGlobalId(globalId: string): { typename: NodeType; id: string } {
  const [type, id, ...rest] = Buffer.from(globalId, "base64").toString().split(":");
  const typename = nodeTypes.find((known) => known === type);
  const known = typename && id !== undefined && isUuid(id) && rest.length === 0 ? encodeGlobalId(typename, id) : undefined;
  if (!typename || id === undefined || (globalId !== known && globalId !== withoutPadding(known ?? ""))) {
    throw invalid("id", "The id is not one this API has handed out.");
  }
  return { typename, id: id.toLowerCase() };
}

import { invalid } from "../errors.ts";
import { isUuid } from "./uuid.ts";

/** The types that have a global id. */
const nodeTypes = ["Account", "Person", "Ticket", "Note", "NoteEdit", "Attachment"] as const;

export type NodeType = (typeof nodeTypes)[number];

/** Returns the global id of an object: base64 (RFC 4648, section 4) of `Type:uuid`. Clients treat it as opaque. */
export function encodeGlobalId(type: string, id: string): string {
  return Buffer.from(`${type}:${id}`).toString("base64");
}

/** Returns the global id as `nodeID` in /v1, without the `=` padding, which the clients of /v1 cut off anyway. */
export function encodeNodeId(type: NodeType, id: string): string {
  return withoutPadding(encodeGlobalId(type, id));
}

function withoutPadding(base64: string): string {
  return base64.replace(/=+$/, "");
}

/**
 * Returns the type and the UUID of a global id. The `=` padding is optional, because the ids of each API are valid in
 * the others. Throws `InvalidInput` if `globalId` is not a global id of this gateway.
 */
export function decodeGlobalId(globalId: string): { typename: NodeType; id: string } {
  const [type, id, ...rest] = Buffer.from(globalId, "base64").toString().split(":");
  const typename = nodeTypes.find((known) => known === type);
  const canonical = typename && id !== undefined && isUuid(id) && rest.length === 0 ? encodeGlobalId(typename, id) : undefined;
  if (!typename || id === undefined || (globalId !== canonical && globalId !== withoutPadding(canonical ?? ""))) {
    throw invalid("id", "The id is none of this API: send the id of an object as the API has returned it.");
  }
  return { typename, id: id.toLowerCase() };
}

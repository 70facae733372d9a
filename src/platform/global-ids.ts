import { invalid } from "../errors.ts";

/** The types that have a global id. */
const nodeTypes = ["Account", "Person", "Ticket", "Note", "Attachment"] as const;

export type NodeType = (typeof nodeTypes)[number];

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** A global id: base64 of `Type:uuid`. Clients treat it as opaque; /v1 shows the same text as `nodeID`. */
export function encodeGlobalId(type: string, id: string): string {
  return Buffer.from(`${type}:${id}`).toString("base64");
}

/** @throws {InvalidInput} where `globalId` is not one of ours. */
export function decodeGlobalId(globalId: string): { typename: NodeType; id: string } {
  const [type, id, ...rest] = Buffer.from(globalId, "base64").toString().split(":");
  const typename = nodeTypes.find((known) => known === type);
  if (!typename || id === undefined || !uuid.test(id) || rest.length > 0 || encodeGlobalId(typename, id) !== globalId) {
    throw invalid("id", "The id is not one this API has handed out.");
  }
  return { typename, id: id.toLowerCase() };
}

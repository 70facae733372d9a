import { invalid } from "../errors.ts";
import { isUuid, uuidSource } from "./uuid.ts";

/** Returns whether a text can be the key of an object. */
type IsKey = (text: string) => boolean;

/** The types that have a global id, with the form of their keys. */
const nodeTypes = {
  Account: isUuid,
  Person: isUuid,
  Ticket: isUuid,
  Note: isUuid,
  NoteEdit: isUuid,
  Attachment: isUuid,
  ApiKey: isUuid,
  OAuthClient: isUuid,
  AuditEvent: isTimedKey,
} as const satisfies Readonly<Record<string, IsKey>>;

export type NodeType = keyof typeof nodeTypes;

/** Returns the global id of an object: base64 (RFC 4648, section 4) of `Type:key`. Clients treat it as opaque. */
export function encodeGlobalId(type: string, key: string): string {
  // In ASCII. btoa and atob take a third of the time that two buffers do.
  return btoa(`${type}:${key}`);
}

/** Returns the global id as `nodeID` in /v1, without the `=` padding, which the clients of /v1 cut off anyway. */
export function encodeNodeId(type: NodeType, id: string): string {
  return withoutPadding(encodeGlobalId(type, id));
}

function withoutPadding(base64: string): string {
  return base64.replace(/=+$/, "");
}

/**
 * Returns the type and the key of a global id: a UUID, or a {@link timedKey}. The `=` padding is optional, because the
 * ids of each API are valid in the others. Throws `InvalidInput` if `globalId` is not a global id of this gateway.
 */
export function decodeGlobalId(globalId: string): { typename: NodeType; id: string } {
  const text = textOfBase64(globalId);
  const colon = text.indexOf(":");
  const type = text.slice(0, colon);
  const id = text.slice(colon + 1);
  if (isNodeType(type) && nodeTypes[type](id)) {
    const canonical = encodeGlobalId(type, id);
    if (globalId === canonical || globalId === withoutPadding(canonical)) return { typename: type, id: id.toLowerCase() };
  }
  throw invalid("id", "The id is none of this API: send the id of an object as the API has returned it.");
}

/** Returns what `base64` stands for, a character for each byte, or an empty text if it is not base64. */
function textOfBase64(base64: string): string {
  try {
    return atob(base64);
  } catch {
    // An InvalidCharacterError: atob throws nothing else.
    return "";
  }
}

function isNodeType(type: string): type is NodeType {
  return Object.hasOwn(nodeTypes, type);
}

/**
 * Returns the key of a row that is found by its time: the time in milliseconds since 1970, a dot and the UUID. The rows
 * of a table that is partitioned by time have no index of their ids alone.
 */
export function timedKey({ id, createdAt }: { readonly id: string; readonly createdAt: Date }): string {
  return `${createdAt.getTime()}.${id}`;
}

/** Returns the parts of a {@link timedKey}, the time in the format of ISO 8601. */
export function readTimedKey(key: string): { readonly id: string; readonly createdAt: string } {
  const [milliseconds, id = ""] = key.split(".");
  return { id, createdAt: new Date(Number(milliseconds)).toISOString() };
}

/** A time before the year 5139, which ISO 8601 writes with four digits of the year. */
const timed = new RegExp(`^(0|[1-9]\\d{0,13})\\.${uuidSource}$`, "i");

function isTimedKey(text: string): boolean {
  return timed.test(text);
}

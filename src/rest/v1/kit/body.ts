import type { Issues } from "../../../lib/text.ts";
import { BadRequest, invalidJson } from "./errors.ts";

/** The fields of a body, which is a JSON object. */
export type Body = Readonly<Record<string, unknown>>;

/** The fields that a client has sent; none where it has sent nothing. @throws {BadRequest} where the body is no object */
export function readBody(body: unknown): Body {
  const sent = body ?? {};
  if (typeof sent !== "object" || Array.isArray(sent)) throw new BadRequest(invalidJson);
  return sent as Body; // JSON's objects are records.
}

/** Fields that clients of the family send, and that mean nothing here. They are taken everywhere. */
const meaningless: ReadonlySet<string> = new Set(["suppress_note_added_notifications", "source", "sourceID"]);

/**
 * Adds each field of `body` that is not in `known` to `issues`, so that no field is silently dropped. `record` names the kind of
 * record in the message.
 */
export function refuseUnknown(body: Body, known: readonly string[], record: string, issues: Issues): void {
  for (const field of Object.keys(body)) {
    if (known.includes(field) || meaningless.has(field)) continue;
    issues.add(field, `${field} is not a field of a ${record}`);
  }
}

/** Whether a field says nothing: absent, null, or nothing but spaces. */
export function isBlank(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === "string" && value.trim() === "");
}

const trueWords = new Set(["1", "T", "Y", "TRUE", "YES", "ON"]);
const falseWords = new Set(["", "0", "F", "N", "FALSE", "NO", "OFF"]);

/** A boolean as clients spell them. Undefined where it is none: a note that was meant to be internal must not come out public. */
export function readTruth(value: unknown): boolean | undefined {
  if (value === undefined || value === null) return false;
  if (typeof value === "boolean") return value;
  if (typeof value !== "string" && typeof value !== "number") return undefined;
  const word = String(value).trim().toUpperCase();
  if (trueWords.has(word)) return true;
  return falseWords.has(word) ? false : undefined;
}

import type { Issues } from "../../../lib/text.ts";
import { BadRequest, invalidJson } from "./errors.ts";

/** The fields of a body, which is a JSON object. */
export type Body = Readonly<Record<string, unknown>>;

/**
 * Returns the fields of a body, or none if there is no body. Throws {@link BadRequest} if the body is not an object.
 */
export function readBody(body: unknown): Body {
  const sent = body ?? {};
  if (typeof sent !== "object" || Array.isArray(sent)) throw new BadRequest(invalidJson);
  return sent as Body; // the body was parsed from JSON, whose objects have text keys only
}

/** Fields that clients of this API family send and that have no effect here. They are accepted in every body. */
const ignoredFields: ReadonlySet<string> = new Set(["suppress_note_added_notifications", "source", "sourceID"]);

/**
 * Adds each field of `body` that is not in `known` to `issues`, so that no field is silently dropped. `record` is the
 * name of the record in the message.
 */
export function refuseUnknown(body: Body, known: readonly string[], record: string, issues: Issues): void {
  for (const field of Object.keys(body)) {
    if (known.includes(field) || ignoredFields.has(field)) continue;
    issues.add(field, `${field} is not a field of a ${record}`);
  }
}

/** Returns whether a field is absent, null, or a text of spaces only. */
export function isBlank(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === "string" && value.trim() === "");
}

const trueWords = new Set(["1", "T", "Y", "TRUE", "YES", "ON"]);
const falseWords = new Set(["", "0", "F", "N", "FALSE", "NO", "OFF"]);

/**
 * Returns the boolean for any of the forms that clients send; an absent one is false. Returns undefined for any other
 * value, which must be refused: a note that was meant to be internal must not become public.
 */
export function readTruth(value: unknown): boolean | undefined {
  if (value === undefined || value === null) return false;
  if (typeof value === "boolean") return value;
  if (typeof value !== "string" && typeof value !== "number") return undefined;
  const word = String(value).trim().toUpperCase();
  if (trueWords.has(word)) return true;
  return falseWords.has(word) ? false : undefined;
}

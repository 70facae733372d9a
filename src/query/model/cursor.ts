import { createHash } from "node:crypto";
import { nameOf, type Ordering, type Position, positionFields, type SortField } from "./page.ts";
import { uuidSource } from "../../lib/uuid.ts";

/** The scope of a cursor: one field in one order. A cursor is valid in its scope only. */
export interface CursorScope {
  /** The field, such as `Ticket.notes`. */
  readonly name: string;
  readonly ordering: Ordering;
}

/** Separates the parts of a cursor. No tag and no part contains it, and URLs need no escape for it. */
export const cursorSeparator = ".";

/** How many characters of a scope's hash are its tag: 48 bits tell a few dozen scopes apart. */
const tagLength = 8;

/**
 * Returns the tag that all cursors of a scope begin with. It is no secret: a client may make up a cursor, but it only
 * names a position, and policy and filter apply to a read from any position.
 */
export function scopeTag({ name, ordering }: CursorScope): string {
  return createHash("sha256")
    .update(`${name} ${nameOf(ordering)}`)
    .digest("base64url")
    .slice(0, tagLength);
}

/**
 * Returns the cursor of `position`: the tag of its scope and the parts of the position. cursorOf in
 * src/query/statement/page-arrays.ts writes the same in SQL.
 */
export function encodeCursor(scope: CursorScope, position: Position): string {
  const parts = positionFields(scope.ordering).map((field, index) => encodePart(field, position[index] ?? ""));
  return [scopeTag(scope), ...parts].join(cursorSeparator);
}

/** Returns the position of `cursor`, or null if it is malformed or of another scope. */
export function decodeCursor(scope: CursorScope, cursor: string): Position | null {
  const [tag, ...parts] = cursor.split(cursorSeparator);
  const fields = positionFields(scope.ordering);
  if (tag !== scopeTag(scope) || parts.length !== fields.length) return null;
  const position = fields.map((field, index) => decodePart(field, parts[index] ?? ""));
  return position.every((part) => part !== null) ? position : null;
}

/**
 * An instant is written as digits down to the millisecond: 20261231235959999. A missing value is empty. Other values
 * are written as they are.
 */
function encodePart({ type, missing }: SortField, value: Position[number]): string {
  if (value === missing) return "";
  return type === "timestamptz" ? String(value).replaceAll(/\D/g, "") : String(value);
}

const largestInteger = 2_147_483_647;
/** A UUID as PostgreSQL writes it, so that a position has exactly one cursor. */
const uuidPart = new RegExp(`^${uuidSource}$`);

/** Returns the value of a part as PostgreSQL reads it, or null if it is malformed. */
function decodePart({ type, values, missing }: SortField, part: string): Position[number] | null {
  if (part === "" && missing !== undefined) return missing;
  if (type === "timestamptz") return instantIn(part);
  if (type === "integer") return /^\d{1,10}$/.test(part) && Number(part) <= largestInteger ? Number(part) : null;
  if (type === "uuid") return uuidPart.test(part) ? part : null;
  return values?.includes(part) ? part : null;
}

function instantIn(part: string): string | null {
  const digits = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d{3})$/.exec(part);
  if (!digits) return null;
  const [, year, month, day, hour, minute, second, millisecond] = digits;
  const instant = `${year}-${month}-${day}T${hour}:${minute}:${second}.${millisecond}Z`;
  const date = new Date(instant);
  // JavaScript reads 30 February as 2 March. PostgreSQL fails on 30 February and on the year 0.
  const isInstant = year !== "0000" && !Number.isNaN(date.getTime()) && date.toISOString() === instant;
  return isInstant ? instant : null;
}

import { createHash } from "node:crypto";
import { nameOf, type Ordering, type Position, positionFields, type SortField } from "./keyset.ts";
import { uuidSource } from "./uuid.ts";

/** What a cursor is good for: the rows of one field, in one order. */
export interface CursorScope {
  /** The field, such as `Ticket.notes`. */
  readonly name: string;
  readonly ordering: Ordering;
}

/** What stands between the parts of a cursor. Neither a tag nor a part has it, and URLs take it as it is. */
export const cursorSeparator = ".";

/** How many characters of a scope's hash are its tag: 48 bits tell a few dozen scopes apart. */
const tagLength = 8;

/**
 * The tag that the cursors of a scope begin with. It is no secret: a cursor that somebody has made up names a position, and the policy and the bounds
 * of a read hold wherever it begins.
 */
export function scopeTag({ name, ordering }: CursorScope): string {
  return createHash("sha256")
    .update(`${name} ${nameOf(ordering)}`)
    .digest("base64url")
    .slice(0, tagLength);
}

/** The cursor of the row at `position`: the tag of its scope and the parts of the position. Statements write the same: src/reading/json-page.ts. */
export function encodeCursor(scope: CursorScope, position: Position): string {
  const parts = positionFields(scope.ordering).map(({ type }, index) => encodePart(type, position[index] ?? ""));
  return [scopeTag(scope), ...parts].join(cursorSeparator);
}

/** The position that `cursor` names. Null where it is malformed, or of another scope. */
export function decodeCursor(scope: CursorScope, cursor: string): Position | null {
  const [tag, ...parts] = cursor.split(cursorSeparator);
  const fields = positionFields(scope.ordering);
  if (tag !== scopeTag(scope) || parts.length !== fields.length) return null;
  const position = fields.map((field, index) => decodePart(field, parts[index] ?? ""));
  return position.every((part) => part !== null) ? position : null;
}

/** Instants are digits, down to the millisecond: 20261231235959999. All else is as it is. */
function encodePart(type: SortField["type"], value: Position[number]): string {
  return type === "timestamptz" ? String(value).replaceAll(/\D/g, "") : String(value);
}

const largestInteger = 2_147_483_647;
/** As PostgreSQL writes it: a cursor has one spelling. */
const uuidPart = new RegExp(`^${uuidSource}$`);

/** The value that a part names, as PostgreSQL can read it; null where it names none. */
function decodePart({ type, values }: SortField, part: string): Position[number] | null {
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
  // JavaScript takes 30 February for 2 March, and the database, which knows neither that nor a year 0, would fail.
  const isInstant = year !== "0000" && !Number.isNaN(date.getTime()) && date.toISOString() === instant;
  return isInstant ? instant : null;
}

import { invalid } from "../../errors.ts";
import { decodeGlobalId, type NodeType } from "../../lib/global-ids.ts";
import { isUuid } from "../../lib/uuid.ts";

/** Returns the UUID of an argument: a global id of `type`, or a bare UUID as /v2 uses. Throws {@link InvalidInput}. */
export function readId(type: NodeType, value: string, path: string | readonly string[] = "id"): string {
  if (isUuid(value)) return value.toLowerCase();
  const known = tryDecode(value);
  if (known?.typename !== type)
    throw invalid(path, `This is not the id of ${withArticle(type)}: give its global id or its UUID.`);
  return known.id;
}

/** As {@link readId}, for a field that may be left out or null: then returns undefined. */
export function readOptionalId(
  type: NodeType,
  value: string | null | undefined,
  path: string | readonly string[],
): string | undefined {
  return typeof value === "string" ? readId(type, value, path) : undefined;
}

/** As {@link readId}, for an argument that takes the id of several types. */
export function readIdOfAny(types: readonly NodeType[], value: string, path: string | readonly string[] = "id"): string {
  if (isUuid(value)) return value.toLowerCase();
  const known = tryDecode(value);
  if (!known || !types.includes(known.typename)) throw invalid(path, "This is not an id of such a thing.");
  return known.id;
}

function tryDecode(value: string): { typename: NodeType; id: string } | null {
  try {
    return decodeGlobalId(value);
  } catch {
    return null;
  }
}

/** The maximum of a column of type integer. */
const maxNumber = 2_147_483_647;

/**
 * Returns `number`, or 0, which is the number of no record, in place of one that PostgreSQL would refuse to compare
 * with its column.
 */
export function recordNumber(number: number): number {
  return number > 0 && number <= maxNumber ? number : 0;
}

function withArticle(type: NodeType): string {
  return `${/^[AEIOU]/.test(type) ? "an" : "a"} ${type}`;
}

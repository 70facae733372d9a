/** The maximum nesting of JSON in requests. Deeper JSON makes recursive functions run out of stack. */
export const maximumJsonDepth = 32;

/** Returns whether `value`, which was parsed from JSON, is nested more than {@link maximumJsonDepth} levels deep. */
export function isTooDeep(value: unknown): boolean {
  return isDeeperThan(maximumJsonDepth, value);
}

function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (levels === 0) return true;
  const parts: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
  return parts.some((part) => isDeeperThan(levels - 1, part));
}

/**
 * The maximum number of parts of a list or an object in a body. A schema's validator may report a problem for each
 * part.
 */
const maxParts = 1_000;

/**
 * Returns the reason why a body, which was parsed from JSON, is refused by every API, or undefined if there is none.
 */
export function bodyProblem(value: unknown): string | undefined {
  if (isTooDeep(value)) return `The body is nested more than ${maximumJsonDepth} levels deep.`;
  const parts = maxPartsOf(value);
  return parts > maxParts ? `The body has a list or an object of ${parts} parts; at most ${maxParts} are taken.` : undefined;
}

function maxPartsOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const parts: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
  if (parts.length > maxParts) return parts.length;
  return parts.reduce<number>((max, part) => Math.max(max, maxPartsOf(part)), parts.length);
}

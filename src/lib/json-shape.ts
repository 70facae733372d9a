/** The maximum nesting of JSON in requests. Deeper JSON makes recursive functions run out of stack. */
export const maximumJsonDepth = 32;

/** Whether `value`, as it was parsed from JSON, is nested more than {@link maximumJsonDepth} levels deep. */
export function isTooDeep(value: unknown): boolean {
  return isDeeperThan(maximumJsonDepth, value);
}

function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (levels === 0) return true;
  const parts: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
  return parts.some((part) => isDeeperThan(levels - 1, part));
}

/** The most parts that a list or an object of a body may have. A schema's validator has something to say of each. */
const maximumParts = 1_000;

/** Why a body, as it was parsed from JSON, is no body that anything here takes; undefined where it may be one. */
export function bodyProblem(value: unknown): string | undefined {
  if (isTooDeep(value)) return `The body is nested more than ${maximumJsonDepth} levels deep.`;
  const parts = mostPartsOf(value);
  return parts > maximumParts
    ? `The body has a list or an object of ${parts} parts; at most ${maximumParts} are taken.`
    : undefined;
}

function mostPartsOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const parts: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
  if (parts.length > maximumParts) return parts.length;
  return parts.reduce<number>((most, part) => Math.max(most, mostPartsOf(part)), parts.length);
}

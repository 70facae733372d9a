import type { RelationKey, ResponseContext } from "./selection.ts";

/** The result of a statement. Callers that asked together share the object. */
export interface StatementResult {
  /** JSON, or null if there is no row. */
  readonly json: string | null;
}

// What a read attaches to the rows and pages that it returns.

/** JSON of a response, as the database wrote it. */
export interface JsonResult {
  /**
   * Returns the JSON with its computed values for `context`. Throws {@link UnsupportedAsJson}, and what computing a
   * value throws.
   */
  text(context: ResponseContext): string | Promise<string>;
}

const attachedJson = Symbol("json");
const attachedRelations = Symbol("relations");

interface WithAttachments {
  [attachedJson]?: JsonResult;
  [attachedRelations]?: Preloaded;
}

/** Attaches the JSON that was read with a row or a page. */
export function attachJson(found: object, json: JsonResult): void {
  (found as WithAttachments)[attachedJson] = json;
}

/** Returns the JSON that was read with `found`, or undefined if none was selected. */
export function jsonOf(found: object): JsonResult | undefined {
  return (found as WithAttachments)[attachedJson];
}

/** The relations that were read with a row, by the keys of its selection. */
export interface Preloaded {
  readonly indexes: ReadonlyMap<RelationKey, number>;
  readonly values: readonly unknown[];
}

/** Attaches the relations that were read with `row`. */
export function attachPreloaded(row: object, relations: Preloaded): void {
  (row as WithAttachments)[attachedRelations] = relations;
}

/**
 * Returns the relation `key` that was read with `row`: a row, null or a page. Undefined if it was not read with the
 * row.
 */
export function preloaded(row: object, key: RelationKey): unknown {
  const relations = (row as WithAttachments)[attachedRelations];
  const index = relations?.indexes.get(key);
  return index === undefined ? undefined : relations?.values[index];
}

import type { Compute } from "./selection.ts";

// How a statement marks the parts of its JSON, for what decodes it.

/** Separates the head of a result from its JSON. PostgreSQL writes JSON without line breaks. */
export const divider = "\n";

// JSON escapes all control characters, so no stored value contains these two.
/** Begins and ends a placeholder. */
export const placeholderMark = "\u0001";
/** Marks a row that must exist and does not, or that must be reconciled: rows give the value or the error. */
export const missingMark = "\u0002";

/** Computes a part of the JSON that the database cannot write. */
export interface Placeholder {
  /** Returns the value to compute with, from the JSON that the statement wrote. It is the same in all contexts. */
  readonly read: (payload: unknown) => unknown;
  readonly compute: Compute<never>;
}

/**
 * What the statement writes around the payload of a placeholder: `mark`, its number, `:`, the payload as JSON, `mark`.
 */
export const placeholderMarks = (placeholder: number): { readonly begin: string; readonly end: string } => ({
  begin: `${placeholderMark}${placeholder}:`,
  end: placeholderMark,
});

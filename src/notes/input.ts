import type { NoteCategory, NoteMedium } from "#generated/prisma/client.ts";
import { invalid } from "../errors.ts";
import type { FieldFilter, InstantRange } from "../query/model/field-filter.ts";
import { type Ordering, type OrderKey, type Page, tiesById, tiesByNumber } from "../query/model/page.ts";
import { byteLength, unstorable } from "../lib/text.ts";
import type { Retryable } from "../lib/idempotency-key.ts";
import type { SearchQuery } from "../search/input.ts";

export interface AddNoteInput extends Retryable {
  readonly ticketId: string;
  readonly text: string;
  readonly categories: readonly NoteCategory[];
  readonly isPublic: boolean;
  /** How the note was made. Default: DEFAULT, the medium of notes by people and APIs. */
  readonly medium?: NoteMedium | undefined;
  /** The name of the program that writes the note, as it calls itself. */
  readonly source?: string | undefined;
  /** Uploaded files that become attachments of the note. */
  readonly uploads?: readonly NoteUpload[] | undefined;
}

/** A note that is added together with another change to its ticket. */
export type NewNoteInput = Omit<AddNoteInput, "ticketId" | keyof Retryable>;

/** An uploaded file that a note claims. */
export interface NoteUpload {
  readonly key: string;
  /** Whether the file is an image that is shown in the text. */
  readonly inline: boolean;
  /** Whether only those who see internal notes see the file, also on a public note. Default: false. */
  readonly isInternal?: boolean | undefined;
}

export interface DeleteNoteInput extends Retryable {
  readonly id: string;
  /** The versions that the caller accepts. Absent: any version. */
  readonly expectedVersions?: readonly number[] | undefined;
}

/** Absent fields stay unchanged. */
export interface UpdateNoteInput extends DeleteNoteInput {
  readonly text?: string | undefined;
  readonly categories?: readonly NoteCategory[] | undefined;
  readonly isPublic?: boolean | undefined;
  /** The ticket to which the caller expects the note to belong. If it belongs to another one, the update is refused. */
  readonly ticketId?: string | undefined;
  /**
   * Returns the text that the caller's API shows for a stored text. If `text` equals the shown text, the stored text
   * stays unchanged.
   */
  readonly shownAs?: ((text: string) => string) | undefined;
}

export interface UndeleteNoteInput extends Retryable {
  readonly id: string;
}

/** The ids in the response to a deletion of a note. */
export interface DeletedNote {
  readonly id: string;
  readonly ticketId: string;
}

export interface NoteFilter {
  readonly ids?: readonly string[] | undefined;
  readonly authorId?: string | undefined;
  readonly isPublic?: boolean | undefined;
  /** Notes with any of these categories. */
  readonly categories?: readonly NoteCategory[] | undefined;
  readonly media?: readonly NoteMedium[] | undefined;
  readonly createdAt?: InstantRange | undefined;
  /** A note that was never updated is in no range. */
  readonly updatedAt?: InstantRange | undefined;
  readonly ticketId?: string | undefined;
  /** Whether there is an attachment whose file has arrived. */
  readonly hasAttachments?: boolean | undefined;
  readonly fields?: NoteFieldFilters | undefined;
  /**
   * Whether withdrawn notes are among them: those that an administrator deleted and had not written. They have the
   * medium REDACTED, no text and no attachments.
   */
  readonly withWithdrawn?: boolean | undefined;
}

/** A page of notes. */
export interface NoteRead {
  readonly filter: NoteFilter;
  readonly ordering: Ordering;
  readonly page: Page;
}

/** A page of the notes that a search finds. */
export interface NoteSearchRead extends NoteRead {
  readonly query: SearchQuery;
}

/** The conditions on single fields. All of them must hold. */
export interface NoteFieldFilters {
  readonly number?: readonly FieldFilter<number>[];
  readonly authorNumber?: readonly FieldFilter<number>[];
  readonly createdAt?: readonly FieldFilter<Date>[];
  readonly medium?: readonly FieldFilter<NoteMedium>[];
}

/** The maximum size of a note's text, in bytes of UTF-8. */
export const maximumTextBytes = 65_536;

/**
 * Throws {@link InvalidInput} if the text cannot be stored unchanged or has more than {@link maximumTextBytes}. It may
 * be empty: /v2 has always accepted empty notes, and the other APIs call {@link requireText}.
 */
export function checkText(text: string): void {
  const problem = unstorable(text);
  if (problem) throw invalid("text", `The text ${problem}.`);
  if (byteLength(text) > maximumTextBytes) {
    throw invalid("text", `The text must have at most ${maximumTextBytes} bytes of UTF-8.`);
  }
}

/** Throws {@link InvalidInput} if the text is empty. */
export function requireText(text: string): void {
  if (text === "") throw invalid("text", "The text must not be empty.");
}

const categoryOrder: Record<NoteCategory, number> = { PRE_SCAN: 0, POST_SCAN: 1 };

/**
 * Returns the medium if a client may add a note with it. Throws {@link InvalidInput} for the media of received emails
 * and of redacted notes.
 */
export function writableMedium(medium: NoteMedium): NoteMedium {
  if (medium !== "EMAIL" && medium !== "REDACTED") return medium;
  throw invalid("medium", "A note can be added as DEFAULT, SYSTEM, AUTOMATION or OUTBOUND_EMAIL.");
}

/** Returns each of the categories once, in the order of the enumeration. */
export function categorySet(categories: readonly NoteCategory[]): NoteCategory[] {
  return [...new Set(categories)].toSorted((one, other) => categoryOrder[one] - categoryOrder[other]);
}

/**
 * The order of what a search finds: the best match first. The score of a note depends on the query, so the order of
 * another query is another one. Its positions begin with the digest of the query, which all rows of a search share.
 */
export const foundOrdering: Ordering = [
  { field: "searched", type: "uuid", ties: tiesById, direction: "DESC" },
  { field: "score", type: "integer", ties: tiesById, direction: "DESC" },
];

/** Returns whether the positions of a page belong to its own query. */
export function isOfItsQuery({ query, ordering, page }: Pick<NoteSearchRead, "query" | "ordering" | "page">): boolean {
  if (ordering[0].field !== foundOrdering[0].field) return true;
  return [page.after, page.before].every((position) => position === undefined || position[0] === query.digest);
}

/** The orders in which notes can be read. */
export const noteOrderings = {
  CREATED_AT: { field: "createdAt", type: "timestamptz", ties: tiesById },
  NUMBER: { field: "number", type: "integer" },
  AUTHOR: { field: "authorNumber", type: "integer", ties: tiesByNumber },
  /** A note that was never updated has the time at which it was added. */
  UPDATED_AT: { field: "changedAt", type: "timestamptz", firstOf: ["updatedAt", "createdAt"], ties: tiesById },
} as const satisfies Record<string, Omit<OrderKey, "direction">>;

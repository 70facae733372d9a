import type { NoteCategory, NoteMedium } from "#generated/prisma/client.ts";
import { invalid } from "../errors.ts";
import type { FieldFilter, InstantRange } from "../query/model/field-filter.ts";
import { type Ordering, type OrderKey, type Page, tiesById, tiesByNumber } from "../query/model/page.ts";
import { byteLength, unstorable } from "../lib/text.ts";

export interface AddNoteInput {
  readonly ticketId: string;
  readonly text: string;
  readonly categories: readonly NoteCategory[];
  readonly isPublic: boolean;
  /** How it came to be: DEFAULT where it is left out, which is what people and APIs write. */
  readonly medium?: NoteMedium | undefined;
  /** What the program that writes it calls itself. */
  readonly source?: string | undefined;
  /** Files that were uploaded beforehand and become its attachments. */
  readonly uploads?: readonly NoteUpload[] | undefined;
}

/** A note that is added together with another change of its ticket. */
export type NewNoteInput = Omit<AddNoteInput, "ticketId">;

/** A file that was uploaded for a note. */
export interface NoteUpload {
  readonly key: string;
  /** Whether it is an image that is shown in the text. */
  readonly inline: boolean;
}

/** What is absent stays as it is. */
export interface UpdateNoteInput {
  readonly id: string;
  readonly text?: string | undefined;
  readonly categories?: readonly NoteCategory[] | undefined;
  readonly isPublic?: boolean | undefined;
  /** The ticket the caller believes the note to be of; another one is refused. */
  readonly ticketId?: string | undefined;
  /** How the caller is shown a text. Where what it sends equals what it was shown, the text is left untouched. */
  readonly shownAs?: ((text: string) => string) | undefined;
}

export interface NoteFilter {
  readonly ids?: readonly string[] | undefined;
  readonly authorId?: string | undefined;
  readonly isPublic?: boolean | undefined;
  /** Notes that have any of these. */
  readonly categories?: readonly NoteCategory[] | undefined;
  readonly media?: readonly NoteMedium[] | undefined;
  readonly createdAt?: InstantRange | undefined;
  readonly ticketId?: string | undefined;
  readonly fields?: NoteFieldFilters | undefined;
}

/** A page of notes. */
export interface NoteRead {
  readonly filter: NoteFilter;
  readonly ordering: Ordering;
  readonly page: Page;
}

/** What single fields must be, each as often as wanted. */
export interface NoteFieldFilters {
  readonly number?: readonly FieldFilter<number>[];
  readonly authorNumber?: readonly FieldFilter<number>[];
  readonly createdAt?: readonly FieldFilter<Date>[];
  readonly medium?: readonly FieldFilter<NoteMedium>[];
}

/** The most a note's text may hold, in bytes of UTF-8. */
const maximumTextBytes = 65_536;

/**
 * Checks a text: it can be stored untouched and has at most {@link maximumTextBytes}. The APIs decide whether it may be empty
 * ({@link requireText}): /v2 has always accepted empty notes.
 *
 * @throws {InvalidInput}
 */
export function checkText(text: string): void {
  const problem = unstorable(text);
  if (problem) throw invalid("text", `The text ${problem}.`);
  if (byteLength(text) > maximumTextBytes) {
    throw invalid("text", `The text must have at most ${maximumTextBytes} bytes of UTF-8.`);
  }
}

/** @throws {InvalidInput} where the text is empty. */
export function requireText(text: string): void {
  if (text === "") throw invalid("text", "The text must not be empty.");
}

const placeOfCategory: Record<NoteCategory, number> = { PRE_SCAN: 0, POST_SCAN: 1 };

/** A medium that a client may give a note: mails come by mail, and redacting is no way to write one. @throws {InvalidInput} */
export function writableMedium(medium: NoteMedium): NoteMedium {
  if (medium === "DEFAULT" || medium === "SYSTEM" || medium === "AUTOMATION") return medium;
  throw invalid("medium", "A note can be added as DEFAULT, SYSTEM or AUTOMATION.");
}

/** Returns categories as a set: each once, in the order of the enumeration. */
export function categorySet(categories: readonly NoteCategory[]): NoteCategory[] {
  return [...new Set(categories)].toSorted((one, other) => placeOfCategory[one] - placeOfCategory[other]);
}

/** The orders that notes can be read in. */
export const noteOrderings = {
  CREATED_AT: { field: "createdAt", type: "timestamptz", ties: tiesById },
  NUMBER: { field: "number", type: "integer" },
  AUTHOR: { field: "authorNumber", type: "integer", ties: tiesByNumber },
} as const satisfies Record<string, Omit<OrderKey, "direction">>;

import type { FieldFilter } from "../query/model/field-filter.ts";
import type { Ordering, OrderKey, Page } from "../query/model/page.ts";
import type { Retryable } from "../lib/idempotency-key.ts";
import { codePointLength, createIssues, unstorable } from "../lib/text.ts";
import { invalid } from "../errors.ts";
import type { Role } from "../viewer.ts";

/** A filter of people. All conditions must hold. */
export interface PersonFilter {
  readonly ids?: readonly string[] | undefined;
  readonly roles?: readonly Role[] | undefined;
  /** Words, each of which must be a part of the name, or of the mail address where the viewer may read it. */
  readonly words?: readonly string[] | undefined;
  readonly fields?: PersonFieldFilters | undefined;
}

/** The conditions on single fields. All of them must hold. */
export interface PersonFieldFilters {
  readonly number?: readonly FieldFilter<number>[];
  readonly name?: readonly FieldFilter<string>[];
  readonly email?: readonly FieldFilter<string>[];
}

/** A page of people. */
export interface PersonRead {
  readonly filter: PersonFilter;
  readonly ordering: Ordering;
  readonly page: Page;
}

/** The orders in which people can be read. */
export const personOrderings = {
  NUMBER: { field: "number", type: "integer" },
} as const satisfies Record<string, Omit<OrderKey, "direction">>;

/** The only order of people in GraphQL: those who were added first come first. */
export const byNumber: Ordering = [{ ...personOrderings.NUMBER, direction: "ASC" }];

const maxQueryLength = 256;
const maxQueryWords = 16;

/** Returns the words of a query, each once. Throws {@link InvalidInput} with `path` if it is blank or too long. */
export function wordsOfQuery(query: string, path: readonly string[]): readonly string[] {
  const problem = unstorable(query);
  if (problem) throw invalid(path, `The query ${problem}.`);
  const words = [...new Set(query.split(/\s+/).filter((word) => word !== ""))];
  if (words.length === 0) throw invalid(path, "The query must not be blank. Leave it out to find everyone.");
  if (codePointLength(query) > maxQueryLength || words.length > maxQueryWords) {
    throw invalid(path, `The query must have at most ${maxQueryLength} characters and ${maxQueryWords} words.`);
  }
  return words;
}

/** The person whom an administrator adds to the account. */
export interface AddPersonInput extends Retryable {
  readonly name: string;
  readonly email: string;
  readonly role: Role;
}

/** Absent fields stay unchanged. */
export interface UpdatePersonInput extends Retryable {
  readonly id: string;
  readonly name?: string | undefined;
  readonly email?: string | undefined;
  readonly role?: Role | undefined;
}

export interface RemovePersonInput extends Retryable {
  readonly id: string;
}

const maxPersonNameLength = 255;
/** RFC 5321 allows 64 octets before the @ and 255 after it. */
const maxEmailLength = 320;

/** Throws {@link InvalidInput} with every field that is not valid. */
export function checkPerson({ name, email }: Pick<UpdatePersonInput, "name" | "email">): void {
  const issues = createIssues();
  if (name !== undefined) {
    const problem = unstorable(name);
    if (problem) issues.add("name", `The name ${problem}.`);
    else if (/\p{Cc}/u.test(name)) issues.add("name", "The name must not have line breaks or other control characters.");
    if (name.trim() === "") issues.add("name", "The name must not be blank.");
    if (codePointLength(name) > maxPersonNameLength)
      issues.add("name", `The name must have at most ${maxPersonNameLength} characters.`);
  }
  if (email !== undefined) {
    if (unstorable(email) !== undefined || !/^[^\s@<>()[\],;:\\"\p{Cc}]{1,64}@[^\s@<>()[\],;:\\"\p{Cc}]+$/u.test(email))
      issues.add("email", "The mail address must be like name@example.com, with at most 64 characters before the @.");
    if (codePointLength(email) > maxEmailLength)
      issues.add("email", `The mail address must have at most ${maxEmailLength} characters.`);
  }
  issues.throwIfAny();
}

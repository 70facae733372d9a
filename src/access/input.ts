import type { AuditAction, AuditEntity } from "#generated/prisma/client.ts";
import type { InstantRange } from "../query/model/field-filter.ts";
import type { Ordering, Page } from "../query/model/page.ts";
import { codePointLength, createIssues, unstorable } from "../lib/text.ts";
import type { Scope } from "../viewer.ts";

/** The kinds of credentials whose secret this gateway generates. */
export type SecretKind = "API_KEY" | "OAUTH_CLIENT";

export interface CreateCredentialInput {
  /** The person for whom the credential acts. Default: the viewer. */
  readonly personId?: string | undefined;
  readonly name: string;
  /** Default: all scopes that the person's role and the creating credential have. */
  readonly scopes?: readonly Scope[] | undefined;
  readonly expiresAt?: Date | undefined;
}

export interface CredentialFilter {
  readonly personId?: string | undefined;
  readonly isRevoked?: boolean | undefined;
}

/** A page of credentials. */
export interface CredentialRead {
  readonly filter: CredentialFilter;
  readonly ordering: Ordering;
  readonly page: Page;
}

export interface AuditFilter {
  readonly actions?: readonly AuditAction[] | undefined;
  readonly entities?: readonly AuditEntity[] | undefined;
  readonly entityId?: string | undefined;
  readonly personId?: string | undefined;
  readonly createdAt?: InstantRange | undefined;
}

/** A page of audit events. */
export interface AuditRead {
  readonly filter: AuditFilter;
  readonly ordering: Ordering;
  readonly page: Page;
}

const maxNameLength = 255;

/** Throws {@link InvalidInput} with every field that is not valid. */
export function checkCredential(input: Pick<CreateCredentialInput, "name" | "scopes" | "expiresAt">, now: Date): void {
  const issues = createIssues();
  const problem = unstorable(input.name);
  if (problem) issues.add("name", `The name ${problem}.`);
  if (input.name.trim() === "") issues.add("name", "The name must say what the credential is for.");
  if (codePointLength(input.name) > maxNameLength)
    issues.add("name", `The name must have at most ${maxNameLength} characters.`);
  if (input.scopes?.length === 0) issues.add("scopes", "Name one scope at least, or leave scopes out.");
  if (input.expiresAt) {
    const isDate = !Number.isNaN(input.expiresAt.getTime()) && input.expiresAt.getUTCFullYear() <= 9999;
    if (!isDate) issues.add("expiresAt", "The expiry must be a date up to the year 9999.");
    else if (input.expiresAt <= now) issues.add("expiresAt", "The expiry must lie in the future.");
  }
  issues.throwIfAny();
}

/** The only order of credentials and audit events: newest first. */
export const newestFirst: Ordering = [
  { field: "createdAt", type: "timestamptz", ties: { field: "id", type: "uuid" }, direction: "DESC" },
];

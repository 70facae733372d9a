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

/** Throws {@link InvalidInput} with every field that is not valid. An absent field is not checked. */
export function checkCredential(input: Partial<Pick<CreateCredentialInput, "name" | "scopes" | "expiresAt">>, now: Date): void {
  const { name } = input;
  const issues = createIssues();
  const problem = name === undefined ? undefined : unstorable(name);
  if (problem) issues.add("name", `The name ${problem}.`);
  if (name?.trim() === "") issues.add("name", "The name must say what the credential is for.");
  if (name !== undefined && codePointLength(name) > maxNameLength)
    issues.add("name", `The name must have at most ${maxNameLength} characters.`);
  if (input.scopes?.length === 0) issues.add("scopes", "Name one scope at least, or leave scopes out.");
  if (input.expiresAt) {
    const isDate = !Number.isNaN(input.expiresAt.getTime()) && input.expiresAt.getUTCFullYear() <= 9999;
    if (!isDate) issues.add("expiresAt", "The expiry must be a date up to the year 9999.");
    else if (input.expiresAt <= now) issues.add("expiresAt", "The expiry must lie in the future.");
  }
  issues.throwIfAny();
}

const maxLinkSubjectLength = 255;

/** Throws {@link InvalidInput} with every field of a link that is not valid. An absent field is not checked. */
export function checkLink({ issuer, subject }: { readonly issuer?: string; readonly subject?: string }): void {
  const issues = createIssues();
  if (issuer !== undefined && (!/^https?:\/\//.test(issuer) || !URL.canParse(issuer)))
    issues.add("issuer", "The issuer must be the http or https URL of OIDC_ISSUERS.");
  if (subject !== undefined) {
    const problem = unstorable(subject);
    if (problem) issues.add("subject", `The subject ${problem}.`);
    if (subject === "" || subject.length > maxLinkSubjectLength)
      issues.add("subject", `The subject must have 1 to ${maxLinkSubjectLength} characters.`);
  }
  issues.throwIfAny();
}

/** The only order of credentials and audit events: newest first. */
export const newestFirst: Ordering = [
  { field: "createdAt", type: "timestamptz", ties: { field: "id", type: "uuid" }, direction: "DESC" },
];

import { Forbidden, Unauthenticated } from "./errors.ts";
import type { ResponseAllowance, ResponseBudget } from "./lib/response-budget.ts";

/** What a credential may be used for. A credential never reaches further than its person's role. */
export const scopes = [
  "tickets:read",
  "tickets:write",
  "notes:read",
  "notes:write",
  "notes:internal",
  "attachments:read",
  "attachments:write",
  "admin",
] as const;

export type Scope = (typeof scopes)[number];

export type Role = "CUSTOMER" | "SPECIALIST" | "ADMINISTRATOR";

/** Someone without a credential. A value like any other: policies answer it, nothing is special-cased. */
export interface AnonymousViewer {
  readonly kind: "anonymous";
}

/** What somebody may prove by who they are: a key, a client of the token endpoint, a link to a subject of an outside issuer. */
export type CredentialKind = "API_KEY" | "OAUTH_CLIENT" | "IDENTITY_LINK";

/** Where a call came from, as the audit keeps it. */
export interface Origin {
  readonly address: string | null;
  readonly userAgent: string | null;
  readonly requestId: string | null;
}

/** A person acting in one account, as far as the credential goes. */
export interface PersonViewer {
  readonly kind: "person";
  /** Absent if no credential was used: people of the demo data write through the services, without a request. */
  readonly credential?: { readonly kind: CredentialKind; readonly id: string };
  readonly origin?: Origin;
  /** What the response to the call may take up. Absent as above. */
  readonly response?: ResponseAllowance;
  readonly person: { readonly id: string; readonly number: number; readonly name: string };
  readonly account: { readonly id: string; readonly slug: string; readonly name: string; readonly timeZone: string };
  readonly role: Role;
  readonly scopes: ReadonlySet<Scope>;
}

export type Viewer = AnonymousViewer | PersonViewer;

export const anonymous: AnonymousViewer = { kind: "anonymous" };

/** Returns the person behind `viewer`, if the credential has every required scope. @throws {Unauthenticated} {@link Forbidden} */
export function authorize(viewer: Viewer, ...required: readonly Scope[]): PersonViewer {
  if (viewer.kind === "anonymous") throw new Unauthenticated();
  const missing = required.filter((scope) => !viewer.scopes.has(scope));
  if (missing.length > 0) throw new Forbidden(`The credential lacks the scope ${missing.join(" and ")}.`, missing);
  return viewer;
}

/** Whether {@link authorize} would pass. */
export function hasScopes(viewer: Viewer, ...required: readonly Scope[]): viewer is PersonViewer {
  return viewer.kind === "person" && required.every((scope) => viewer.scopes.has(scope));
}

/** Returns the scopes that are of use to a role. A credential never allows more than its person's role does. */
export function scopesOf(role: Role): readonly Scope[] {
  const beyond: readonly Scope[] = role === "CUSTOMER" ? ["admin", "notes:internal"] : role === "SPECIALIST" ? ["admin"] : [];
  return scopes.filter((scope) => !beyond.includes(scope));
}

/** Specialists and administrators work on every ticket of their account; customers see their own. */
export function isStaff(viewer: PersonViewer): boolean {
  return viewer.role !== "CUSTOMER";
}

/** What the response to `viewer` may take up. */
export function allowanceOf(viewer: Viewer, budget: Pick<ResponseBudget, "withoutResponse">): ResponseAllowance {
  return (viewer.kind === "person" ? viewer.response : undefined) ?? budget.withoutResponse;
}

import { Forbidden, Unauthenticated } from "./errors.ts";
import type { ResponseAllowance, ResponseBudget } from "./lib/response-budget.ts";

/** The permissions of a credential. A credential never allows more than its person's role does. */
export const scopes = [
  "tickets:read",
  "tickets:write",
  "notes:read",
  "notes:write",
  "notes:internal",
  "notes:redact",
  "attachments:read",
  "attachments:write",
  "people:manage",
  "mail:write",
  "admin",
] as const;

export type Scope = (typeof scopes)[number];

export type Role = "CUSTOMER" | "SPECIALIST" | "ADMINISTRATOR";

/**
 * A viewer without a credential. The policies refuse them like any other viewer, so no code has to handle them
 * specially.
 */
export interface AnonymousViewer {
  readonly kind: "anonymous";
}

/**
 * The kinds of credentials: an API key, a client of the token endpoint, or a link to a subject of an external issuer.
 */
export type CredentialKind = "API_KEY" | "OAUTH_CLIENT" | "IDENTITY_LINK";

/** The origin of a call, as the audit records it. */
export interface Origin {
  readonly address: string | null;
  readonly userAgent: string | null;
  readonly requestId: string | null;
}

/** A person who acts in one account with the scopes of a credential. */
export interface PersonViewer {
  readonly kind: "person";
  /** Absent if no credential was used: people of the demo data write through the services, without a request. */
  readonly credential?: { readonly kind: CredentialKind; readonly id: string };
  readonly origin?: Origin;
  /** The memory that the response to the call may use. Absent if no credential was used. */
  readonly response?: ResponseAllowance;
  readonly person: { readonly id: string; readonly number: number; readonly name: string };
  readonly account: { readonly id: string; readonly slug: string; readonly name: string; readonly timeZone: string };
  readonly role: Role;
  readonly scopes: ReadonlySet<Scope>;
}

export type Viewer = AnonymousViewer | PersonViewer;

export const anonymous: AnonymousViewer = { kind: "anonymous" };

/**
 * Returns `viewer` as a person. Throws {@link Unauthenticated} if they are anonymous, and {@link Forbidden} if the
 * credential lacks a required scope.
 */
export function authorize(viewer: Viewer, ...required: readonly Scope[]): PersonViewer {
  if (viewer.kind === "anonymous") throw new Unauthenticated();
  const missing = required.filter((scope) => !viewer.scopes.has(scope));
  if (missing.length > 0) throw new Forbidden(`The credential lacks the scope ${missing.join(" and ")}.`, missing);
  return viewer;
}

/** Returns whether {@link authorize} would not throw. */
export function hasScopes(viewer: Viewer, ...required: readonly Scope[]): viewer is PersonViewer {
  return viewer.kind === "person" && required.every((scope) => viewer.scopes.has(scope));
}

/**
 * Returns the viewer with further scopes. It is for the response to a write, which shows what they have just written
 * even if their credential may not read.
 */
export function withScopes(viewer: PersonViewer, ...added: readonly Scope[]): PersonViewer {
  return { ...viewer, scopes: new Set([...viewer.scopes, ...added]) };
}

/** Returns the scopes that a role allows. A credential never allows more than its person's role does. */
export function scopesOf(role: Role): readonly Scope[] {
  return scopes.filter((scope) => !scopesBeyond[role].has(scope));
}

const ofAdministrators: readonly Scope[] = ["admin", "notes:redact", "people:manage", "mail:write"];

/** The scopes that a role does not allow. */
const scopesBeyond: Readonly<Record<Role, ReadonlySet<Scope>>> = {
  CUSTOMER: new Set([...ofAdministrators, "notes:internal"]),
  SPECIALIST: new Set(ofAdministrators),
  ADMINISTRATOR: new Set(),
};

/**
 * Returns whether the viewer is a specialist or an administrator, who work on every ticket of their account. Customers
 * see only their own.
 */
export function isStaff(viewer: PersonViewer): boolean {
  return viewer.role !== "CUSTOMER";
}

/** Returns the memory allowance of the response to `viewer`. */
export function allowanceOf(viewer: Viewer, budget: Pick<ResponseBudget, "withoutResponse">): ResponseAllowance {
  return (viewer.kind === "person" ? viewer.response : undefined) ?? budget.withoutResponse;
}

import { Forbidden, Unauthenticated } from "./errors.ts";

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

/** A person acting in one account, as far as the credential goes. */
export interface PersonViewer {
  readonly kind: "person";
  readonly person: { readonly id: string; readonly number: number; readonly name: string };
  readonly account: { readonly id: string; readonly slug: string; readonly name: string; readonly timeZone: string };
  readonly role: Role;
  readonly scopes: ReadonlySet<Scope>;
}

export type Viewer = AnonymousViewer | PersonViewer;

export const anonymous: AnonymousViewer = { kind: "anonymous" };

/** The person behind `viewer`, when the credential has every scope asked for. @throws {Unauthenticated} {@link Forbidden} */
export function authorize(viewer: Viewer, ...required: readonly Scope[]): PersonViewer {
  if (viewer.kind === "anonymous") throw new Unauthenticated();
  const missing = required.filter((scope) => !viewer.scopes.has(scope));
  if (missing.length > 0) throw new Forbidden(`The credential lacks the scope ${missing.join(" and ")}.`);
  return viewer;
}

/** Whether {@link authorize} would pass. */
export function hasScopes(viewer: Viewer, ...required: readonly Scope[]): viewer is PersonViewer {
  return viewer.kind === "person" && required.every((scope) => viewer.scopes.has(scope));
}

/** Specialists and administrators work on every ticket of their account; customers see their own. */
export function isStaff(viewer: PersonViewer): boolean {
  return viewer.role !== "CUSTOMER";
}

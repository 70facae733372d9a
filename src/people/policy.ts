import { authorize, type Viewer } from "../viewer.ts";
import type { Condition } from "../platform/sql.ts";

/** Whose names a viewer meets: the members of the account they act in. As a condition over memberships. */
export function visibleMemberships(viewer: Viewer): Condition {
  return { accountId: authorize(viewer).account.id };
}

/** The accounts a viewer may read: the one they act in. */
export function visibleAccounts(viewer: Viewer): Condition {
  return { id: authorize(viewer).account.id };
}

/** A customer reads the mail addresses of nobody but themselves. */
export function maySeeEmail(viewer: Viewer, person: { readonly id: string }): boolean {
  if (viewer.kind === "anonymous") return false;
  return viewer.role !== "CUSTOMER" || viewer.person.id === person.id;
}

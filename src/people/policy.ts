import { authorize, isStaff, type Viewer } from "../viewer.ts";
import type { Condition } from "../database/sql.ts";

/** Whose names a viewer meets: the members of the account they act in. As a condition over memberships. */
export function visibleMemberships(viewer: Viewer): Condition {
  return { accountId: authorize(viewer).account.id };
}

/**
 * Whose participants of tickets a viewer finds among the people, besides themselves: a customer those of the tickets they requested. Undefined for
 * staff, who find every member of the account.
 */
export function findsParticipantsOf(viewer: Viewer): { readonly accountId: string; readonly requesterId: string } | undefined {
  const person = authorize(viewer);
  return isStaff(person) ? undefined : { accountId: person.account.id, requesterId: person.person.id };
}

/** Whose mail addresses a viewer may search by, as a condition over people: those that {@link maySeeEmail} shows them. */
export function searchableEmails(viewer: Viewer): Condition {
  const person = authorize(viewer);
  return isStaff(person) ? {} : { id: person.person.id };
}

/** The accounts a viewer may read: the one they act in. */
export function visibleAccounts(viewer: Viewer): Condition {
  return { id: authorize(viewer).account.id };
}

/** Returns whether the viewer may see the email address of `person`: a customer may see only their own. */
export function maySeeEmail(viewer: Viewer, person: { readonly id: string }): boolean {
  if (viewer.kind === "anonymous") return false;
  return viewer.role !== "CUSTOMER" || viewer.person.id === person.id;
}

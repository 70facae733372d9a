import { authorize, isStaff, type Viewer } from "../viewer.ts";
import type { Condition } from "../database/sql.ts";

/**
 * Returns the condition over memberships for the people whose names the viewer may see: the members of the account in
 * which they act, and those who were members.
 */
export function visibleMemberships(viewer: Viewer): Condition {
  return { accountId: authorize(viewer).account.id };
}

/** The requester of tickets, whose participants somebody finds. */
export interface ParticipantsOf {
  readonly accountId: string;
  readonly requesterId: string;
}

/**
 * Returns the requester on whose tickets a customer finds participants. The people that a customer finds are themselves
 * and these participants. Returns undefined for staff, who find every member of the account.
 */
export function findsParticipantsOf(viewer: Viewer): ParticipantsOf | undefined {
  const person = authorize(viewer);
  return isStaff(person) ? undefined : { accountId: person.account.id, requesterId: person.person.id };
}

/**
 * Returns the condition over people for those whose email addresses the viewer may search by. They are the same as in
 * {@link maySeeEmail}.
 */
export function searchableEmails(viewer: Viewer): Condition {
  const person = authorize(viewer);
  return isStaff(person) ? {} : { id: person.person.id };
}

/** Returns the condition for the accounts that the viewer may read: the one in which they act. */
export function visibleAccounts(viewer: Viewer): Condition {
  return { id: authorize(viewer).account.id };
}

/** Returns whether the viewer may see the email address of `person`: a customer may see only their own. */
export function maySeeEmail(viewer: Viewer, person: { readonly id: string }): boolean {
  if (viewer.kind === "anonymous") return false;
  return viewer.role !== "CUSTOMER" || viewer.person.id === person.id;
}

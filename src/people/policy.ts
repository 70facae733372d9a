import type { Role } from "#generated/prisma/client.ts";
import { authorize, isStaff, type Viewer } from "../viewer.ts";
import type { Condition } from "../database/sql.ts";

/** A person as the viewer's account knows them: the account of their home, and their role here. */
interface PersonInAccount {
  readonly id: string;
  readonly accountId: string;
  readonly role: Role | null;
}

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

/**
 * Returns whether the viewer may see the email address of `person`: a customer may see only their own. A guest who has
 * left is somebody of another account, which may have changed the address since then.
 */
export function maySeeEmail(viewer: Viewer, person: PersonInAccount): boolean {
  if (viewer.kind === "anonymous") return false;
  if (viewer.person.id === person.id) return true;
  return viewer.role !== "CUSTOMER" && (person.role !== null || person.accountId === viewer.account.id);
}

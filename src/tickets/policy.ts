import { Forbidden } from "../errors.ts";
import type { AccountCondition } from "../platform/sql.ts";
import { authorize, hasScopes, isStaff, type Viewer } from "../viewer.ts";

/** The tickets a viewer may see: all of their account for its staff, those they requested for a customer. */
export function visibleTickets(viewer: Viewer): AccountCondition {
  const person = authorize(viewer, "tickets:read");
  const { id: accountId } = person.account;
  return isStaff(person) ? { accountId } : { accountId, requesterId: person.person.id };
}

/** Where and for whom a viewer may open a ticket: a customer for themselves, staff for any member of the account or for nobody. @throws {Forbidden} */
export function newTicketFor(
  viewer: Viewer,
  requesterId: string | undefined,
): { accountId: string; requesterId: string | null } {
  const person = authorize(viewer, "tickets:write");
  const { id: accountId } = person.account;
  if (isStaff(person)) return { accountId, requesterId: requesterId ?? null };
  if (requesterId !== undefined && requesterId !== person.person.id) {
    throw new Forbidden("A customer opens tickets for themselves: leave requesterId out.");
  }
  return { accountId, requesterId: person.person.id };
}

/** Whoever sees a ticket may add notes to it, when the credential is meant for that. */
export function mayAddNotes(viewer: Viewer): boolean {
  return hasScopes(viewer, "tickets:read", "notes:write");
}

import { Forbidden } from "../errors.ts";
import type { AccountCondition } from "../database/sql.ts";
import { authorize, hasScopes, isStaff, type PersonViewer, type Viewer } from "../viewer.ts";

/** The tickets a viewer may see: all of their account for its staff, those they requested for a customer. */
export function visibleTickets(viewer: Viewer): AccountCondition {
  const person = authorize(viewer, "tickets:read");
  const { id: accountId } = person.account;
  return isStaff(person) ? { accountId } : { accountId, requesterId: person.person.id };
}

/**
 * Returns who opens a ticket, in which account and for whom: a customer for themselves; staff for any member of the account, or
 * without a requester. @throws {Forbidden}
 */
export function newTicketFor(
  viewer: Viewer,
  requesterId: string | undefined,
): { opener: PersonViewer; accountId: string; requesterId: string | null } {
  const opener = authorize(viewer, "tickets:write");
  const { id: accountId } = opener.account;
  if (isStaff(opener)) return { opener, accountId, requesterId: requesterId ?? null };
  if (requesterId !== undefined && requesterId !== opener.person.id) {
    throw new Forbidden("A customer opens tickets for themselves: leave requesterId out.");
  }
  return { opener, accountId, requesterId: opener.person.id };
}

/**
 * Returns the person who changes tickets that they see: only staff may. Call it only for a viewer who sees the ticket. @throws
 * {Forbidden}
 */
export function editorOfTickets(viewer: Viewer): PersonViewer {
  const editor = authorize(viewer, "tickets:read", "tickets:write");
  if (!isStaff(editor)) {
    throw new Forbidden(
      "A customer adds notes to a ticket: its subject, status and requester are for the service desk to change.",
    );
  }
  return editor;
}

/** Whoever sees a ticket may add notes to it, when the credential is meant for that. */
export function mayAddNotes(viewer: Viewer): boolean {
  return hasScopes(viewer, "tickets:read", "notes:write");
}

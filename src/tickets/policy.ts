import { Forbidden } from "../errors.ts";
import type { AccountCondition } from "../database/sql.ts";
import { type AddTicketInput, statusOfNewTickets } from "./input.ts";
import { authorize, hasScopes, isStaff, type PersonViewer, type Viewer } from "../viewer.ts";

/**
 * Returns the condition for the tickets that the viewer may see: staff all tickets of their account, a customer those
 * that they requested. Throws as {@link authorize} if the viewer lacks the scope.
 */
export function visibleTickets(viewer: Viewer): AccountCondition {
  return ticketsOf(authorize(viewer, "tickets:read"));
}

/** Returns the condition for the tickets of a person: {@link visibleTickets}, whatever the scopes of the credential. */
export function ticketsOf(person: PersonViewer): AccountCondition {
  const { id: accountId } = person.account;
  return isStaff(person) ? { accountId } : { accountId, requesterId: person.person.id };
}

/**
 * Returns the opener of a new ticket, its account and its requester. A customer opens tickets for themselves; staff for
 * any member of the account, or without a requester. Throws {@link Forbidden} if a customer names another requester or
 * another status than that of new tickets, or the credential lacks the scope.
 */
export function newTicketFor(
  viewer: Viewer,
  { requesterId, status }: Pick<AddTicketInput, "requesterId" | "status">,
): { opener: PersonViewer; accountId: string; requesterId: string | null } {
  const opener = authorize(viewer, "tickets:write");
  const { id: accountId } = opener.account;
  if (isStaff(opener)) return { opener, accountId, requesterId: requesterId ?? null };
  if (requesterId !== undefined && requesterId !== opener.person.id) {
    throw new Forbidden("A customer opens tickets for themselves: leave requesterId out.");
  }
  if (status !== statusOfNewTickets) {
    throw new Forbidden(
      `A customer opens tickets that are ${statusOfNewTickets}, and the service desk changes that: leave status out.`,
    );
  }
  return { opener, accountId, requesterId: opener.person.id };
}

/**
 * Returns the viewer as an editor of tickets. Call it only for a ticket that they may see. Throws {@link Forbidden} if
 * they are not staff or the credential lacks a scope.
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

/** Returns whether the viewer may add notes to a ticket that they may see. It depends on the scopes only. */
export function mayAddNotes(viewer: Viewer): boolean {
  return hasScopes(viewer, "tickets:read", "notes:write");
}

import { Forbidden } from "../errors.ts";
import { type AccountCondition, type Condition, matches } from "../database/sql.ts";
import { authorize, hasScopes, isStaff, type PersonViewer, type Scope, type Viewer } from "../viewer.ts";

/**
 * Returns the condition for the notes that the viewer may see. Staff see all notes of their account, internal ones only
 * with the scope for them; a customer sees the public notes of the tickets that they requested. Throws as
 * {@link authorize} if the viewer lacks the scope.
 */
export function visibleNotes(viewer: Viewer): AccountCondition {
  return visibleTo(authorize(viewer, "notes:read"));
}

/** As {@link visibleNotes}. Returns undefined if the credential may read no notes. */
export function findableNotes(viewer: Viewer): AccountCondition | undefined {
  return hasScopes(viewer, "notes:read") ? visibleTo(viewer) : undefined;
}

/**
 * Returns whether the viewer sees internal notes. Who sees public notes only sees only the public states of a note.
 * Throws as {@link visibleNotes}.
 */
export function seesInternalNotes(viewer: Viewer): boolean {
  return visibleNotes(viewer)["isPublic"] === undefined;
}

/** Throws as {@link authorize} if the viewer may not know of attachments. */
export function requireAttachments(viewer: Viewer): void {
  authorize(viewer, "attachments:read");
}

/**
 * Returns the condition over the attachments of a note that the viewer may see, for those that they may see. Internal
 * ones are only for those who see internal notes. Throws as {@link visibleNotes}.
 */
export function visibleAttachments(viewer: Viewer): AccountCondition {
  const { accountId } = visibleNotes(viewer);
  return seesInternalNotes(viewer) ? { accountId } : { accountId, isInternal: false };
}

/**
 * Returns the condition for the notes that the viewer may delete and attach files to: staff those that they may see, a
 * customer those that they wrote. Throws as {@link authorize} if the viewer lacks a scope.
 */
export function changeableNotes(viewer: Viewer): Condition {
  return changeableBy(authorize(viewer, "notes:read", "notes:write"));
}

/** The fields of a note that say who may change it. */
export const noteChangeability = ["accountId", "isPublic", "requesterId", "authorNumber", "medium"] as const;

/** Returns whether {@link changeableNotes} holds for `note`, which the viewer may see. */
export function mayDeleteNote(viewer: Viewer, note: Readonly<Record<string, unknown>>): boolean {
  return hasScopes(viewer, "notes:read", "notes:write") && matches(changeableBy(viewer), note);
}

/**
 * The condition for notes that anybody may update. What the service desk's software wrote, or what was sent as an
 * email, stays as it was.
 */
const writtenByPeople = { medium: "DEFAULT" } as const;

/**
 * Returns the condition for the notes that the viewer may update: {@link changeableNotes} that were written by people.
 * Throws as {@link authorize} if the viewer lacks a scope.
 */
export function updatableNotes(viewer: Viewer): Condition {
  return { ...changeableNotes(viewer), ...writtenByPeople };
}

/** Returns whether {@link updatableNotes} holds for `note`, which the viewer may see. */
export function mayUpdateNote(viewer: Viewer, note: Readonly<Record<string, unknown>>): boolean {
  return mayDeleteNote(viewer, note) && matches(writtenByPeople, note);
}

/**
 * Returns the viewer as the author of a new note. Throws {@link Forbidden} if they may not add notes of that visibility
 * or medium.
 */
export function authorOfNewNote(
  viewer: Viewer,
  note: { readonly isPublic: boolean; readonly medium?: string | undefined },
): PersonViewer {
  const person = authorize(viewer, "tickets:read", "notes:write");
  requireVisibility(person, note.isPublic);
  const scope = scopeOfMedium(note.medium);
  if (scope !== undefined) authorize(viewer, scope);
  return person;
}

/**
 * Returns the scope without which nobody may add a note of that medium, if there is one. Only administrators have it.
 */
function scopeOfMedium(medium = "DEFAULT"): Scope | undefined {
  if (medium === "DEFAULT") return undefined;
  // A SYSTEM or AUTOMATION note speaks for the service desk. A mail server hands over mails as they were sent.
  return medium === "EMAIL" || medium === "OUTBOUND_EMAIL" ? "mail:write" : "admin";
}

/**
 * Throws {@link Forbidden} if `viewer` may not write notes of that visibility: nobody may write a note that they could
 * not read.
 */
export function requireVisibility(viewer: PersonViewer, isPublic: boolean): void {
  if (isPublic) return;
  if (!isStaff(viewer)) throw new Forbidden("A customer writes public notes: send the note as public.");
  if (!hasScopes(viewer, "notes:internal"))
    throw new Forbidden("The credential lacks the scope notes:internal: send the note as public.");
}

/**
 * Returns the condition for the deleted notes that the viewer may undelete: those that they could see. Throws
 * {@link Forbidden} if they are no administrator, whichever note it is, and as {@link authorize}.
 */
export function undeletableNotes(viewer: Viewer): AccountCondition {
  const person = authorize(viewer, "notes:read", "notes:write");
  if (person.role !== "ADMINISTRATOR") throw new Forbidden("Only administrators undelete notes.");
  return visibleTo(person);
}

/**
 * Returns whether /v1 goes on showing `note` when `deleter` deletes it, without its text: what an administrator takes
 * away from somebody else leaves a trace there.
 */
export function isWithdrawnBy(deleter: PersonViewer, note: { readonly authorNumber: number }): boolean {
  return deleter.role === "ADMINISTRATOR" && note.authorNumber !== deleter.person.number;
}

function visibleTo(viewer: PersonViewer): AccountCondition {
  const accountId = viewer.account.id;
  if (!isStaff(viewer)) return { accountId, isPublic: true, requesterId: viewer.person.id };
  return hasScopes(viewer, "notes:internal") ? { accountId } : { accountId, isPublic: true };
}

function changeableBy(viewer: PersonViewer): Condition {
  const visible = visibleTo(viewer);
  return isStaff(viewer) ? visible : { ...visible, authorNumber: viewer.person.number };
}

import { Forbidden } from "../errors.ts";
import { type AccountCondition, type Condition, matches } from "../database/sql.ts";
import { authorize, hasScopes, isStaff, type PersonViewer, type Viewer } from "../viewer.ts";

/**
 * The notes a viewer may see: staff all of their account, internal ones with the scope for them; a customer the public notes of the
 * tickets they requested.
 */
export function visibleNotes(viewer: Viewer): AccountCondition {
  return visibleTo(authorize(viewer, "notes:read"));
}

/** The notes a viewer may edit and delete: staff what they see, a customer what they wrote. */
export function changeableNotes(viewer: Viewer): Condition {
  return changeableBy(authorize(viewer, "notes:read", "notes:write"));
}

/** Whether {@link changeableNotes} holds for `note`, which the viewer sees already. */
export function mayChangeNote(viewer: Viewer, note: Readonly<Record<string, unknown>>): boolean {
  return hasScopes(viewer, "notes:read", "notes:write") && matches(changeableBy(viewer), note);
}

/** The person who adds a note. @throws {Forbidden} where the note would be internal and they may not write such. */
export function authorOfNewNote(
  viewer: Viewer,
  note: { readonly isPublic: boolean; readonly medium?: string | undefined },
): PersonViewer {
  const person = authorize(viewer, "tickets:read", "notes:write");
  requireVisibility(person, note.isPublic);
  // A SYSTEM or AUTOMATION note speaks for the service desk, so only administrators may add one.
  if (note.medium !== undefined && note.medium !== "DEFAULT") authorize(viewer, "admin");
  return person;
}

/** @throws {Forbidden} where `viewer` may not write notes of that visibility, since they could not read them. */
export function requireVisibility(viewer: PersonViewer, isPublic: boolean): void {
  if (isPublic) return;
  if (!isStaff(viewer)) throw new Forbidden("A customer writes public notes: send the note as public.");
  if (!hasScopes(viewer, "notes:internal"))
    throw new Forbidden("The credential lacks the scope notes:internal: send the note as public.");
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

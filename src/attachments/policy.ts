import { changeableNotes, visibleNotes } from "../notes/policy.ts";
import type { AccountCondition, Condition } from "../database/sql.ts";
import { authorize, type Viewer } from "../viewer.ts";

/**
 * Returns the condition over notes for those whose attachments the viewer may see. An attachment is visible if its
 * note is and {@link visibleAttachments} holds. Throws as {@link authorize} if the viewer lacks the scope.
 */
export function notesWithVisibleAttachments(viewer: Viewer): AccountCondition {
  authorize(viewer, "attachments:read");
  return visibleNotes(viewer);
}

/**
 * Returns the condition over notes for those whose attachments the viewer may add and remove: the notes that they may
 * change. Throws as {@link authorize} if the viewer lacks the scope.
 */
export function notesToAttachTo(viewer: Viewer): Condition {
  authorize(viewer, "attachments:write");
  return changeableNotes(viewer);
}

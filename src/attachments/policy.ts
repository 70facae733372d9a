import { changeableNotes, visibleNotes } from "../notes/policy.ts";
import type { Condition } from "../database/sql.ts";
import { authorize, type Viewer } from "../viewer.ts";

/** The notes whose attachments a viewer may see, as a condition over notes. An attachment is visible exactly if its note is. */
export function notesWithVisibleAttachments(viewer: Viewer): Condition {
  authorize(viewer, "attachments:read");
  return visibleNotes(viewer);
}

/** Whoever may change a note may attach files to it and remove them. As a condition over notes. */
export function notesToAttachTo(viewer: Viewer): Condition {
  authorize(viewer, "attachments:write");
  return changeableNotes(viewer);
}

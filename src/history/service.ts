import { invalid, NotFound } from "../errors.ts";
import type { Note, Notes } from "../notes/service.ts";
import { noteById } from "../notes/relations.ts";
import type { Total } from "../query/model/page.ts";
import type { Selection } from "../query/model/selection.ts";
import type { ReadPages, Reads } from "../query/reads.ts";
import type { Viewer } from "../viewer.ts";
import { type EditRead, newestEditFirst, type RestoreNoteInput } from "./input.ts";
import { editById, editsOfNote, type NoteEdit } from "./relations.ts";

export type { NoteEdit } from "./relations.ts";

declare module "../services.ts" {
  interface Services {
    readonly history: History;
  }
}

/** The earlier states of notes. */
export interface History {
  /**
   * Returns edits in the order of `ids` with the selected fields, or null for one that is missing or that the viewer
   * may not see.
   */
  byIds(viewer: Viewer, ids: readonly string[], selection?: Selection): Promise<(NoteEdit | null)[]>;
  /** Returns the same page of the edits of each note that the viewer may see, or null for a note that they may not. */
  readonly ofNotes: ReadPages<NoteEdit, EditRead>;
  totalOfNotes(viewer: Viewer, noteIds: readonly string[]): Promise<Total[]>;
  /**
   * Gives a note the text, the categories and the visibility again that it had before an edit. Throws {@link NotFound}
   * if the viewer may not see the edit or it is not one of the note, `InvalidInput` if it is redacted, and as
   * `Notes.update`.
   */
  restore(viewer: Viewer, input: RestoreNoteInput): Promise<Note>;
}

export function createNoteHistory({ reads, notes }: { readonly reads: Reads; readonly notes: Notes }): History {
  return {
    byIds: (viewer, ids, selection) => reads.byKeys(viewer, editById, ids, selection),
    ofNotes: (viewer, noteIds, read, selection) =>
      reads.pagesOf(viewer, { relation: noteById, keys: noteIds }, editsOfNote, read, selection),
    totalOfNotes: (viewer, noteIds) => {
      const read: EditRead = { ordering: newestEditFirst, page: { size: 1, from: "start" } };
      return reads.totalsOf(viewer, { relation: noteById, keys: noteIds }, editsOfNote, read);
    },

    async restore(viewer, { id, editId, ...rest }) {
      const [edit] = await reads.byKeys(viewer, editById, [editId]);
      if (!edit || edit.noteId !== id) throw new NotFound("edit");
      const { text, categories, isPublic } = edit;
      if (text === null) throw invalid("editId", "The text from before this edit was redacted, so it cannot be restored.");
      return notes.update(viewer, { ...rest, id, text, categories, isPublic });
    },
  };
}

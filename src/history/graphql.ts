import { builder } from "../graphql/kit/builder.ts";
import { readPage } from "../graphql/kit/connections.ts";
import { defineConnection } from "../graphql/kit/define-connection.ts";
import { idempotencyKeyDescription, readIdempotencyKey } from "../graphql/kit/idempotency.ts";
import { readId } from "../graphql/kit/ids.ts";
import { loadNode } from "../graphql/kit/nodes.ts";
import { changeErrors, expectedVersionDescription, expectedVersionsOf, NoteCategoryEnum, NoteRef } from "../notes/graphql.ts";
import { mayUpdateNote, noteChangeability } from "../notes/policy.ts";
import type { TextChange } from "../notes/richtext/changes.ts";
import type { Note } from "../notes/service.ts";
import { PersonRef } from "../people/graphql.ts";
import { newestEditFirst } from "./input.ts";
import { editorOfEdit, editsOfNote } from "./relations.ts";
import type { NoteEdit } from "./service.ts";

const TextChangeKindEnum = builder.enumType("TextChangeKind", {
  description: "The kinds of parts of the changes between two texts.",
  values: {
    EQUAL: { description: "The part is in both texts." },
    INSERTED: { description: "The part is in the later text only." },
    DELETED: { description: "The part is in the earlier text only." },
  } as const,
});

const TextChangeRef = builder.objectRef<TextChange>("TextChange").implement({
  description: "A part of the changes between two texts.",
  fields: (t) => ({
    kind: t.expose("kind", { type: TextChangeKindEnum, description: "In which of the two texts the part is." }),
    text: t.exposeString("text", { description: "The part." }),
  }),
});

const NoteEditRef = builder.objectRef<NoteEdit>("NoteEdit").implement({
  description:
    "A change to the text, the categories or the visibility of a note: what it had before, and who changed it. A viewer sees an " +
    "edit only if they may see the note as it was before it and after it. Two states that they may see, with others between " +
    "them, are joined by one edit.",
  fields: (t) => ({
    editedAt: t.expose("editedAt", { type: "DateTime", description: "When the note was changed." }),
    editor: t.toOne({
      type: PersonRef,
      nullable: true,
      description: "The person who changed the note. Null if that person is not known.",
      relation: editorOfEdit,
      by: "editorNumber",
      read: ({ people }) => people.byNumbers,
    }),
    version: t.exposeInt("version", { description: "The version that the note had before the edit." }),
    text: t.exposeString("text", { nullable: true, description: "The text before the edit. Null if it was redacted." }),
    isPublic: t.exposeBoolean("isPublic", { description: "Whether the note was public before the edit." }),
    categories: t.expose("categories", { type: [NoteCategoryEnum], description: "The categories before the edit." }),
    isRedacted: t.computed({
      type: "Boolean",
      description: "Whether the text from before the edit was redacted.",
      columns: ["text"],
      resolve: ({ text }) => text === null,
    }),
    diff: t.computed({
      type: [TextChangeRef],
      nullable: true,
      description:
        "What the edit did to the text, by words. The EQUAL and DELETED parts together are the text before the edit; the EQUAL and " +
        "INSERTED parts are the text after it. Null if one of the two was redacted.",
      columns: ["text", "laterText"],
      extensions: { rendersText: true },
      resolve: async ({ text, laterText }, _args, { services, viewer }) => {
        if (text === null || laterText === null) return null;
        return [...(await services.texts.changesBetween(viewer, text, laterText))];
      },
    }),
  }),
});

builder.nodeRef(NoteEditRef, {
  id: { description: "The edit's global id.", resolve: (edit: NoteEdit) => edit.id },
  loadWithoutCache: loadNode("NoteEdit", ({ services }) => services.history.byIds),
});

builder.prismaObjectFields(NoteRef, (t) => ({
  edits: t.toMany({
    connection: defineConnection({ type: NoteEditRef, singular: "An edit", plural: "edits" }),
    description: "The edits of this note that the viewer may see, the newest first.",
    relation: editsOfNote,
    scope: () => ({ name: "Note.edits", ordering: newestEditFirst }),
    input: (args, scope) => ({ ordering: scope.ordering, page: readPage(args, scope) }),
    read: ({ history }) => history.ofNotes,
    total: ({ services, load }, noteId) => load(services.history.totalOfNotes, noteId),
  }),
  viewerCanRestore: t.computed({
    type: "Boolean",
    description: "Whether the viewer may restore an earlier state of the note with `restoreNote`.",
    columns: noteChangeability,
    resolve: (note, _args, { viewer }) => mayUpdateNote(viewer, note),
  }),
}));

const RestoreNoteInputRef = builder.inputType("RestoreNoteInput", {
  description: "The note, and the edit whose state it gets again.",
  fields: (t) => ({
    id: t.id({ required: true, description: "The note's global id or its UUID." }),
    editId: t.id({ required: true, description: "The global id of the edit, or its UUID." }),
    expectedVersion: t.int({ description: expectedVersionDescription }),
    idempotencyKey: t.string({ description: idempotencyKeyDescription }),
  }),
});

const RestoreNotePayload = builder.objectRef<Note>("RestoreNotePayload").implement({
  description: "The note after its state was restored.",
  fields: (t) => ({
    note: t.field({ type: NoteRef, description: "The note after its state was restored.", resolve: (note) => note }),
  }),
});

builder.mutationField("restoreNote", (t) =>
  t.field({
    type: RestoreNotePayload,
    description:
      "Gives a note the text, the categories and the visibility again that it had before an edit. This is a new edit. What was " +
      "redacted cannot be restored (INVALID_INPUT). Who may update the note may do this. Requires the scopes `notes:read` and " +
      "`notes:write`.",
    errors: changeErrors,
    args: { input: t.arg({ type: RestoreNoteInputRef, required: true, description: "The note and the edit." }) },
    resolve: async (_root, { input }, context) => {
      const note = await context.services.history.restore(context.viewer, {
        id: readId("Note", input.id),
        editId: readId("NoteEdit", input.editId, "editId"),
        expectedVersions: expectedVersionsOf(input.expectedVersion),
        idempotencyKey: readIdempotencyKey("restoreNote", input),
      });
      context.forget();
      return note;
    },
  }),
);

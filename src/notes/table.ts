import type { Note, WithdrawnNote } from "#generated/prisma/client.ts";
import { defineTable } from "../database/table.ts";

export const notesTable = defineTable<Note, "number" | "requesterId" | "version" | "publicEditedAt" | "publicEditorNumber">({
  name: "notes",
  types: {
    id: "uuid",
    number: "integer",
    accountId: "uuid",
    ticketId: "uuid",
    requesterId: "uuid",
    authorNumber: "integer",
    text: "text",
    isPublic: "boolean",
    categories: '"NoteCategory"[]',
    medium: '"NoteMedium"',
    source: "text",
    createdAt: "timestamptz",
    updatedAt: "timestamptz",
    version: "integer",
    editorNumber: "integer",
    publicEditedAt: "timestamptz",
    publicEditorNumber: "integer",
    redactedAt: "timestamptz",
  },
});

export const withdrawnNotesTable = defineTable<WithdrawnNote, "medium">({
  name: "withdrawn_notes",
  types: {
    id: "uuid",
    number: "integer",
    accountId: "uuid",
    ticketId: "uuid",
    requesterId: "uuid",
    authorNumber: "integer",
    isPublic: "boolean",
    medium: '"NoteMedium"',
    createdAt: "timestamptz",
  },
});

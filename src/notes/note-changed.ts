import type { Note } from "#generated/prisma/client.ts";
import { Changed } from "../errors.ts";

/** The note is in none of the versions that the caller expects. */
export class NoteChanged extends Changed<Note> {
  constructor(current: Note) {
    super("note", current);
    this.name = "NoteChanged";
  }
}

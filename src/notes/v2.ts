import { invalid, NotFound } from "../errors.ts";
import type { Person } from "../people/service.ts";
import { codePointLength } from "../platform/text.ts";
import { pageWithTotal, relatedAs, type Selection, selectOne } from "../reading/selection.ts";
import type { Operation, Window } from "../rest/v2/operation.ts";
import type { Services } from "../services.ts";
import type { Viewer } from "../viewer.ts";
import { noteOrderings } from "./input.ts";
import { authorOfNote } from "./relations.ts";
import type { Note, NoteCategory } from "./service.ts";

type V2Category = "pre-scan" | "post-scan";

interface NoteWrite {
  readonly ticket_id: string;
  readonly value: string;
  readonly is_public: boolean;
  readonly categories?: readonly V2Category[];
}

const categoryOf: Record<V2Category, NoteCategory> = { "pre-scan": "PRE_SCAN", "post-scan": "POST_SCAN" };
const v2CategoryOf: Record<NoteCategory, V2Category> = { PRE_SCAN: "pre-scan", POST_SCAN: "post-scan" };

/** The most characters (Unicode code points) of a note that /v2 has ever taken or shown. */
const maximumCharacters = 1500;

/** A text as /v2 shows it: one written elsewhere may be longer, and is cut so that the bound is never broken. */
export function excerpt(text: string): string {
  // There are never more characters than units of UTF-16, and those are known without counting.
  if (text.length <= maximumCharacters || codePointLength(text) <= maximumCharacters) return text;
  return `${[...text].slice(0, maximumCharacters - 1).join("")}…`;
}

const authorName = selectOne(authorOfNote, { fields: new Set(["name"]), relations: new Map() });

/** What is read of a note to show it. */
const shown: Selection = {
  fields: new Set(["categories", "createdAt", "isPublic", "ticketId", "updatedAt", "text", "authorNumber"]),
  relations: new Map([["author", authorName]]),
};

export const listNotes: Operation<{ query: Window & { ticket_id: string }; path: unknown; body: unknown }> = async (
  services,
  { viewer, query },
) => {
  const ticketId = query.ticket_id.toLowerCase();
  const ordering = [{ ...noteOrderings.CREATED_AT, direction: "ASC" }] as const;
  const page = { size: query.limit, from: "start", offset: query.offset } as const;
  const read = { filter: {}, ordering, page };
  const [slice] = await services.notes.ofTickets(viewer, [ticketId], read, pageWithTotal, shown);
  if (!slice) throw new NotFound("ticket");
  return {
    query: { limit: query.limit, offset: query.offset, ticket_id: ticketId },
    result: await present(services, viewer, slice.rows),
    total: slice.total ?? 0,
  };
};

export const addNote: Operation<{ query: unknown; path: unknown; body: NoteWrite }> = async (services, { viewer, body }) => {
  const note = await services.notes.add(viewer, {
    ticketId: body.ticket_id.toLowerCase(),
    text: body.value,
    categories: categoriesOf(body),
    isPublic: body.is_public,
  });
  return presentOne(services, viewer, note);
};

export const getNote: Operation<{ query: unknown; path: { note_id: string }; body: unknown }> = async (
  services,
  { viewer, path },
) => {
  const [note] = await services.notes.byIds(viewer, [path.note_id.toLowerCase()], shown);
  if (!note) throw new NotFound("note");
  return presentOne(services, viewer, note);
};

/** PUT replaces: what is left out has been given its default by then. */
export const updateNote: Operation<{ query: unknown; path: { note_id: string }; body: NoteWrite }> = async (
  services,
  { viewer, path, body },
) => {
  const note = await services.notes.update(viewer, {
    id: path.note_id.toLowerCase(),
    ticketId: body.ticket_id.toLowerCase(),
    text: body.value,
    categories: categoriesOf(body),
    isPublic: body.is_public,
    shownAs: excerpt,
  });
  return presentOne(services, viewer, note);
};

export const deleteNote: Operation<{ query: unknown; path: { note_id: string }; body: unknown }> = async (
  services,
  { viewer, path },
) => {
  await services.notes.delete(viewer, path.note_id.toLowerCase());
  return undefined;
};

function categoriesOf(body: NoteWrite): NoteCategory[] {
  return (body.categories ?? []).map((category) => categoryOf[category]);
}

async function presentOne(services: Services, viewer: Viewer, note: Note): Promise<object> {
  const [presented] = await present(services, viewer, [note]);
  if (!presented) throw invalid("id", "There is no note to show.");
  return presented;
}

/** Notes as /v2 shows them. Those that were read came with their authors; one that was just written came without. */
async function present(services: Services, viewer: Viewer, notes: readonly Note[]): Promise<object[]> {
  const authors = notes.map((note) => relatedAs(note, "author", authorName));
  if (authors.every((author) => author !== undefined))
    return notes.map((note, index) => presentWith(note, authors[index] ?? null));
  const numbers = notes.map((note) => note.authorNumber);
  const people = await services.people.byNumbers(viewer, numbers);
  return notes.map((note, index) => presentWith(note, people[index] ?? null));
}

function presentWith(note: Note, author: Person | null): object {
  return {
    id: note.id,
    author_id: author?.id,
    author_name: author?.name,
    categories: note.categories.map((category) => v2CategoryOf[category]),
    created_at: note.createdAt.toISOString(),
    is_public: note.isPublic,
    ticket_id: note.ticketId,
    updated_at: note.updatedAt?.toISOString() ?? null,
    value: excerpt(note.text),
  };
}

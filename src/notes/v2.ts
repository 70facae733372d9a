import { NotFound } from "../errors.ts";
import { personEntity } from "../people/relations.ts";
import type { Person } from "../people/service.ts";
import { codePointLength } from "../lib/text.ts";
import { columnContent, countedJsonList, type RowMembers, type Selection } from "../query/model/selection.ts";
import { asJson, inJson, renderJson } from "../rest/kit/json-text.ts";
import { appliedQuery, offsetOf, type V2Operation, type Window } from "../rest/v2/kit/operation.ts";
import type { Services } from "../services.ts";
import type { Viewer } from "../viewer.ts";
import { noteOrderings } from "./input.ts";
import { authorOfNote, noteEntity } from "./relations.ts";
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

/** The maximum length of a note on /v2, in characters (Unicode code points). */
const maximumCharacters = 1500;

/**
 * Returns a text as /v2 shows it. A text that another API has written may be longer than /v2's maximum, and is cut to
 * it.
 */
export function excerpt(text: string): string {
  // `length` counts UTF-16 units, of which there are never fewer than characters. It needs no counting.
  if (text.length <= maximumCharacters || codePointLength(text) <= maximumCharacters) return text;
  return `${[...text].slice(0, maximumCharacters - 1).join("")}…`;
}

/** The /v2 shape of a note that is read. {@link toV2Note} makes the same of a note that was just written. */
const v2NoteMembers: RowMembers = [
  { name: "id", content: columnContent(noteEntity, "id", "quoted") },
  {
    of: authorOfNote,
    members: [
      { name: "author_id", content: columnContent(personEntity, "id", "quoted") },
      { name: "author_name", content: columnContent(personEntity, "name", "json") },
    ],
  },
  { name: "categories", content: columnContent(noteEntity, "categories", { codes: v2CategoryOf }) },
  { name: "created_at", content: columnContent(noteEntity, "createdAt", "instant") },
  { name: "is_public", content: columnContent(noteEntity, "isPublic", "bare") },
  { name: "ticket_id", content: columnContent(noteEntity, "ticketId", "quoted") },
  { name: "updated_at", content: columnContent(noteEntity, "updatedAt", "instant", true) },
  { name: "value", content: columnContent(noteEntity, "text", { maxLength: maximumCharacters }) },
];

const oneNote: Selection = { as: "json", members: v2NoteMembers };
const listWithTotal = countedJsonList(v2NoteMembers);

export const listNotes: V2Operation<{ query: Window & { ticket_id: string }; path: unknown; body: unknown }> = async (
  services,
  { viewer, query },
) => {
  const ticketId = query.ticket_id.toLowerCase();
  const ordering = [{ ...noteOrderings.CREATED_AT, direction: "ASC" }] as const;
  const page = { size: query.limit, from: "start", offset: offsetOf(query) } as const;
  const read = { filter: {}, ordering, page };
  const [slice] = await inJson(() => services.notes.ofTickets(viewer, [ticketId], read, listWithTotal));
  if (!slice) throw new NotFound("ticket");
  const applied = appliedQuery(query, { ticket_id: ticketId });
  return asJson(`{"query":${applied},"result":${await renderJson(slice, {})},"total":${slice.total ?? 0}}`);
};

export const addNote: V2Operation<{ query: unknown; path: unknown; body: NoteWrite }> = async (services, { viewer, body }) => {
  const note = await services.notes.add(viewer, {
    ticketId: body.ticket_id.toLowerCase(),
    text: body.value,
    categories: categoriesOf(body),
    isPublic: body.is_public,
  });
  return toV2Note(services, viewer, note);
};

export const getNote: V2Operation<{ query: unknown; path: { note_id: string }; body: unknown }> = async (
  services,
  { viewer, path },
) => {
  const [note] = await inJson(() => services.notes.byIds(viewer, [path.note_id.toLowerCase()], oneNote));
  if (!note) throw new NotFound("note");
  return asJson(await renderJson(note, {}));
};

/** PUT replaces the note: validation has set omitted properties to their defaults. */
export const updateNote: V2Operation<{ query: unknown; path: { note_id: string }; body: NoteWrite }> = async (
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
  return toV2Note(services, viewer, note);
};

export const deleteNote: V2Operation<{ query: unknown; path: { note_id: string }; body: unknown }> = async (
  services,
  { viewer, path },
) => {
  await services.notes.delete(viewer, path.note_id.toLowerCase());
  return undefined;
};

function categoriesOf(body: NoteWrite): NoteCategory[] {
  return (body.categories ?? []).map((category) => categoryOf[category]);
}

/** Returns the /v2 body of a note that was just written. It reads the author, whom the written row does not include. */
async function toV2Note(services: Services, viewer: Viewer, note: Note): Promise<object> {
  const [author] = await services.people.byNumbers(viewer, [note.authorNumber]);
  return toV2Body(note, author ?? null);
}

function toV2Body(note: Note, author: Person | null): object {
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

import { NotFound } from "../errors.ts";
import { personEntity } from "../people/relations.ts";
import { codePointLength } from "../lib/text.ts";
import { columnContent, countedJsonList, type RowMembers, type Selection } from "../query/model/selection.ts";
import { asJson, inJson, renderJson } from "../rest/kit/json-text.ts";
import { entityTag, namedTag, versionsIn } from "../rest/v2/kit/entity-tags.ts";
import { appliedQuery, offsetOf, type V2Operation, type V2Response, type Window } from "../rest/v2/kit/operation.ts";
import type { Services } from "../services.ts";
import { type Viewer, withScopes } from "../viewer.ts";
import { noteOrderings } from "./input.ts";
import { authorOfNote, noteEntity } from "./relations.ts";
import type { NoteCategory } from "./service.ts";

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

/** The version of a note, and the note as /v2 shows it. {@link versionAndBody} takes them apart. */
const oneNote: Selection = {
  as: "json",
  members: [
    { name: "version", content: columnContent(noteEntity, "version", "bare") },
    { name: "body", content: { kind: "object", members: v2NoteMembers } },
  ],
};
const versionAndBody = /^\{"version":(\d+),"body":(.*)\}$/s;
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
  return { body: asJson(`{"query":${applied},"result":${await renderJson(slice, {})},"total":${slice.total ?? 0}}`) };
};

export const addNote: V2Operation<{ query: unknown; path: unknown; body: NoteWrite }> = async (
  services,
  { viewer, body, idempotencyKey },
) => {
  const note = await services.notes.add(viewer, {
    ticketId: body.ticket_id.toLowerCase(),
    text: body.value,
    categories: categoriesOf(body),
    isPublic: body.is_public,
    idempotencyKey,
  });
  return locatedNote(services, withScopes(viewer, "notes:read"), note.id);
};

export const getNote: V2Operation<{ query: unknown; path: { note_id: string }; body: unknown }> = async (
  services,
  { viewer, path, headers },
) => {
  const { body, tag } = await readWithTag(services, viewer, path.note_id.toLowerCase());
  const known = namedTag(tag, headers["if-none-match"]);
  const described = { etag: known ?? tag, "cache-control": cacheControl };
  return known === undefined ? { headers: described, body: asJson(body) } : { headers: described, status: 304 };
};

/** PUT replaces the note: validation has set omitted properties to their defaults. */
export const updateNote: V2Operation<{ query: unknown; path: { note_id: string }; body: NoteWrite }> = async (
  services,
  { viewer, path, body, headers, idempotencyKey },
) => {
  const note = await services.notes.update(viewer, {
    id: path.note_id.toLowerCase(),
    expectedVersions: versionsIn(headers["if-match"], path.note_id),
    ticketId: body.ticket_id.toLowerCase(),
    text: body.value,
    categories: categoriesOf(body),
    isPublic: body.is_public,
    shownAs: excerpt,
    idempotencyKey,
  });
  return locatedNote(services, viewer, note.id);
};

export const deleteNote: V2Operation<{ query: unknown; path: { note_id: string }; body: unknown }> = async (
  services,
  { viewer, path, headers, idempotencyKey },
) => {
  const expectedVersions = versionsIn(headers["if-match"], path.note_id);
  await services.notes.delete(viewer, { id: path.note_id.toLowerCase(), expectedVersions, idempotencyKey });
  return {};
};

function categoriesOf(body: NoteWrite): NoteCategory[] {
  return (body.categories ?? []).map((category) => categoryOf[category]);
}

/**
 * A client may keep a note, and must ask before it uses it again. A proxy must not change what the tag stands for. The
 * gateway itself may compress it (RFC 9111, 5.2.2.6): each coding has a tag of its own.
 */
const cacheControl = "private, no-transform";

/**
 * Returns the body of a note as JSON text, and its entity tag. Throws {@link NotFound} if the viewer may not see the
 * note.
 */
async function readWithTag(services: Services, viewer: Viewer, id: string): Promise<{ body: string; tag: string }> {
  const [note] = await inJson(() => services.notes.byIds(viewer, [id], oneNote));
  if (!note) throw new NotFound("note");
  const [, version, body] = versionAndBody.exec(await renderJson(note, {})) ?? [];
  if (version === undefined || body === undefined) throw new TypeError("A note was read without its version.");
  return { body, tag: entityTag({ id, version: Number(version) }, body) };
}

/**
 * Returns the response with a note that was just written. The note is read as {@link getNote} reads it, so that its tag
 * is the same.
 */
async function locatedNote(services: Services, viewer: Viewer, id: string): Promise<V2Response> {
  const { body, tag } = await readWithTag(services, viewer, id);
  const headers = { etag: tag, "cache-control": cacheControl, "content-location": `/v2/tickets/notes/${id}` };
  return { body: asJson(body), headers };
}

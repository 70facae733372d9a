import { NotFound } from "../errors.ts";
import { findings } from "../platform/text.ts";
import { accountStub, ownAccount, personStub } from "../people/v1.ts";
import { type RowContent, type RowShape, storedField } from "../reading/shape.ts";
import { answerCollection, answerRecord } from "../rest/v1/collection.ts";
import { BadRequest, invalidJson } from "../rest/v1/errors.ts";
import { type Field, relatedRow, type Shape, stored, worked, workedContent } from "../rest/v1/fields.ts";
import { codeField, integerField, namesOfCodes, timeField } from "../rest/v1/filters.ts";
import { findById } from "../rest/v1/ids.ts";
import type { Operation, V1Answer, V1Request } from "../rest/v1/operation.ts";
import { formatTime } from "../rest/v1/time.ts";
import { ticketEntity } from "../tickets/relations.ts";
import { kindNames, ticketOf } from "../tickets/v1.ts";
import type { TicketKind } from "../tickets/service.ts";
import { type AddNoteInput, type NoteFilter, noteOrderings, type NoteUpload } from "./input.ts";
import { authorOfNote, homeAccountOfAuthor, noteEntity, ticketOfNote } from "./relations.ts";
import type { Note, NoteMedium } from "./service.ts";

/** Which notes a path is about: all of them, or by who may see them. */
export type Visibility = "all" | "public" | "internal";

export interface NoteOperations {
  readonly list: (visibility: Visibility) => Operation;
  readonly get: Operation;
  readonly listOfTicket: (kind: TicketKind, visibility: Visibility) => Operation;
  readonly add: (kind: TicketKind) => Operation;
}

const mediumCodes: Readonly<Record<string, NoteMedium>> = {
  default: "DEFAULT",
  email: "EMAIL",
  outbound_email: "OUTBOUND_EMAIL",
  system: "SYSTEM",
  redacted: "REDACTED",
  automation: "AUTOMATION",
};

/** The media that a client may write notes of. */
const writableMedia: ReadonlyMap<unknown, NoteMedium> = new Map([
  ["default", "DEFAULT"],
  ["system", "SYSTEM"],
  ["automation", "AUTOMATION"],
]);

const filterable = {
  number: integerField("id", "ids"),
  authorNumber: integerField("person", "person_id"),
  createdAt: timeField("created_at"),
  medium: codeField(mediumCodes, "medium"),
};

const sortable = { id: noteOrderings.NUMBER, person_id: noteOrderings.AUTHOR, created_at: noteOrderings.CREATED_AT };

/** The operations on notes. `attachments` shows the attachments of notes, of which notes themselves know nothing. */
export function noteOperations({ attachments }: { attachments: Field }): NoteOperations {
  const shape = noteShape(attachments);
  const collection = { shape, filterable, sortable, parameters: ["state"] };

  return {
    list: (visibility) => (request) => {
      const { services, viewer } = request;
      const filter = visibilityFilter(visibility, request);
      return answerCollection(request, {
        ...collection,
        usualOrder: [{ ...noteOrderings.NUMBER, direction: "DESC" }],
        read: ({ fields, ordering, page, wanted }) =>
          services.notes.list(viewer, { filter: { ...filter, fields }, ordering, page }, wanted),
        count: (fields, most) => services.notes.count(viewer, { ...filter, fields }, most),
      });
    },

    get: (request) => {
      const { services, viewer } = request;
      return answerRecord(request, shape, (selection) =>
        findById<Note>("Note", request.id, {
          byNumber: (number) => services.notes.byNumbers(viewer, [number], selection),
          byId: (id) => services.notes.byIds(viewer, [id], selection),
        }),
      );
    },

    listOfTicket: (kind, visibility) => async (request) => {
      const { services, viewer } = request;
      const ticket = await ticketOf(kind, request);
      const filter = visibilityFilter(visibility, request);
      return answerCollection(request, {
        ...collection,
        usualOrder: [{ ...noteOrderings.NUMBER, direction: "ASC" }],
        read: async ({ fields, ordering, page, wanted }) => {
          const read = { filter: { ...filter, fields }, ordering, page };
          const [slice] = await services.notes.ofTickets(viewer, [ticket.id], read, wanted);
          // Gone since it was found.
          if (!slice) throw new NotFound("ticket");
          return slice;
        },
        count: (fields, most) => services.notes.count(viewer, { ...filter, ticketId: ticket.id, fields }, most),
      });
    },

    add: (kind) => async (request) => {
      const { services, viewer, publicUrl } = request;
      const ticket = await ticketOf(kind, request);
      const note = await services.notes.add(viewer, { ticketId: ticket.id, source: request.source, ...readNote(request.body) });
      return added(note, publicUrl);
    },
  };
}

function added(note: Note, publicUrl: string): V1Answer {
  return { status: 201, body: { id: note.number }, headers: { location: `${publicUrl}/v1/notes/${note.number}` } };
}

/** An internal note is of the account that the viewer acts in; a public one is shown with its author's. */
const ownAccountOf = workedContent(noteEntity, [], (_note, context) => ownAccount(context));
const account: Field = (name) => {
  const home: RowContent = { kind: "row", relation: homeAccountOfAuthor, nullable: true, shape: accountStub };
  return { name, content: { kind: "choice", field: "isPublic", yes: home, no: ownAccountOf } };
};

function noteShape(attachments: Field): Shape<Note> {
  return {
    fields: {
      id: stored(noteEntity, "number", "bare"),
      nodeID: stored(noteEntity, "id", { globalIdOf: "Note" }),
      person: relatedRow(authorOfNote, personStub),
      created_at: worked(noteEntity, ["createdAt"], (note, { viewer }) => formatTime(note.createdAt, viewer.account.timeZone)),
      text: stored(noteEntity, "text", "json"),
      medium: stored(noteEntity, "medium", { codes: namesOfCodes(mediumCodes) }),
      internal: stored(noteEntity, "isPublic", "negated"),
      attachments,
      account,
      inbound_email: (name) => ({ name, content: { kind: "constant", json: "null" } }),
      internal_account: (name) => ({ name, when: { field: "isPublic", is: false }, content: ownAccountOf }),
      ...Object.fromEntries(Object.entries(kindNames).map(([kind, { reference }]) => [reference, referenceTo(kind)])),
    },
    unselectable: ["internal_account"],
  };
}

const ticketStub: RowShape = [
  { name: "id", content: storedField(ticketEntity, "number", "bare") },
  { name: "subject", content: storedField(ticketEntity, "subject", "json") },
];

/** The record that notes are of, for those of a ticket of that kind. */
function referenceTo(kind: string): Field {
  return (name) => {
    const content: RowContent = { kind: "object", shape: ticketStub };
    return { of: ticketOfNote, members: [{ name, when: { field: "kind", is: kind }, content }] };
  };
}

/** A path's and a parameter's word on who may see the notes; both must hold. @throws {BadRequest} */
function visibilityFilter(visibility: Visibility, { query }: V1Request): NoteFilter {
  const state = query.last("state") ?? "";
  if (state !== "" && state !== "public" && state !== "internal") {
    throw new BadRequest("Parameter 'state' must be one of: public, internal");
  }
  const wanted = new Set([visibility, state].filter((word) => word !== "all" && word !== ""));
  if (wanted.size === 2) return { ids: [] };
  return { isPublic: wanted.size === 0 ? undefined : wanted.has("public") };
}

/** What a client sends of a new note. @throws {BadRequest} {@link InvalidInput} with every field that cannot be used */
function readNote(body: unknown): Omit<AddNoteInput, "ticketId"> {
  const sent = body ?? {};
  if (typeof sent !== "object" || Array.isArray(sent)) throw new BadRequest(invalidJson);
  const { text, internal, medium, attachments } = sent as Readonly<Record<string, unknown>>; // JSON's objects are records
  const found = findings();
  if (text === undefined || text === null || (typeof text === "string" && text.trim() === ""))
    found.add("text", "Text can't be blank");
  else if (typeof text !== "string") found.add("text", "Text is invalid");
  const isInternal = readTruth(internal);
  if (isInternal === undefined) found.add("internal", "Internal is invalid");
  const writtenAs = medium === undefined || medium === null ? "DEFAULT" : writableMedia.get(medium);
  if (writtenAs === undefined) found.add("medium", "Medium is invalid");
  const uploads = readUploads(attachments);
  if (uploads === undefined) found.add("attachments", "Attachments is invalid");
  found.settle();
  return { text: String(text), isPublic: isInternal !== true, categories: [], medium: writtenAs, uploads };
}

const trueWords = new Set(["1", "T", "Y", "TRUE", "YES", "ON"]);
const falseWords = new Set(["", "0", "F", "N", "FALSE", "NO", "OFF"]);

/** A boolean as clients spell them. Undefined where it is none: a note that was meant to be internal must not come out public. */
function readTruth(value: unknown): boolean | undefined {
  if (value === undefined || value === null) return false;
  if (typeof value === "boolean") return value;
  if (typeof value !== "string" && typeof value !== "number") return undefined;
  const word = String(value).trim().toUpperCase();
  if (trueWords.has(word)) return true;
  return falseWords.has(word) ? false : undefined;
}

function readUploads(attachments: unknown): readonly NoteUpload[] | undefined {
  if (attachments === undefined || attachments === null) return [];
  if (!Array.isArray(attachments)) return undefined;
  const uploads = attachments.map((attachment: unknown) => {
    if (typeof attachment !== "object" || attachment === null || !("key" in attachment) || typeof attachment.key !== "string")
      return undefined;
    const inline = "inline" in attachment ? readTruth(attachment.inline) : false;
    return inline === undefined ? undefined : { key: attachment.key, inline };
  });
  const read = uploads.filter((upload) => upload !== undefined);
  return read.length === uploads.length ? read : undefined;
}

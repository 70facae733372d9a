import { NotFound } from "../errors.ts";
import { createIssues } from "../lib/text.ts";
import { accountStub, ownAccount, personStub } from "../people/v1.ts";
import { columnContent, type RowContent, type RowMembers } from "../query/model/selection.ts";
import { answerCollection, answerRecord } from "../rest/v1/kit/collection.ts";
import { isBlank, readBody, readTruth, refuseUnknown } from "../rest/v1/kit/body.ts";
import { invalidParameter } from "../rest/v1/kit/errors.ts";
import {
  type RecordField,
  relatedRow,
  type Shape,
  storedValue,
  computedValue,
  computedContent,
} from "../rest/v1/kit/fields.ts";
import { codeField, integerField, timeField } from "../rest/v1/kit/filters.ts";
import { findById } from "../rest/v1/kit/ids.ts";
import type { V1Operation, V1Answer, V1Request } from "../rest/v1/kit/operation.ts";
import { foreignV1Cursor } from "../rest/v1/kit/paging.ts";
import { ticketEntity } from "../tickets/relations.ts";
import { kindNames, ticketOf } from "../tickets/v1.ts";
import type { TicketKind } from "../tickets/service.ts";
import { foundOrdering, isOfItsQuery, type NewNoteInput, type NoteFilter, noteOrderings } from "./input.ts";
import { authorOfNote, homeAccountOfAuthor, noteEntity, ticketOfNote } from "./relations.ts";
import type { Note, NoteMedium } from "./service.ts";
import { readSearch, searchParameters } from "./v1-search.ts";
import { readUploads } from "./v1-uploads.ts";

/** The notes of a path: all of them, or only the public or the internal ones. */
export type Visibility = "all" | "public" | "internal";

export interface NoteOperations {
  readonly list: (visibility: Visibility) => V1Operation;
  readonly get: V1Operation;
  readonly search: V1Operation;
  readonly listOfTicket: (kind: TicketKind, visibility: Visibility) => V1Operation;
  readonly add: (kind: TicketKind) => V1Operation;
}

/** The name of each medium on /v1. */
const mediumNames: Readonly<Record<NoteMedium, string>> = {
  DEFAULT: "default",
  EMAIL: "email",
  OUTBOUND_EMAIL: "outbound_email",
  SYSTEM: "system",
  REDACTED: "redacted",
  AUTOMATION: "automation",
};

const mediaByName = Object.fromEntries(
  // Object.entries loses the type of the keys
  Object.entries(mediumNames).map(([medium, name]) => [name, [medium as NoteMedium]]),
);

/** The media with which a client may add notes. */
const writableMedia: ReadonlyMap<unknown, NoteMedium> = new Map([
  ["default", "DEFAULT"],
  ["system", "SYSTEM"],
  ["automation", "AUTOMATION"],
]);

const filterable = {
  number: integerField("id", "ids"),
  authorNumber: integerField("person", "person_id"),
  createdAt: timeField("created_at"),
  medium: codeField(mediaByName, "medium"),
};

const sortableNotes = { id: noteOrderings.NUMBER, person_id: noteOrderings.AUTHOR, created_at: noteOrderings.CREATED_AT };

/** The fields of notes that later features define. */
export interface LaterNoteFields {
  readonly attachments: RecordField;
  /** The email as which a note was received. */
  readonly inboundEmail: RecordField;
}

export function noteOperations(later: LaterNoteFields): NoteOperations {
  const shape = noteShape(later);
  const collection = { shape, filterable, sortable: sortableNotes, parameters: ["state"] };
  // What an administrator deletes stays on this API, as redacted.
  const withWithdrawn = true;

  return {
    list: (visibility) => (request) => {
      const { services, viewer } = request;
      const filter = { ...visibilityFilter(visibility, request), withWithdrawn };
      return answerCollection(request, {
        ...collection,
        defaultOrder: [{ ...noteOrderings.NUMBER, direction: "DESC" }],
        read: ({ fields, ordering, page, selection }) =>
          services.notes.list(viewer, { filter: { ...filter, fields }, ordering, page }, selection),
        count: (fields) => services.notes.count(viewer, { ...filter, fields }),
      });
    },

    get: (request) => {
      const { services, viewer } = request;
      return answerRecord(request, shape, (selection) =>
        findById<Note>("Note", request.id, {
          byNumber: (number) => services.notes.orWithdrawnByNumbers(viewer, [number], selection),
          byId: (id) => services.notes.orWithdrawnByIds(viewer, [id], selection),
        }),
      );
    },

    search: async (request) => {
      const { services, viewer } = request;
      const query = readSearch(request.query);
      const filter = visibilityFilter("all", request);
      return answerCollection(request, {
        ...collection,
        parameters: [...collection.parameters, ...searchParameters],
        defaultOrder: foundOrdering,
        read: ({ fields, ordering, page, selection }) => {
          const read = { query, filter: { ...filter, fields }, ordering, page };
          if (!isOfItsQuery(read)) throw foreignV1Cursor(page.after ? "after" : "before");
          return services.notes.search(viewer, read, selection);
        },
        count: (fields) => services.notes.countFound(viewer, { query, filter: { ...filter, fields } }),
      });
    },

    listOfTicket: (kind, visibility) => async (request) => {
      const { services, viewer } = request;
      const ticket = await ticketOf(kind, request);
      const filter = { ...visibilityFilter(visibility, request), withWithdrawn };
      return answerCollection(request, {
        ...collection,
        defaultOrder: [{ ...noteOrderings.NUMBER, direction: "ASC" }],
        read: async ({ fields, ordering, page, selection }) => {
          const read = { filter: { ...filter, fields }, ordering, page };
          const [slice] = await services.notes.ofTickets(viewer, [ticket.id], read, selection);
          // Gone since it was found.
          if (!slice) throw new NotFound("ticket");
          return slice;
        },
        count: async (fields) => {
          const [count = 0] = await services.notes.countOfTickets(viewer, [ticket.id], { ...filter, fields });
          return count;
        },
      });
    },

    add: (kind) => async (request) => {
      const { services, viewer, publicUrl, source, idempotencyKey } = request;
      const ticket = await ticketOf(kind, request);
      const note = await services.notes.add(viewer, { ticketId: ticket.id, source, idempotencyKey, ...readNote(request.body) });
      return createdAnswer(note, publicUrl);
    },
  };
}

function createdAnswer(note: Note, publicUrl: string): V1Answer {
  return { status: 201, body: { id: note.number }, headers: { location: `${publicUrl}/v1/notes/${note.number}` } };
}

/**
 * The account of an internal note is the one in which the viewer acts. A public note is shown with the account of its
 * author.
 */
const ownAccountOf = computedContent(noteEntity, [], (_note, context) => ownAccount(context));
const account: RecordField = (name) => {
  const home: RowContent = { kind: "toOne", relation: homeAccountOfAuthor, nullable: true, members: accountStub };
  return { name, content: { kind: "choice", field: "isPublic", yes: home, no: ownAccountOf } };
};

function noteShape({ attachments, inboundEmail }: LaterNoteFields): Shape<Note> {
  return {
    fields: {
      id: storedValue(noteEntity, "number", "bare"),
      nodeID: storedValue(noteEntity, "id", { nodeIdOf: "Note" }),
      person: relatedRow(authorOfNote, personStub),
      created_at: computedValue(noteEntity, ["createdAt"], (note, { viewer, formatTime }) =>
        formatTime(note.createdAt, viewer.account.timeZone),
      ),
      text: storedValue(noteEntity, "text", "json"),
      medium: storedValue(noteEntity, "medium", { codes: mediumNames }),
      internal: storedValue(noteEntity, "isPublic", "negated"),
      attachments,
      account,
      inbound_email: inboundEmail,
      internal_account: (name) => ({ name, when: { field: "isPublic", is: false }, content: ownAccountOf }),
      ...Object.fromEntries(Object.entries(kindNames).map(([kind, { reference }]) => [reference, referenceTo(kind)])),
    },
    unselectable: ["internal_account"],
  };
}

const ticketStub: RowMembers = [
  { name: "id", content: columnContent(ticketEntity, "number", "bare") },
  { name: "subject", content: columnContent(ticketEntity, "subject", "json") },
];

/** Returns the field with a note's record. It is present only on notes of tickets of that kind. */
function referenceTo(kind: string): RecordField {
  return (name) => {
    const content: RowContent = { kind: "object", members: ticketStub };
    return { of: ticketOfNote, members: [{ name, when: { field: "kind", is: kind }, content }] };
  };
}

/**
 * Returns the filter by visibility. The visibility of the path and the parameter `state` must both hold. Throws
 * `BadRequest` if `state` is not valid.
 */
function visibilityFilter(visibility: Visibility, { query }: V1Request): NoteFilter {
  const state = query.last("state") ?? "";
  if (state !== "" && state !== "public" && state !== "internal") {
    throw invalidParameter("state", state);
  }
  const visibilities = new Set([visibility, state].filter((word) => word !== "all" && word !== ""));
  if (visibilities.size === 2) return { ids: [] };
  return { isPublic: visibilities.size === 0 ? undefined : visibilities.has("public") };
}

/** The supported fields of a new note. */
const noteFields = ["text", "internal", "medium", "attachments", "text_attachments"] as const;

/**
 * Returns the new note in a body. Throws `BadRequest` if the body is not an object, and `InvalidInput` with every field
 * that is not valid.
 */
function readNote(sent: unknown): NewNoteInput {
  const body = readBody(sent);
  const { text, internal, medium } = body;
  const issues = createIssues();
  if (isBlank(text)) issues.add("text", "Text can't be blank");
  else if (typeof text !== "string") issues.add("text", "Text is invalid");
  const isInternal = readTruth(internal);
  if (isInternal === undefined) issues.add("internal", "Internal is invalid");
  const writtenAs = isBlank(medium) ? "DEFAULT" : writableMedia.get(medium);
  if (writtenAs === undefined) issues.add("medium", "Medium is invalid");
  const uploads = readUploads(body, ["attachments", "text_attachments"], issues);
  refuseUnknown(body, noteFields, "note", issues);
  issues.throwIfAny();
  return { text: String(text), isPublic: isInternal !== true, categories: [], medium: writtenAs, uploads };
}

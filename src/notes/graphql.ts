import { builder } from "../graphql/kit/builder.ts";
import { type ConnectionArguments, readPage, toEdge } from "../graphql/kit/connections.ts";
import { defineConnection } from "../graphql/kit/define-connection.ts";
import type { CursorScope } from "../query/model/cursor.ts";
import { ErrorInterface, mutationErrors } from "../graphql/kit/errors.ts";
import { idempotencyKeyDescription, readIdempotencyKey } from "../graphql/kit/idempotency.ts";
import { recordNumber, readId, readOptionalId } from "../graphql/kit/ids.ts";
import { loadNode } from "../graphql/kit/nodes.ts";
import { DateTimeRange, OrderDirection, readRange } from "../graphql/kit/ranges.ts";
import { AccountRef, PersonConnection, PersonRef } from "../people/graphql.ts";
import { byNumber } from "../people/input.ts";
import { encodeGlobalId } from "../lib/global-ids.ts";
import { TicketRef } from "../tickets/graphql.ts";
import { type DeletedNote, type NoteFilter, noteOrderings, type NoteRead, requireText, writableMedium } from "./input.ts";
import { NoteChanged } from "./note-changed.ts";
import { mayDeleteNote, mayUpdateNote, noteChangeability, seesInternalNotes } from "./policy.ts";
import {
  accountOfNote,
  authorOfNote,
  editorOfNote,
  notesOfPerson,
  notesOfTicket,
  participantsOfTicket,
  ticketOfNote,
} from "./relations.ts";
import type { Note } from "./service.ts";
import { activityOfTicket } from "./ticket-activity.ts";
import type { Services } from "../services.ts";

export const NoteCategoryEnum = builder.enumType("NoteCategory", {
  description: "The parts of a vehicle's diagnosis to which a note can belong.",
  values: {
    PRE_SCAN: { description: "The note is about the scan before the repair." },
    POST_SCAN: { description: "The note is about the scan after the repair." },
  } as const,
});

const NoteMediumEnum = builder.enumType("NoteMedium", {
  description: "How a note was added.",
  values: {
    DEFAULT: { description: "Written by a person or by an integration." },
    EMAIL: { description: "Received as an email." },
    OUTBOUND_EMAIL: { description: "Sent as an email." },
    SYSTEM: { description: "Written by the service desk's software." },
    REDACTED: { description: "The text of the note was removed." },
    AUTOMATION: { description: "Written by an automation rule." },
  } as const,
});

export const NoteRef = builder.prismaObject("Note", {
  description:
    "A note on a ticket. A public note is visible to the ticket's requester; an internal note only to specialists and " +
    "administrators of the account.",
  fields: (t) => ({
    uuid: t.column("id", { type: "UUID", description: "The note's UUID. /v2 uses it." }),
    number: t.column("number", { type: "SafeInt", description: "The note's number: the integer id that /v1 uses." }),
    ticket: t.toOne({
      type: TicketRef,
      description: "The ticket to which the note belongs.",
      relation: ticketOfNote,
      by: "ticketId",
      read: ({ tickets }) => tickets.byIds,
    }),
    author: t.toOne({
      type: PersonRef,
      description: "The person who wrote the note.",
      relation: authorOfNote,
      by: "authorNumber",
      read: ({ people }) => people.byNumbers,
    }),
    account: t.toOne({
      type: AccountRef,
      description: "The account to which the note belongs. Only its specialists and administrators may see an internal note.",
      relation: accountOfNote,
      by: "accountId",
      read: ({ people }) => people.accountsByIds,
    }),
    text: t.column("text", {
      description:
        "The text exactly as it was sent, with its rich-text markup. `textHtml` and `textPlain` are rendered forms of it.",
    }),
    categories: t.column("categories", {
      type: [NoteCategoryEnum],
      description: "The parts of a vehicle's diagnosis to which the note belongs: each at most once.",
    }),
    isPublic: t.column("isPublic", { description: "Whether the note is public: visible to the ticket's requester." }),
    medium: t.column("medium", { type: NoteMediumEnum, description: "How the note was added." }),
    source: t.column("source", {
      nullable: true,
      description:
        "The name that the program which added the note gave itself in the /v1 header `X-Xurrent-Source` or `X-4me-Source`. " +
        "Null if it gave none.",
    }),
    createdAt: t.column("createdAt", { description: "When the note was added." }),
    updatedAt: t.column("updatedAt", {
      nullable: true,
      description: "When the note was last updated. Null if it never was.",
    }),
    version: t.column("version", {
      description:
        "The version of the note: 1 at first, and higher after every change to its text, categories, visibility or medium. Send it " +
        "as `expectedVersion` to change the note only if nobody else has.",
    }),
    isEdited: t.computed({
      type: "Boolean",
      description:
        "Whether the text, the categories or the visibility of the note has been changed since it was added. Changes between " +
        "states that the viewer may not see do not count.",
      columns: ["updatedAt", "publicEditedAt"],
      resolve: (note, _args, { viewer }) => (seesInternalNotes(viewer) ? note.updatedAt : note.publicEditedAt) !== null,
    }),
    editor: t.toOne({
      type: PersonRef,
      nullable: true,
      description:
        "The person who last changed the note, as `edits` shows it. Null if nobody has, or if it was changed before editors were " +
        "recorded.",
      relation: editorOfNote,
      by: {
        columns: ["editorNumber", "publicEditorNumber"],
        key: (note, viewer) => (seesInternalNotes(viewer) ? note.editorNumber : note.publicEditorNumber),
      },
      read: ({ people }) => people.byNumbers,
    }),
    viewerCanUpdate: t.computed({
      type: "Boolean",
      description:
        "Whether the viewer may update the note with `updateNote`. Nobody may update a note whose medium is not DEFAULT.",
      columns: noteChangeability,
      resolve: (note, _args, { viewer }) => mayUpdateNote(viewer, note),
    }),
    viewerCanDelete: t.computed({
      type: "Boolean",
      description: "Whether the viewer may delete the note with `deleteNote`.",
      columns: noteChangeability,
      resolve: (note, _args, { viewer }) => mayDeleteNote(viewer, note),
    }),
  }),
});

builder.nodeRef(NoteRef, {
  id: { description: "The note's global id.", resolve: (note: Note) => note.id },
  loadWithoutCache: loadNode("Note", ({ services }) => services.notes.byIds),
});

const NoteConnection = defineConnection({ type: NoteRef, singular: "A note", plural: "notes" });

export const NoteFilterInput = builder.inputType("NoteFilter", {
  description: "Conditions on notes. All given conditions must hold; a condition that is null or omitted is ignored.",
  fields: (t) => ({
    ids: t.idList({ description: "Only notes with one of these ids: global ids or UUIDs." }),
    authorId: t.id({ description: "Only notes that this person wrote: a global id or a UUID." }),
    isPublic: t.boolean({ description: "True: only public notes. False: only internal notes." }),
    categories: t.field({ type: [NoteCategoryEnum], description: "Only notes with at least one of these categories." }),
    medium: t.field({ type: [NoteMediumEnum], description: "Only notes of one of these media." }),
    createdAt: t.field({ type: DateTimeRange, description: "Only notes that were added in this range of time." }),
    updatedAt: t.field({
      type: DateTimeRange,
      description: "Only notes whose `updatedAt` is in this range of time. A note that was never updated is in none.",
    }),
    ticketId: t.id({ description: "Only notes on this ticket: a global id or a UUID." }),
    hasAttachments: t.boolean({
      description:
        "True: only notes with an attachment that is READY. False: only notes without one. Requires the scope `attachments:read`.",
    }),
  }),
});

const NoteOrderField = builder.enumType("NoteOrderField", {
  description:
    "The fields by which notes can be sorted. Notes of equal time are sorted by their UUID, notes of one author by their number.",
  values: {
    CREATED_AT: { description: "By the time at which the note was added." },
    NUMBER: { description: "By the note's number." },
    AUTHOR: { description: "By the author's number." },
    UPDATED_AT: {
      description: "By `updatedAt`. A note that was never updated is sorted by the time at which it was added.",
    },
  } as const,
});

const NoteOrder = builder.inputType("NoteOrder", {
  description: "The order of a list of notes.",
  fields: (t) => ({
    field: t.field({ type: NoteOrderField, required: true, description: "The field to sort by." }),
    direction: t.field({ type: OrderDirection, required: true, description: "The direction." }),
  }),
});

interface NoteArguments extends ConnectionArguments {
  readonly filter?: typeof NoteFilterInput.$inferInput | null | undefined;
  readonly orderBy?: typeof NoteOrder.$inferInput | null | undefined;
}

/** Returns the filter of notes in an argument. Throws {@link InvalidInput} if it is not valid. */
export function readNoteFilter(filter: NoteArguments["filter"]): NoteFilter {
  if (!filter) return {};
  return {
    ids: filter.ids?.map((id) => readId("Note", id, ["filter", "ids"])),
    authorId: readOptionalId("Person", filter.authorId, ["filter", "authorId"]),
    isPublic: filter.isPublic ?? undefined,
    categories: filter.categories ?? undefined,
    media: filter.medium ?? undefined,
    createdAt: readRange(filter.createdAt, ["filter", "createdAt"]),
    updatedAt: readRange(filter.updatedAt, ["filter", "updatedAt"]),
    ticketId: readOptionalId("Ticket", filter.ticketId, ["filter", "ticketId"]),
    hasAttachments: filter.hasAttachments ?? undefined,
  };
}

function noteScope(name: string, { orderBy }: NoteArguments): CursorScope {
  const order = orderBy ?? { field: "CREATED_AT", direction: "DESC" };
  return { name, ordering: [{ ...noteOrderings[order.field], direction: order.direction }] };
}

const scopeOnTicket = (args: NoteArguments) => noteScope("Ticket.notes", args);

/** Returns what a field of notes with these arguments reads. Throws {@link InvalidInput} if they are not valid. */
function readNotes(args: NoteArguments, scope: CursorScope): NoteRead {
  return { filter: readNoteFilter(args.filter), ordering: scope.ordering, page: readPage(args, scope) };
}

const filterDescription = "Conditions on the notes. Without it all visible notes are returned.";
const orderDescription = "The order of the notes. Default: CREATED_AT DESC.";

/** How both fields of a ticket about its notes are read. */
const activity = {
  relation: activityOfTicket,
  by: "id",
  read: ({ notes }: Services) => notes.activityOfTickets,
} as const;

builder.prismaObjectFields(TicketRef, (t) => ({
  lastNoteAt: t.toOneColumn("lastNoteAt", {
    ...activity,
    type: "DateTime",
    nullable: true,
    description:
      "When the last note was added, of those on this ticket that the viewer may see. Null if there is none. Requires the scope " +
      "`notes:read`.",
  }),
  noteCount: t.toOneColumn("noteCount", {
    ...activity,
    type: "Int",
    description: "The number of notes on this ticket that the viewer may see. Requires the scope `notes:read`.",
  }),
}));

builder.prismaObjectField(TicketRef, "notes", (t) =>
  t.toMany({
    connection: NoteConnection,
    description:
      "The notes on this ticket that the viewer may see, the newest first by default. Requires the scope `notes:read`.",
    args: {
      filter: t.arg({ type: NoteFilterInput, description: filterDescription }),
      orderBy: t.arg({ type: NoteOrder, description: orderDescription }),
    },
    relation: notesOfTicket,
    scope: scopeOnTicket,
    input: readNotes,
    read: ({ notes }) => notes.ofTickets,
    total: ({ services, loadWith }, ticketId, { filter }) => loadWith(services.notes.totalOfTickets, filter, ticketId),
  }),
);

/** By number, because an index has the notes of an author so. */
function scopeOfPerson({ orderBy }: NoteArguments): CursorScope {
  return noteScope("Person.notes", { orderBy: orderBy ?? { field: "NUMBER", direction: "DESC" } });
}

builder.objectField(PersonRef, "notes", (t) =>
  t.toMany({
    connection: NoteConnection,
    description:
      "The notes that this person wrote and that the viewer may see, the newest first by default. Requires the scope `notes:read`.",
    args: {
      filter: t.arg({ type: NoteFilterInput, description: filterDescription }),
      orderBy: t.arg({ type: NoteOrder, description: "The order of the notes. Default: NUMBER DESC." }),
    },
    relation: notesOfPerson,
    scope: scopeOfPerson,
    input: readNotes,
    read: ({ notes }) => notes.ofPeople,
    total: ({ services, loadWith }, personId, { filter }) => loadWith(services.notes.totalOfPeople, filter, personId),
  }),
);

builder.prismaObjectField(TicketRef, "participants", (t) =>
  t.toMany({
    connection: PersonConnection,
    description:
      "The people who take part in this ticket, by number: the requester, and the authors of the notes that the viewer may see, " +
      "also those who have left the account. Requires the scope `notes:read`.",
    relation: participantsOfTicket,
    scope: (): CursorScope => ({ name: "Ticket.participants", ordering: byNumber }),
    input: (args, scope) => ({ filter: {}, ordering: scope.ordering, page: readPage(args, scope) }),
    read: ({ notes }) => notes.participants,
    total: ({ services, loadWith }, ticketId, { filter }) => loadWith(services.notes.totalOfParticipants, filter, ticketId),
  }),
);

builder.queryFields((t) => ({
  note: t.field({
    type: NoteRef,
    nullable: true,
    description: "Returns a note. Null if it does not exist or the viewer may not see it. Requires the scope `notes:read`.",
    args: { id: t.arg.id({ required: true, description: "The note's global id or its UUID." }) },
    resolve: (_root, { id }, context, info) =>
      context.load(context.services.notes.byIds, readId("Note", id), context.selected(info)),
  }),
  noteByNumber: t.field({
    type: NoteRef,
    nullable: true,
    description:
      "Returns the note with a number in the viewer's account. Null if it does not exist or the viewer may not see it. Requires " +
      "the scope `notes:read`.",
    args: { number: t.arg({ type: "SafeInt", required: true, description: "The note's number: its integer id on /v1." }) },
    resolve: (_root, { number }, context, info) =>
      context.load(context.services.notes.byNumbers, recordNumber(number), context.selected(info)),
  }),
  notes: t.rootConnection({
    connection: NoteConnection,
    description:
      "Returns the notes on all tickets that the viewer may see, the newest first by default. Requires the scope `notes:read`.",
    args: {
      filter: t.arg({ type: NoteFilterInput, description: filterDescription }),
      orderBy: t.arg({ type: NoteOrder, description: orderDescription }),
    },
    scope: (args) => noteScope("Query.notes", args),
    input: readNotes,
    read: ({ services, viewer }, input, selection) => services.notes.list(viewer, input, selection),
    total: ({ services, viewer }, { filter }) => services.notes.total(viewer, filter),
  }),
}));

const AddNoteInputRef = builder.inputType("AddNoteInput", {
  description: "The note to add, and its ticket.",
  fields: (t) => ({
    ticketId: t.id({ required: true, description: "The ticket's global id or its UUID." }),
    text: t.string({
      required: true,
      description:
        "The text: 1 to 65,536 bytes of UTF-8, in the rich-text markup of the 4me family. It is stored exactly as sent.",
    }),
    categories: t.field({
      type: [NoteCategoryEnum],
      defaultValue: [],
      description: "The parts of a vehicle's diagnosis to which the note belongs. The order does not matter.",
    }),
    isPublic: t.boolean({
      defaultValue: false,
      description:
        "Whether the note is public: visible to the ticket's requester. A customer must send true. False requires the scope " +
        "`notes:internal`.",
    }),
    medium: t.field({
      type: NoteMediumEnum,
      defaultValue: "DEFAULT",
      description:
        "How the note is added: DEFAULT; SYSTEM or AUTOMATION, which require the scope `admin`; or OUTBOUND_EMAIL, which requires " +
        "the scope `mail:write`. Other media fail with INVALID_INPUT.",
    }),
    idempotencyKey: t.string({ description: idempotencyKeyDescription }),
  }),
});

const AddNotePayload = builder.objectRef<Note>("AddNotePayload").implement({
  description: "The note that was added, also as an edge.",
  fields: (t) => ({
    note: t.field({ type: NoteRef, description: "The note that was added.", resolve: (note) => note }),
    noteEdge: t.field({
      type: NoteConnection.edge,
      description:
        "The note as an edge of `Ticket.notes` in its default order. A client can insert it into a list that it holds in this " +
        "order.",
      resolve: (note) => toEdge(note, scopeOnTicket({})),
    }),
  }),
});

builder.objectType(NoteChanged, {
  name: "NoteChangedError",
  description: "The note is not in the version that the input expects, because somebody has changed it. Nothing was written.",
  interfaces: [ErrorInterface],
  fields: (t) => ({
    current: t.field({ type: NoteRef, description: "The note as it is now.", resolve: (error) => error.current }),
  }),
});

/** The description of `expectedVersion` in the inputs of mutations that change a note. */
export const expectedVersionDescription =
  "The version that the note must have. If somebody has changed it since, nothing is written and the result is a " +
  "NoteChangedError. Without it the note is written in any version.";

/** The errors of mutations that change a note. */
export const changeErrors = { types: [...mutationErrors.types, NoteChanged] };

/** Returns the expected version of an input as the service takes it. */
export function expectedVersionsOf(version: number | null | undefined): readonly number[] | undefined {
  return typeof version === "number" ? [version] : undefined;
}

const UpdateNoteInputRef = builder.inputType("UpdateNoteInput", {
  description: "The note to update and its new values. A field that is null or omitted does not change.",
  fields: (t) => ({
    id: t.id({ required: true, description: "The note's global id or its UUID." }),
    text: t.string({ description: "The new text: 1 to 65,536 bytes of UTF-8, stored exactly as sent." }),
    categories: t.field({ type: [NoteCategoryEnum], description: "The new categories, which replace all that the note has." }),
    isPublic: t.boolean({
      description:
        "Whether the note is public from now on. A customer may not send false; for others false requires the scope " +
        "`notes:internal`.",
    }),
    expectedVersion: t.int({ description: expectedVersionDescription }),
    idempotencyKey: t.string({ description: idempotencyKeyDescription }),
  }),
});

const UpdateNotePayload = builder.objectRef<Note>("UpdateNotePayload").implement({
  description: "The note after the update.",
  fields: (t) => ({ note: t.field({ type: NoteRef, description: "The note after the update.", resolve: (note) => note }) }),
});

const DeleteNoteInputRef = builder.inputType("DeleteNoteInput", {
  description: "The note to delete.",
  fields: (t) => ({
    id: t.id({ required: true, description: "The note's global id or its UUID." }),
    expectedVersion: t.int({ description: expectedVersionDescription }),
    idempotencyKey: t.string({ description: idempotencyKeyDescription }),
  }),
});

const DeleteNotePayload = builder.objectRef<DeletedNote>("DeleteNotePayload").implement({
  description: "The id of the deleted note, and its ticket.",
  fields: (t) => ({
    deletedNoteId: t.id({
      description: "The global id of the deleted note. A client can remove it from the lists that it holds.",
      resolve: (note) => encodeGlobalId("Note", note.id),
    }),
    ticket: t.rowByKey({
      type: TicketRef,
      description: "The ticket to which the note belonged.",
      key: (note) => note.ticketId,
      read: ({ tickets }) => tickets.byIds,
    }),
  }),
});

const UndeleteNoteInputRef = builder.inputType("UndeleteNoteInput", {
  description: "The deleted note to bring back.",
  fields: (t) => ({
    id: t.id({ required: true, description: "The deleted note's global id or its UUID." }),
    idempotencyKey: t.string({ description: idempotencyKeyDescription }),
  }),
});

const UndeleteNotePayload = builder.objectRef<Note>("UndeleteNotePayload").implement({
  description: "The note that is back.",
  fields: (t) => ({
    note: t.field({
      type: NoteRef,
      description: "The note, with a higher version than it had.",
      resolve: (note) => note,
    }),
  }),
});

builder.mutationFields((t) => ({
  addNote: t.field({
    type: AddNotePayload,
    description: "Adds a note to a ticket. Its author is the viewer. Requires the scopes `tickets:read` and `notes:write`.",
    errors: mutationErrors,
    args: { input: t.arg({ type: AddNoteInputRef, required: true, description: "The note to add." }) },
    resolve: async (_root, { input }, context) => {
      requireText(input.text);
      const note = await context.services.notes.add(context.viewer, {
        ticketId: readId("Ticket", input.ticketId, "ticketId"),
        text: input.text,
        categories: input.categories ?? [],
        isPublic: input.isPublic ?? false,
        medium: writableMedium(input.medium ?? "DEFAULT"),
        idempotencyKey: readIdempotencyKey("addNote", input),
      });
      context.forget();
      return note;
    },
  }),
  updateNote: t.field({
    type: UpdateNotePayload,
    description:
      "Updates a note, of which the viewer becomes the editor. If nothing would change, nothing is written. A customer may update " +
      "only the notes they wrote, and nobody a note whose medium is not DEFAULT (FORBIDDEN). Requires the scopes `notes:read` and " +
      "`notes:write`.",
    errors: changeErrors,
    args: { input: t.arg({ type: UpdateNoteInputRef, required: true, description: "The note to update and its new values." }) },
    resolve: async (_root, { input }, context) => {
      if (typeof input.text === "string") requireText(input.text);
      const note = await context.services.notes.update(context.viewer, {
        id: readId("Note", input.id),
        expectedVersions: expectedVersionsOf(input.expectedVersion),
        text: input.text ?? undefined,
        categories: input.categories ?? undefined,
        isPublic: input.isPublic ?? undefined,
        idempotencyKey: readIdempotencyKey("updateNote", input),
      });
      context.forget();
      return note;
    },
  }),
  deleteNote: t.field({
    type: DeleteNotePayload,
    description:
      "Deletes a note with its attachments. At once nobody can read it any more, and download URLs that were handed out do not " +
      "work. For 30 days, if the operator has set no other time, an administrator can bring it back with `undeleteNote`; then it " +
      "is removed for good. A customer may delete only the notes they wrote (FORBIDDEN). Requires the scopes `notes:read` and " +
      "`notes:write`.",
    errors: changeErrors,
    args: { input: t.arg({ type: DeleteNoteInputRef, required: true, description: "The note to delete." }) },
    resolve: async (_root, { input }, context) => {
      const note = await context.services.notes.delete(context.viewer, {
        id: readId("Note", input.id),
        expectedVersions: expectedVersionsOf(input.expectedVersion),
        idempotencyKey: readIdempotencyKey("deleteNote", input),
      });
      context.forget();
      return note;
    },
  }),
  undeleteNote: t.field({
    type: UndeleteNotePayload,
    description:
      "Brings a deleted note back with its attachments, under the same id and number. Their download URLs are new ones. Only " +
      "administrators may do this (FORBIDDEN). It fails with NOT_FOUND if the note is not deleted, or was deleted so long ago " +
      "that it has been removed for good. Requires the scopes `notes:read` and `notes:write`.",
    errors: mutationErrors,
    args: { input: t.arg({ type: UndeleteNoteInputRef, required: true, description: "The deleted note." }) },
    resolve: async (_root, { input }, context) => {
      const note = await context.services.notes.undelete(context.viewer, {
        id: readId("Note", input.id),
        idempotencyKey: readIdempotencyKey("undeleteNote", input),
      });
      context.forget();
      return note;
    },
  }),
}));

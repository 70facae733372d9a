import type { GraphQLResolveInfo } from "graphql";
import { builder } from "../graphql/kit/builder.ts";
import {
  type Connection,
  type ConnectionArguments,
  countOf,
  nodesDescription,
  nodesOf,
  readPage,
  toConnection,
  toEdge,
} from "../graphql/kit/connections.ts";
import type { CursorScope } from "../query/model/cursor.ts";
import type { GraphContext } from "../graphql/kit/context.ts";
import { mutationErrors } from "../graphql/kit/errors.ts";
import { readId } from "../graphql/kit/ids.ts";
import { mapMaybePromise } from "../lib/maybe-promise.ts";
import { loadNode } from "../graphql/kit/nodes.ts";
import { columns, toMany, toOne, storedColumn } from "../graphql/kit/field-options.ts";
import { DateTimeRange, OrderDirection, readRange } from "../graphql/kit/ranges.ts";
import { AccountRef, PersonRef, requireRow } from "../people/graphql.ts";
import { encodeGlobalId } from "../lib/global-ids.ts";
import { TicketRef } from "../tickets/graphql.ts";
import type { Ticket } from "../tickets/service.ts";
import { type NoteFilter, noteOrderings, type NoteRead, requireText, writableMedium } from "./input.ts";
import { mayChangeNote } from "./policy.ts";
import { accountOfNote, authorOfNote, notesOfTicket as ticketNotes, ticketOfNote, noteEntity } from "./relations.ts";
import type { Note } from "./service.ts";

const NoteCategoryEnum = builder.enumType("NoteCategory", {
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

/** What says who may change a note. */
const changeability = columns(noteEntity, "accountId", "isPublic", "requesterId", "authorNumber");

export const NoteRef = builder.prismaObject("Note", {
  description:
    "A note on a ticket. A public note is visible to the ticket's requester; an internal note only to specialists and " +
    "administrators of the account.",
  fields: (t) => ({
    uuid: t.field({
      type: "UUID",
      description: "The note's UUID. /v2 uses it.",
      extensions: storedColumn(noteEntity, "id"),
      resolve: ({ id }) => id,
    }),
    number: t.expose("number", { type: "SafeInt", description: "The note's number: the integer id that /v1 uses." }),
    ticket: t.field({
      type: TicketRef,
      description: "The ticket to which the note belongs.",
      extensions: toOne(noteEntity, ticketOfNote, "ticketId"),
      resolve: (note, _args, context, info) =>
        mapMaybePromise(context.row(note, info, context.services.tickets.byIds, note.ticketId), requireRow),
    }),
    author: t.field({
      type: PersonRef,
      description: "The person who wrote the note.",
      extensions: toOne(noteEntity, authorOfNote, "authorNumber"),
      resolve: (note, _args, context, info) =>
        mapMaybePromise(context.row(note, info, context.services.people.byNumbers, note.authorNumber), requireRow),
    }),
    account: t.field({
      type: AccountRef,
      description: "The account to which the note belongs. Only its specialists and administrators may see an internal note.",
      extensions: toOne(noteEntity, accountOfNote, "accountId"),
      resolve: (note, _args, context, info) =>
        mapMaybePromise(context.row(note, info, context.services.people.accountsByIds, note.accountId), requireRow),
    }),
    text: t.exposeString("text", {
      description:
        "The text exactly as it was sent, with its rich-text markup. `textHtml` and `textPlain` are rendered forms of it.",
    }),
    categories: t.expose("categories", {
      type: [NoteCategoryEnum],
      description: "The parts of a vehicle's diagnosis to which the note belongs: each at most once.",
    }),
    isPublic: t.exposeBoolean("isPublic", { description: "Whether the note is public: visible to the ticket's requester." }),
    medium: t.expose("medium", { type: NoteMediumEnum, description: "How the note was added." }),
    source: t.exposeString("source", {
      nullable: true,
      description:
        "The name that the program which added the note gave itself in the /v1 header `X-Xurrent-Source` or `X-4me-Source`. " +
        "Null if it gave none.",
    }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When the note was added." }),
    updatedAt: t.expose("updatedAt", {
      type: "DateTime",
      nullable: true,
      description: "When the note was last updated. Null if it never was.",
    }),
    viewerCanUpdate: t.boolean({
      description: "Whether the viewer may update the note with `updateNote`.",
      extensions: changeability,
      resolve: (note, _args, { viewer }) => mayChangeNote(viewer, note),
    }),
    viewerCanDelete: t.boolean({
      description: "Whether the viewer may delete the note with `deleteNote`.",
      extensions: changeability,
      resolve: (note, _args, { viewer }) => mayChangeNote(viewer, note),
    }),
  }),
});

builder.nodeRef(NoteRef, {
  id: { description: "The note's global id.", resolve: (note: Note) => note.id },
  loadWithoutCache: loadNode("Note", ({ services }) => services.notes.byIds),
});

const NoteEdge = builder.edgeObject({ name: "NoteEdge", type: NoteRef, description: "A note and its cursor." });

const NoteConnection = builder.connectionObject(
  {
    name: "NoteConnection",
    type: NoteRef,
    description: "A page of notes, as the Relay Cursor Connections Specification defines it.",
    fields: (t) => ({
      nodes: t.field({ type: [NoteRef], description: nodesDescription, resolve: (page) => nodesOf<Note>(page) }),
      totalCount: t.int({
        description:
          "The number of notes on all pages. They are counted only if this field is selected, which adds to the cost of the " +
          "operation.",
        resolve: countOf,
      }),
    }),
  },
  NoteEdge,
);

const NoteFilterInput = builder.inputType("NoteFilter", {
  description: "Conditions on notes. All given conditions must hold; a condition that is null or omitted is ignored.",
  fields: (t) => ({
    ids: t.idList({ description: "Only notes with one of these ids: global ids or UUIDs." }),
    authorId: t.id({ description: "Only notes that this person wrote: a global id or a UUID." }),
    isPublic: t.boolean({ description: "True: only public notes. False: only internal notes." }),
    categories: t.field({ type: [NoteCategoryEnum], description: "Only notes with at least one of these categories." }),
    medium: t.field({ type: [NoteMediumEnum], description: "Only notes of one of these media." }),
    createdAt: t.field({ type: DateTimeRange, description: "Only notes that were added in this range of time." }),
  }),
});

const NoteOrderField = builder.enumType("NoteOrderField", {
  description:
    "The fields by which notes can be sorted. Notes of equal time are sorted by their UUID, notes of one author by their number.",
  values: {
    CREATED_AT: { description: "By the time at which the note was added." },
    NUMBER: { description: "By the note's number." },
    AUTHOR: { description: "By the author's number." },
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

function readNoteFilter(filter: NoteArguments["filter"]): NoteFilter {
  if (!filter) return {};
  return {
    ids: filter.ids?.map((id) => readId("Note", id, ["filter", "ids"])),
    authorId: filter.authorId ? readId("Person", filter.authorId, ["filter", "authorId"]) : undefined,
    isPublic: filter.isPublic ?? undefined,
    categories: filter.categories ?? undefined,
    media: filter.medium ?? undefined,
    createdAt: readRange(filter.createdAt, ["filter", "createdAt"]),
  };
}

function noteScope(name: string, { orderBy }: NoteArguments): CursorScope {
  const order = orderBy ?? { field: "CREATED_AT", direction: "DESC" };
  return { name, ordering: [{ ...noteOrderings[order.field], direction: order.direction }] };
}

const scopeOnTicket = (args: NoteArguments) => noteScope("Ticket.notes", args);

/** What a field of notes with these arguments reads. @throws {InvalidInput} where they cannot be used. */
function readNotes(args: NoteArguments, scope: CursorScope): NoteRead {
  return { filter: readNoteFilter(args.filter), ordering: scope.ordering, page: readPage(args, scope) };
}

const readNotesOfTicket = (args: NoteArguments) => readNotes(args, scopeOnTicket(args));

function resolveNotes(
  ticket: Ticket,
  args: NoteArguments,
  context: GraphContext,
  info: GraphQLResolveInfo,
): Connection<Note> | Promise<Connection<Note>> {
  const { services } = context;
  const count = () => context.loadWith(services.notes.countOfTickets, readNoteFilter(args.filter), ticket.id);
  const page = context.page(ticket, info, services.notes.ofTickets, () => readNotesOfTicket(args), ticket.id);
  return mapMaybePromise(page, (slice) => toConnection(requireRow(slice), scopeOnTicket(args), count));
}

async function notesAcrossTickets(
  args: NoteArguments,
  context: GraphContext,
  info: GraphQLResolveInfo,
): Promise<Connection<Note>> {
  const { viewer, services } = context;
  const scope = noteScope("Query.notes", args);
  const read = readNotes(args, scope);
  const selection = context.selectedPage(info, scope);
  const slice = await services.notes.list(viewer, read, selection);
  return toConnection(slice, scope, () => services.notes.count(viewer, read.filter));
}

const filterDescription = "Conditions on the notes. Without it all visible notes are returned.";
const orderDescription = "The order of the notes. Default: CREATED_AT DESC.";

builder.prismaObjectField(TicketRef, "notes", (t) =>
  t.connection(
    {
      type: NoteRef,
      description:
        "The notes on this ticket that the viewer may see, the newest first by default. Requires the scope `notes:read`.",
      args: {
        filter: t.arg({ type: NoteFilterInput, description: filterDescription }),
        orderBy: t.arg({ type: NoteOrder, description: orderDescription }),
      },
      extensions: toMany(ticketNotes, readNotesOfTicket, scopeOnTicket),
      resolve: (ticket, args, context, info) => resolveNotes(ticket, args, context, info),
    },
    NoteConnection,
    NoteEdge,
  ),
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
  notes: t.connection(
    {
      type: NoteRef,
      description:
        "Returns the notes on all tickets that the viewer may see, the newest first by default. Requires the scope `notes:read`.",
      args: {
        filter: t.arg({ type: NoteFilterInput, description: filterDescription }),
        orderBy: t.arg({ type: NoteOrder, description: orderDescription }),
      },
      resolve: (_root, args, context, info) => notesAcrossTickets(args, context, info),
    },
    NoteConnection,
    NoteEdge,
  ),
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
        "How the note is added: DEFAULT, or SYSTEM or AUTOMATION, which require the scope `admin`. Other media fail with " +
        "INVALID_INPUT.",
    }),
  }),
});

const AddNotePayload = builder.objectRef<Note>("AddNotePayload").implement({
  description: "The note that was added, also as an edge.",
  fields: (t) => ({
    note: t.field({ type: NoteRef, description: "The note that was added.", resolve: (note) => note }),
    noteEdge: t.field({
      type: NoteEdge,
      description:
        "The note as an edge of `Ticket.notes` in its default order. A client can insert it into a list that it holds in this " +
        "order.",
      resolve: (note) => toEdge(note, scopeOnTicket({})),
    }),
  }),
});

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
  }),
});

const UpdateNotePayload = builder.objectRef<Note>("UpdateNotePayload").implement({
  description: "The note after the update.",
  fields: (t) => ({ note: t.field({ type: NoteRef, description: "The note after the update.", resolve: (note) => note }) }),
});

const DeleteNoteInput = builder.inputType("DeleteNoteInput", {
  description: "The note to delete.",
  fields: (t) => ({ id: t.id({ required: true, description: "The note's global id or its UUID." }) }),
});

const DeleteNotePayload = builder.objectRef<Note>("DeleteNotePayload").implement({
  description: "The id of the deleted note, and its ticket.",
  fields: (t) => ({
    deletedNoteId: t.id({
      description: "The global id of the deleted note. A client can remove it from the lists that it holds.",
      resolve: (note) => encodeGlobalId("Note", note.id),
    }),
    ticket: t.field({
      type: TicketRef,
      description: "The ticket to which the note belonged.",
      resolve: (note, _args, context, info) =>
        mapMaybePromise(context.load(context.services.tickets.byIds, note.ticketId, context.selected(info)), requireRow),
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
      });
      context.forget();
      return note;
    },
  }),
  updateNote: t.field({
    type: UpdateNotePayload,
    description:
      "Updates a note. A customer may update only the notes they wrote (FORBIDDEN). Requires the scopes `notes:read` and " +
      "`notes:write`.",
    errors: mutationErrors,
    args: { input: t.arg({ type: UpdateNoteInputRef, required: true, description: "The note to update and its new values." }) },
    resolve: async (_root, { input }, context) => {
      if (typeof input.text === "string") requireText(input.text);
      const note = await context.services.notes.update(context.viewer, {
        id: readId("Note", input.id),
        text: input.text ?? undefined,
        categories: input.categories ?? undefined,
        isPublic: input.isPublic ?? undefined,
      });
      context.forget();
      return note;
    },
  }),
  deleteNote: t.field({
    type: DeleteNotePayload,
    description:
      "Deletes a note with its attachments and their files. A customer may delete only the notes they wrote (FORBIDDEN). " +
      "Requires the scopes `notes:read` and `notes:write`.",
    errors: mutationErrors,
    args: { input: t.arg({ type: DeleteNoteInput, required: true, description: "The note to delete." }) },
    resolve: async (_root, { input }, context) => {
      const note = await context.services.notes.delete(context.viewer, readId("Note", input.id));
      context.forget();
      return note;
    },
  }),
}));

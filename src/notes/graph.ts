import type { GraphQLResolveInfo } from "graphql";
import { builder } from "../graph/builder.ts";
import {
  type Connection,
  type ConnectionArguments,
  countOf,
  nodesDescription,
  nodesOf,
  readPage,
  toConnection,
  toEdge,
} from "../graph/connections.ts";
import type { CursorScope } from "../platform/cursor.ts";
import type { GraphContext } from "../graph/context.ts";
import { mutationErrors } from "../graph/errors.ts";
import { readId } from "../graph/ids.ts";
import { whenThere } from "../platform/eventually.ts";
import { loadNode } from "../graph/nodes.ts";
import { from, fromMany, fromOne, stored } from "../graph/sources.ts";
import { DateTimeRange, OrderDirection, readRange } from "../graph/ranges.ts";
import { AccountRef, PersonRef, present } from "../people/graph.ts";
import { encodeGlobalId } from "../platform/global-ids.ts";
import { TicketRef } from "../tickets/graph.ts";
import type { Ticket } from "../tickets/service.ts";
import { type NoteFilter, noteOrderings, type NoteRead, requireText, writableMedium } from "./input.ts";
import { mayChangeNote } from "./policy.ts";
import { accountOfNote, authorOfNote, notesOfTicket as ticketNotes, ticketOfNote, noteEntity } from "./relations.ts";
import type { Note } from "./service.ts";

const NoteCategoryEnum = builder.enumType("NoteCategory", {
  description: "Which part of a vehicle's diagnosis a note belongs to.",
  values: {
    PRE_SCAN: { description: "Found before the repair." },
    POST_SCAN: { description: "Found after the repair." },
  } as const,
});

const NoteMediumEnum = builder.enumType("NoteMedium", {
  description: "How a note came to be.",
  values: {
    DEFAULT: { description: "Added by a person or through an API." },
    EMAIL: { description: "Received by mail." },
    OUTBOUND_EMAIL: { description: "Sent by mail." },
    SYSTEM: { description: "Written by the service desk itself." },
    REDACTED: { description: "Its text was taken out." },
    AUTOMATION: { description: "Written by an automation rule." },
  } as const,
});

/** What says who may change a note. */
const changeability = from(noteEntity, "accountId", "isPublic", "requesterId", "authorNumber");

export const NoteRef = builder.prismaObject("Note", {
  description:
    "What was found, said or decided about a ticket: public to its requester, or internal to the account's specialists.",
  fields: (t) => ({
    uuid: t.field({
      type: "UUID",
      description: "The UUID that /v2 uses.",
      extensions: stored(noteEntity, "id"),
      resolve: ({ id }) => id,
    }),
    number: t.expose("number", { type: "SafeInt", description: "The integer id that /v1 uses." }),
    ticket: t.field({
      type: TicketRef,
      description: "The ticket it is kept on.",
      extensions: fromOne(noteEntity, ticketOfNote, "ticketId"),
      resolve: (note, _args, context, info) =>
        whenThere(context.row(note, info, context.services.tickets.byIds, note.ticketId), present),
    }),
    author: t.field({
      type: PersonRef,
      description: "Who wrote it.",
      extensions: fromOne(noteEntity, authorOfNote, "authorNumber"),
      resolve: (note, _args, context, info) =>
        whenThere(context.row(note, info, context.services.people.byNumbers, note.authorNumber), present),
    }),
    account: t.field({
      type: AccountRef,
      description: "The account it belongs to; of an internal note, the one whose specialists may see it.",
      extensions: fromOne(noteEntity, accountOfNote, "accountId"),
      resolve: (note, _args, context, info) =>
        whenThere(context.row(note, info, context.services.people.accountsByIds, note.accountId), present),
    }),
    text: t.exposeString("text", { description: "The text, exactly as it was written." }),
    categories: t.expose("categories", { type: [NoteCategoryEnum], description: "Which parts of a diagnosis it belongs to." }),
    isPublic: t.exposeBoolean("isPublic", { description: "Whether the ticket's requester may see it." }),
    medium: t.expose("medium", { type: NoteMediumEnum, description: "How it came to be." }),
    source: t.exposeString("source", {
      nullable: true,
      description: "What the program that added it calls itself, where it has said so: an integration through /v1.",
    }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When it was written." }),
    updatedAt: t.expose("updatedAt", {
      type: "DateTime",
      nullable: true,
      description: "When it was last edited; null until then.",
    }),
    viewerCanUpdate: t.boolean({
      description: "Whether you may edit it.",
      extensions: changeability,
      resolve: (note, _args, { viewer }) => mayChangeNote(viewer, note),
    }),
    viewerCanDelete: t.boolean({
      description: "Whether you may delete it.",
      extensions: changeability,
      resolve: (note, _args, { viewer }) => mayChangeNote(viewer, note),
    }),
  }),
});

builder.nodeRef(NoteRef, {
  id: { description: "The global id.", resolve: (note: Note) => note.id },
  loadWithoutCache: loadNode("Note", ({ services }) => services.notes.byIds),
});

const NoteEdge = builder.edgeObject({ name: "NoteEdge", type: NoteRef, description: "A note and where it stands." });

const NoteConnection = builder.connectionObject(
  {
    name: "NoteConnection",
    type: NoteRef,
    description: "A page of notes.",
    fields: (t) => ({
      nodes: t.field({ type: [NoteRef], description: nodesDescription, resolve: (page) => nodesOf<Note>(page) }),
      totalCount: t.int({
        description: "How many notes there are on all pages. Counted only when asked for.",
        resolve: countOf,
      }),
    }),
  },
  NoteEdge,
);

const NoteFilterInput = builder.inputType("NoteFilter", {
  description: "Which notes are wanted; everything given must hold.",
  fields: (t) => ({
    ids: t.idList({ description: "These notes: global ids or UUIDs." }),
    authorId: t.id({ description: "Written by this person." }),
    isPublic: t.boolean({ description: "Public ones, or internal ones." }),
    categories: t.field({ type: [NoteCategoryEnum], description: "Of any of these categories." }),
    medium: t.field({ type: [NoteMediumEnum], description: "That came to be in any of these ways." }),
    createdAt: t.field({ type: DateTimeRange, description: "Written within." }),
  }),
});

const NoteOrderField = builder.enumType("NoteOrderField", {
  description: "What notes can be sorted by.",
  values: {
    CREATED_AT: { description: "When it was written." },
    NUMBER: { description: "The note's number." },
    AUTHOR: { description: "The author's number." },
  } as const,
});

const NoteOrder = builder.inputType("NoteOrder", {
  description: "An order for notes.",
  fields: (t) => ({
    field: t.field({ type: NoteOrderField, required: true, description: "What to sort by." }),
    direction: t.field({ type: OrderDirection, required: true, description: "Which end comes first." }),
  }),
});

interface NoteArguments extends ConnectionArguments {
  readonly filter?: typeof NoteFilterInput.$inferInput | null | undefined;
  readonly orderBy?: typeof NoteOrder.$inferInput | null | undefined;
}

function readFilter(filter: NoteArguments["filter"]): NoteFilter {
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
  return { filter: readFilter(args.filter), ordering: scope.ordering, page: readPage(args, scope) };
}

const readNotesOfTicket = (args: NoteArguments) => readNotes(args, scopeOnTicket(args));

function notesOfTicket(
  ticket: Ticket,
  args: NoteArguments,
  context: GraphContext,
  info: GraphQLResolveInfo,
): Connection<Note> | Promise<Connection<Note>> {
  const { services } = context;
  const count = () => context.loadWith(services.notes.countOfTickets, readFilter(args.filter), ticket.id);
  const page = context.page(ticket, info, services.notes.ofTickets, () => readNotesOfTicket(args), ticket.id);
  return whenThere(page, (slice) => toConnection(present(slice), scopeOnTicket(args), count));
}

async function notesAcrossTickets(
  args: NoteArguments,
  context: GraphContext,
  info: GraphQLResolveInfo,
): Promise<Connection<Note>> {
  const { viewer, services } = context;
  const scope = noteScope("Query.notes", args);
  const read = readNotes(args, scope);
  const { wanted, selection } = context.selectedPage(info, scope);
  const slice = await services.notes.list(viewer, read, wanted, selection);
  return toConnection(slice, scope, () => services.notes.count(viewer, read.filter));
}

const filterDescription = "Which notes are wanted.";
const orderDescription = "Their order; CREATED_AT DESC when left out.";

builder.prismaObjectField(TicketRef, "notes", (t) =>
  t.connection(
    {
      type: NoteRef,
      description: "The notes on it that you may see, newest first unless ordered otherwise.",
      args: {
        filter: t.arg({ type: NoteFilterInput, description: filterDescription }),
        orderBy: t.arg({ type: NoteOrder, description: orderDescription }),
      },
      extensions: fromMany(ticketNotes, readNotesOfTicket, scopeOnTicket),
      resolve: (ticket, args, context, info) => notesOfTicket(ticket, args, context, info),
    },
    NoteConnection,
    NoteEdge,
  ),
);

builder.queryFields((t) => ({
  note: t.field({
    type: NoteRef,
    nullable: true,
    description: "A note; null where there is none, or you may not see it.",
    args: { id: t.arg.id({ required: true, description: "Its global id, or its UUID." }) },
    resolve: (_root, { id }, context, info) =>
      context.load(context.services.notes.byIds, readId("Note", id), context.selected(info)),
  }),
  notes: t.connection(
    {
      type: NoteRef,
      description: "The notes you may see across tickets, newest first unless ordered otherwise.",
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

const AddNoteInput = builder.inputType("AddNoteInput", {
  description: "A note to add to a ticket.",
  fields: (t) => ({
    ticketId: t.id({ required: true, description: "The ticket: its global id or its UUID." }),
    text: t.string({ required: true, description: "The text: 1 to 65,536 bytes of UTF-8, kept exactly as sent." }),
    categories: t.field({
      type: [NoteCategoryEnum],
      defaultValue: [],
      description: "Which parts of a diagnosis it belongs to.",
    }),
    isPublic: t.boolean({ defaultValue: false, description: "Whether the ticket's requester may see it." }),
    medium: t.field({
      type: NoteMediumEnum,
      defaultValue: "DEFAULT",
      description: "How it comes to be. Other than DEFAULT are SYSTEM and AUTOMATION, which take the scope `admin`.",
    }),
  }),
});

const AddNotePayload = builder.objectRef<Note>("AddNotePayload").implement({
  description: "The note that was added.",
  fields: (t) => ({
    note: t.field({ type: NoteRef, description: "The note.", resolve: (note) => note }),
    noteEdge: t.field({
      type: NoteEdge,
      description:
        "The note as an edge of its ticket's `notes` in their default order, to put into a list a client already holds.",
      resolve: (note) => toEdge(note, scopeOnTicket({})),
    }),
  }),
});

const UpdateNoteInput = builder.inputType("UpdateNoteInput", {
  description: "What to change of a note; what is left out stays as it is.",
  fields: (t) => ({
    id: t.id({ required: true, description: "The note: its global id or its UUID." }),
    text: t.string({ description: "The new text: 1 to 65,536 bytes of UTF-8." }),
    categories: t.field({ type: [NoteCategoryEnum], description: "The categories it has from now on." }),
    isPublic: t.boolean({ description: "Whether the ticket's requester may see it from now on." }),
  }),
});

const UpdateNotePayload = builder.objectRef<Note>("UpdateNotePayload").implement({
  description: "The note as it stands after the edit.",
  fields: (t) => ({ note: t.field({ type: NoteRef, description: "The note.", resolve: (note) => note }) }),
});

const DeleteNoteInput = builder.inputType("DeleteNoteInput", {
  description: "The note to delete.",
  fields: (t) => ({ id: t.id({ required: true, description: "The note: its global id or its UUID." }) }),
});

const DeleteNotePayload = builder.objectRef<Note>("DeleteNotePayload").implement({
  description: "What is left of a note that was deleted.",
  fields: (t) => ({
    deletedNoteId: t.id({
      description: "The global id the note had, to take it out of a list a client holds.",
      resolve: (note) => encodeGlobalId("Note", note.id),
    }),
    ticket: t.field({
      type: TicketRef,
      description: "The ticket it was kept on.",
      resolve: (note, _args, context, info) =>
        whenThere(context.load(context.services.tickets.byIds, note.ticketId, context.selected(info)), present),
    }),
  }),
});

builder.mutationFields((t) => ({
  addNote: t.field({
    type: AddNotePayload,
    description: "Adds a note to a ticket, as the credential's person.",
    errors: mutationErrors,
    args: { input: t.arg({ type: AddNoteInput, required: true, description: "The note to add." }) },
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
    description: "Edits a note.",
    errors: mutationErrors,
    args: { input: t.arg({ type: UpdateNoteInput, required: true, description: "What to change." }) },
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
    description: "Deletes a note with its attachments and their bytes.",
    errors: mutationErrors,
    args: { input: t.arg({ type: DeleteNoteInput, required: true, description: "The note to delete." }) },
    resolve: async (_root, { input }, context) => {
      const note = await context.services.notes.delete(context.viewer, readId("Note", input.id));
      context.forget();
      return note;
    },
  }),
}));

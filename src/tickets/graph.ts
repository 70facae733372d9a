import { builder } from "../graph/builder.ts";
import { countOf, nodesDescription, nodesOf, readPage, toConnection } from "../graph/connections.ts";
import type { CursorScope } from "../platform/cursor.ts";
import { mutationErrors } from "../graph/errors.ts";
import { readId } from "../graph/ids.ts";
import { whenThere } from "../platform/eventually.ts";
import { loadNode } from "../graph/nodes.ts";
import { from, fromOne, stored } from "../graph/sources.ts";
import { DateTimeRange, OrderDirection, readRange } from "../graph/ranges.ts";
import { AccountRef, PersonRef, present } from "../people/graph.ts";
import { type TicketFilter, ticketOrderings } from "./input.ts";
import { mayAddNotes } from "./policy.ts";
import { accountOfTicket, requesterOfTicket, ticketEntity } from "./relations.ts";
import type { Ticket } from "./service.ts";

const TicketKindEnum = builder.enumType("TicketKind", {
  description: "What kind of record a ticket is.",
  values: {
    REQUEST: { description: "Somebody asks for something." },
    PROBLEM: { description: "The cause behind requests." },
    WORKFLOW: { description: "A change, as a flow of tasks." },
    TASK: { description: "A step of a workflow." },
    PROJECT_TASK: { description: "A step of a project." },
    PROJECT: { description: "Work with an end of its own." },
    RELEASE: { description: "Changes that go live together." },
    RISK: { description: "Something that may go wrong." },
  } as const,
});

const TicketStatusEnum = builder.enumType("TicketStatus", {
  description: "How far a ticket is.",
  values: {
    PREPARED: { description: "Written down, not yet taken up." },
    PENDING: { description: "Waiting for somebody." },
    IN_PROGRESS: { description: "Being worked on." },
    OUTSOURCED: { description: "With another party." },
    CLOSED: { description: "Done." },
    CANCELLED: { description: "Given up." },
  } as const,
});

export const TicketRef = builder.prismaObject("Ticket", {
  description: "What a service desk works on: a request, a problem, a task and so on. Notes are kept on it.",
  fields: (t) => ({
    uuid: t.field({
      type: "UUID",
      description: "The UUID that /v2 uses.",
      extensions: stored(ticketEntity, "id"),
      resolve: ({ id }) => id,
    }),
    number: t.expose("number", {
      type: "SafeInt",
      description: "The number people know it by; the integer id that /v1 uses.",
    }),
    kind: t.expose("kind", { type: TicketKindEnum, description: "What kind of record it is." }),
    status: t.expose("status", { type: TicketStatusEnum, description: "How far it is." }),
    subject: t.exposeString("subject", { description: "What it is about, in a line." }),
    account: t.field({
      type: AccountRef,
      description: "The account that keeps it.",
      extensions: fromOne(ticketEntity, accountOfTicket, "accountId"),
      resolve: (ticket, _args, context, info) =>
        whenThere(context.row(ticket, info, context.services.people.accountsByIds, ticket.accountId), present),
    }),
    requester: t.field({
      type: PersonRef,
      nullable: true,
      description: "For whom it was opened.",
      extensions: fromOne(ticketEntity, requesterOfTicket, "requesterId"),
      resolve: (ticket, _args, context, info) =>
        ticket.requesterId === null ? null : context.row(ticket, info, context.services.people.byIds, ticket.requesterId),
    }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When it was opened." }),
    updatedAt: t.expose("updatedAt", { type: "DateTime", description: "When it was last changed." }),
    viewerCanAddNote: t.boolean({
      description: "Whether you may add a note to it.",
      extensions: from(ticketEntity),
      resolve: (_ticket, _args, { viewer }) => mayAddNotes(viewer),
    }),
  }),
});

builder.nodeRef(TicketRef, {
  id: { description: "The global id.", resolve: (ticket: Ticket) => ticket.id },
  loadWithoutCache: loadNode("Ticket", ({ services }) => services.tickets.byIds),
});

const TicketEdge = builder.edgeObject({ name: "TicketEdge", type: TicketRef, description: "A ticket and where it stands." });

const TicketConnection = builder.connectionObject(
  {
    name: "TicketConnection",
    type: TicketRef,
    description: "A page of tickets.",
    fields: (t) => ({
      nodes: t.field({ type: [TicketRef], description: nodesDescription, resolve: (page) => nodesOf<Ticket>(page) }),
      totalCount: t.int({
        description: "How many tickets there are on all pages. Counted only when asked for.",
        resolve: countOf,
      }),
    }),
  },
  TicketEdge,
);

const TicketFilterInput = builder.inputType("TicketFilter", {
  description: "Which tickets are wanted; everything given must hold.",
  fields: (t) => ({
    ids: t.idList({ description: "These tickets: global ids or UUIDs." }),
    kind: t.field({ type: [TicketKindEnum], description: "Of any of these kinds." }),
    status: t.field({ type: [TicketStatusEnum], description: "In any of these statuses." }),
    requesterId: t.id({ description: "Requested by this person." }),
    createdAt: t.field({ type: DateTimeRange, description: "Opened within." }),
    updatedAt: t.field({ type: DateTimeRange, description: "Last changed within." }),
  }),
});

const TicketOrderField = builder.enumType("TicketOrderField", {
  description: "What tickets can be sorted by.",
  values: {
    CREATED_AT: { description: "When it was opened." },
    UPDATED_AT: { description: "When it was last changed." },
    NUMBER: { description: "The ticket's number." },
  } as const,
});

const TicketOrder = builder.inputType("TicketOrder", {
  description: "An order for tickets.",
  fields: (t) => ({
    field: t.field({ type: TicketOrderField, required: true, description: "What to sort by." }),
    direction: t.field({ type: OrderDirection, required: true, description: "Which end comes first." }),
  }),
});

function readFilter(filter: typeof TicketFilterInput.$inferInput | null | undefined): TicketFilter {
  if (!filter) return {};
  return {
    ids: filter.ids?.map((id) => readId("Ticket", id, ["filter", "ids"])),
    kinds: filter.kind ?? undefined,
    statuses: filter.status ?? undefined,
    requesterId: filter.requesterId ? readId("Person", filter.requesterId, ["filter", "requesterId"]) : undefined,
    createdAt: readRange(filter.createdAt, ["filter", "createdAt"]),
    updatedAt: readRange(filter.updatedAt, ["filter", "updatedAt"]),
  };
}

builder.queryFields((t) => ({
  ticket: t.field({
    type: TicketRef,
    nullable: true,
    description: "A ticket; null where there is none, or you may not see it.",
    args: { id: t.arg.id({ required: true, description: "Its global id, or its UUID." }) },
    resolve: (_root, { id }, context, info) =>
      context.load(context.services.tickets.byIds, readId("Ticket", id), context.selected(info)),
  }),
  tickets: t.connection(
    {
      type: TicketRef,
      description: "The tickets you may see, newest first unless ordered otherwise.",
      args: {
        filter: t.arg({ type: TicketFilterInput, description: "Which tickets are wanted." }),
        orderBy: t.arg({ type: TicketOrder, description: "Their order; CREATED_AT DESC when left out." }),
      },
      resolve: async (_root, args, context, info) => {
        const { viewer, services } = context;
        const order = args.orderBy ?? { field: "CREATED_AT", direction: "DESC" };
        const scope: CursorScope = {
          name: "Query.tickets",
          ordering: [{ ...ticketOrderings[order.field], direction: order.direction }],
        };
        const filter = readFilter(args.filter);
        const read = { filter, ordering: scope.ordering, page: readPage(args, scope) };
        const { wanted, selection } = context.selectedPage(info, scope);
        const slice = await services.tickets.list(viewer, read, wanted, selection);
        return toConnection(slice, scope, () => services.tickets.count(viewer, filter));
      },
    },
    TicketConnection,
    TicketEdge,
  ),
}));

const AddTicketInput = builder.inputType("AddTicketInput", {
  description: "A ticket to open.",
  fields: (t) => ({
    kind: t.field({ type: TicketKindEnum, required: true, description: "What kind of record it is." }),
    subject: t.string({ required: true, description: "What it is about: 1 to 255 characters." }),
    status: t.field({ type: TicketStatusEnum, defaultValue: "PENDING", description: "How far it is." }),
    requesterId: t.id({ description: "For whom: a member of the account. A customer opens tickets for themselves." }),
  }),
});

const AddTicketPayload = builder.objectRef<{ ticket: Ticket }>("AddTicketPayload").implement({
  description: "The ticket that was opened.",
  fields: (t) => ({ ticket: t.expose("ticket", { type: TicketRef, description: "The ticket." }) }),
});

builder.mutationField("addTicket", (t) =>
  t.field({
    type: AddTicketPayload,
    description: "Opens a ticket.",
    errors: mutationErrors,
    args: { input: t.arg({ type: AddTicketInput, required: true, description: "The ticket to open." }) },
    resolve: async (_root, { input }, context) => {
      const ticket = await context.services.tickets.add(context.viewer, {
        kind: input.kind,
        subject: input.subject,
        status: input.status ?? "PENDING",
        requesterId: input.requesterId ? readId("Person", input.requesterId, "requesterId") : undefined,
      });
      context.forget();
      return { ticket };
    },
  }),
);

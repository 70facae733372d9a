import { builder } from "../graphql/kit/builder.ts";
import { readPage } from "../graphql/kit/connections.ts";
import { defineConnection } from "../graphql/kit/define-connection.ts";
import { ErrorInterface, mutationErrors } from "../graphql/kit/errors.ts";
import { idempotencyKeyDescription, readIdempotencyKey } from "../graphql/kit/idempotency.ts";
import { recordNumber, readId, readOptionalId } from "../graphql/kit/ids.ts";
import { loadNode } from "../graphql/kit/nodes.ts";
import { omittable } from "../graphql/kit/omittable.ts";
import { DateTimeRange, OrderDirection, readRange } from "../graphql/kit/ranges.ts";
import { AccountRef, PersonRef } from "../people/graphql.ts";
import { readSearchQuery } from "../search/input.ts";
import { statusOfNewTickets, type TicketFilter, ticketOrderings } from "./input.ts";
import { mayAddNotes } from "./policy.ts";
import { accountOfTicket, requesterOfTicket } from "./relations.ts";
import type { Ticket } from "./service.ts";
import { TicketChanged } from "./ticket-changed.ts";

const TicketKindEnum = builder.enumType("TicketKind", {
  description: "The kinds of tickets. /v1 has a collection for each kind.",
  values: {
    REQUEST: { description: "A request for help or for a service; `requests` on /v1." },
    PROBLEM: { description: "The cause of one or more requests; `problems` on /v1." },
    WORKFLOW: { description: "A change that consists of tasks; `workflows` on /v1." },
    TASK: { description: "A step of a workflow; `tasks` on /v1." },
    PROJECT_TASK: { description: "A step of a project; `project_tasks` on /v1." },
    PROJECT: { description: "A project, which consists of project tasks; `projects` on /v1." },
    RELEASE: { description: "Changes that are released together; `releases` on /v1." },
    RISK: { description: "Something that may go wrong; `risks` on /v1." },
  } as const,
});

const TicketStatusEnum = builder.enumType("TicketStatus", {
  description: "The statuses of tickets. /v1 shows them under other names, which depend on the kind of the ticket.",
  values: {
    PREPARED: { description: "Recorded, but work on it has not begun." },
    PENDING: { description: "Waiting for somebody to work on it." },
    IN_PROGRESS: { description: "A specialist is working on it." },
    OUTSOURCED: { description: "Another organisation is working on it." },
    CLOSED: { description: "Completed." },
    CANCELLED: { description: "Cancelled before it was completed." },
  } as const,
});

export const TicketRef = builder.prismaObject("Ticket", {
  description: "A ticket of a service desk: a request, a problem, a task or another kind of work, with its notes.",
  fields: (t) => ({
    uuid: t.column("id", { type: "UUID", description: "The ticket's UUID. /v2 uses it." }),
    number: t.column("number", {
      type: "SafeInt",
      description: "The ticket's number, which people use and /v1 has as the integer id.",
    }),
    kind: t.column("kind", { type: TicketKindEnum, description: "The kind of the ticket." }),
    status: t.column("status", { type: TicketStatusEnum, description: "The status of the ticket." }),
    subject: t.column("subject", { description: "What the ticket is about: 1 to 255 characters." }),
    account: t.toOne({
      type: AccountRef,
      description: "The account to which the ticket belongs.",
      relation: accountOfTicket,
      by: "accountId",
      read: ({ people }) => people.accountsByIds,
    }),
    requester: t.toOne({
      type: PersonRef,
      nullable: true,
      description: "The person for whom the ticket was added, also if they have left the account since. Null if there is none.",
      relation: requesterOfTicket,
      by: "requesterId",
      read: ({ people }) => people.byIds,
    }),
    createdAt: t.column("createdAt", { description: "When the ticket was added." }),
    updatedAt: t.column("updatedAt", {
      description: "When the subject, the status or the requester last changed; if they never did, when the ticket was added.",
    }),
    version: t.column("version", {
      description:
        "The version of the ticket: 1 at first, and higher after every change to its subject, status or requester. Send it as " +
        "`expectedVersion` to change the ticket only if nobody else has.",
    }),
    viewerCanAddNote: t.computed({
      type: "Boolean",
      description:
        "Whether the viewer may add a note to the ticket: the credential has the scopes `tickets:read` and `notes:write`.",
      columns: [],
      resolve: (_ticket, _args, { viewer }) => mayAddNotes(viewer),
    }),
  }),
});

builder.nodeRef(TicketRef, {
  id: { description: "The ticket's global id.", resolve: (ticket: Ticket) => ticket.id },
  loadWithoutCache: loadNode("Ticket", ({ services }) => services.tickets.byIds),
});

const TicketConnection = defineConnection({ type: TicketRef, singular: "A ticket", plural: "tickets" });

const TicketFilterInput = builder.inputType("TicketFilter", {
  description: "Conditions on tickets. All given conditions must hold; a condition that is null or omitted is ignored.",
  fields: (t) => ({
    ids: t.idList({ description: "Only tickets with one of these ids: global ids or UUIDs." }),
    numbers: t.field({ type: ["SafeInt"], description: "Only tickets with one of these numbers." }),
    kind: t.field({ type: [TicketKindEnum], description: "Only tickets of one of these kinds." }),
    status: t.field({ type: [TicketStatusEnum], description: "Only tickets with one of these statuses." }),
    requesterId: t.id({ description: "Only tickets that this person requested: a global id or a UUID." }),
    createdAt: t.field({ type: DateTimeRange, description: "Only tickets that were added in this range of time." }),
    updatedAt: t.field({ type: DateTimeRange, description: "Only tickets whose `updatedAt` is in this range of time." }),
    query: t.string({
      description:
        "Only tickets whose subject has all words of this query, and those with a note that has them and that the viewer may see: of " +
        "the newest 2,000 such subjects and notes. It is written as the query of `searchNotes`.",
    }),
  }),
});

const TicketOrderField = builder.enumType("TicketOrderField", {
  description: "The fields by which tickets can be sorted. Tickets with equal values are sorted by their UUID.",
  values: {
    CREATED_AT: { description: "By the time at which the ticket was added." },
    UPDATED_AT: { description: "By `updatedAt`." },
    NUMBER: { description: "By the ticket's number." },
    LAST_NOTE_AT: {
      description:
        "By `lastNoteAt`. Tickets without a note that the viewer may see are the last ones in descending order, and the first " +
        "ones in ascending order. Requires the scope `notes:read`.",
    },
  } as const,
});

const TicketOrder = builder.inputType("TicketOrder", {
  description: "The order of a list of tickets.",
  fields: (t) => ({
    field: t.field({ type: TicketOrderField, required: true, description: "The field to sort by." }),
    direction: t.field({ type: OrderDirection, required: true, description: "The direction." }),
  }),
});

function readTicketFilter(filter: typeof TicketFilterInput.$inferInput | null | undefined): TicketFilter {
  if (!filter) return {};
  return {
    ids: filter.ids?.map((id) => readId("Ticket", id, ["filter", "ids"])),
    fields: filter.numbers ? { number: [{ in: filter.numbers.map(recordNumber) }] } : undefined,
    kinds: filter.kind ?? undefined,
    statuses: filter.status ?? undefined,
    requesterId: readOptionalId("Person", filter.requesterId, ["filter", "requesterId"]),
    createdAt: readRange(filter.createdAt, ["filter", "createdAt"]),
    updatedAt: readRange(filter.updatedAt, ["filter", "updatedAt"]),
    query: typeof filter.query === "string" ? readSearchQuery(filter.query, ["filter", "query"]) : undefined,
  };
}

builder.queryFields((t) => ({
  ticket: t.field({
    type: TicketRef,
    nullable: true,
    description: "Returns a ticket. Null if it does not exist or the viewer may not see it. Requires the scope `tickets:read`.",
    args: { id: t.arg.id({ required: true, description: "The ticket's global id or its UUID." }) },
    resolve: (_root, { id }, context, info) =>
      context.load(context.services.tickets.byIds, readId("Ticket", id), context.selected(info)),
  }),
  ticketByNumber: t.field({
    type: TicketRef,
    nullable: true,
    description:
      "Returns the ticket with a number in the viewer's account. Null if it does not exist or the viewer may not see it. Requires " +
      "the scope `tickets:read`.",
    args: { number: t.arg({ type: "SafeInt", required: true, description: "The ticket's number, as people say it." }) },
    resolve: (_root, { number }, context, info) =>
      context.load(context.services.tickets.byNumbers, recordNumber(number), context.selected(info)),
  }),
  tickets: t.rootConnection({
    connection: TicketConnection,
    description: "Returns the tickets that the viewer may see, the newest first by default. Requires the scope `tickets:read`.",
    args: {
      filter: t.arg({
        type: TicketFilterInput,
        description: "Conditions on the tickets. Without it all visible tickets are returned.",
      }),
      orderBy: t.arg({ type: TicketOrder, description: "The order of the tickets. Default: CREATED_AT DESC." }),
    },
    scope: ({ orderBy }) => {
      const { field, direction } = orderBy ?? { field: "CREATED_AT", direction: "DESC" };
      return { name: "Query.tickets", ordering: [{ ...ticketOrderings[field], direction }] };
    },
    input: (args, scope) => ({
      filter: readTicketFilter(args.filter),
      ordering: scope.ordering,
      page: readPage(args, scope),
    }),
    read: ({ services: { notes, tickets }, viewer }, input, selection) =>
      input.ordering[0].field === ticketOrderings.LAST_NOTE_AT.field
        ? notes.ticketsByLastNote(viewer, input, selection)
        : tickets.list(viewer, input, selection),
    total: ({ services, viewer }, { filter }) => services.tickets.total(viewer, filter),
  }),
}));

const AddTicketInputRef = builder.inputType("AddTicketInput", {
  description: "The ticket to add.",
  fields: (t) => ({
    kind: t.field({ type: TicketKindEnum, required: true, description: "The kind of the ticket." }),
    subject: t.string({ required: true, description: "What the ticket is about: 1 to 255 characters, not blank." }),
    status: t.field({
      type: TicketStatusEnum,
      defaultValue: statusOfNewTickets,
      description: "The status of the ticket. Customers cannot give another one than `PENDING`: leave it out.",
    }),
    requesterId: t.id({
      description:
        "The person for whom the ticket is added: a member of the account, as a global id or a UUID. If omitted, the ticket of " +
        "a customer has that customer as requester, and that of a specialist or an administrator has none. A customer may name " +
        "only themselves (FORBIDDEN).",
    }),
    idempotencyKey: t.string({ description: idempotencyKeyDescription }),
  }),
});

const AddTicketPayload = builder.objectRef<{ ticket: Ticket }>("AddTicketPayload").implement({
  description: "The ticket that was added.",
  fields: (t) => ({ ticket: t.expose("ticket", { type: TicketRef, description: "The ticket that was added." }) }),
});

builder.objectType(TicketChanged, {
  name: "TicketChangedError",
  description: "The ticket is not in the version that the input expects, because somebody has changed it. Nothing was written.",
  interfaces: [ErrorInterface],
  fields: (t) => ({
    current: t.field({ type: TicketRef, description: "The ticket as it is now.", resolve: (error) => error.current }),
  }),
});

const UpdateTicketInputRef = builder.inputType("UpdateTicketInput", {
  description: "The ticket to update and its new values. A field that is omitted does not change.",
  fields: (t) => ({
    id: t.id({ required: true, description: "The ticket's global id or its UUID." }),
    subject: t.string({ description: "What the ticket is about: 1 to 255 characters, not blank. Null is not valid." }),
    status: t.field({
      type: TicketStatusEnum,
      description: "The new status. The ticket gets a public note that tells of the change. Null is not valid.",
    }),
    requesterId: t.id({
      description:
        "The person for whom the ticket is: a member of the account, as a global id or a UUID. Null removes the requester.",
    }),
    expectedVersion: t.int({
      description:
        "The version that the ticket must have. If somebody has changed it since, nothing is written and the result is a " +
        "TicketChangedError. Without it the ticket is written in any version.",
    }),
    idempotencyKey: t.string({ description: idempotencyKeyDescription }),
  }),
});

const UpdateTicketPayload = builder.objectRef<{ readonly ticketId: string }>("UpdateTicketPayload").implement({
  description: "The ticket after the update.",
  fields: (t) => ({
    ticket: t.rowByKey({
      type: TicketRef,
      description: "The ticket after the update.",
      key: ({ ticketId }) => ticketId,
      read: ({ tickets }) => tickets.byIds,
    }),
  }),
});

builder.mutationField("updateTicket", (t) =>
  t.field({
    type: UpdateTicketPayload,
    description:
      "Updates a ticket. If nothing would change, nothing is written. A customer may not (FORBIDDEN). Requires the scopes " +
      "`tickets:read` and `tickets:write`.",
    errors: { types: [...mutationErrors.types, TicketChanged] },
    args: { input: t.arg({ type: UpdateTicketInputRef, required: true, description: "The ticket and its new values." }) },
    resolve: async (_root, { input }, context) => {
      const { requesterId } = input;
      const ticketId = readId("Ticket", input.id);
      await context.services.notes.updateTicket(context.viewer, {
        id: ticketId,
        expectedVersion: input.expectedVersion ?? undefined,
        subject: omittable("subject", input.subject),
        status: omittable("status", input.status),
        requesterId: typeof requesterId === "string" ? readId("Person", requesterId, "requesterId") : requesterId,
        idempotencyKey: readIdempotencyKey("updateTicket", input),
      });
      context.forget();
      return { ticketId };
    },
  }),
);

builder.mutationField("addTicket", (t) =>
  t.field({
    type: AddTicketPayload,
    description: "Adds a ticket to the viewer's account. Requires the scope `tickets:write`.",
    errors: mutationErrors,
    args: { input: t.arg({ type: AddTicketInputRef, required: true, description: "The ticket to add." }) },
    resolve: async (_root, { input }, context) => {
      const ticket = await context.services.tickets.add(context.viewer, {
        kind: input.kind,
        subject: input.subject,
        status: input.status ?? statusOfNewTickets,
        requesterId: readOptionalId("Person", input.requesterId, "requesterId"),
        idempotencyKey: readIdempotencyKey("addTicket", input),
      });
      context.forget();
      return { ticket };
    },
  }),
);

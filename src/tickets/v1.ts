import { NotFound } from "../errors.ts";
import { ownAccount, personStub } from "../people/v1.ts";
import { type Selection, wholeRow } from "../query/model/selection.ts";
import { answerCollection, answerRecord } from "../rest/v1/kit/collection.ts";
import { relatedRow, type Shape, storedValue, computedValue } from "../rest/v1/kit/fields.ts";
import { codeField, integerField, timeField } from "../rest/v1/kit/filters.ts";
import { findById } from "../rest/v1/kit/ids.ts";
import type { V1Operation, V1Answer, V1Request } from "../rest/v1/kit/operation.ts";
import { ticketOrderings } from "./input.ts";
import { requesterOfTicket, ticketEntity } from "./relations.ts";
import type { Ticket, TicketKind, TicketStatus } from "./service.ts";
import { shownStatuses, statusesByName, statusLists } from "./v1-statuses.ts";

/** The path of the collection of a kind of ticket, and the name by which other records refer to one. */
export const kindNames: Readonly<Record<TicketKind, { readonly collection: string; readonly reference: string }>> = {
  REQUEST: { collection: "requests", reference: "request" },
  PROBLEM: { collection: "problems", reference: "problem" },
  WORKFLOW: { collection: "workflows", reference: "workflow" },
  TASK: { collection: "tasks", reference: "task" },
  PROJECT_TASK: { collection: "project_tasks", reference: "project_task" },
  PROJECT: { collection: "projects", reference: "project" },
  RELEASE: { collection: "releases", reference: "release" },
  RISK: { collection: "risks", reference: "risk" },
};

/** The record shape of each kind of ticket. They differ only in the names of the statuses. */
const ticketShapes = Object.fromEntries(
  // Object.keys loses the type of the keys
  Object.keys(kindNames).map((kind) => [kind, ticketShape(kind as TicketKind)]),
) as Readonly<Record<TicketKind, Shape<Ticket>>>;

function ticketShape(kind: TicketKind): Shape<Ticket> {
  return {
    always: ["kind"],
    fields: {
      id: storedValue(ticketEntity, "number", "bare"),
      subject: storedValue(ticketEntity, "subject", "json"),
      status: storedValue(ticketEntity, "status", { codes: shownStatuses(kind) }),
      requested_by: relatedRow(requesterOfTicket, personStub),
      // A ticket is visible only in its own account, so that is the account in which the viewer acts.
      account: computedValue(ticketEntity, [], (_ticket, context) => ownAccount(context)),
      created_at: computedValue(ticketEntity, ["createdAt"], (ticket, { viewer, formatTime }) =>
        formatTime(ticket.createdAt, viewer.account.timeZone),
      ),
      updated_at: computedValue(ticketEntity, ["updatedAt"], (ticket, { viewer, formatTime }) =>
        formatTime(ticket.updatedAt, viewer.account.timeZone),
      ),
      nodeID: storedValue(ticketEntity, "id", { nodeIdOf: "Ticket" }),
    },
  };
}

const sortableTickets = {
  id: ticketOrderings.NUMBER,
  status: ticketOrderings.STATUS,
  created_at: ticketOrderings.CREATED_AT,
  updated_at: ticketOrderings.UPDATED_AT,
};

/** The read operations on the tickets of one kind. */
export interface TicketOperations {
  readonly list: V1Operation;
  readonly get: V1Operation;
  /** The lists with a path of their own below the collection, such as the open tickets. */
  readonly lists: readonly { readonly path: string; readonly list: V1Operation }[];
}

export function ticketOperations(kind: TicketKind): TicketOperations {
  const shape = ticketShapes[kind];
  const filterable = {
    number: integerField("id", "ids"),
    status: codeField(statusesByName(kind), "status"),
    createdAt: timeField("created_at"),
    updatedAt: timeField("updated_at"),
  };
  const listOf =
    (statuses?: readonly TicketStatus[]): V1Operation =>
    (request) => {
      const { services, viewer } = request;
      const filter = { kinds: [kind], statuses };
      return answerCollection(request, {
        ...{ shape, filterable, sortable: sortableTickets },
        defaultOrder: [{ ...ticketOrderings.NUMBER, direction: "ASC" }],
        read: ({ fields, ordering, page, selection }) =>
          services.tickets.list(viewer, { filter: { ...filter, fields }, ordering, page }, selection),
        count: (fields) => services.tickets.count(viewer, { ...filter, fields }),
      });
    };
  return {
    list: listOf(),
    get: (request) => answerTicket(kind, request),
    lists: statusLists(kind).map(({ path, statuses }) => ({ path, list: listOf(statuses) })),
  };
}

/**
 * Returns the response with the ticket of the path in its state after `write`. `write` is called only after the
 * selection of fields has proved valid.
 */
export function answerTicket(kind: TicketKind, request: V1Request, write?: () => Promise<void>): Promise<V1Answer> {
  return answerRecord(request, ticketShapes[kind], async (selection) => {
    await write?.();
    return ticketOf(kind, request, selection);
  });
}

/** Returns the ticket of the path. Throws {@link NotFound} if there is none or it is of another kind. */
export async function ticketOf(
  kind: TicketKind,
  { services, viewer, id: text }: V1Request,
  selection: Selection = wholeRow,
): Promise<Ticket> {
  const ticket = await findById<Ticket>("Ticket", text, {
    byNumber: (number) => services.tickets.byNumbers(viewer, [number], selection),
    byId: (id) => services.tickets.byIds(viewer, [id], selection),
  });
  if (ticket.kind !== kind) throw new NotFound("ticket");
  return ticket;
}

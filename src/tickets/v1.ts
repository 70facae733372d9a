import { NotFound } from "../errors.ts";
import { ownAccount, personStub } from "../people/v1.ts";
import { allFields, type Selection } from "../reading/selection.ts";
import { answerCollection, answerRecord } from "../rest/v1/collection.ts";
import { relatedRow, type Shape, stored, worked } from "../rest/v1/fields.ts";
import { codeField, integerField, namesOfCodes, timeField } from "../rest/v1/filters.ts";
import { findById } from "../rest/v1/ids.ts";
import type { Operation, V1Request } from "../rest/v1/operation.ts";
import { formatTime } from "../rest/v1/time.ts";
import { ticketOrderings } from "./input.ts";
import { requesterOfTicket, ticketEntity } from "./relations.ts";
import type { Ticket, TicketKind, TicketStatus } from "./service.ts";

/** Under which path the tickets of a kind are, and under which name other records refer to one. */
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

const statusCodes: Readonly<Record<string, TicketStatus>> = {
  prepared: "PREPARED",
  pending: "PENDING",
  in_progress: "IN_PROGRESS",
  outsourced: "OUTSOURCED",
  closed: "CLOSED",
  cancelled: "CANCELLED",
};

const ticketShape: Shape<Ticket> = {
  always: ["kind"],
  fields: {
    id: stored(ticketEntity, "number", "bare"),
    subject: stored(ticketEntity, "subject", "json"),
    status: stored(ticketEntity, "status", { codes: namesOfCodes(statusCodes) }),
    requested_by: relatedRow(requesterOfTicket, personStub),
    // A ticket is seen in the account that keeps it, and nowhere else.
    account: worked(ticketEntity, [], (_ticket, context) => ownAccount(context)),
    created_at: worked(ticketEntity, ["createdAt"], (ticket, { viewer }) =>
      formatTime(ticket.createdAt, viewer.account.timeZone),
    ),
    updated_at: worked(ticketEntity, ["updatedAt"], (ticket, { viewer }) =>
      formatTime(ticket.updatedAt, viewer.account.timeZone),
    ),
    nodeID: stored(ticketEntity, "id", { globalIdOf: "Ticket" }),
  },
};

const filterable = {
  number: integerField("id", "ids"),
  status: codeField(statusCodes, "status"),
  createdAt: timeField("created_at"),
  updatedAt: timeField("updated_at"),
};

const sortable = {
  id: ticketOrderings.NUMBER,
  status: ticketOrderings.STATUS,
  created_at: ticketOrderings.CREATED_AT,
  updated_at: ticketOrderings.UPDATED_AT,
};

/** The operations on the tickets of one kind. */
export function ticketOperations(kind: TicketKind): { list: Operation; get: Operation } {
  return {
    list: (request) => {
      const { services, viewer } = request;
      return answerCollection(request, {
        shape: ticketShape,
        filterable,
        sortable,
        usualOrder: [{ ...ticketOrderings.NUMBER, direction: "ASC" }],
        read: ({ fields, ordering, page, wanted }) =>
          services.tickets.list(viewer, { filter: { kinds: [kind], fields }, ordering, page }, wanted),
        count: (fields, most) => services.tickets.count(viewer, { kinds: [kind], fields }, most),
      });
    },
    get: (request) => answerRecord(request, ticketShape, (selection) => ticketOf(kind, request, selection)),
  };
}

/** The ticket that a path names, read with its kind. @throws {NotFound} also where it is of another kind */
export async function ticketOf(
  kind: TicketKind,
  { services, viewer, id: text }: V1Request,
  selection: Selection = allFields,
): Promise<Ticket> {
  const ticket = await findById<Ticket>("Ticket", text, {
    byNumber: (number) => services.tickets.byNumbers(viewer, [number], selection),
    byId: (id) => services.tickets.byIds(viewer, [id], selection),
  });
  if (ticket.kind !== kind) throw new NotFound("ticket");
  return ticket;
}

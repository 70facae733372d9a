import type { Ticket } from "#generated/prisma/client.ts";
import type { Table } from "../platform/table.ts";

export const ticketsTable: Table<Ticket, "number"> = {
  name: "tickets",
  types: {
    id: "uuid",
    number: "integer",
    accountId: "uuid",
    kind: '"TicketKind"',
    status: '"TicketStatus"',
    subject: "text",
    requesterId: "uuid",
    createdAt: "timestamptz",
    updatedAt: "timestamptz",
  },
};

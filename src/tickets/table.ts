import type { Ticket } from "#generated/prisma/client.ts";
import { defineTable } from "../database/table.ts";

export const ticketsTable = defineTable<Ticket, "number" | "version">({
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
    version: "integer",
  },
});

import type { InboundEmail } from "#generated/prisma/client.ts";
import { defineTable } from "../database/table.ts";

export const inboundEmailsTable = defineTable<InboundEmail, "number">({
  name: "inbound_emails",
  types: {
    id: "uuid",
    number: "integer",
    accountId: "uuid",
    noteId: "uuid",
    noteNumber: "integer",
    ticketId: "uuid",
    authorNumber: "integer",
    messageId: "text",
    sender: "text",
    subject: "text",
    receivedAt: "timestamptz",
    mayQuote: "boolean",
  },
});

import type { Redaction } from "#generated/prisma/client.ts";
import { defineTable } from "../database/table.ts";

export const redactionsTable = defineTable<Redaction>({
  name: "redactions",
  types: {
    id: "uuid",
    accountId: "uuid",
    noteId: "uuid",
    redactedAt: "timestamptz",
    redactorNumber: "integer",
    reason: '"RedactionReason"',
  },
});

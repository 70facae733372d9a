import type { IdempotencyKey } from "#generated/prisma/client.ts";
import { defineTable } from "../database/table.ts";

export const idempotencyKeysTable = defineTable<IdempotencyKey>({
  name: "idempotency_keys",
  types: { accountId: "uuid", keyHash: "uuid", inputHash: "uuid", ids: "uuid[]", createdAt: "timestamptz" },
});

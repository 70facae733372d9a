import { type InboundEmail, Prisma } from "#generated/prisma/client.ts";
import { param, sql, whereSql } from "../database/sql.ts";
import { visibleNotes } from "../notes/policy.ts";
import { defineEntity } from "../query/model/entity.ts";
import type { OneRelation } from "../query/model/relation.ts";

export const inboundEmailEntity = defineEntity<InboundEmail>({
  alias: "i",
  fields: Prisma.InboundEmailScalarFieldEnum,
  revive: { receivedAt: "instant" },
});

/**
 * The email of the note `n`. The viewer sees the note: the statement around this one has selected it. /v1 also selects
 * withdrawn notes, of which nothing is shown.
 */
export const inboundEmailOfNote: OneRelation<InboundEmail> = {
  target: inboundEmailEntity,
  from: (viewer) => {
    const { accountId } = visibleNotes(viewer);
    return sql`
      inbound_emails i WHERE ${whereSql("i", { accountId })} AND i.note_id = n.id
        AND EXISTS (SELECT FROM notes kept WHERE ${whereSql("kept", { accountId })} AND kept.id = i.note_id)`;
  },
};

/** The email of the note with an id. */
export const inboundEmailByNote: OneRelation<InboundEmail> = {
  target: inboundEmailEntity,
  from: (viewer) => {
    const visible = visibleNotes(viewer);
    return sql`
      inbound_emails i JOIN notes n ON n.account_id = i.account_id AND n.id = i.note_id
      WHERE ${whereSql("i", { accountId: visible.accountId })} AND i.note_id = ${param("key")}::uuid AND ${whereSql("n", visible)}`;
  },
};

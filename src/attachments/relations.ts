import { type Attachment, Prisma } from "#generated/prisma/client.ts";
import { visibleAttachments } from "../notes/policy.ts";
import { noteWhere } from "../notes/relations.ts";
import type { Rows } from "../query/model/paged-table.ts";
import { param, sql, type Sql, whereSql } from "../database/sql.ts";
import { defineEntity } from "../query/model/entity.ts";
import type { ManyRelation, OneRelation } from "../query/model/relation.ts";
import type { AttachmentReach, AttachmentRead } from "./input.ts";
import type { Viewer } from "../viewer.ts";
import { notesWithVisibleAttachments } from "./policy.ts";

export const attachmentEntity = defineEntity<Attachment>({
  alias: "a",
  fields: Prisma.AttachmentScalarFieldEnum,
  always: ["uploadExpiresAt"],
  revive: { size: "bigint", uploadExpiresAt: "instant", createdAt: "instant" },
});

/**
 * The parameters of reads of attachments: the time from which a requested upload counts although it has not arrived.
 * Our own store reports arrivals, so an attachment that is not ready is awaited until its upload expires. Rows of an
 * external store become ready when they are read: all uploads that may have arrived are read, and those that have not
 * are left out afterwards.
 */
export function attachmentParams({
  announcesArrivals,
  now,
}: {
  announcesArrivals: boolean;
  now: Date;
}): Record<string, string> {
  const counted = { awaited: now.toISOString(), ready: "infinity" };
  const read = announcesArrivals ? counted : { awaited: "-infinity", ready: "-infinity" };
  return {
    "read awaited": read.awaited,
    "read ready": read.ready,
    "counted awaited": counted.awaited,
    "counted ready": "infinity",
    reconcileAfter: announcesArrivals ? "infinity" : "-infinity",
  };
}

function within(reach: AttachmentReach, use: "read" | "counted"): Sql {
  const isShown = reach === "ready" ? sql`a.state = 'READY'` : sql`a.state <> 'PENDING'`;
  return sql`(${isShown} OR a.upload_expires_at > ${param(`${use} ${reach}`)}::timestamptz)`;
}

const needsReconciling = sql`a.upload_expires_at > ${param("reconcileAfter")}::timestamptz`;

/** The attachment for which `term` holds, of attachments as `a`. */
function attachmentWhere(term: Sql, reach: AttachmentReach): OneRelation<Attachment> {
  return {
    target: attachmentEntity,
    needsReconciling,
    from: (viewer) => sql`
      attachments a JOIN notes n ON n.id = a.note_id AND n.account_id = a.account_id
      WHERE ${whereSql("n", notesWithVisibleAttachments(viewer))} AND ${whereSql("a", visibleAttachments(viewer))} AND ${term}
        AND ${within(reach, "read")}`,
  };
}

export const attachmentById = attachmentWhere(sql`a.id = ${param("key")}::uuid`, "awaited");
export const attachmentByFilename = attachmentWhere(
  sql`n.id = ${param("noteId")}::uuid AND a.filename = ${param("filename")}::text`,
  "ready",
);

export const attachmentsOfNote: ManyRelation<Attachment, AttachmentRead> = {
  target: attachmentEntity,
  needsReconciling,
  from: (viewer, { reach }) => ofNote(viewer, within(reach, "read")),
  countFrom: (viewer, { reach }) => ofNote(viewer, within(reach, "counted")),
};

/** The viewer sees the note: the statement around this one has selected it. */
function ofNote(viewer: Viewer, reached: Sql): Rows {
  notesWithVisibleAttachments(viewer);
  return {
    from: sql`attachments a WHERE ${whereSql("a", visibleAttachments(viewer))} AND a.note_id = n.id`,
    scope: "noteId",
    predicate: { inFilters: [], rangeFilters: [], others: [reached] },
  };
}

export const noteOfAttachment = noteWhere(sql`n.id = a.note_id`);

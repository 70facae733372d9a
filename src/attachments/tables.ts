import type { Attachment, DiscardedObject, Upload } from "#generated/prisma/client.ts";
import { defineTable } from "../database/table.ts";

export const attachmentsTable = defineTable<Attachment, "number">({
  name: "attachments",
  types: {
    id: "uuid",
    number: "integer",
    accountId: "uuid",
    noteId: "uuid",
    filename: "text",
    contentType: "text",
    inline: "boolean",
    isInternal: "boolean",
    state: '"AttachmentState"',
    size: "bigint",
    sha256: "text",
    storageKey: "text",
    key: "text",
    uploadExpiresAt: "timestamptz",
    createdAt: "timestamptz",
  },
});

export const uploadsTable = defineTable<Upload>({
  name: "uploads",
  types: {
    id: "uuid",
    accountId: "uuid",
    personId: "uuid",
    key: "text",
    attachmentId: "uuid",
    filename: "text",
    contentType: "text",
    state: '"AttachmentState"',
    announcedSize: "bigint",
    size: "bigint",
    sha256: "text",
    storageKey: "text",
    createdAt: "timestamptz",
    consumedAt: "timestamptz",
  },
});

export const discardedObjectsTable = defineTable<DiscardedObject>({
  name: "discarded_objects",
  types: { storageKey: "text", discardedAt: "timestamptz", attachmentId: "uuid" },
});

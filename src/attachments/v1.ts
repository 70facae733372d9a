import { encodeNodeId } from "../lib/global-ids.ts";
import { oldestFirst } from "../query/model/page.ts";
import { contextOf, type RecordField, type FieldContext } from "../rest/v1/kit/fields.ts";
import { uploadPath } from "../rest/v1/kit/upload-path.ts";
import type { V1Operation } from "../rest/v1/kit/operation.ts";
import { allowedExtensions } from "./extensions.ts";
import { attachmentsOfNote } from "./relations.ts";
import type { Attachment } from "./service.ts";

/** /v1 shows all attachments of a note. The page is larger than any note needs. */
const allAttachments = { reach: "ready", ordering: oldestFirst, page: { size: 10_000, from: "start" } } as const;

/**
 * Returns the field of a note's attachments whose files have arrived. A credential without the scope to read
 * attachments gets an empty list.
 */
export const attachments: RecordField = (name) => ({
  name,
  content: {
    kind: "computedRows",
    ...{ relation: attachmentsOfNote, input: allAttachments, none: "[]" },
    compute: async (rows: readonly Attachment[], context) => JSON.stringify(await toV1Attachments(rows, contextOf(context))),
  },
});

async function toV1Attachments(read: readonly Attachment[], { services, viewer, formatTime }: FieldContext): Promise<object[]> {
  const page = { rows: read, hasNext: false, hasPrevious: false };
  const { rows } = await services.attachments.reconciled(viewer, page, "ready");
  return Promise.all(
    rows.map(async (attachment) => {
      const download = await services.attachments.download(attachment);
      return {
        id: attachment.number,
        name: attachment.filename,
        key: attachment.key ?? `attachments/${attachment.id}/${attachment.filename}`,
        uri: download?.url ?? null,
        inline: attachment.inline,
        size: attachment.size === null ? null : Number(attachment.size),
        created_at: formatTime(attachment.createdAt, viewer.account.timeZone),
        nodeID: encodeNodeId("Attachment", attachment.id),
      };
    }),
  );
}

/**
 * Returns the form for an upload, in the shape of an S3 POST policy that clients of this API family expect. Some
 * clients send back all of its fields, others only those that they know. Only the signed policy permits the upload; the
 * other fields have no effect.
 */
export const offerStorage: V1Operation = async ({ services, viewer, publicUrl }) => {
  const { key, policy, signature, offeredAt, maximumBytes } = services.uploads.offer(viewer);
  const date = offeredAt.toISOString().replaceAll(/[-:]|\.\d+/g, "");
  return {
    body: {
      size_limit: maximumBytes,
      allowed_extensions: [...allowedExtensions],
      provider: "s3",
      upload_uri: `${publicUrl}${uploadPath}`,
      s3: {
        key,
        acl: "private",
        policy,
        success_action_status: 201,
        "x-amz-algorithm": "AWS4-HMAC-SHA256",
        "x-amz-credential": `uploads/${date.slice(0, 8)}/local/s3/aws4_request`,
        "x-amz-date": date,
        "x-amz-server-side-encryption": "AES256",
        "x-amz-signature": signature,
      },
    },
  };
};

import type { Note } from "../notes/service.ts";
import { encodeGlobalId } from "../platform/global-ids.ts";
import type { Field } from "../rest/v1/fields.ts";
import { uploadPath } from "../rest/v1/upload-path.ts";
import type { Operation } from "../rest/v1/operation.ts";
import { formatTime } from "../rest/v1/time.ts";
import { hasScopes } from "../viewer.ts";
import { allowedExtensions } from "./extensions.ts";
import type { Attachment } from "./service.ts";

/** More than any note has: /v1 shows a note's attachments all at once. */
const allOfThem = 10_000;

/** The attachments of notes whose bytes are there. A credential that may not read attachments sees none. */
export const attachmentsOfNotes: Field<Note> = async (notes, { services, viewer }) => {
  if (notes.length === 0 || !hasScopes(viewer, "attachments:read")) return notes.map(() => []);
  const page = { size: allOfThem, from: "start" } as const;
  const slices = await services.attachments.ofNotes(
    viewer,
    notes.map((note) => note.id),
    { reach: "ready", page },
  );
  return Promise.all(slices.map((slice) => Promise.all((slice?.rows ?? []).map((attachment) => present(attachment)))));

  async function present(attachment: Attachment): Promise<object> {
    const download = await services.attachments.download(attachment);
    return {
      id: attachment.number,
      name: attachment.filename,
      key: attachment.key ?? `attachments/${attachment.id}/${attachment.filename}`,
      uri: download?.url ?? null,
      inline: attachment.inline,
      size: attachment.size === null ? null : Number(attachment.size),
      created_at: formatTime(attachment.createdAt, viewer.account.timeZone),
      nodeID: encodeGlobalId("Attachment", attachment.id),
    };
  }
};

/** The form that a file is uploaded with before its note: what every client of the family does with a store that says it is S3. */
export const offerStorage: Operation = async ({ services, viewer, publicUrl }) => {
  const { key, policy, signature, maximumBytes } = services.uploads.offer(viewer);
  return {
    body: {
      size_limit: maximumBytes,
      allowed_extensions: [...allowedExtensions],
      provider: "s3",
      upload_uri: `${publicUrl}${uploadPath}`,
      s3: { key, policy, signature, success_action_status: 201 },
    },
  };
};

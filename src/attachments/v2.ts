import { NotFound } from "../errors.ts";
import { oldestFirst } from "../query/model/page.ts";
import { countedPageOfRows } from "../query/model/selection.ts";
import { asJson } from "../rest/kit/json-text.ts";
import { appliedQuery, offsetOf, type V2Operation, type Window } from "../rest/v2/kit/operation.ts";
import type { Services } from "../services.ts";
import type { Attachment } from "./service.ts";

export const listNoteAttachments: V2Operation<{ query: Window & { note_id: string }; path: unknown; body: unknown }> = async (
  services,
  { viewer, query },
) => {
  const noteId = query.note_id.toLowerCase();
  const page = { size: query.limit, from: "start", offset: offsetOf(query) } as const;
  const read = { reach: "ready", ordering: oldestFirst, page } as const;
  const [slice] = await services.attachments.ofNotes(viewer, [noteId], read, countedPageOfRows);
  if (!slice) throw new NotFound("note");
  const result = await Promise.all(slice.rows.map((attachment) => toV2Attachment(services, attachment)));
  const applied = appliedQuery(query, { note_id: noteId });
  return { body: asJson(`{"query":${applied},"result":${JSON.stringify(result)},"total":${slice.total ?? 0}}`) };
};

export const addNoteAttachment: V2Operation<{
  query: unknown;
  path: unknown;
  body: { filename: string; note_id: string };
}> = async (services, { viewer, body, idempotencyKey }) => {
  const { attachment, upload } = await services.attachments.requestUpload(viewer, {
    noteId: body.note_id.toLowerCase(),
    filename: body.filename,
    idempotencyKey,
  });
  return { body: { filename: attachment.filename, note_id: attachment.noteId, signed_url: upload.url } };
};

export const getNoteAttachment: V2Operation<{
  query: unknown;
  path: { note_id: string; filename: string };
  body: unknown;
}> = async (services, { viewer, path }) => {
  const attachment = await services.attachments.byFilename(viewer, path.note_id.toLowerCase(), path.filename);
  return { body: await toV2Attachment(services, attachment) };
};

async function toV2Attachment(services: Services, attachment: Attachment): Promise<object> {
  const download = await services.attachments.download(attachment);
  if (!download) throw new NotFound("attachment");
  return { filename: attachment.filename, note_id: attachment.noteId, signed_url: download.url };
}

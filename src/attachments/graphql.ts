import { builder } from "../graphql/kit/builder.ts";
import { readPage } from "../graphql/kit/connections.ts";
import { defineConnection } from "../graphql/kit/define-connection.ts";
import type { GraphContext } from "../graphql/kit/context.ts";
import { mutationErrors } from "../graphql/kit/errors.ts";
import { idempotencyKeyDescription, readIdempotencyKey } from "../graphql/kit/idempotency.ts";
import { readId, readOptionalId } from "../graphql/kit/ids.ts";
import { documentLimits } from "../graphql/kit/document-limits.ts";
import { prices } from "../limits/cost.ts";
import { loadNode } from "../graphql/kit/nodes.ts";
import { NoteRef } from "../notes/graphql.ts";
import type { Note } from "../notes/service.ts";
import { oldestFirst } from "../query/model/page.ts";
import type { SignedRequest } from "../storage/storage.ts";
import { encodeGlobalId } from "../lib/global-ids.ts";
import { type AttachmentReach, readAttachmentReference } from "./input.ts";
import { attachmentsOfNote, noteOfAttachment } from "./relations.ts";
import type { Attachment, DeletedAttachment } from "./service.ts";
import { hasScopes } from "../viewer.ts";
import { loadReferences } from "./rich-text.ts";

const AttachmentStateEnum = builder.enumType("AttachmentState", {
  description: "Whether the file of an attachment has arrived.",
  values: {
    PENDING: { description: "An upload was requested, and the file has not arrived yet." },
    REDACTED: { description: "The file was removed for ever, and its name with it." },
    READY: { description: "The file has arrived and can be downloaded." },
  } as const,
});

const HttpHeader = builder.objectRef<{ name: string; value: string }>("HttpHeader").implement({
  description: "A header field of an HTTP request.",
  fields: (t) => ({
    name: t.exposeString("name", { description: "The name of the header field." }),
    value: t.exposeString("value", { description: "The value of the header field. Send it exactly as given." }),
  }),
});

const SignedUrl = builder.objectRef<SignedRequest>("SignedUrl").implement({
  description: "A signed URL for a download. It works without a credential until `expiresAt`, so keep it secret.",
  fields: (t) => ({
    url: t.expose("url", { type: "URL", description: "The URL for a GET request. It supports `Range` (RFC 9110)." }),
    expiresAt: t.expose("expiresAt", { type: "DateTime", description: "The time until which the URL works." }),
  }),
});

const SignedUpload = builder.objectRef<SignedRequest>("SignedUpload").implement({
  description: "A signed HTTP request for an upload. Send it without a credential, with the bytes of the file as its body.",
  fields: (t) => ({
    url: t.expose("url", { type: "URL", description: "The URL of the request." }),
    method: t.exposeString("method", { description: "The HTTP method: `PUT`." }),
    headers: t.field({
      type: [HttpHeader],
      description: "The header fields that the request must have.",
      resolve: (upload) => Object.entries(upload.headers).map(([name, value]) => ({ name, value })),
    }),
    expiresAt: t.expose("expiresAt", { type: "DateTime", description: "The time until which the upload can be started." }),
  }),
});

export const AttachmentRef = builder.prismaObject("Attachment", {
  description: "A file that is attached to a note. Its filename is unique within the note.",
  fields: (t) => ({
    note: t.toOne({
      type: NoteRef,
      description: "The note to which the file is attached.",
      relation: noteOfAttachment,
      by: "noteId",
      read: ({ notes }) => notes.byIds,
    }),
    filename: t.column("filename", { description: "The filename with its extension, such as `report.pdf`." }),
    contentType: t.column("contentType", { description: "The media type of the file (RFC 6838), such as `image/png`." }),
    size: t.column("size", {
      type: "SafeInt",
      nullable: true,
      description: "The size of the file in bytes. Null until the file has arrived.",
    }),
    inline: t.column("inline", { description: "Whether the file is an image that is shown in the text of the note." }),
    state: t.column("state", { type: AttachmentStateEnum, description: "Whether the file has arrived." }),
    createdAt: t.column("createdAt", { description: "When the first upload of this file was requested." }),
    download: t.computed({
      type: SignedUrl,
      nullable: true,
      description:
        "A signed URL from which the file can be downloaded for 8 hours. Null if the attachment is PENDING or REDACTED.",
      columns: ["state", "storageKey", "contentType", "filename", "inline"],
      extensions: { points: prices.signedUrl },
      resolve: (attachment, _args, { services }) => services.attachments.download(attachment),
    }),
  }),
});

builder.nodeRef(AttachmentRef, {
  id: { description: "The attachment's global id.", resolve: (attachment: Attachment) => attachment.id },
  loadWithoutCache: loadNode("Attachment", ({ services }) => services.attachments.byIds),
});

const AttachmentConnection = defineConnection({ type: AttachmentRef, singular: "An attachment", plural: "attachments" });

/** GraphQL shows requested uploads that have not arrived as PENDING. */
const reach: AttachmentReach = "awaited";

builder.prismaObjectField(NoteRef, "attachments", (t) =>
  t.toMany({
    connection: AttachmentConnection,
    description:
      "The attachments of this note, the oldest first. PENDING attachments are included as long as their upload can still " +
      "arrive. Requires the scope `attachments:read`.",
    relation: attachmentsOfNote,
    scope: () => ({ name: "Note.attachments", ordering: oldestFirst }),
    input: (args, scope) => ({ reach, ordering: scope.ordering, page: readPage(args, scope) }),
    read: ({ attachments }) => attachments.ofNotes,
    total: ({ services, loadWith }, noteId) => loadWith(services.attachments.totalOfNotes, reach, noteId),
    reconcile: (page, { services, viewer }) => services.attachments.reconciled(viewer, page, reach),
  }),
);

/** More than the images of a text can be. */
const images = { reach: "ready", ordering: oldestFirst, page: { size: 1_000, from: "start" } } as const;

async function renderText(note: Pick<Note, "id" | "text">, wanted: "html" | "plain", context: GraphContext): Promise<string> {
  const { load, loadWith, services, viewer } = context;
  const nothing = <Value>(value: Value) => Promise.resolve(value);
  const known = await loadReferences(note, await load(services.texts.referencesOf, note.text), {
    person: (number) => load(services.people.foundByNumbers, number),
    ticket: (number) => (hasScopes(viewer, "tickets:read") ? load(services.tickets.byNumbers, number) : nothing(null)),
    attachments: async ({ id }) => {
      if (!hasScopes(viewer, "attachments:read")) return [];
      const slice = await loadWith(services.attachments.ofNotes, images, id);
      return slice?.rows ?? [];
    },
    url: async (attachment) => (await services.attachments.download(attachment))?.url,
  });
  return services.texts.render({ wanted, text: note.text, known }, viewer);
}

const renderedTexts = `One operation can render at most ${documentLimits.texts} texts: \`textHtml\` and \`textPlain\` count separately, and each page counts as full.`;

builder.prismaObjectFields(NoteRef, (t) => ({
  textHtml: t.computed({
    type: "String",
    description:
      "The text as an HTML fragment that is safe to insert into any page: it has no scripts, no forms and no images of other " +
      "servers. Inline images have signed URLs that work for 8 hours. Collapsible sections are `details` elements, tables " +
      "`table` elements, and code has a CSS class such as `language-ts` if the text names its language. " +
      "People who are mentioned, and tickets that are referenced, are shown by name if the viewer may see them, with the CSS " +
      `classes \`mention\` and \`record\`. ${renderedTexts}`,
    columns: ["id", "text"],
    extensions: { rendersText: true },
    resolve: (note, _args, context) => renderText(note, "html", context),
  }),
  textPlain: t.computed({
    type: "String",
    description:
      "The text without its markup, for places that cannot show HTML, such as a notification. A collapsible section is `▼` " +
      "and its title on a line, its text, and `▲` on a line of its own. A row of a table is a line with ` | ` between its " +
      `cells. ${renderedTexts}`,
    columns: ["id", "text"],
    extensions: { rendersText: true },
    resolve: (note, _args, context) => renderText(note, "plain", context),
  }),
}));

const RequestAttachmentUploadInput = builder.inputType("RequestAttachmentUploadInput", {
  description: "The file to attach, and its note.",
  fields: (t) => ({
    noteId: t.id({ required: true, description: "The note's global id or its UUID." }),
    filename: t.string({ required: true, description: "The filename with its extension: 1 to 255 bytes of UTF-8." }),
    contentType: t.string({
      description:
        "The media type of the file without parameters, such as `image/png`. Default: the media type of the extension.",
    }),
    size: t.field({
      type: "SafeInt",
      description:
        "The size of the file in bytes, if it is known. A size over the limit then fails here (INVALID_INPUT), and an upload " +
        "with another number of bytes is refused.",
    }),
    idempotencyKey: t.string({ description: idempotencyKeyDescription }),
  }),
});

const RequestAttachmentUploadPayload = builder
  .objectRef<{ attachment: Attachment; upload: SignedRequest }>("RequestAttachmentUploadPayload")
  .implement({
    description: "The attachment, and the request that uploads its file.",
    fields: (t) => ({
      attachment: t.expose("attachment", {
        type: AttachmentRef,
        description: "The attachment, which is PENDING until the file arrives.",
      }),
      upload: t.expose("upload", { type: SignedUpload, description: "The HTTP request that uploads the file." }),
    }),
  });

const DeleteAttachmentInputRef = builder.inputType("DeleteAttachmentInput", {
  description: "The attachment to delete: its `id`, or the `noteId` of its note and its `filename`.",
  fields: (t) => ({
    id: t.id({ description: "The attachment's global id or its UUID." }),
    noteId: t.id({ description: "The global id or the UUID of the note that has the attachment." }),
    filename: t.string({ description: "The filename of the attachment." }),
    idempotencyKey: t.string({ description: idempotencyKeyDescription }),
  }),
});

const DeleteAttachmentPayload = builder.objectRef<DeletedAttachment>("DeleteAttachmentPayload").implement({
  description: "The id of the deleted attachment, and its note.",
  fields: (t) => ({
    deletedAttachmentId: t.id({
      description: "The global id of the deleted attachment. A client can remove it from the lists that it holds.",
      resolve: (attachment) => encodeGlobalId("Attachment", attachment.id),
    }),
    note: t.rowByKey({
      type: NoteRef,
      description: "The note to which the file was attached.",
      key: (attachment) => attachment.noteId,
      read: ({ notes }) => notes.byIds,
    }),
  }),
});

builder.mutationFields((t) => ({
  requestAttachmentUpload: t.field({
    type: RequestAttachmentUploadPayload,
    description:
      "Requests a URL to which one file for a note can be uploaded within 60 seconds. To upload the same bytes again is safe. " +
      "If the note has a file of this name already, the new file replaces it when it arrives. A customer may attach files only " +
      "to the notes they wrote (FORBIDDEN). Requires the scopes `notes:read`, `notes:write` and `attachments:write`.",
    errors: mutationErrors,
    args: {
      input: t.arg({ type: RequestAttachmentUploadInput, required: true, description: "The file to attach, and its note." }),
    },
    resolve: async (_root, { input }, context) => {
      const requested = await context.services.attachments.requestUpload(context.viewer, {
        noteId: readId("Note", input.noteId, "noteId"),
        filename: input.filename,
        contentType: input.contentType ?? undefined,
        size: input.size ?? undefined,
        idempotencyKey: readIdempotencyKey("requestAttachmentUpload", input),
      });
      context.forget();
      return requested;
    },
  }),
  deleteAttachment: t.field({
    type: DeleteAttachmentPayload,
    description:
      "Deletes an attachment and its file. A customer may delete only the attachments of the notes they wrote (FORBIDDEN). " +
      "Requires the scopes `notes:read`, `notes:write` and `attachments:write`.",
    errors: mutationErrors,
    args: { input: t.arg({ type: DeleteAttachmentInputRef, required: true, description: "The attachment to delete." }) },
    resolve: async (_root, { input }, context) => {
      const attachment = await context.services.attachments.delete(context.viewer, {
        attachment: readAttachmentReference({
          id: readOptionalId("Attachment", input.id, "id"),
          noteId: readOptionalId("Note", input.noteId, "noteId"),
          filename: input.filename ?? undefined,
        }),
        idempotencyKey: readIdempotencyKey("deleteAttachment", input),
      });
      context.forget();
      return attachment;
    },
  }),
}));

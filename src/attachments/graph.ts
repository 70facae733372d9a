import type { GraphQLResolveInfo } from "graphql";
import { builder } from "../graph/builder.ts";
import {
  type Connection,
  type ConnectionArguments,
  countOf,
  nodesDescription,
  nodesOf,
  readPage,
  toConnection,
} from "../graph/connections.ts";
import type { CursorScope } from "../platform/cursor.ts";
import type { GraphContext } from "../graph/context.ts";
import { mutationErrors } from "../graph/errors.ts";
import { readId } from "../graph/ids.ts";
import { documentLimits } from "../graph/limits.ts";
import { prices } from "../limits/cost.ts";
import { whenThere } from "../platform/eventually.ts";
import { loadNode } from "../graph/nodes.ts";
import { from, fromMany, fromOne, stored } from "../graph/sources.ts";
import { noteEntity } from "../notes/relations.ts";
import { NoteRef } from "../notes/graph.ts";
import type { Note } from "../notes/service.ts";
import { present } from "../people/graph.ts";
import type { SignedRequest } from "../platform/storage.ts";
import { encodeGlobalId } from "../platform/global-ids.ts";
import { attachmentOrdering, type AttachmentReach, type AttachmentRead } from "./input.ts";
import { attachmentsOfNote as noteAttachments, noteOfAttachment, attachmentEntity } from "./relations.ts";
import type { Attachment } from "./service.ts";
import { hasScopes } from "../viewer.ts";
import { loadReferences } from "./rich-text.ts";

const AttachmentStateEnum = builder.enumType("AttachmentState", {
  description: "Whether an attachment's bytes are there.",
  values: {
    PENDING: { description: "An upload was asked for, and its bytes have not arrived yet." },
    READY: { description: "Its bytes are there." },
  } as const,
});

const HttpHeader = builder.objectRef<{ name: string; value: string }>("HttpHeader").implement({
  description: "A header of an HTTP request.",
  fields: (t) => ({
    name: t.exposeString("name", { description: "The header's name." }),
    value: t.exposeString("value", { description: "Its value, to be sent exactly so." }),
  }),
});

const SignedUrl = builder.objectRef<SignedRequest>("SignedUrl").implement({
  description: "A URL that whoever holds it can read, without a credential, for a while.",
  fields: (t) => ({
    url: t.expose("url", { type: "URL", description: "The URL to GET." }),
    expiresAt: t.expose("expiresAt", { type: "DateTime", description: "Until when it works." }),
  }),
});

const SignedUpload = builder.objectRef<SignedRequest>("SignedUpload").implement({
  description: "A request that uploads a file, without a credential, for a while: send the raw bytes as its body.",
  fields: (t) => ({
    url: t.expose("url", { type: "URL", description: "The URL to send the bytes to." }),
    method: t.exposeString("method", { description: "The HTTP method." }),
    headers: t.field({
      type: [HttpHeader],
      description: "Headers the request must carry.",
      resolve: (upload) => Object.entries(upload.headers).map(([name, value]) => ({ name, value })),
    }),
    expiresAt: t.expose("expiresAt", { type: "DateTime", description: "Until when the upload must have begun." }),
  }),
});

const AttachmentRef = builder.prismaObject("Attachment", {
  description: "A file of a note. Its filename names it within the note.",
  fields: (t) => ({
    note: t.field({
      type: NoteRef,
      description: "The note it is attached to.",
      extensions: fromOne(attachmentEntity, noteOfAttachment, "noteId"),
      resolve: (attachment, _args, context, info) =>
        whenThere(context.row(attachment, info, context.services.notes.byIds, attachment.noteId), present),
    }),
    filename: t.exposeString("filename", { description: "The file's name, with its extension." }),
    contentType: t.exposeString("contentType", { description: "The file's MIME type." }),
    size: t.field({
      type: "SafeInt",
      nullable: true,
      description: "The file's size in bytes; null until its bytes have arrived.",
      extensions: stored(attachmentEntity, "size"),
      resolve: (attachment) => (attachment.size === null ? null : Number(attachment.size)),
    }),
    inline: t.exposeBoolean("inline", { description: "Whether it is an image that stands in the note's text." }),
    state: t.expose("state", { type: AttachmentStateEnum, description: "Whether its bytes are there." }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When its upload was first asked for." }),
    download: t.field({
      type: SignedUrl,
      nullable: true,
      description: "Where to read the file, for 8 hours; null while it is PENDING.",
      extensions: {
        ...from(attachmentEntity, "state", "storageKey", "contentType", "filename", "inline"),
        points: prices.signedUrl,
      },
      resolve: (attachment, _args, { services }) => services.attachments.download(attachment),
    }),
  }),
});

builder.nodeRef(AttachmentRef, {
  id: { description: "The global id.", resolve: (attachment: Attachment) => attachment.id },
  loadWithoutCache: loadNode("Attachment", ({ services }) => services.attachments.byIds),
});

const AttachmentEdge = builder.edgeObject({
  name: "AttachmentEdge",
  type: AttachmentRef,
  description: "An attachment and where it stands.",
});

const AttachmentConnection = builder.connectionObject(
  {
    name: "AttachmentConnection",
    type: AttachmentRef,
    description: "A page of attachments.",
    fields: (t) => ({
      nodes: t.field({ type: [AttachmentRef], description: nodesDescription, resolve: (page) => nodesOf<Attachment>(page) }),
      totalCount: t.int({
        description: "How many attachments there are on all pages. Counted only when asked for.",
        resolve: countOf,
      }),
    }),
  },
  AttachmentEdge,
);

/** GraphQL shows what an upload has been asked for, as PENDING. */
const reach: AttachmentReach = "awaited";

const attachmentScope: CursorScope = { name: "Note.attachments", ordering: attachmentOrdering };

/** What an `attachments` field with these arguments reads. @throws {InvalidInput} where they cannot be used. */
function readAttachments(args: ConnectionArguments): AttachmentRead {
  return { reach, ordering: attachmentOrdering, page: readPage(args, attachmentScope) };
}

function attachmentsOfNote(
  note: Note,
  args: ConnectionArguments,
  context: GraphContext,
  info: GraphQLResolveInfo,
): Connection<Attachment> | Promise<Connection<Attachment>> {
  const { services, viewer } = context;
  const count = () => context.loadWith(services.attachments.countOfNotes, reach, note.id);
  const page = context.page(note, info, services.attachments.ofNotes, () => readAttachments(args), note.id);
  const settled = whenThere(page, (slice) => services.attachments.settled(viewer, present(slice), reach));
  return whenThere(settled, (slice) => toConnection(slice, attachmentScope, count));
}

builder.prismaObjectField(NoteRef, "attachments", (t) =>
  t.connection(
    {
      type: AttachmentRef,
      description: "The files attached to it, oldest first; PENDING ones while their upload may still arrive.",
      extensions: fromMany(noteAttachments, readAttachments, () => attachmentScope),
      resolve: (note, args, context, info) => attachmentsOfNote(note, args, context, info),
    },
    AttachmentConnection,
    AttachmentEdge,
  ),
);

/** More than the images of a text can be. */
const images = { reach: "ready", ordering: attachmentOrdering, page: { size: 1_000, from: "start" } } as const;

async function renderText(note: Note, wanted: "html" | "plain", context: GraphContext): Promise<string> {
  const { load, loadWith, services, viewer } = context;
  const nothing = <Value>(value: Value) => Promise.resolve(value);
  const known = await loadReferences(note, await load(services.texts.referencesOf, note.text), {
    person: (number) => load(services.people.byNumbers, number),
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

const renderedTexts = `An operation may ask for ${documentLimits.texts} texts rendered, this and the other form counted together, were its pages full.`;

builder.prismaObjectFields(NoteRef, (t) => ({
  textHtml: t.string({
    description:
      "The text as HTML that is safe to put into any page: a fragment without scripts, forms or foreign images. Inline images have signed URLs, good for 8 hours; " +
      `mentions and records that you may see have their names. \`mention\` and \`record\` are classes to style. ${renderedTexts}`,
    extensions: { ...from(noteEntity, "id", "text"), rendersText: true },
    resolve: (note, _args, context) => renderText(note, "html", context),
  }),
  textPlain: t.string({
    description: `The text without its markup, for where there is no HTML, such as a notification. ${renderedTexts}`,
    extensions: { ...from(noteEntity, "id", "text"), rendersText: true },
    resolve: (note, _args, context) => renderText(note, "plain", context),
  }),
}));

const RequestAttachmentUploadInput = builder.inputType("RequestAttachmentUploadInput", {
  description: "A file to attach to a note.",
  fields: (t) => ({
    noteId: t.id({ required: true, description: "The note: its global id or its UUID." }),
    filename: t.string({ required: true, description: "The file's name, with its extension: 1 to 255 bytes of UTF-8." }),
    contentType: t.string({ description: "Its MIME type; that of the extension when left out." }),
    size: t.field({
      type: "SafeInt",
      description:
        "Its size in bytes, if known: one that is too large is refused at once, and an upload of more or fewer bytes is refused.",
    }),
  }),
});

const RequestAttachmentUploadPayload = builder
  .objectRef<{ attachment: Attachment; upload: SignedRequest }>("RequestAttachmentUploadPayload")
  .implement({
    description: "Where to send the file.",
    fields: (t) => ({
      attachment: t.expose("attachment", { type: AttachmentRef, description: "The attachment the bytes will be of." }),
      upload: t.expose("upload", { type: SignedUpload, description: "The request that uploads them." }),
    }),
  });

const DeleteAttachmentInput = builder.inputType("DeleteAttachmentInput", {
  description: "The attachment to delete.",
  fields: (t) => ({
    noteId: t.id({ required: true, description: "The note: its global id or its UUID." }),
    filename: t.string({ required: true, description: "The file's name." }),
  }),
});

const DeleteAttachmentPayload = builder.objectRef<Attachment>("DeleteAttachmentPayload").implement({
  description: "What is left of an attachment that was deleted.",
  fields: (t) => ({
    deletedAttachmentId: t.id({
      description: "The global id it had.",
      resolve: (attachment) => encodeGlobalId("Attachment", attachment.id),
    }),
    note: t.field({
      type: NoteRef,
      description: "The note it was attached to.",
      resolve: (attachment, _args, context, info) =>
        whenThere(context.load(context.services.notes.byIds, attachment.noteId, context.selected(info)), present),
    }),
  }),
});

builder.mutationFields((t) => ({
  requestAttachmentUpload: t.field({
    type: RequestAttachmentUploadPayload,
    description:
      "Asks for a URL that takes one file for a note, for 60 seconds: to send the same bytes again is no harm. The same filename again replaces the file when the new bytes have arrived.",
    errors: mutationErrors,
    args: { input: t.arg({ type: RequestAttachmentUploadInput, required: true, description: "The file to attach." }) },
    resolve: async (_root, { input }, context) => {
      const requested = await context.services.attachments.requestUpload(context.viewer, {
        noteId: readId("Note", input.noteId, "noteId"),
        filename: input.filename,
        contentType: input.contentType ?? undefined,
        size: input.size ?? undefined,
      });
      context.forget();
      return requested;
    },
  }),
  deleteAttachment: t.field({
    type: DeleteAttachmentPayload,
    description: "Deletes a note's attachment and its bytes.",
    errors: mutationErrors,
    args: { input: t.arg({ type: DeleteAttachmentInput, required: true, description: "The attachment to delete." }) },
    resolve: async (_root, { input }, context) => {
      const noteId = readId("Note", input.noteId, "noteId");
      const attachment = await context.services.attachments.delete(context.viewer, noteId, input.filename);
      context.forget();
      return attachment;
    },
  }),
}));

import { AttachmentRef } from "../attachments/graphql.ts";
import type { Attachment } from "../attachments/service.ts";
import { builder } from "../graphql/kit/builder.ts";
import { mutationErrors } from "../graphql/kit/errors.ts";
import { idempotencyKeyDescription, readIdempotencyKey } from "../graphql/kit/idempotency.ts";
import { readId } from "../graphql/kit/ids.ts";
import { invalid } from "../errors.ts";
import { changeErrors, expectedVersionDescription, expectedVersionsOf, NoteRef } from "../notes/graphql.ts";
import type { Note } from "../notes/service.ts";
import { PersonRef } from "../people/graphql.ts";
import { mayRedact } from "./policy.ts";
import type { Redaction } from "./service.ts";

const RedactionReasonEnum = builder.enumType("RedactionReason", {
  description: "Why something was redacted.",
  values: {
    PERSONAL_DATA: { description: "It was personal data that should not have been written, or that had to be removed." },
    SECRET: { description: "It was a secret, such as a password." },
    LEGAL: { description: "A law or an authority demanded it." },
    OTHER: { description: "For another reason." },
  } as const,
});

const RedactionRef = builder.objectRef<Redaction>("Redaction").implement({
  description: "A record that something of a note or of its attachments was redacted. It does not tell what.",
  fields: (t) => ({
    at: t.expose("redactedAt", { type: "DateTime", description: "When it was redacted." }),
    by: t.rowByKey({
      type: PersonRef,
      description: "The person who redacted it.",
      key: ({ redactorNumber }) => redactorNumber,
      read: ({ people }) => people.byNumbers,
    }),
    reason: t.expose("reason", { type: RedactionReasonEnum, description: "Why it was redacted." }),
  }),
});

builder.prismaObjectFields(NoteRef, (t) => ({
  redactions: t.computed({
    type: [RedactionRef],
    description: "What was redacted of the note and of its attachments: by whom, when and why. The oldest first.",
    columns: ["id"],
    resolve: async (note, _args, { load, services }) => [...(await load(services.redactions.ofNotes, note.id))],
  }),
  viewerCanRedact: t.computed({
    type: "Boolean",
    description: "Whether the viewer may redact the note and its attachments.",
    columns: [],
    resolve: (_note, _args, { viewer }) => mayRedact(viewer),
  }),
}));

const TextSpanInput = builder.inputType("TextSpan", {
  description: "A part of a text, in Unicode code points.",
  fields: (t) => ({
    offset: t.int({ required: true, description: "The number of characters before it." }),
    length: t.int({ required: true, description: "The number of its characters: at least 1." }),
  }),
});

const RedactNoteInputRef = builder.inputType("RedactNoteInput", {
  description: "The note, and what of it is redacted.",
  fields: (t) => ({
    id: t.id({ required: true, description: "The note's global id or its UUID." }),
    spans: t.field({
      type: [TextSpanInput],
      description:
        "The parts of the text that are redacted, at most 1,000, which may not overlap (INVALID_INPUT). Without spans the whole " +
        "note is redacted, and its attachments with it.",
    }),
    reason: t.field({ type: RedactionReasonEnum, required: true, description: "Why it is redacted." }),
    expectedVersion: t.int({
      description: `${expectedVersionDescription} It is required with \`spans\`, which count in the text of that version.`,
    }),
    idempotencyKey: t.string({ description: idempotencyKeyDescription }),
  }),
});

const RedactNotePayload = builder.objectRef<{ readonly note: Note | null }>("RedactNotePayload").implement({
  description: "The note after the redaction.",
  fields: (t) => ({
    note: t.expose("note", {
      type: NoteRef,
      nullable: true,
      description: "The note after the redaction. Null if the note is deleted.",
    }),
  }),
});

const RedactAttachmentInputRef = builder.inputType("RedactAttachmentInput", {
  description: "The attachment to redact.",
  fields: (t) => ({
    id: t.id({ required: true, description: "The attachment's global id or its UUID." }),
    reason: t.field({ type: RedactionReasonEnum, required: true, description: "Why it is redacted." }),
    idempotencyKey: t.string({ description: idempotencyKeyDescription }),
  }),
});

const RedactAttachmentPayload = builder.objectRef<Attachment>("RedactAttachmentPayload").implement({
  description: "The attachment after the redaction.",
  fields: (t) => ({
    attachment: t.field({
      type: AttachmentRef,
      description: "The attachment after the redaction.",
      resolve: (attachment) => attachment,
    }),
  }),
});

const irreversible = "Nobody can undo it. Only administrators may do it. Requires the scopes `notes:read` and `notes:redact`.";

builder.mutationFields((t) => ({
  redactNote: t.field({
    type: RedactNotePayload,
    description:
      "Removes parts of a note, or all of it, from the note and from every copy that the gateway keeps. Each run of redacted " +
      "characters becomes `▇▇▇`, and line breaks stay; a whole note becomes empty, with the medium REDACTED. All its earlier " +
      "states lose their text. Other notes of the ticket lose what they quote of it, with a redaction of their own. " +
      `A deleted note can be redacted as long as it can be undeleted. To redact the same again changes nothing. ${irreversible}`,
    errors: changeErrors,
    args: { input: t.arg({ type: RedactNoteInputRef, required: true, description: "The note, and what is redacted." }) },
    resolve: async (_root, { input }, context) => {
      if (input.spans && typeof input.expectedVersion !== "number") {
        throw invalid("expectedVersion", "Send the version of the note in whose text the spans are.");
      }
      const note = await context.services.redactions.redactNote(context.viewer, {
        id: readId("Note", input.id),
        spans: input.spans ?? undefined,
        reason: input.reason,
        expectedVersions: expectedVersionsOf(input.expectedVersion),
        idempotencyKey: readIdempotencyKey("redactNote", input),
      });
      context.forget();
      return { note };
    },
  }),
  redactAttachment: t.field({
    type: RedactAttachmentPayload,
    description:
      "Removes the file of an attachment and its name, also from the text of the note. The attachment stays, with the state " +
      `REDACTED. The bytes are gone within 60 seconds. ${irreversible}`,
    errors: mutationErrors,
    args: { input: t.arg({ type: RedactAttachmentInputRef, required: true, description: "The attachment." }) },
    resolve: async (_root, { input }, context) => {
      const attachment = await context.services.redactions.redactAttachment(context.viewer, {
        id: readId("Attachment", input.id),
        reason: input.reason,
        idempotencyKey: readIdempotencyKey("redactAttachment", input),
      });
      context.forget();
      return attachment;
    },
  }),
}));

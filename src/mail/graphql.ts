import { builder } from "../graphql/kit/builder.ts";
import { NoteRef } from "../notes/graphql.ts";
import { maySeeSender } from "./policy.ts";
import { inboundEmailOfNote } from "./relations.ts";
import type { InboundEmail } from "./service.ts";

const InboundEmailRef = builder.objectRef<InboundEmail>("InboundEmail").implement({
  description: "The email as which a note was received.",
  fields: (t) => ({
    messageId: t.exposeString("messageId", { description: "Its `Message-ID` (RFC 5322), with the angle brackets." }),
    from: t.computed({
      type: "String",
      nullable: true,
      description:
        "The mail address of its sender. Null if the note was redacted, and to customers unless they sent the email themselves.",
      columns: ["sender", "authorNumber"],
      resolve: (mail, _args, { viewer }) => (maySeeSender(viewer, mail) ? mail.sender : null),
    }),
    subject: t.exposeString("subject", { description: "Its subject: `▇▇▇` if the note was redacted." }),
    receivedAt: t.expose("receivedAt", { type: "DateTime", description: "When the gateway received it." }),
  }),
});

builder.prismaObjectField(NoteRef, "inboundEmail", (t) =>
  t.toOne({
    type: InboundEmailRef,
    nullable: true,
    description: "The email as which the note was received. Null if the note did not come by mail.",
    relation: inboundEmailOfNote,
    by: "id",
    read: ({ mail }) => mail.ofNotes,
  }),
);

import { expect, test } from "vitest";
import { createBuilder } from "../../src/graphql/kit/builder.ts";
import { ticketOfNote } from "../../src/notes/relations.ts";

type Builder = ReturnType<typeof createBuilder>;

/** A builder as the gateway's, with a ticket and a note. */
function withTypes(define: (builder: Builder) => void): Builder {
  const builder = createBuilder();
  for (const [name, specifiedBy] of [
    ["DateTime", "https://scalars.graphql.org/andimarek/date-time.html"],
    ["UUID", "https://tools.ietf.org/html/rfc4122"],
  ] as const)
    builder.scalarType(name, { specifiedByURL: specifiedBy, serialize: String });
  builder.queryType({ fields: (t) => ({ ready: t.boolean({ resolve: () => true }) }) });
  define(builder);
  return builder;
}

const noteOf = (builder: Builder) =>
  builder.prismaObject("Note", { fields: (t) => ({ source: t.exposeString("source", { nullable: true }) }) });

interface Way {
  /** What the message names. */
  readonly path: string;
  readonly define: (builder: Builder) => void;
  readonly instead: string;
}

const ways: Record<string, Way> = {
  "t.relation": {
    path: "Note.ticket",
    define: (builder) => {
      builder.prismaObject("Ticket", { fields: (t) => ({ subject: t.exposeString("subject") }) });
      builder.prismaObject("Note", { fields: (t) => ({ ticket: t.relation("ticket") }) });
    },
    instead: "Define it by t.toOne",
  },
  "t.relatedConnection": {
    path: "Ticket.notes",
    define: (builder) => {
      noteOf(builder);
      builder.prismaObject("Ticket", { fields: (t) => ({ notes: t.relatedConnection("notes", { cursor: "accountId_id" }) }) });
    },
    instead: "Define it by t.toMany",
  },
  "t.relationCount": {
    path: "Ticket.noteCount",
    define: (builder) => {
      builder.prismaObject("Ticket", { fields: (t) => ({ noteCount: t.relationCount("notes") }) });
    },
    instead: "Define the rows by t.toMany",
  },
  "t.variant": {
    path: "Note.own",
    define: (builder) => {
      const own = builder.prismaObject("Note", { variant: "OwnNote", fields: (t) => ({ text: t.exposeString("text") }) });
      builder.prismaObject("Note", { fields: (t) => ({ own: t.variant(own) }) });
    },
    instead: "by t.computed",
  },
  "t.prismaField": {
    path: "Query.note",
    define: (builder) => {
      const note = noteOf(builder);
      builder.queryField("note", (t) => t.prismaField({ type: note, nullable: true, resolve: () => null }));
    },
    instead: "Define it by t.field",
  },
  "t.prismaConnection": {
    path: "Query.notes",
    define: (builder) => {
      const note = noteOf(builder);
      builder.queryField("notes", (t) => t.prismaConnection({ type: note, cursor: "accountId_id", resolve: () => [] }));
    },
    instead: "Define it by t.rootConnection",
  },
  "a select": {
    path: "Note.subject",
    define: (builder) => {
      builder.prismaObject("Note", {
        fields: (t) => ({
          subject: t.string({ select: { ticket: { select: { subject: true } } }, resolve: ({ ticket }) => ticket.subject }),
        }),
      });
    },
    instead: "Define it by t.computed",
  },
  "a select or an include": {
    path: "Note",
    define: (builder) => {
      builder.prismaObject("Note", {
        select: { source: true },
        fields: (t) => ({ text: t.exposeString("source", { nullable: true }) }),
      });
    },
    instead: "Leave it out",
  },
  "builder.prismaNode": {
    path: "Note",
    define: (builder) => {
      builder.prismaNode("Note", { id: { field: "accountId_id" }, fields: (t) => ({ text: t.exposeString("text") }) });
    },
    instead: "Define it by builder.prismaObject, then builder.nodeRef",
  },
};

function expectRefusal(way: string, { path, define, instead }: Way): void {
  const building = () => withTypes(define).toSchema({});
  expect(building).toThrow(`${path} is defined by ${way}, whose queries would go around the services and their policies.`);
  expect(building).toThrow(instead);
}

test.each(Object.entries(ways))("%s is refused when the schema is built, by the name of its field or type", expectRefusal);

test("a select of a field that is a function, or an include of a type, is refused too", () => {
  expectRefusal("a select", {
    path: "Note.subject",
    define: (builder) => {
      builder.prismaObject("Note", {
        fields: (t) => ({
          subject: t.string({
            select: () => ({ ticket: { select: { subject: true } } }),
            resolve: ({ ticket }) => ticket.subject,
          }),
        }),
      });
    },
    instead: "Define it by t.computed",
  });
  expectRefusal("a select or an include", {
    path: "Note",
    define: (builder) => {
      builder.prismaObject("Note", { include: { ticket: true }, fields: (t) => ({ text: t.exposeString("text") }) });
    },
    instead: "Leave it out",
  });
});

test("what is to be done instead is taken", () => {
  const builder = withTypes((made) => {
    const ticket = made.prismaObject("Ticket", { fields: (t) => ({ subject: t.exposeString("subject") }) });
    made.prismaObject("Note", {
      fields: (t) => ({
        ticket: t.toOne({
          type: ticket,
          nullable: true,
          description: "The ticket to which the note belongs.",
          relation: ticketOfNote,
          by: "ticketId",
          read: ({ tickets }) => tickets.byIds,
        }),
      }),
    });
  });
  expect(builder.toSchema({}).getType("Note")).toBeDefined();
});

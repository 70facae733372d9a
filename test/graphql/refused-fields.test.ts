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

const ways: Record<string, { readonly field: string; readonly define: (builder: Builder) => void }> = {
  "t.relation": {
    field: "Note.ticket",
    define: (builder) => {
      builder.prismaObject("Ticket", { fields: (t) => ({ subject: t.exposeString("subject") }) });
      builder.prismaObject("Note", { fields: (t) => ({ ticket: t.relation("ticket") }) });
    },
  },
  "t.relatedConnection": {
    field: "Ticket.notes",
    define: (builder) => {
      noteOf(builder);
      builder.prismaObject("Ticket", { fields: (t) => ({ notes: t.relatedConnection("notes", { cursor: "id" }) }) });
    },
  },
  "t.prismaField": {
    field: "Query.note",
    define: (builder) => {
      const note = noteOf(builder);
      builder.queryField("note", (t) => t.prismaField({ type: note, nullable: true, resolve: () => null }));
    },
  },
  "t.prismaConnection": {
    field: "Query.notes",
    define: (builder) => {
      const note = noteOf(builder);
      builder.queryField("notes", (t) => t.prismaConnection({ type: note, cursor: "id", resolve: () => [] }));
    },
  },
};

test.each(Object.entries(ways))("%s is refused when the schema is built, by its field's name", (way, { field, define }) => {
  const building = () => withTypes(define).toSchema({});
  expect(building).toThrow(`${field} is defined by ${way}, whose queries would go around the services and their policies.`);
  expect(building).toThrow(/Define it by t\.(field|connection)/);
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

import { type GraphQLField, type GraphQLResolveInfo, isObjectType } from "graphql";
import { describe, expect, expectTypeOf, test } from "vitest";
import type { Note } from "#generated/prisma/client.ts";
import { attachmentsOfNote } from "../../src/attachments/relations.ts";
import { builder } from "../../src/graphql/kit/builder.ts";
import { type ConnectionArguments, readPage } from "../../src/graphql/kit/connections.ts";
import { defineConnection } from "../../src/graphql/kit/define-connection.ts";
import { type NoteFilter, noteOrderings } from "../../src/notes/input.ts";
import { NoteRef } from "../../src/notes/graphql.ts";
import { accountOfNote, notesOfTicket, ticketOfNote } from "../../src/notes/relations.ts";
import { AccountRef, PersonRef } from "../../src/people/graphql.ts";
import { schema } from "../../src/schema.ts";
import type { Services } from "../../src/services.ts";
import { TicketRef } from "../../src/tickets/graphql.ts";
import { requesterOfTicket } from "../../src/tickets/relations.ts";

/** `fields` define nothing: the compiler checks them, and nothing calls them. */
function expectTypesOf(fields: () => void): void {
  expectTypeOf(fields).toBeFunction();
}

describe("the compiler refuses", () => {
  test("columns that are not of the row, or not of the type", () => {
    expectTypesOf(() =>
      builder.prismaObjectFields(NoteRef, (t) => ({
        text: t.column("text", { description: "A text." }),
        medium: t.column("categories", { type: ["String"], description: "A list of names." }),
        // @ts-expect-error -- it is a column of tickets
        subject: t.column("subject", { description: "Of another row." }),
        // @ts-expect-error -- a boolean is no text
        isPublic: t.column("isPublic", { type: "String", description: "Of another type." }),
        // @ts-expect-error -- the names of an enumeration have a type of their own
        source: t.column("medium", { description: "Of no type." }),
        // @ts-expect-error -- the column may be null
        updatedAt: t.column("updatedAt", { description: "Never null." }),
      })),
    );
  });

  test("columns in a resolver that are not declared", () => {
    expectTypesOf(() =>
      builder.prismaObjectFields(NoteRef, (t) => ({
        declared: t.computed({
          type: "String",
          description: "A declared column.",
          columns: ["id", "text"],
          resolve: (note) => {
            expectTypeOf<keyof typeof note>().toEqualTypeOf<"id" | "text">();
            return note.text;
          },
        }),
        undeclared: t.computed({
          type: "String",
          nullable: true,
          description: "An undeclared column.",
          columns: ["id"],
          // @ts-expect-error -- `source` is not among the columns
          resolve: (note) => note.source,
        }),
        none: t.computed({
          type: "String",
          description: "No column.",
          columns: [],
          // @ts-expect-error -- not even the id is
          resolve: (note) => note.id,
        }),
        foreign: t.computed({
          type: "String",
          description: "A column of another row.",
          // @ts-expect-error -- it is a column of tickets
          columns: ["subject"],
          resolve: () => "",
        }),
      })),
    );
  });

  test("relations to other rows, and keys of other types", () => {
    const given = { description: "A related row.", by: "ticketId" } as const;
    expectTypesOf(() =>
      builder.prismaObjectFields(NoteRef, (t) => ({
        ticket: t.toOne({ ...given, type: TicketRef, relation: ticketOfNote, read: ({ tickets }) => tickets.byIds }),
        // @ts-expect-error -- the relation ends at accounts
        account: t.toOne({ ...given, type: TicketRef, relation: accountOfNote, read: ({ tickets }) => tickets.byIds }),
        // @ts-expect-error -- the service reads people
        person: t.toOne({ ...given, type: TicketRef, relation: ticketOfNote, read: ({ people }) => people.byIds }),
        // @ts-expect-error -- the ids of tickets are no numbers
        number: t.toOne({ ...given, type: TicketRef, relation: ticketOfNote, read: ({ tickets }) => tickets.byNumbers }),
      })),
    );
    expectTypesOf(() =>
      builder.prismaObjectField(TicketRef, "customer", (t) =>
        // @ts-expect-error -- a ticket may have no requester
        t.toOne({
          type: PersonRef,
          description: "A related row or none.",
          relation: requesterOfTicket,
          by: "requesterId",
          read: ({ people }) => people.byIds,
        }),
      ),
    );
  });

  test("arguments that the field does not have, and pages of other rows", () => {
    const connection = () => defineConnection({ type: NoteRef, singular: "A note", plural: "notes" });
    const ordering = [{ ...noteOrderings.NUMBER, direction: "ASC" }] as const;
    const scope = () => ({ name: "Ticket.notes", ordering });
    const common = {
      description: "Notes.",
      scope,
      read: ({ notes }: Services) => notes.ofTickets,
      total: () => Promise.resolve({ count: 0, isExact: true }),
    };
    expectTypesOf(() =>
      builder.prismaObjectFields(TicketRef, (t) => ({
        notes: t.toMany({
          ...common,
          connection: connection(),
          relation: notesOfTicket,
          args: { isPublic: t.arg.boolean() },
          input: (args, given) => {
            expectTypeOf(args).toExtend<ConnectionArguments>();
            expectTypeOf(args.isPublic).toEqualTypeOf<boolean | null | undefined>();
            return { filter: { isPublic: args.isPublic ?? undefined }, ordering: given.ordering, page: readPage(args, given) };
          },
        }),
        argument: t.toMany({
          ...common,
          connection: connection(),
          relation: notesOfTicket,
          args: { isPublic: t.arg.boolean() },
          // @ts-expect-error -- the field has no argument `medium`
          input: ({ medium }: { medium: string }, given) => ({
            filter: { media: medium },
            ordering: given.ordering,
            page: readPage({}, given),
          }),
        }),
        type: t.toMany({
          ...common,
          connection: connection(),
          relation: notesOfTicket,
          args: { isPublic: t.arg.string() },
          input: (args, given) => ({
            // @ts-expect-error -- the argument is a text
            filter: { isPublic: args.isPublic } satisfies NoteFilter,
            ordering: given.ordering,
            page: readPage(args, given),
          }),
        }),
        relation: t.toMany({
          ...common,
          connection: connection(),
          // @ts-expect-error -- the relation ends at attachments
          relation: attachmentsOfNote,
          input: (args, given) => ({ reach: "ready", filter: {}, ordering: given.ordering, page: readPage(args, given) }),
        }),
      })),
    );
  });

  test("fields of rows on objects that are no rows", () => {
    expectTypesOf(() =>
      builder.objectRef<Note>("Copy").implement({
        fields: (t) => ({
          account: t.rowByKey({
            type: AccountRef,
            description: "The account of the note.",
            key: (note) => note.accountId,
            read: ({ people }) => people.accountsByIds,
          }),
          // @ts-expect-error -- no columns are read of it
          text: t.column("text", { description: "A text." }),
        }),
      }),
    );
  });
});

function fieldOf(type: string, name: string): GraphQLField<unknown, unknown> {
  const found = schema.getType(type);
  const field = isObjectType(found) ? found.getFields()[name] : undefined;
  if (!field) throw new Error(`There is no field ${type}.${name}.`);
  return field;
}

/** What the resolver of `field` returns if `related` is read for it. */
function resolved(field: GraphQLField<unknown, unknown>, row: object, related: unknown = null): unknown {
  const context = { services: { people: {}, tickets: {} }, row: () => related };
  return field.resolve?.(row, {}, context, {} as GraphQLResolveInfo);
}

describe("a field of a row", () => {
  test("is a column as it is stored, and a number if it is a bigint", () => {
    const size = fieldOf("Attachment", "size");
    expect(size.extensions["fieldOptions"]).toEqual({ kind: "columns", columns: ["size"], stored: true });
    expect(resolved(size, { size: 9_007_199_254_740_991n })).toBe(9_007_199_254_740_991);
    expect(resolved(size, { size: null })).toBeNull();
    expect(resolved(fieldOf("Note", "uuid"), { id: "an id" })).toBe("an id");
  });

  test("is computed from the columns that it declares, and keeps its other extensions", () => {
    const fieldOptions = { kind: "columns", columns: ["id", "text"] };
    expect(fieldOf("Note", "textHtml").extensions).toMatchObject({ fieldOptions, rendersText: true });
    expect(fieldOf("Note", "textHtml").extensions["fieldOptions"]).not.toHaveProperty("stored");
  });

  test("is a related row, or null if there is no key", async () => {
    const requester = fieldOf("Ticket", "requester");
    expect(requester.extensions["fieldOptions"]).toEqual({
      kind: "toOne",
      relation: requesterOfTicket,
      fallbackColumns: ["requesterId"],
    });
    const person = { id: "a person" };
    expect(resolved(requester, { requesterId: null }, person)).toBeNull();
    expect(resolved(requester, { requesterId: "a person" }, person)).toBe(person);
    // As of a preloaded row: the key is not read then.
    expect(resolved(requester, {}, person)).toBe(person);
    await expect(resolved(requester, { requesterId: "a person" }, Promise.resolve(null))).resolves.toBeNull();
  });

  test("is a row that must be there, where a foreign key promises it", async () => {
    const ticket = fieldOf("Note", "ticket");
    expect(() => resolved(ticket, { ticketId: "a ticket" }, null)).toThrow("was not visible");
    await expect(resolved(ticket, { ticketId: "a ticket" }, Promise.resolve(null))).rejects.toThrow("was not visible");
  });

  test("is a page, whose input and scope selections are built from", () => {
    const { fieldOptions } = fieldOf("Ticket", "notes").extensions as { fieldOptions: Record<string, never> };
    expect(Object.keys(fieldOptions).toSorted()).toEqual(["input", "kind", "relation", "scope"]);
    const { kind, relation, input, scope } = fieldOptions as unknown as {
      kind: string;
      relation: unknown;
      input: (args: object) => object;
      scope: (args: object) => object;
    };
    expect([kind, relation]).toEqual(["toMany", notesOfTicket]);
    expect(scope({})).toMatchObject({ name: "Ticket.notes" });
    expect(input({ first: 3, filter: { isPublic: true } })).toMatchObject({
      filter: { isPublic: true },
      page: { size: 3, from: "start" },
    });
    expect(() => input({ first: 0 })).toThrow("first");
  });
});

import { readFileSync } from "node:fs";
import {
  buildSchema,
  type GraphQLNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  isSpecifiedScalarType,
  isUnionType,
  lexicographicSortSchema,
  printSchema,
  validateSchema,
} from "graphql";
import { describe, expect, test } from "vitest";
import { schema } from "../../src/schema.ts";

/**
 * What clients are written against: every name, argument, type and default. The schema may have more, never less, and
 * never otherwise.
 */
const contract = buildSchema(`
  scalar DateTime
  scalar UUID
  scalar URL
  scalar SafeInt

  interface Node { id: ID! }

  type Query {
    node(id: ID!): Node
    nodes(ids: [ID!]!): [Node]!
    viewer: Viewer!
    ticket(id: ID!): Ticket
    tickets(first: Int, after: String, last: Int, before: String, filter: TicketFilter, orderBy: TicketOrder): TicketConnection!
    note(id: ID!): Note
    notes(first: Int, after: String, last: Int, before: String, filter: NoteFilter, orderBy: NoteOrder): NoteConnection!
  }

  type Ticket implements Node {
    id: ID!  uuid: UUID!  number: SafeInt!  kind: TicketKind!  status: TicketStatus!  subject: String!
    account: Account!  requester: Person  createdAt: DateTime!  updatedAt: DateTime!
    notes(first: Int, after: String, last: Int, before: String, filter: NoteFilter, orderBy: NoteOrder): NoteConnection!
    viewerCanAddNote: Boolean!
  }

  type Note implements Node {
    id: ID!  uuid: UUID!  number: SafeInt!  ticket: Ticket!  author: Person!  account: Account!
    text: String!  categories: [NoteCategory!]!  isPublic: Boolean!  medium: NoteMedium!
    createdAt: DateTime!  updatedAt: DateTime
    attachments(first: Int, after: String, last: Int, before: String): AttachmentConnection!
    viewerCanUpdate: Boolean!  viewerCanDelete: Boolean!
  }

  type Attachment implements Node {
    id: ID!  note: Note!  filename: String!  contentType: String!  size: SafeInt  inline: Boolean!
    state: AttachmentState!  createdAt: DateTime!  download: SignedUrl
  }

  type Account implements Node { id: ID! }
  type ApiKey implements Node { id: ID! }
  type OAuthClient implements Node { id: ID! }
  type AuditEvent implements Node { id: ID! }
  type Person implements Node { id: ID! }
  type Viewer { person: Person!  account: Account!  role: Role!  scopes: [Scope!]! }
  enum Role { CUSTOMER SPECIALIST ADMINISTRATOR }
  enum Scope { TICKETS_READ TICKETS_WRITE NOTES_READ NOTES_WRITE NOTES_INTERNAL ATTACHMENTS_READ ATTACHMENTS_WRITE ADMIN }

  type PageInfo { hasNextPage: Boolean!  hasPreviousPage: Boolean!  startCursor: String  endCursor: String }
  type TicketConnection { edges: [TicketEdge!]!  nodes: [Ticket!]!  pageInfo: PageInfo!  totalCount: Int! }
  type TicketEdge { cursor: String!  node: Ticket! }
  type NoteConnection { edges: [NoteEdge!]!  nodes: [Note!]!  pageInfo: PageInfo!  totalCount: Int! }
  type NoteEdge { cursor: String!  node: Note! }
  type AttachmentConnection { edges: [AttachmentEdge!]!  nodes: [Attachment!]!  pageInfo: PageInfo!  totalCount: Int! }
  type AttachmentEdge { cursor: String!  node: Attachment! }

  type SignedUrl { url: URL!  expiresAt: DateTime! }
  type SignedUpload { url: URL!  method: String!  headers: [HttpHeader!]!  expiresAt: DateTime! }
  type HttpHeader { name: String!  value: String! }

  enum TicketKind { REQUEST PROBLEM WORKFLOW TASK PROJECT_TASK PROJECT RELEASE RISK }
  enum TicketStatus { PREPARED PENDING IN_PROGRESS OUTSOURCED CLOSED CANCELLED }
  enum NoteCategory { PRE_SCAN POST_SCAN }
  enum NoteMedium { DEFAULT EMAIL OUTBOUND_EMAIL SYSTEM REDACTED AUTOMATION }
  enum AttachmentState { PENDING READY }

  input TicketFilter { ids: [ID!] }
  input TicketOrder { field: TicketOrderField!  direction: OrderDirection! }
  enum TicketOrderField { CREATED_AT NUMBER }
  enum OrderDirection { ASC DESC }
  input NoteFilter {
    ids: [ID!]  authorId: ID  isPublic: Boolean  categories: [NoteCategory!]  medium: [NoteMedium!]  createdAt: DateTimeRange
  }
  input DateTimeRange { gt: DateTime  gte: DateTime  lt: DateTime  lte: DateTime }
  input NoteOrder { field: NoteOrderField!  direction: OrderDirection! }
  enum NoteOrderField { CREATED_AT NUMBER AUTHOR }

  type Mutation {
    addTicket(input: AddTicketInput!): AddTicketResult!
    addNote(input: AddNoteInput!): AddNoteResult!
    updateNote(input: UpdateNoteInput!): UpdateNoteResult!
    deleteNote(input: DeleteNoteInput!): DeleteNoteResult!
    requestAttachmentUpload(input: RequestAttachmentUploadInput!): RequestAttachmentUploadResult!
    deleteAttachment(input: DeleteAttachmentInput!): DeleteAttachmentResult!
  }
  input AddTicketInput { kind: TicketKind!  subject: String!  status: TicketStatus = PENDING  requesterId: ID }
  input AddNoteInput { ticketId: ID!  text: String!  categories: [NoteCategory!] = []  isPublic: Boolean = false }
  input UpdateNoteInput { id: ID!  text: String  categories: [NoteCategory!]  isPublic: Boolean }
  input RequestAttachmentUploadInput { noteId: ID!  filename: String!  contentType: String  size: SafeInt }
  input DeleteNoteInput { id: ID! }
  input DeleteAttachmentInput { id: ID  noteId: ID  filename: String }

  union AddTicketResult = AddTicketPayload | InvalidInputError | NotFoundError | ForbiddenError
  union AddNoteResult = AddNotePayload | InvalidInputError | NotFoundError | ForbiddenError
  union UpdateNoteResult = UpdateNotePayload | InvalidInputError | NotFoundError | ForbiddenError
  union DeleteNoteResult = DeleteNotePayload | InvalidInputError | NotFoundError | ForbiddenError
  union RequestAttachmentUploadResult = RequestAttachmentUploadPayload | InvalidInputError | NotFoundError | ForbiddenError
  union DeleteAttachmentResult = DeleteAttachmentPayload | InvalidInputError | NotFoundError | ForbiddenError

  type AddTicketPayload { ticket: Ticket! }
  type AddNotePayload { note: Note!  noteEdge: NoteEdge! }
  type UpdateNotePayload { note: Note! }
  type DeleteNotePayload { deletedNoteId: ID!  ticket: Ticket! }
  type RequestAttachmentUploadPayload { attachment: Attachment!  upload: SignedUpload! }
  type DeleteAttachmentPayload { deletedAttachmentId: ID! }

  interface Error { code: ErrorCode!  message: String! }
  enum ErrorCode { INVALID_INPUT UNAUTHENTICATED FORBIDDEN NOT_FOUND }
  type InvalidInputError implements Error { code: ErrorCode!  message: String!  fields: [InvalidInputField!]! }
  type InvalidInputField { path: [String!]!  message: String! }
  type NotFoundError implements Error { code: ErrorCode!  message: String! }
  type ForbiddenError implements Error { code: ErrorCode!  message: String! }
`);

const ownTypes = (of: typeof schema): GraphQLNamedType[] =>
  Object.values(of.getTypeMap()).filter((type) => !type.name.startsWith("__") && !isSpecifiedScalarType(type));

/** Every statement that can be made about a type, a line each: what a client may rely on. */
function factsOf(type: GraphQLNamedType): string[] {
  if (isObjectType(type) || isInterfaceType(type)) {
    return [
      ...type.getInterfaces().map(({ name }) => `implements ${name}`),
      ...Object.values(type.getFields()).flatMap((field) => [
        `${field.name}: ${String(field.type)}`,
        ...field.args.map(
          (argument) => `${field.name}(${argument.name}: ${String(argument.type)} = ${JSON.stringify(argument.defaultValue)})`,
        ),
      ]),
    ];
  }
  if (isInputObjectType(type)) {
    return Object.values(type.getFields()).map(
      (field) => `${field.name}: ${String(field.type)} = ${JSON.stringify(field.defaultValue)}`,
    );
  }
  if (isEnumType(type)) return type.getValues().map(({ name }) => name);
  if (isUnionType(type)) return type.getTypes().map(({ name }) => name);
  return [];
}

test("the schema is valid", () => {
  expect(validateSchema(schema)).toEqual([]);
});

test("schema.graphql is this schema, printed", () => {
  const printed = readFileSync(new URL("../../schema.graphql", import.meta.url), "utf8");
  // The file has line breaks in descriptions. The command that writes it compares these too.
  const onOneLine = printed.replaceAll(/^( *)"""\n(.*?)\n\1"""$/gms, (description) => {
    const [first = "", ...lines] = description.split("\n");
    return `${first}\n${lines.slice(0, -1).join("\n").replaceAll(/\n */g, " ")}\n${lines.at(-1)}`;
  });
  expect(onOneLine).toBe(`${printSchema(lexicographicSortSchema(schema))}\n`);
});

describe("the contract is kept by", () => {
  test.each(ownTypes(contract).map((type) => [type.name, type] as const))("%s", (name, promised) => {
    const type = schema.getType(name);
    expect(type?.constructor.name).toBe(promised.constructor.name);
    const facts = factsOf(type!);
    expect(factsOf(promised).filter((fact) => !facts.includes(fact))).toEqual([]);
  });
});

test("no field or input that is not in the contract is one that clients must give", () => {
  for (const promised of ownTypes(contract)) {
    const type = schema.getType(promised.name);
    if (!isInputObjectType(type) || !isInputObjectType(promised)) continue;
    const added = Object.values(type.getFields()).filter(({ name }) => !(name in promised.getFields()));
    expect(
      added
        .filter((field) => String(field.type).endsWith("!") && field.defaultValue === undefined)
        .map(({ name }) => `${type.name}.${name}`),
    ).toEqual([]);
  }
});

test("every type, field, argument, input field and enum value says what it is", () => {
  const silent: string[] = [];
  const look = (where: string, description: string | null | undefined) => {
    if (!description?.trim()) silent.push(where);
  };
  for (const type of ownTypes(schema)) {
    look(type.name, type.description);
    if (isObjectType(type) || isInterfaceType(type)) {
      for (const field of Object.values(type.getFields())) {
        look(`${type.name}.${field.name}`, field.description);
        for (const argument of field.args) look(`${type.name}.${field.name}(${argument.name})`, argument.description);
      }
    } else if (isInputObjectType(type)) {
      for (const field of Object.values(type.getFields())) look(`${type.name}.${field.name}`, field.description);
    } else if (isEnumType(type)) {
      for (const value of type.getValues()) look(`${type.name}.${value.name}`, value.description);
    }
  }
  expect(silent).toEqual([]);
});

test("every error type implements Error, and every result has its payload and the three failures", () => {
  const errors = ownTypes(schema).filter((type) => isObjectType(type) && type.name.endsWith("Error"));
  expect(errors.length).toBeGreaterThanOrEqual(3);
  for (const type of errors) expect(isObjectType(type) && type.getInterfaces().map(({ name }) => name)).toContain("Error");
  for (const field of Object.values(schema.getMutationType()!.getFields())) {
    const name = `${field.name.charAt(0).toUpperCase()}${field.name.slice(1)}`;
    expect(String(field.type)).toBe(`${name}Result!`);
    expect(field.args.map((argument) => `${argument.name}: ${String(argument.type)}`)).toEqual([`input: ${name}Input!`]);
    const members = factsOf(schema.getType(`${name}Result`)!);
    expect(members).toEqual(expect.arrayContaining([`${name}Payload`, "InvalidInputError", "NotFoundError", "ForbiddenError"]));
  }
});

test("every connection is one of Relay's", () => {
  const connections = ownTypes(schema).filter((type) => type.name.endsWith("Connection"));
  expect(connections.length).toBeGreaterThanOrEqual(3);
  for (const connection of connections) {
    const name = connection.name.replace(/Connection$/, "");
    const node = name.replace(/Search$/, "");
    // A search ranks the newest matches only.
    const size = name === node ? "totalCount: Int!" : "isPartial: Boolean!";
    expect(factsOf(connection)).toEqual(
      expect.arrayContaining([`edges: [${name}Edge!]!`, `nodes: [${node}!]!`, "pageInfo: PageInfo!", size]),
    );
    expect(factsOf(schema.getType(`${name}Edge`)!)).toEqual(expect.arrayContaining(["cursor: String!", `node: ${node}!`]));
  }
});

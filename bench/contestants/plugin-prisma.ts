import SchemaBuilder from "@pothos/core";
import PrismaPlugin from "@pothos/plugin-prisma";
import RelayPlugin from "@pothos/plugin-relay";
import { PrismaPg } from "@prisma/adapter-pg";
import { createYoga } from "graphql-yoga";
import { createServer } from "node:http";
import type PrismaTypes from "../../src/generated/pothos.ts";
import { getDatamodel } from "../../src/generated/pothos.ts";
import { PrismaClient } from "../../src/generated/prisma/client.ts";
import { accountId } from "../data-set.ts";
import { ready, settings } from "./contestant.ts";

// Yoga, Pothos and its Prisma plugin as their documentation shows them. No authorization.
const { url, port, connections } = settings();
const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: url, max: connections }) });
const builder = new SchemaBuilder<{ PrismaTypes: PrismaTypes }>({
  plugins: [RelayPlugin, PrismaPlugin],
  prisma: { client: prisma, dmmf: getDatamodel(), filterConnectionTotalCount: true },
});

builder.prismaNode("Person", {
  id: { field: "id" },
  fields: (t) => ({ uuid: t.exposeString("id"), name: t.exposeString("name") }),
});
builder.prismaNode("Attachment", {
  id: { field: "id" },
  fields: (t) => ({
    uuid: t.exposeString("id"),
    filename: t.exposeString("filename"),
    size: t.int({ resolve: (attachment) => Number(attachment.size) }),
  }),
});
builder.prismaNode("Note", {
  id: { field: "accountId_id" },
  fields: (t) => ({
    uuid: t.exposeString("id"),
    text: t.exposeString("text"),
    isPublic: t.exposeBoolean("isPublic"),
    createdAt: t.string({ resolve: (note) => note.createdAt.toISOString() }),
    author: t.relation("author"),
    attachments: t.relatedConnection("attachments", {
      cursor: "id",
      query: { orderBy: [{ createdAt: "asc" }, { id: "asc" }] },
    }),
  }),
});
builder.prismaNode("Ticket", {
  id: { field: "id" },
  fields: (t) => ({
    uuid: t.exposeString("id"),
    subject: t.exposeString("subject"),
    notes: t.relatedConnection("notes", {
      cursor: "accountId_id",
      totalCount: true,
      query: { orderBy: [{ createdAt: "desc" }, { id: "desc" }] },
    }),
  }),
});
builder.queryType({
  fields: (t) => ({
    note: t.prismaField({
      type: "Note",
      nullable: true,
      args: { id: t.arg.id({ required: true }) },
      resolve: (query, _root, { id }) => prisma.note.findUnique({ ...query, where: { accountId_id: { accountId, id } } }),
    }),
    ticket: t.prismaField({
      type: "Ticket",
      nullable: true,
      args: { id: t.arg.id({ required: true }) },
      resolve: (query, _root, { id }) => prisma.ticket.findUnique({ ...query, where: { id } }),
    }),
    tickets: t.prismaConnection({
      type: "Ticket",
      cursor: "id",
      resolve: (query) => prisma.ticket.findMany({ ...query, orderBy: [{ createdAt: "desc" }, { id: "desc" }] }),
    }),
    notes: t.prismaConnection({
      type: "Note",
      cursor: "accountId_id",
      resolve: (query) => prisma.note.findMany({ ...query, orderBy: [{ createdAt: "desc" }, { id: "desc" }] }),
    }),
  }),
});
const AddNoteInput = builder.inputType("AddNoteInput", {
  fields: (t) => ({ ticketId: t.id({ required: true }), text: t.string({ required: true }) }),
});
builder.mutationType({
  fields: (t) => ({
    addNote: t.prismaField({
      type: "Note",
      args: { input: t.arg({ type: AddNoteInput, required: true }) },
      resolve: async (query, _root, { input: { ticketId, text } }) => {
        const ticket = await prisma.ticket.findUniqueOrThrow({ where: { id: ticketId } });
        return prisma.note.create({
          ...query,
          data: {
            id: crypto.randomUUID(),
            accountId: ticket.accountId,
            ticketId,
            authorNumber: 5,
            text,
            isPublic: true,
            categories: [],
            createdAt: new Date(),
          },
        });
      },
    }),
  }),
});

const yoga = createYoga({ schema: builder.toSchema(), graphiql: false, logging: false });
// Yoga's handler returns a promise that node:http ignores, as in Yoga's own documentation.
createServer((request, response) => void yoga(request, response)).listen(port, "127.0.0.1", ready);

import { hash, randomUUID } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import cors from "@fastify/cors";
import { fastify, LogController } from "fastify";
import mercurius from "mercurius";
import pg from "pg";
import pino from "pino";
import { Histogram } from "prom-client";
import { ready, settings } from "./contestant.ts";
import { cursorOf, positionOf } from "./cursor.ts";

// Mercurius with its just-in-time compiler, and loaders written by hand: one prepared statement for each list of a
// document, however many rows have it. No authorization, as the other contestants but the gateway.
const { url, port, connections } = settings();
const pool = new pg.Pool({ connectionString: url, max: connections });

const schema = `
  type Query {
    note(id: ID!): Note
    ticket(id: ID!): Ticket
    tickets(first: Int!, after: String): TicketConnection!
    notes(first: Int!, after: String): NoteConnection!
  }
  type Mutation { addNote(input: AddNoteInput!): AddNotePayload! }
  input AddNoteInput { ticketId: ID!, text: String! }
  type AddNotePayload { note: Note! }

  type Person { id: ID!, name: String! }
  type Attachment { id: ID!, filename: String!, size: Int! }
  type Note {
    id: ID!
    text: String!
    isPublic: Boolean!
    createdAt: String!
    author: Person!
    attachments(first: Int!): AttachmentConnection!
  }
  type Ticket { id: ID!, subject: String!, notes(first: Int!): TicketNoteConnection! }

  type PageInfo { hasNextPage: Boolean!, endCursor: String }
  type TicketEdge { cursor: String!, node: Ticket! }
  type TicketConnection { edges: [TicketEdge!]!, nodes: [Ticket!]!, pageInfo: PageInfo! }
  type NoteEdge { cursor: String!, node: Note! }
  type NoteConnection { edges: [NoteEdge!]!, nodes: [Note!]!, pageInfo: PageInfo! }
  type TicketNoteConnection { totalCount: Int!, edges: [NoteEdge!]!, nodes: [Note!]!, pageInfo: PageInfo! }
  type AttachmentEdge { cursor: String!, node: Attachment! }
  type AttachmentConnection { edges: [AttachmentEdge!]!, nodes: [Attachment!]!, pageInfo: PageInfo! }
`;

interface Row {
  readonly id: string;
  readonly createdAt: Date;
}
interface Ticket extends Row {
  readonly subject: string;
}
interface Note extends Row {
  readonly text: string;
  readonly isPublic: boolean;
  readonly authorNumber: number;
}
interface Attachment extends Row {
  readonly filename: string;
  readonly size: number;
}
interface Person {
  readonly number: number;
  readonly id: string;
  readonly name: string;
}
interface Connection<Node extends Row = Row> {
  readonly nodes: readonly Node[];
  readonly hasNextPage: boolean;
}
interface TicketNoteConnection extends Connection<Note> {
  readonly ticketId: string;
}

const noteColumns = `n.id, n.text, n.is_public AS "isPublic", n.created_at AS "createdAt", n.author_number AS "authorNumber"`;
const ticketColumns = `t.id, t.subject, t.created_at AS "createdAt"`;

/** Returns the rows of a prepared statement. */
async function query<Found extends object>(name: string, text: string, values: readonly unknown[]): Promise<Found[]> {
  return (await pool.query<Found>({ name, text, values: [...values] })).rows;
}

/** Returns a page of rows, of which one more than asked for was read. */
function connectionOf<Node extends Row>(rows: readonly Node[], first: number): Connection<Node> {
  return { nodes: rows.slice(0, first), hasNextPage: rows.length > first };
}

const edgeOf = (node: Row) => ({ cursor: cursorOf({ id: node.id, createdAt: node.createdAt.toISOString() }), node });

const connectionResolvers = {
  edges: ({ nodes }: Connection) => nodes.map((node) => edgeOf(node)),
  pageInfo: ({ nodes, hasNextPage }: Connection) => {
    const last = nodes.at(-1);
    return { hasNextPage, endCursor: last ? edgeOf(last).cursor : null };
  },
};

interface Page {
  readonly first: number;
  readonly after?: string | null;
}

/** Returns a page of the account, the newest rows first. */
async function pageOf<Node extends Row>(
  name: string,
  [columns, table]: readonly [columns: string, table: string],
  { first, after }: Page,
): Promise<Connection<Node>> {
  const order = "ORDER BY created_at DESC, id DESC LIMIT $1";
  const rows =
    after === undefined || after === null
      ? query<Node>(name, `SELECT ${columns} FROM ${table} ${order}`, [first + 1])
      : query<Node>(`${name} after`, `SELECT ${columns} FROM ${table} WHERE (created_at, id) < ($2, $3) ${order}`, [
          first + 1,
          ...positionOf(after),
        ]);
  return connectionOf(await rows, first);
}

interface Asked<Parent> {
  readonly obj: Parent;
  readonly params: { readonly first: number };
}

/** Returns a page of children for each parent, with one statement. `children` reads those of `asked.id`. */
async function pagesOf<Node extends Row>(
  name: string,
  children: string,
  asked: readonly Asked<Row>[],
): Promise<Connection<Node>[]> {
  const rows = await query<Node & { readonly place: number }>(
    name,
    `SELECT asked.place::int AS place, child.*
     FROM unnest($1::uuid[], $2::int[]) WITH ORDINALITY AS asked(id, first, place)
     CROSS JOIN LATERAL (${children} LIMIT asked.first + 1) child`,
    [asked.map(({ obj }) => obj.id), asked.map(({ params }) => params.first)],
  );
  const groups = asked.map((): Node[] => []);
  // A nested loop returns the rows of each parent in the order of the inner query.
  for (const row of rows) groups[row.place - 1]?.push(row);
  return groups.map((group, index) => connectionOf(group, asked[index]!.params.first));
}

const resolvers = {
  Query: {
    note: async (_root: unknown, { id }: { id: string }) =>
      (await query<Note>("note", `SELECT ${noteColumns} FROM notes n WHERE n.id = $1`, [id]))[0],
    ticket: async (_root: unknown, { id }: { id: string }) =>
      (await query<Ticket>("ticket", `SELECT ${ticketColumns} FROM tickets t WHERE t.id = $1`, [id]))[0],
    tickets: (_root: unknown, page: Page) => pageOf<Ticket>("tickets", [ticketColumns, "tickets t"], page),
    notes: (_root: unknown, page: Page) => pageOf<Note>("notes", [noteColumns, "notes n"], page),
  },
  Mutation: {
    addNote: async (_root: unknown, { input }: { input: { ticketId: string; text: string } }) => {
      const [note] = await query<Note>(
        "add note",
        `INSERT INTO notes AS n (account_id, ticket_id, author_number, text, is_public, categories)
         SELECT t.account_id, t.id, 5, $2, true, '{}' FROM tickets t WHERE t.id = $1
         RETURNING ${noteColumns}`,
        [input.ticketId, input.text],
      );
      return { note };
    },
  },
  Note: { createdAt: ({ createdAt }: Note) => createdAt.toISOString() },
  TicketConnection: connectionResolvers,
  NoteConnection: connectionResolvers,
  TicketNoteConnection: connectionResolvers,
  AttachmentConnection: connectionResolvers,
};

// Rows are asked for once in a document, so the loaders' cache would only cost the keys that it writes.
const opts = { cache: false };

const loaders = {
  Ticket: {
    notes: {
      opts,
      loader: async (asked: readonly Asked<Ticket>[]): Promise<TicketNoteConnection[]> => {
        const children = `SELECT ${noteColumns} FROM notes n WHERE n.ticket_id = asked.id ORDER BY n.created_at DESC, n.id DESC`;
        const pages = await pagesOf<Note>("notes of tickets", children, asked);
        return pages.map((page, index) => ({ ...page, ticketId: asked[index]!.obj.id }));
      },
    },
  },
  TicketNoteConnection: {
    totalCount: {
      opts,
      loader: async (asked: readonly { readonly obj: TicketNoteConnection }[]): Promise<number[]> => {
        const counted = await query<{ id: string; count: number }>(
          "counts of tickets",
          "SELECT ticket_id AS id, count(*)::int AS count FROM notes WHERE ticket_id = ANY($1::uuid[]) GROUP BY ticket_id",
          [asked.map(({ obj }) => obj.ticketId)],
        );
        const counts = new Map(counted.map(({ id, count }) => [id, count]));
        return asked.map(({ obj }) => counts.get(obj.ticketId) ?? 0);
      },
    },
  },
  Note: {
    author: {
      opts,
      loader: async (asked: readonly { readonly obj: Note }[]): Promise<(Person | undefined)[]> => {
        const numbers = [...new Set(asked.map(({ obj }) => obj.authorNumber))];
        const found = await query<Person>("authors", "SELECT number, id, name FROM people WHERE number = ANY($1::int[])", [
          numbers,
        ]);
        const people = new Map(found.map((person) => [person.number, person]));
        return asked.map(({ obj }) => people.get(obj.authorNumber));
      },
    },
    attachments: {
      opts,
      loader: async (asked: readonly Asked<Note>[]): Promise<Connection<Attachment>[]> =>
        await pagesOf<Attachment>(
          "attachments of notes",
          `SELECT a.id, a.filename, a.size::int AS size, a.created_at AS "createdAt"
           FROM attachments a WHERE a.note_id = asked.id ORDER BY a.created_at, a.id`,
          asked,
        ),
    },
  },
};

// With BENCH_HOSTED=1 the server does for each request what the gateway's host does: a log line in a file, CORS, a
// histogram, and the hash of a credential. A whole run measures Mercurius without these.
const isHosted = process.env["BENCH_HOSTED"] === "1";
const logFile = isHosted ? join(mkdtempSync(join(tmpdir(), "mercurius-")), "log") : undefined;
const app = fastify({
  ...(logFile && { logger: { stream: pino.destination({ dest: logFile, minLength: 4_096, sync: false }) } }),
  logController: new LogController({ disableRequestLogging: true }),
});
if (isHosted) {
  await app.register(cors, { origin: ["https://app.example"], credentials: false });
  const duration = new Histogram({ name: "duration_seconds", help: "How long answers took.", labelNames: ["route", "status"] });
  const known = new Map<string, number>();
  app.addHook("onRequest", async (request, reply) => {
    const key = hash("sha256", String(request.headers["x-api-key"] ?? "none"), "base64url");
    known.set(key, (known.get(key) ?? 0) + 1);
    reply.headers({
      "x-request-id": randomUUID(),
      ratelimit: `"points";r=1000;t=60`,
      "ratelimit-policy": `"points";q=1000;w=60`,
    });
  });
  app.addHook("onResponse", async (request, reply) => {
    duration.observe({ route: request.routeOptions.url ?? "none", status: reply.statusCode }, reply.elapsedTime / 1000);
    request.log.info({ req: request, res: reply, responseTime: reply.elapsedTime }, "request completed");
  });
}
await app.register(mercurius, { schema, resolvers, loaders, jit: 1 });
await app.listen({ host: "127.0.0.1", port });
ready();

import { createServer } from "node:http";
import pg from "pg";
import { ready, settings } from "./contestant.ts";
import { positionOf } from "./cursor.ts";

// The ceiling: an HTTP server that returns the JSON which one prepared SQL statement has built, and does nothing else.
// It returns the facts alone, also where clients ask for edges, cursors and names of types.
const { url, port, connections } = settings();
const pool = new pg.Pool({ connectionString: url, max: connections });

// Not a join: that may come in another order than the notes.
const author = `(SELECT json_build_object('id', p.id, 'name', p.name) FROM people p WHERE p.number = n.author_number)`;
const attachments = (limit: number) => `
  (SELECT coalesce(json_agg(json_build_object('filename', a.filename, 'size', a.size)), '[]')
   FROM (SELECT * FROM attachments a WHERE a.note_id = n.id ORDER BY a.created_at, a.id LIMIT ${limit}) a)`;
const note = "'id', n.id, 'text', n.text, 'isPublic', n.is_public, 'createdAt', n.created_at";
const notesOf = (limit: number, files: number) => `
  (SELECT coalesce(json_agg(json_build_object(${note}, 'author', ${author}, 'attachments', ${attachments(files)})), '[]')
   FROM (SELECT * FROM notes n WHERE n.ticket_id = t.id ORDER BY n.created_at DESC, n.id DESC LIMIT ${limit}) n)`;

interface Variables {
  readonly id: string;
  readonly after: string;
  readonly input: { readonly ticketId: string; readonly text: string };
}

interface Query {
  readonly text: string;
  values(variables: Variables): readonly string[];
}

const oneTicket = (extra: string): Query => ({
  text: `SELECT json_build_object('id', t.id, 'subject', t.subject, 'notes', ${notesOf(25, 5)}${extra})::text AS json FROM tickets t WHERE t.id = $1`,
  values: ({ id }) => [id],
});

const queries: Readonly<Record<string, Query>> = {
  Q1: {
    text: `SELECT json_build_object(${note})::text AS json FROM notes n WHERE n.id = $1`,
    values: ({ id }) => [id],
  },
  Q2: oneTicket(""),
  Q3: {
    text: `SELECT coalesce(json_agg(json_build_object('id', t.id, 'subject', t.subject, 'notes', ${notesOf(10, 3)})), '[]')::text AS json
           FROM (SELECT * FROM tickets t WHERE (t.created_at, t.id) < ($1, $2) ORDER BY t.created_at DESC, t.id DESC LIMIT 50) t`,
    values: ({ after }) => positionOf(after),
  },
  Q4: oneTicket(", 'totalCount', (SELECT count(*) FROM notes n WHERE n.ticket_id = t.id)"),
  Q5: {
    text: `SELECT coalesce(json_agg(json_build_object(${note}, 'author', ${author})), '[]')::text AS json
           FROM (SELECT * FROM notes n WHERE (n.created_at, n.id) < ($1, $2) ORDER BY n.created_at DESC, n.id DESC LIMIT 50) n`,
    values: ({ after }) => positionOf(after),
  },
  M1: {
    text: `INSERT INTO notes (account_id, ticket_id, author_number, text, is_public, categories)
           SELECT t.account_id, t.id, 5, $2, true, '{}' FROM tickets t WHERE t.id = $1
           RETURNING json_build_object('id', id, 'text', text)::text AS json`,
    values: ({ input }) => [input.ticketId, input.text],
  },
};

createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const { query: name, variables } = JSON.parse(Buffer.concat(chunks).toString()) as { query: string; variables: Variables };
    const query = queries[name];
    if (!query) {
      response.writeHead(400).end();
      return;
    }
    pool
      .query<{ json: string }>({ name, text: query.text, values: [...query.values(variables)] })
      .then(({ rows }) => response.setHeader("content-type", "application/json").end(rows[0]?.json))
      .catch((error: unknown) => {
        console.error(error);
        response.writeHead(500).end();
      });
  });
}).listen(port, "127.0.0.1", ready);

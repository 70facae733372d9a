import { createServer } from "node:http";
import pg from "pg";
import { countStatements, ready, settings } from "./contestant.ts";

// The ceiling: an HTTP server that returns the JSON which one prepared SQL statement has built, and does nothing else.
const { url, port, connections } = settings();
countStatements(import.meta.url);
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

interface Query {
  readonly text: string;
  readonly values: readonly string[];
}

const queries: Readonly<Record<string, Query>> = {
  Q1: { text: `SELECT json_build_object(${note}) AS json FROM notes n WHERE n.id = $1`, values: ["id"] },
  Q2: {
    text: `SELECT json_build_object('id', t.id, 'subject', t.subject, 'notes', ${notesOf(25, 5)}) AS json FROM tickets t WHERE t.id = $1`,
    values: ["id"],
  },
  Q3: {
    text: `SELECT coalesce(json_agg(json_build_object('id', t.id, 'subject', t.subject, 'notes', ${notesOf(10, 3)})), '[]') AS json
           FROM (SELECT * FROM tickets ORDER BY created_at DESC, id DESC LIMIT 50) t`,
    values: [],
  },
  Q4: {
    text: `SELECT json_build_object('id', t.id, 'subject', t.subject, 'notes', ${notesOf(25, 5)},
             'totalCount', (SELECT count(*) FROM notes n WHERE n.ticket_id = t.id)) AS json FROM tickets t WHERE t.id = $1`,
    values: ["id"],
  },
  Q5: {
    text: `SELECT coalesce(json_agg(json_build_object(${note}, 'author', ${author})), '[]') AS json
           FROM (SELECT * FROM notes n WHERE (n.created_at, n.id) < ($1, $2) ORDER BY n.created_at DESC, n.id DESC LIMIT 50) n`,
    values: ["createdAt", "id"],
  },
  M1: {
    text: `INSERT INTO notes (id, account_id, ticket_id, author_number, text, is_public, categories, created_at)
           SELECT $1, t.account_id, t.id, 5, $3, true, '{}', now() FROM tickets t WHERE t.id = $2
           RETURNING json_build_object('id', id, 'text', text) AS json`,
    values: ["newId", "id", "text"],
  },
};

createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const { query, variables } = JSON.parse(Buffer.concat(chunks).toString()) as {
      query: string;
      variables: Record<string, string>;
    };
    const { text, values } = queries[query] ?? { text: "SELECT 1", values: [] };
    pool
      .query<{ json: unknown }>({
        name: query,
        text: text.replace(" AS json", "::text AS json"),
        values: values.map((name) => variables[name]),
      })
      .then(({ rows }) => response.setHeader("content-type", "application/json").end(String(rows[0]?.json)))
      .catch((error: unknown) => {
        console.error(error);
        response.writeHead(500).end();
      });
  });
}).listen(port, "127.0.0.1", ready);

import { LRUCache } from "lru-cache";
import type { Note } from "#generated/prisma/client.ts";
import { auditInsert } from "../access/audit.ts";
import { asError } from "../errors.ts";
import type { Database } from "../database/database.ts";
import { createMicroBatcher, type MicroBatcher } from "../lib/micro-batcher.ts";
import { empty, raw, sql, type Sql, whereSql } from "../database/sql.ts";
import { insertInto, recordset, selectList } from "../database/table.ts";
import { isUnavailable } from "../database/unavailable.ts";
import { visibleTickets } from "../tickets/policy.ts";
import type { PersonViewer } from "../viewer.ts";
import { notesTable } from "./table.ts";

/** What is given of a note that is to be added. The rest is its ticket's, its author's and the database's to say. */
const newNoteFields = [
  "id",
  "ticketId",
  "text",
  "isPublic",
  "categories",
  "medium",
  "source",
  "createdAt",
] as const satisfies readonly (keyof Note)[];

/** A note as it is to be added: checked, and allowed to its author. */
export type NewNote = Readonly<Pick<Note, (typeof newNoteFields)[number]>>;

/** What else is to happen with notes in their statement, or keep them from being added. */
export interface InsertParts {
  /** WITH parts, each with a comma behind it. */
  readonly before: Sql;
  readonly condition: Sql;
  /** WITH parts that may speak of the notes as `added`, each with a comma before it. */
  readonly after: Sql;
  /** The ticket of the notes as a FROM item `t`, where one of the parts before makes it: it is in no table yet when the statement begins. */
  readonly ticket?: Sql | undefined;
}

/** Adds notes. */
export interface NoteInserter {
  /** The note as it was added; null where its author sees no such ticket. Notes that one author adds in one moment are added by one statement. */
  insert(author: PersonViewer, note: NewNote): Promise<Note | null>;
  /** Adds all of `notes`, in a statement of their own with `parts`. None is added where its condition does not hold. */
  insertWith(author: PersonViewer, notes: readonly NewNote[], parts: InsertParts): Promise<Note[]>;
}

/** The columns of a note in the table alias `n`. */
export const noteColumns = selectList(notesTable, "n");

/** Authors whose notes of one moment wait for each other. */
const maxAuthors = 1_000;
/** Notes of one statement. */
const maxBatchSize = 50;

/** One note, and the request that it came with. */
interface AskedNote {
  readonly author: PersonViewer;
  readonly note: NewNote;
}

export function createNoteInserter(database: Database): NoteInserter {
  const batchers = new LRUCache<string, MicroBatcher<AskedNote, Note | null>>({ max: maxAuthors });

  async function insertAll(author: PersonViewer, asked: readonly AskedNote[], parts?: InsertParts): Promise<(Note | null)[]> {
    const rows = await database.query<Note>(statementOf(author, asked, parts));
    const byId = new Map(rows.map((row) => [row.id, row]));
    return asked.map(({ note }) => byId.get(note.id) ?? null);
  }

  /** All of them or, where one cannot be added, each by itself: what is wrong with one is no reason to refuse the others. */
  async function insertTogether(author: PersonViewer, asked: readonly AskedNote[]): Promise<(Note | null | Error)[]> {
    try {
      return await insertAll(author, asked);
    } catch (error) {
      if (asked.length === 1 || isUnavailable(error)) throw error;
    }
    return Promise.all(asked.map((one) => insertAll(author, [one]).then(([note]) => note ?? null, asError)));
  }

  function batcherOf(author: PersonViewer): MicroBatcher<AskedNote, Note | null> {
    const name = authorKey(author);
    const known = batchers.get(name);
    if (known) return known;
    const batcher = createMicroBatcher<AskedNote, Note | null>({
      nameOf: ({ note }) => note.id, // no two are one
      maxBatchSize,
      maxBatchesAtOnce: 1,
      answer: (asked) => insertTogether(author, asked),
    });
    batchers.set(name, batcher);
    return batcher;
  }

  return {
    insert: (author, note) => batcherOf(author).ask({ author, note }),
    async insertWith(author, notes, parts) {
      const asked = notes.map((note) => ({ author, note }));
      const added = await insertAll(author, asked, parts);
      return added.filter((note) => note !== null);
    },
  };
}

/** What all notes of one statement have in common: their author, what the author may do, and the origin that the audit keeps. */
function authorKey({ person, account, role, scopes, credential, origin }: PersonViewer): string {
  return JSON.stringify([person.id, account.id, role, [...scopes], credential, origin?.address, origin?.userAgent]);
}

/** The notes that are given, with what their statement has to know of each besides. */
const given = recordset(notesTable, "asked", newNoteFields, { place: "integer", authorNumber: "integer", requestId: "text" });

// Written once: this is a large part of the statement, and notes are added all the time.
const insertGiven = insertInto(notesTable, {
  id: given.column("id"),
  accountId: sql`t.account_id`,
  ticketId: sql`t.id`,
  authorNumber: given.column("authorNumber"),
  text: given.column("text"),
  isPublic: given.column("isPublic"),
  categories: given.column("categories"),
  medium: given.column("medium"),
  source: given.column("source"),
  createdAt: given.column("createdAt"),
  updatedAt: sql`NULL`,
});

const created = {
  action: "CREATED",
  entity: "NOTE",
  rows: "told",
  at: raw("acted.created_at"),
  requestId: raw("acted.request_id"),
} as const;

/** The tickets are found, the notes added and the audit kept by one statement. The notes are one value of it, so that it is the same for any number. */
function statementOf(author: PersonViewer, asked: readonly AskedNote[], parts: InsertParts | undefined): Sql {
  const rows = asked.map(({ author: { person, origin }, note }, place) => {
    return { ...note, place, authorNumber: person.number, requestId: origin?.requestId ?? null };
  });
  return sql`
    WITH ${given.part(rows)}, ${parts?.before ?? empty} added AS (
      ${insertGiven}
      FROM asked CROSS JOIN LATERAL (
        SELECT t.id, t.account_id FROM ${parts?.ticket ?? ticketsAsked(author)} OFFSET 0
      ) t
      WHERE ${parts?.condition ?? always}
      ORDER BY asked.place
      RETURNING *
    ), told AS (
      SELECT n.id, n.account_id, n.created_at, asked."requestId" AS request_id FROM added n JOIN asked ON asked.id = n.id
    ), audited AS (${auditInsert(author, created)})
    ${parts?.after ?? empty}
    SELECT ${noteColumns} FROM added n`;
}

function ticketsAsked(author: PersonViewer): Sql {
  return sql`tickets t WHERE ${whereSql("t", visibleTickets(author))} AND t.id = asked."ticketId"`;
}

const always = raw("true");

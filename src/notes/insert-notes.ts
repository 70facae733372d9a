import { LRUCache } from "lru-cache";
import type { Note } from "#generated/prisma/client.ts";
import { auditInsert } from "../access/audit.ts";
import { asError } from "../errors.ts";
import type { Database } from "../database/database.ts";
import { createMicroBatcher, type MicroBatcher } from "../lib/micro-batcher.ts";
import { empty, raw, sql, type Sql, whereSql } from "../database/sql.ts";
import { insertInto, recordset, selectList } from "../database/table.ts";
import { isUnavailable } from "../database/unavailable.ts";
import { claimedIn, type KeyColumns, keyColumnTypes, keptIn } from "../idempotency/claim.ts";
import { visibleTickets } from "../tickets/policy.ts";
import type { PersonViewer } from "../viewer.ts";
import { notesTable } from "./table.ts";

/** The fields of a new note. The others come from its ticket, its author and the database. */
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

/** A new note that has been checked and that its author may add. */
export type NewNote = Readonly<Pick<Note, (typeof newNoteFields)[number]>>;

/** Further parts of the statement that adds notes. */
export interface InsertParts {
  /** WITH parts, each followed by a comma. */
  readonly before: Sql;
  /** The condition without which no note is added. */
  readonly condition: Sql;
  /** WITH parts that may refer to the notes as `added`, each preceded by a comma. */
  readonly after: Sql;
  /**
   * The ticket of the notes as a FROM item `t`, if one of the parts in `before` adds it. The statement itself cannot
   * see it in the table yet.
   */
  readonly ticket?: Sql | undefined;
}

/** Adds notes. */
export interface NoteInserter {
  /**
   * Adds a note and returns it, or null if its author may not see the ticket. Notes that an author adds at the same
   * moment share a statement. With `key` it is added under an idempotency key.
   */
  insert(author: PersonViewer, note: NewNote, key: KeyColumns | undefined): Promise<Note | null>;
  /**
   * Adds all of `notes` in one statement with `parts`, and returns them. None is added if the condition of `parts` does
   * not hold.
   */
  insertWith(author: PersonViewer, notes: readonly NewNote[], parts: InsertParts): Promise<Note[]>;
}

/** The columns of a note of the table alias `n`, for a SELECT list. */
export const noteColumns = selectList(notesTable, "n");

/** The number of authors whose batchers are cached. */
const batcherCacheSize = 1_000;
/** The maximum number of notes in one statement. */
const maxBatchSize = 50;

/** A note, its author with the origin of the request, and the idempotency key of the request. */
interface RequestedNote {
  readonly author: PersonViewer;
  readonly note: NewNote;
  readonly key?: KeyColumns | undefined;
}

export function createNoteInserter(database: Database): NoteInserter {
  const batchers = new LRUCache<string, MicroBatcher<RequestedNote, Note | null>>({ max: batcherCacheSize });

  async function insertAll(
    author: PersonViewer,
    asked: readonly RequestedNote[],
    parts?: InsertParts,
  ): Promise<(Note | null)[]> {
    const rows = await database.query<Note>(statementOf(author, asked, parts));
    const byId = new Map(rows.map((row) => [row.id, row]));
    return asked.map(({ note }) => byId.get(note.id) ?? null);
  }

  /**
   * Adds all notes in one statement. If that fails, adds each by itself, so that a failing note does not affect the
   * others.
   */
  async function insertTogether(author: PersonViewer, asked: readonly RequestedNote[]): Promise<(Note | null | Error)[]> {
    try {
      return await insertAll(author, asked);
    } catch (error) {
      if (asked.length === 1 || isUnavailable(error)) throw error;
    }
    return Promise.all(asked.map((one) => insertAll(author, [one]).then(([note]) => note ?? null, asError)));
  }

  function batcherOf(author: PersonViewer): MicroBatcher<RequestedNote, Note | null> {
    const name = authorKey(author);
    const known = batchers.get(name);
    if (known) return known;
    const batcher = createMicroBatcher<RequestedNote, Note | null>({
      nameOf: ({ note }) => note.id, // never the same for two notes
      maxBatchSize,
      maxBatchesAtOnce: 1,
      answer: (asked) => insertTogether(author, asked),
    });
    batchers.set(name, batcher);
    return batcher;
  }

  return {
    insert: (author, note, key) => batcherOf(author).ask({ author, note, key }),
    async insertWith(author, notes, parts) {
      const asked = notes.map((note) => ({ author, note }));
      const added = await insertAll(author, asked, parts);
      return added.filter((note) => note !== null);
    },
  };
}

/**
 * Returns the key of a batcher: everything that the notes of one statement have in common, which is the author, their
 * permissions, and the origin for the audit.
 */
function authorKey({ person, account, role, scopes, credential, origin }: PersonViewer): string {
  return JSON.stringify([person.id, account.id, role, [...scopes], credential, origin?.address, origin?.userAgent]);
}

/** The new notes as a recordset, with the further columns that the statement needs of each. */
const given = recordset(notesTable, "asked", newNoteFields, {
  position: "integer",
  authorNumber: "integer",
  requestId: "uuid",
  ...keyColumnTypes,
});

// Built once, because it is a large part of the statement and notes are added often.
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
  editorNumber: sql`NULL`,
  redactedAt: sql`NULL`,
});

const created = {
  action: "CREATED",
  entity: "NOTE",
  rows: "added_with_request",
  at: raw("acted.created_at"),
  requestId: raw("acted.request_id"),
} as const;

/**
 * Returns the statement that finds the tickets, adds the notes and records them in the audit. The notes are one bind
 * value, so the text of the statement does not depend on their number.
 */
function statementOf(author: PersonViewer, asked: readonly RequestedNote[], parts: InsertParts | undefined): Sql {
  const rows = asked.map(({ author: { person, origin }, note, key = noKey }, position) => {
    return { ...note, ...key, position, authorNumber: person.number, requestId: origin?.requestId ?? null };
  });
  const hasKeys = asked.some(({ key }) => key !== undefined);
  return sql`
    WITH ${given.part(rows)}, ${parts?.before ?? empty} added AS (
      ${insertGiven}
      FROM asked CROSS JOIN LATERAL (
        SELECT t.id, t.account_id FROM ${parts?.ticket ?? ticketsAsked(author)} OFFSET 0
      ) t
      WHERE ${parts?.condition ?? always}${hasKeys ? claimedKeys : empty}
            ORDER BY asked.position
      RETURNING *
    ), added_with_request AS (
      SELECT n.id, n.account_id, n.created_at, asked."requestId" AS request_id FROM added n JOIN asked ON asked.id = n.id
    ), audited AS (${auditInsert(author, created)})
    ${parts?.after ?? empty}${hasKeys ? keptKeys : empty}
    SELECT ${noteColumns} FROM added n`;
}

function ticketsAsked(author: PersonViewer): Sql {
  return sql`tickets t WHERE ${whereSql("t", visibleTickets(author))} AND t.id = asked."ticketId"`;
}

const always = raw("true");

const noKey = { keyHash: null, inputHash: null, keptSince: null };
const claimedKeys = sql` AND ${claimedIn("asked", raw("t.account_id"))}`;
const keptKeys = sql`, keys_kept AS (${keptIn("asked", "added")})`;

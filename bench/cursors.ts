import { encodeCursorTuple } from "@pothos/core";
import { cursorOf } from "./contestants/cursor.ts";
import { accountId, type DataSetSize } from "./data-set.ts";
import type { ContestantName, Cursors } from "./questions.ts";
import { rowsOf } from "./server.ts";

/** A row after which a page begins. */
export interface Position {
  readonly id: string;
  readonly createdAt: string;
}

/** Positions in the connections of an account. */
export type Positions = Readonly<Record<keyof Cursors, readonly Position[]>>;

const positionCount = 400;
const pageSize = 100;

/** Returns how many rows Q5 skips: 2,000 pages of 50, or half of the data set if that is less. */
const deepOffset = (size: DataSetSize) => Math.min(100_000, (size.tickets * size.notesPerTicket) / 2);

/** Returns the newest tickets, and the notes after {@link deepOffset} newer ones. */
export async function positionsOf(database: string, size: DataSetSize): Promise<Positions> {
  const rowsFrom = async (table: keyof Positions, offset: number): Promise<Position[]> => {
    const rows = await rowsOf<{ id: string; created_at: Date }>(
      database,
      `SELECT id, created_at FROM ${table} ORDER BY created_at DESC, id DESC OFFSET ${offset} LIMIT ${positionCount}`,
    );
    return rows.map((row) => ({ id: row.id, createdAt: row.created_at.toISOString() }));
  };
  return { tickets: await rowsFrom("tickets", 0), notes: await rowsFrom("notes", deepOffset(size) - 1) };
}

/** Sends a GraphQL document, and returns the data of the response. */
type Query = (document: string) => Promise<unknown>;

/** Returns a contestant's own cursors for the positions. Those that only the contestant can write, it is asked for. */
export async function cursorsOf(
  contestant: ContestantName,
  positions: Positions,
  size: DataSetSize,
  query: Query,
): Promise<Cursors> {
  const each = (write: (position: Position) => string): Cursors => ({
    tickets: positions.tickets.map(write),
    notes: positions.notes.map(write),
  });
  switch (contestant) {
    case "bare":
    case "mercurius":
      return each(cursorOf);
    case "plugin-prisma":
      // The key of a note is its account and its id.
      return {
        tickets: positions.tickets.map(({ id }) => prismaCursor(`S:${id}`)),
        notes: positions.notes.map(({ id }) => prismaCursor(encodeCursorTuple([accountId, id]))),
      };
    case "gateway":
      return {
        tickets: await walk(query, "tickets"),
        notes: await walk(query, "notes", `filter: { ids: ["${positions.notes[0]?.id}"] }`),
      };
    case "postgraphile": {
      const order = "orderBy: [CREATED_AT_DESC, ROW_ID_DESC]";
      return {
        tickets: await walk(query, "allTickets", order, order),
        notes: await walk(query, "allNotes", `offset: ${deepOffset(size) - 1}, ${order}`, order),
      };
    }
  }
}

/** Returns the cursor that Pothos's Prisma plugin makes of a key. */
const prismaCursor = (key: string) => Buffer.from(`GPC:${key}`).toString("base64");

/** Returns the cursors of a connection from the row that `from` finds, in the order of `order`. */
async function walk(query: Query, field: string, from = "", order = ""): Promise<string[]> {
  const cursors: string[] = [];
  while (cursors.length < positionCount) {
    const last = cursors.at(-1);
    const where = last === undefined ? `first: 1, ${from}` : `first: ${pageSize}, after: "${last}", ${order}`;
    const data = (await query(`{ ${field}(${where}) { edges { cursor } } }`)) as Record<
      string,
      { edges: { cursor: string }[] }
    >; // as asked
    const found = data[field]!.edges.map(({ cursor }) => cursor);
    if (found.length === 0) throw new Error(`${field} has only ${cursors.length} rows.`);
    cursors.push(...found);
  }
  return cursors.slice(0, positionCount);
}

import { InvalidInput, invalid } from "../errors.ts";
import { isPositionOf, nameOf, type Ordering, type Page, type Position, positionOf, type Slice } from "../platform/keyset.ts";
import type { CursorCodec } from "../platform/cursor.ts";
import { attachJson, jsonOf } from "../reading/shape.ts";

/** Reads a cursor of a place that is not known yet. What it says is not proven: the resolver asks again when it knows the place. */
export type PeekCursor = CursorCodec["peek"];

/** The arguments of a connection field, as GraphQL hands them over. */
export interface ConnectionArguments {
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
  readonly last?: number | null | undefined;
  readonly before?: string | null | undefined;
}

/** Where a connection stands, and in which order: what its cursors are good for. */
export interface ConnectionPlace {
  /** The field and its parent, such as `Ticket.notes:<id>`. */
  readonly name: string;
  readonly ordering: Ordering;
}

/** A connection as the Relay specification has it. Cursors and the count are made only when they are asked for. */
export interface Connection<Row> {
  readonly nodes: readonly Row[];
  readonly edges: readonly Edge<Row>[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
  };
  readonly totalCount: () => number | Promise<number>;
}

export interface Edge<Row> {
  readonly node: Row;
  readonly cursor: string;
}

/** How many nodes a page has when no number is asked for. */
export const defaultSize = 25;
export const maximumSize = 100;

/** @throws {InvalidInput} with every argument that cannot be used. */
export function readPage(args: ConnectionArguments, place: ConnectionPlace, cursors: CursorCodec): Page {
  return pageOf(args, (cursor) => cursors.decode(placeName(place), cursor));
}

/**
 * As {@link readPage}, to read ahead by: where the connection stands is not known yet, and cursors are believed until it is.
 *
 * @throws {InvalidInput} as {@link readPage}, of cursors only where nothing could be read by them.
 */
export function readPageAhead(args: ConnectionArguments, ordering: Ordering, peek: PeekCursor): Page {
  return pageOf(args, (cursor) => {
    const position = peek(cursor);
    return position && isPositionOf(ordering, position) && position.every(isPossible) ? position : null;
  });
}

/** Instants that there are: `Date.parse` takes 30 February for 2 March, and the database, which knows neither that nor a year 0, would fail. */
function isPossible(part: Position[number]): boolean {
  if (typeof part === "number" || !part.includes("T")) return true;
  return !part.startsWith("0000") && new Date(part).toISOString() === part;
}

function pageOf(args: ConnectionArguments, positionIn: (cursor: string) => Position | null): Page {
  const problems = [
    ...sizeProblems(args),
    ...(typeof args.first === "number" && typeof args.last === "number"
      ? [{ path: ["last"], message: "Give first or last, not both." }]
      : []),
  ];
  if (problems.length > 0) throw new InvalidInput(problems);
  return {
    size: args.first ?? args.last ?? defaultSize,
    from: typeof args.last === "number" ? "end" : "start",
    after: readCursor("after", args.after, positionIn),
    before: readCursor("before", args.before, positionIn),
  };
}

/**
 * For a page that came with its row, and so was read by cursors that were only believed.
 *
 * @throws {InvalidInput} where one was not handed out at `place`.
 */
export function checkCursors(args: ConnectionArguments, place: () => ConnectionPlace, cursors: CursorCodec): void {
  if (typeof args.after === "string" || typeof args.before === "string") readPage(args, place(), cursors);
}

/** A page of rows as a connection. `count` reads how many there are in all, where the page did not come with that. */
export function toConnection<Row extends { readonly id: string } & object>(
  slice: CountedRows<Row>,
  place: () => ConnectionPlace,
  cursors: CursorCodec,
  count: () => Promise<number>,
): Connection<Row> {
  const connection = new PageOfRows(slice, place, cursors, count);
  const json = jsonOf(slice);
  if (json) attachJson(connection, json);
  return connection;
}

type CountedRows<Row> = Slice<Row> & { readonly total?: number | undefined };

// A class for once: each row of a page may have such a page of its own, and its getters are made once for all of them.
class PageOfRows<Row extends { readonly id: string } & object> implements Connection<Row> {
  readonly #slice: CountedRows<Row>;
  readonly #place: () => ConnectionPlace;
  readonly #cursors: CursorCodec;
  readonly #count: () => Promise<number>;

  constructor(slice: CountedRows<Row>, place: () => ConnectionPlace, cursors: CursorCodec, count: () => Promise<number>) {
    this.#slice = slice;
    this.#place = place;
    this.#cursors = cursors;
    this.#count = count;
  }

  get nodes(): readonly Row[] {
    return this.#slice.rows;
  }

  get edges(): readonly Edge<Row>[] {
    const place = this.#place();
    return this.#slice.rows.map((row) => toEdge(row, place, this.#cursors));
  }

  get pageInfo(): Connection<Row>["pageInfo"] {
    const { rows, hasNext, hasPrevious } = this.#slice;
    const cursorOf = (row: Row | undefined) => (row ? toEdge(row, this.#place(), this.#cursors).cursor : null);
    return {
      hasNextPage: hasNext,
      hasPreviousPage: hasPrevious,
      get startCursor() {
        return cursorOf(rows[0]);
      },
      get endCursor() {
        return cursorOf(rows.at(-1));
      },
    };
  }

  totalCount(): number | Promise<number> {
    return this.#slice.total ?? this.#count();
  }
}

export const nodesDescription = "The nodes of the edges, for clients that need no cursors.";

/** The rows of a connection, which is given as GraphQL's plugin types it: that knows them by their edges only. */
export function nodesOf<Row>(connection: object): Row[] {
  return (connection as Connection<Row>).nodes as Row[]; // as in countOf; GraphQL only reads them
}

/** How many rows a connection has in all. It is given as GraphQL's plugin types it, which does not know that the count travels with it. */
export function countOf(connection: object): number | Promise<number> {
  return (connection as Connection<unknown>).totalCount(); // every connection is made by toConnection
}

/** A row as an edge of the connection at `place`. */
export function toEdge<Row extends { readonly id: string } & object>(
  row: Row,
  place: ConnectionPlace,
  cursors: CursorCodec,
): Edge<Row> {
  return {
    node: row,
    get cursor() {
      return cursorAt(place, positionOf(place.ordering, row), cursors);
    },
  };
}

/** The cursor of a row that stands at `position` of the connection at `place`. */
export function cursorAt(place: ConnectionPlace, position: Position, cursors: CursorCodec): string {
  return cursors.encode(placeName(place), position);
}

function sizeProblems(args: ConnectionArguments): { path: string[]; message: string }[] {
  return (["first", "last"] as const)
    .filter((name) => typeof args[name] === "number" && (args[name] < 1 || args[name] > maximumSize))
    .map((name) => ({ path: [name], message: `The argument ${name} must be 1 to ${maximumSize}.` }));
}

function readCursor(
  name: "after" | "before",
  cursor: string | null | undefined,
  positionIn: (cursor: string) => Position | null,
): Position | undefined {
  if (cursor === null || cursor === undefined) return undefined;
  const position = positionIn(cursor);
  if (!position) throw invalid(name, `The cursor ${name} was not handed out by this connection in this order.`);
  return position;
}

/** What tells a place from every other. */
export function placeName({ name, ordering }: ConnectionPlace): string {
  return `${name} ${nameOf(ordering)}`;
}

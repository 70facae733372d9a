import { InvalidInput, invalid } from "../../errors.ts";
import { type CursorScope, decodeCursor, encodeCursor } from "../../query/model/cursor.ts";
import { type Page, type Position, positionOf, type Slice, type Total } from "../../query/model/page.ts";
import type { PageInput } from "../../query/model/relation.ts";
import { attachJson, jsonOf } from "../../query/model/result.ts";
import type { CountedSlice } from "../../query/model/selection.ts";
import type { MaybePromise } from "../../lib/maybe-promise.ts";

/** The arguments of a connection field. */
export interface ConnectionArguments {
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
  readonly last?: number | null | undefined;
  readonly before?: string | null | undefined;
}

/** What has a cursor: its id breaks ties of an order. */
export interface RowWithId {
  readonly id: string;
}

/**
 * A connection of the Relay Cursor Connections Specification. Cursors and the total are computed only if they are
 * selected.
 */
export interface Connection<Row> {
  readonly nodes: readonly Row[];
  readonly edges: readonly Edge<Row>[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
    readonly isPartial: boolean;
  };
  readonly total: () => MaybePromise<Total>;
}

export interface Edge<Row> {
  readonly node: Row;
  readonly cursor: string;
}

/** The page size without `first` and `last`. */
export const defaultSize = 25;
export const maximumSize = 100;

/** Returns the page that the arguments select. Throws {@link InvalidInput} with all invalid arguments. */
export function readPage(args: ConnectionArguments, scope: CursorScope): Page {
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
    after: readCursor("after", args.after, scope),
    before: readCursor("before", args.before, scope),
  };
}

/**
 * Returns `input` with a page for which at most `budget` rows are read where no index holds all conditions, but as many
 * as a full page has: a page must be able to come to an end.
 */
export function withinBudget<Input extends PageInput>(input: Input, budget: number): Input {
  return { ...input, page: { ...input.page, maxScanned: Math.max(budget, input.page.size + 1) } };
}

/** What a connection needs beside its rows. */
interface ConnectionParts {
  /** The page that was asked for. */
  readonly page: Page;
  readonly scope: CursorScope;
  /** Reads the total if it was not read with the page. */
  readonly total: () => Promise<Total>;
}

/** Returns a page of rows as a connection. */
export function toConnection<Row extends RowWithId>(slice: CountedRows<Row>, parts: ConnectionParts): Connection<Row> {
  const connection = new PageOfRows(slice, parts);
  const json = jsonOf(slice);
  if (json) attachJson(connection, json);
  return connection;
}

/** A page of rows with the number of rows on all pages, if it was counted. */
export type CountedRows<Row> = Slice<Row> & Partial<Pick<CountedSlice<Row>, "total" | "totalIsExact">>;

// This is a class because each row of a page may have such a page, and a class creates its getters once.
class PageOfRows<Row extends RowWithId> implements Connection<Row> {
  readonly #slice: CountedRows<Row>;
  readonly #page: Page;
  readonly #scope: CursorScope;
  readonly #total: () => Promise<Total>;

  constructor(slice: CountedRows<Row>, { page, scope, total }: ConnectionParts) {
    this.#slice = slice;
    this.#page = page;
    this.#scope = scope;
    this.#total = total;
  }

  get nodes(): readonly Row[] {
    return this.#slice.rows;
  }

  get edges(): readonly Edge<Row>[] {
    return this.#slice.rows.map((row) => toEdge(row, this.#scope));
  }

  get pageInfo(): Connection<Row>["pageInfo"] {
    const { rows, hasNext, hasPrevious, scanEnd } = this.#slice;
    const { from } = this.#page;
    const cursorOf = (row: Row | undefined) => (row ? toEdge(row, this.#scope).cursor : null);
    return {
      hasNextPage: hasNext,
      hasPreviousPage: hasPrevious,
      get startCursor() {
        return from === "end" && scanEnd !== undefined ? scanEnd : cursorOf(rows[0]);
      },
      get endCursor() {
        return from === "start" && scanEnd !== undefined ? scanEnd : cursorOf(rows.at(-1));
      },
      isPartial: scanEnd !== undefined,
    };
  }

  total(): MaybePromise<Total> {
    const { total, totalIsExact = true } = this.#slice;
    return total === undefined ? this.#total() : { count: total, isExact: totalIsExact };
  }
}

/** Returns a row as an edge with a cursor of `scope`. */
export function toEdge<Row extends RowWithId>(row: Row, scope: CursorScope): Edge<Row> {
  return {
    node: row,
    get cursor() {
      return encodeCursor(scope, positionOf(scope.ordering, row));
    },
  };
}

function sizeProblems(args: ConnectionArguments): { path: string[]; message: string }[] {
  return (["first", "last"] as const)
    .filter((name) => typeof args[name] === "number" && (args[name] < 1 || args[name] > maximumSize))
    .map((name) => ({ path: [name], message: `The argument ${name} must be 1 to ${maximumSize}.` }));
}

function readCursor(name: "after" | "before", cursor: string | null | undefined, scope: CursorScope): Position | undefined {
  if (cursor === null || cursor === undefined) return undefined;
  const position = decodeCursor(scope, cursor);
  if (!position) throw foreignCursor(name);
  return position;
}

/** Returns the error for a cursor of another connection or order. */
export function foreignCursor(name: "after" | "before"): InvalidInput {
  return invalid(name, `The cursor ${name} was not handed out by this connection in this order.`);
}

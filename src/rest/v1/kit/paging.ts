import { type CursorScope, cursorSeparator, decodeCursor, encodeCursor } from "../../../query/model/cursor.ts";
import type { Ordering, Page, Position } from "../../../query/model/page.ts";
import type { CountedSlice } from "../../../query/model/selection.ts";
import { BadRequest } from "./errors.ts";
import type { V1Request } from "./operation.ts";
import type { Query } from "./query.ts";

/** The parameters that say which page is wanted. */
export const pagingParameters = ["per_page", "page", "search_after", "search_before"] as const;

/** Totals are exact up to this; what lies beyond is reached by cursor. */
const countedEntries = 100_000;

const usualSize = 20;
const largestSize = 100;

/** Which page is wanted: the one of a number, or the one beside a row that was seen. */
export interface PageWish {
  readonly size: number;
  /** The page's number, as far as it is known: a cursor remembers it from where the walk began. */
  readonly number: number;
  readonly cursor?: { readonly side: "after" | "before"; readonly position: Position };
}

/** Reads the paging parameters. A cursor is good for every collection in the same order. @throws {BadRequest} */
export function readPageWish(query: Query, ordering: Ordering): PageWish {
  const size = readNumber(query, "per_page", largestSize) ?? usualSize;
  for (const side of ["after", "before"] as const) {
    const text = query.last(`search_${side}`);
    if (text === undefined || text === "") continue;
    const cursor = decodeNumbered(ordering, text);
    if (!cursor) throw new BadRequest(`Parameter 'search_${side}' is not a cursor of this order`);
    const { number, position } = cursor;
    return { size, number, cursor: { side, position } };
  }
  return { size, number: readNumber(query, "page", Number.MAX_SAFE_INTEGER) ?? 1 };
}

function readNumber(query: Query, name: string, most: number): number | undefined {
  const text = query.last(name)?.trim();
  if (text === undefined || text === "") return undefined;
  if (!/^[+-]?\d+$/.test(text)) throw new BadRequest(`Parameter '${name}' must be an integer`);
  const number = Number(text);
  if (number < 1) throw new BadRequest(`Parameter '${name}' cannot be less than 1`);
  if (number > most) throw new BadRequest(`Parameter '${name}' cannot be greater than ${most}`);
  return number;
}

/** A page, how many rows there are on all pages, and the page's number. */
export interface FoundPage<Row> {
  /** What was read of it. Behind the last page there is nothing to read. */
  readonly slice?: CountedSlice<Row>;
  readonly total: number;
  readonly number: number;
}

/** How a page is read. `count` stops counting at `most`. */
export interface PageReads<Row> {
  readonly read: (page: Page) => Promise<CountedSlice<Row>>;
  readonly count: (most: number) => Promise<number>;
}

/**
 * Reads the wanted page and the count. These are two statements, since requests for other pages of the same collection share the
 * count, and counting is most of the work.
 *
 * @throws {BadRequest} if the page number lies beyond what is counted.
 */
export async function readV1Page<Row>(
  { size, number, cursor }: PageWish,
  { read, count }: PageReads<Row>,
): Promise<FoundPage<Row>> {
  const counted = () => count(countedEntries + 1);
  if (cursor) {
    const page: Page =
      cursor.side === "after"
        ? { size, from: "start", after: cursor.position }
        : { size, from: "end", before: cursor.position };
    const [slice, total] = await Promise.all([read(page), counted()]);
    // Rows may have been added or removed since the cursor was made: a page is the first if no row precedes it.
    return { slice, total, number: slice.hasPrevious ? Math.max(number, 2) : 1 };
  }
  if (number === 1) {
    const [slice, total] = await Promise.all([read({ size, from: "start" }), counted()]);
    return { slice, total, number };
  }
  const total = await counted();
  const offset = (number - 1) * size;
  if (offset >= countedEntries && total > countedEntries) {
    throw new BadRequest(`Parameter 'page' cannot be greater than ${pagesOf(total, size)}`);
  }
  if (offset >= total) return { total, number };
  return { slice: await read({ size, from: "start", offset }), total, number };
}

/** The headers of a page: its place, and links to its neighbours. */
export function pageHeaders<Row extends object>(
  request: Pick<V1Request, "path" | "publicUrl" | "query">,
  ordering: Ordering,
  size: number,
  page: FoundPage<Row>,
): Record<string, string> {
  const link = linkHeader(request, ordering, size, page);
  return {
    "x-pagination-per-page": String(size),
    "x-pagination-current-page": String(page.number),
    "x-pagination-total-pages": String(pagesOf(page.total, size)),
    "x-pagination-total-entries": String(Math.min(page.total, countedEntries)),
    ...(page.total > countedEntries && { "x-pagination-throttled": "true" }),
    ...(link !== "" && { link }),
  };
}

function pagesOf(total: number, size: number): number {
  return Math.ceil(Math.min(total, countedEntries) / size);
}

/**
 * `next` and `prev` use cursors, also from a page that was requested by number. A client that follows them gets no row twice and
 * misses none, whatever is added or deleted meanwhile.
 */
function linkHeader<Row extends object>(
  { path, publicUrl, query }: Pick<V1Request, "path" | "publicUrl" | "query">,
  ordering: Ordering,
  size: number,
  { slice, number, total }: FoundPage<Row>,
): string {
  const { hasNext, hasPrevious, ends } = slice ?? { hasNext: false, hasPrevious: true };
  const own = query.parameters.filter(
    ({ name }) => name === "per_page" || !pagingParameters.some((parameter) => parameter === name),
  );
  const url = (...added: string[]) => {
    const parameters = [...own.map(({ text }) => text), ...added];
    return `${publicUrl}${path}${parameters.length > 0 ? `?${parameters.join("&")}` : ""}`;
  };
  const beside = (side: "after" | "before", row: Position | null | undefined, to: number): string => {
    if (row) return url(`search_${side}=${encodeNumbered(ordering, row, to)}`);
    // There is no row here to go on from: behind the last page, or where all of a page has been deleted.
    return side === "after" ? url() : url(`page=${Math.max(1, Math.min(number - 1, pagesOf(total, size)))}`);
  };
  const links = [
    ...(hasPrevious ? [`<${url()}>; rel="first"`, `<${beside("before", ends?.first, number - 1)}>; rel="prev"`] : []),
    ...(hasNext ? [`<${beside("after", ends?.last, number + 1)}>; rel="next"`] : []),
  ];
  return links.join(", ");
}

/** A cursor is good for every collection in the same order. */
function scopeOf(ordering: Ordering): CursorScope {
  return { name: "v1", ordering };
}

/** A cursor with the number of the page that it leads to before it. */
function encodeNumbered(ordering: Ordering, position: Position, number: number): string {
  return [number, encodeCursor(scopeOf(ordering), position)].join(cursorSeparator);
}

function decodeNumbered(ordering: Ordering, text: string): { readonly number: number; readonly position: Position } | null {
  const [number = "", ...cursor] = text.split(cursorSeparator);
  const position = decodeCursor(scopeOf(ordering), cursor.join(cursorSeparator));
  return position && /^\d{1,9}$/.test(number) ? { number: Number(number), position } : null;
}

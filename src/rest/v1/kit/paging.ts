import { type CursorScope, cursorSeparator, decodeCursor, encodeCursor } from "../../../query/model/cursor.ts";
import { maxTotal, type Ordering, type Page, type Position } from "../../../query/model/page.ts";
import type { CountedSlice } from "../../../query/model/selection.ts";
import { BadRequest } from "./errors.ts";
import type { V1Request } from "./operation.ts";
import type { Query } from "./query.ts";

/** The parameters that select a page. */
export const pagingParameters = ["per_page", "page", "search_after", "search_before"] as const;

const defaultPageSize = 20;
/** The maximum number of records in a page. */
export const maxPageSize = 100;

/** The requested page: the one with a number, or the one after or before a row. */
export interface RequestedPage {
  readonly size: number;
  /** The number of the page. With a cursor it is the one in the cursor, which may be out of date. */
  readonly number: number;
  readonly cursor?: { readonly side: "after" | "before"; readonly position: Position };
}

/**
 * Returns the requested page. A cursor is valid for every collection in the same order. Throws {@link BadRequest} if a
 * parameter is not valid.
 */
export function readRequestedPage(query: Query, ordering: Ordering): RequestedPage {
  const size = readNumber(query, "per_page", maxPageSize) ?? defaultPageSize;
  for (const side of ["after", "before"] as const) {
    const text = query.last(`search_${side}`);
    if (text === undefined || text === "") continue;
    const cursor = decodeNumbered(ordering, text);
    if (!cursor) throw foreignV1Cursor(side);
    const { number, position } = cursor;
    return { size, number, cursor: { side, position } };
  }
  return { size, number: readNumber(query, "page", Number.MAX_SAFE_INTEGER) ?? 1 };
}

/** Returns the error for a cursor of another order. */
export function foreignV1Cursor(side: "after" | "before"): BadRequest {
  return new BadRequest(`Parameter 'search_${side}' is not a cursor of this order`);
}

function readNumber(query: Query, name: string, max: number): number | undefined {
  const text = query.last(name)?.trim();
  if (text === undefined || text === "") return undefined;
  if (!/^[+-]?\d+$/.test(text)) throw new BadRequest(`Parameter '${name}' must be an integer`);
  const number = Number(text);
  if (number < 1) throw new BadRequest(`Parameter '${name}' cannot be less than 1`);
  if (number > max) throw new BadRequest(`Parameter '${name}' cannot be greater than ${max}`);
  return number;
}

/** A page, the number of rows on all pages, and the number of the page. */
export interface FoundPage<Row> {
  /** The rows of the page. Absent after the last page. */
  readonly slice?: CountedSlice<Row>;
  readonly total: number;
  readonly number: number;
}

/** The functions that read and count. `count` stops counting at one more than {@link maxTotal}. */
export interface PageReads<Row> {
  readonly read: (page: Page) => Promise<CountedSlice<Row>>;
  readonly count: () => Promise<number>;
}

/**
 * Returns the requested page and the count. They are two statements, because requests for other pages of the same
 * collection share the count, and counting is most of the work. Entries beyond
 * {@link maxTotal} can be reached only by cursor. Throws {@link BadRequest} if the page number is beyond
 * {@link maxTotal}.
 */
export async function readV1Page<Row>(
  { size, number, cursor }: RequestedPage,
  { read, count }: PageReads<Row>,
): Promise<FoundPage<Row>> {
  if (cursor) {
    const page: Page =
      cursor.side === "after"
        ? { size, from: "start", after: cursor.position, inSteps: true }
        : { size, from: "end", before: cursor.position, inSteps: true };
    const [slice, total] = await Promise.all([read(page), count()]);
    // Rows may have been added or removed since the cursor was made: a page is the first if no row precedes it.
    return { slice, total, number: slice.hasPrevious ? Math.max(number, 2) : 1 };
  }
  if (number === 1) {
    const [slice, total] = await Promise.all([read({ size, from: "start", inSteps: true }), count()]);
    return { slice, total, number };
  }
  const total = await count();
  const offset = (number - 1) * size;
  if (offset >= maxTotal && total > maxTotal) {
    throw new BadRequest(`Parameter 'page' cannot be greater than ${pagesOf(total, size)}`);
  }
  if (offset >= total) return { total, number };
  return { slice: await read({ size, from: "start", offset }), total, number };
}

/** Returns the headers of a page: its number, the totals, and links to its neighbours. */
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
    "x-pagination-total-entries": String(Math.min(page.total, maxTotal)),
    ...(page.total > maxTotal && { "x-pagination-throttled": "true" }),
    ...(link !== "" && { link }),
  };
}

function pagesOf(total: number, size: number): number {
  return Math.ceil(Math.min(total, maxTotal) / size);
}

/**
 * Returns the links of a page. `next` and `prev` use cursors, also from a page that was requested by number. A client
 * that follows them gets no row twice and misses none, whatever is added or deleted meanwhile.
 */
function linkHeader<Row extends object>(
  { path, publicUrl, query }: Pick<V1Request, "path" | "publicUrl" | "query">,
  ordering: Ordering,
  size: number,
  { slice, number, total }: FoundPage<Row>,
): string {
  const { hasNext, hasPrevious, list } = slice ?? { hasNext: false, hasPrevious: true };
  const own = query.parameters.filter(
    ({ name }) => name === "per_page" || !pagingParameters.some((parameter) => parameter === name),
  );
  const url = (...added: string[]) => {
    const parameters = [...own.map(({ text }) => text), ...added];
    return `${publicUrl}${path}${parameters.length > 0 ? `?${parameters.join("&")}` : ""}`;
  };
  const beside = (side: "after" | "before", row: Position | null | undefined, to: number): string => {
    if (row) return url(`search_${side}=${encodeNumbered(ordering, row, to)}`);
    // Without a row there is no cursor: the page is after the last one, or all of its rows have been deleted.
    return side === "after" ? url() : url(`page=${Math.max(1, Math.min(number - 1, pagesOf(total, size)))}`);
  };
  const links = [
    ...(hasPrevious ? [`<${url()}>; rel="first"`, `<${beside("before", list?.first, number - 1)}>; rel="prev"`] : []),
    ...(hasNext ? [`<${beside("after", list?.last, number + 1)}>; rel="next"`] : []),
  ];
  return links.join(", ");
}

/** Returns the scope of cursors: a cursor is valid for every collection in the same order. */
function scopeOf(ordering: Ordering): CursorScope {
  return { name: "v1", ordering };
}

/** Returns a cursor preceded by the number of the page to which it leads, as base64url (RFC 4648, 5). */
function encodeNumbered(ordering: Ordering, position: Position, number: number): string {
  const text = [number, encodeCursor(scopeOf(ordering), position)].join(cursorSeparator);
  return Buffer.from(text).toString("base64url");
}

/** Returns the page and the position of a cursor, or undefined if it is malformed or of another order. */
function decodeNumbered(ordering: Ordering, encoded: string): NumberedPosition | undefined {
  const text = Buffer.from(encoded, "base64url").toString();
  const [number = "", ...cursor] = text.split(cursorSeparator);
  const position = decodeCursor(scopeOf(ordering), cursor.join(cursorSeparator));
  // Buffer ignores characters that are not base64url.
  const isWellFormed = /^\d{1,9}$/.test(number) && Buffer.from(text).toString("base64url") === encoded;
  return position && isWellFormed ? { number: Number(number), position } : undefined;
}

interface NumberedPosition {
  readonly number: number;
  readonly position: Position;
}

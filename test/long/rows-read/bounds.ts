import { type Measurement, sumOf } from "./measure.ts";
import { type Growth, maxCounted, maxScanned, maxSearched, spare } from "./operations.ts";

/** How many rows an operation may read beside those of its page, and {@link spare}. */
const allowedBeside: Readonly<Record<Growth, number>> = {
  page: 0,
  scan: maxScanned,
  count: maxCounted,
  offset: maxCounted,
  search: 2 * maxSearched,
  spelling: 4 * maxSearched,
};
/** How many rows of other tables may be looked up for each row of a page, and how many without one. */
const lookups = { each: 8, spare: 300 } as const;
/** How many matches of a search may be looked up in a filter. */
const lookupsOfSearch = maxScanned;
/** How many pages of 8 KB a row may touch with its index: entries of an index that are passed by are no rows. */
const buffers = { each: 8, spare: 200 } as const;

/** A search looks for a few words in each segment of 8,192 notes, some of them three times. */
const buffersOfSearch = 10_000;
const isSearch: ReadonlySet<Growth> = new Set(["search", "spelling"]);
const mayBePartial: ReadonlySet<Growth> = new Set(["scan", "search", "spelling"]);

/** Returns what exceeds its bound in `measured`, as sentences. */
export function excessesOf(measured: Measurement): readonly string[] {
  const { operation, answered, pageReads, counted, others, buffers: touched, isPartial } = measured;
  const bound = answered + spare + allowedBeside[operation.growth];
  // REST reads on by further statements, GraphQL in further requests.
  const reads = operation.api === "GraphQL" ? [sumOf(pageReads)] : pageReads;
  const read = Math.max(0, ...reads);
  const rows = sumOf(pageReads) + counted + others;
  const spareBuffers = buffers.spare + (isSearch.has(operation.growth) ? buffersOfSearch : 0);
  const looked = lookups.spare + (isSearch.has(operation.growth) ? lookupsOfSearch : 0);
  return [
    ...(read > bound ? [`it reads ${read} rows for ${answered}`] : []),
    ...(counted > maxCounted ? [`it reads ${counted} rows to count them`] : []),
    ...(others > answered * lookups.each + looked ? [`it reads ${others} rows of other tables`] : []),
    ...(touched > rows * buffers.each + spareBuffers ? [`it touches ${touched} pages for ${rows} rows`] : []),
    ...(isPartial && !mayBePartial.has(operation.growth) ? ["its page is partial"] : []),
  ];
}

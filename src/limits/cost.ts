/**
 * The prices of calls in points, for all three APIs. One point is about the work of a request that reads one row by its
 * key.
 *
 * Prices are worst cases that are known before the work begins: a page costs as much as a full page.
 * docs/decisions/0087 says how they were measured.
 */
export const prices = {
  /** Every call. */
  call: 1,
  /** A row that a page may contain, or a row related to it. */
  row: 1 / 100,
  /** A row that is read by its own id. */
  lookup: 1 / 10,
  /** A value in a list of a filter. */
  listedValue: 1 / 100,
  /** A value in a response. */
  value: 1 / 200,
  /** A further alias of a selected field, which is completed once more. */
  repeatedValue: 1 / 20,
  /** A rendered text. */
  renderedText: 1 / 2,
  /** A signed URL. */
  signedUrl: 1 / 25,
  /** A count of rows across tickets. */
  total: 20,
  /** A count of the rows of one other row, such as the notes of a ticket. */
  totalOfRow: 1 / 2,
  /** A search: its newest matches are compared and ranked. */
  search: 10,
  /** Each root field of a query after the first, which takes a further statement. */
  read: 5,
  /** A change, with its audit event. */
  write: 10,
  /** A value of an introspection result. */
  introspectedValue: 1 / 100,
  /** An access token: a lookup of the secret, and a signature. */
  token: 10,
} as const;

/** The maximum cost of one call in points, whatever remains of the rate limit. */
export const maximumPoints = 1_000;

/** The maximum number of values in all filters of a REST call together. */
export const maximumFilterValues = 100;

/** Returns the cost of a REST call in whole points. */
export function costOfRest(call: { readonly method: string; readonly isList: boolean; readonly rows: number }): number {
  if (call.method !== "GET" && call.method !== "HEAD") return prices.write;
  return call.isList ? wholePoints(prices.call + prices.total + call.rows * prices.row) : prices.call;
}

/** Returns the cost rounded to whole points, at least one. Rate limits count and report integers. */
export function wholePoints(points: number): number {
  return Math.max(prices.call, Math.round(points));
}

import { Unavailable } from "../errors.ts";
import { type Page, type Position } from "./model/page.ts";
import { attachJson, jsonOf } from "./model/result.ts";
import type { CountedSlice } from "./model/selection.ts";

/** How many rows a step reads at most in the order of the page. */
const maxScanned = 5_000;

/**
 * How many rows the first step and the second one may read by an index that finds few rows. The rows of a month of a
 * large account are many, but not as many as all that a page would pass to reach an old month.
 */
const maxFew: readonly number[] = [4_000, 50_000];

/** How a page is read in steps. */
export interface Steps<Found> {
  /** Reads a JSON list of a page. */
  readonly read: (page: Page) => Promise<Found>;
  /** The time after which no further step is taken. */
  readonly maxMilliseconds: number;
}

/**
 * Returns the JSON list of `page`. Where no index holds all of its conditions, a step reads a bounded number of rows,
 * and the next one goes on where it ended, until the page is full or there are no more rows. Mostly one step is enough.
 *
 * Throws {@link Unavailable} if that takes too long.
 */
export async function readInSteps<Found extends CountedSlice<unknown> | null>(
  page: Page,
  { read, maxMilliseconds }: Steps<Found>,
): Promise<Found> {
  const deadline = performance.now() + maxMilliseconds;
  const steps: CountedSlice<unknown>[] = [];
  let size = page.size;
  let position: Position | undefined;
  for (;;) {
    const from = position === undefined ? {} : page.from === "start" ? { after: position } : { before: position };
    const found = await read({
      ...{ ...page, ...from, size, inSteps: undefined },
      maxScanned,
      maxFew: maxFew[steps.length] ?? 0,
      isStep: true,
    });
    if (!found) return found;
    steps.push(found);
    const { count = 0, scanEnd } = found.list ?? {};
    if (!scanEnd) return steps.length === 1 ? found : (joined(page, steps) as Found); // a slice as each of the steps
    if (performance.now() > deadline) throw new Unavailable();
    size -= count;
    position = scanEnd;
  }
}

/** Returns the rows of all `steps` as one slice. */
function joined({ from }: Page, steps: readonly CountedSlice<unknown>[]): CountedSlice<unknown> {
  const inOrder = from === "start" ? steps : steps.toReversed();
  const lists = inOrder.flatMap(({ list }) => (list && list.count > 0 ? [list] : []));
  const slice: CountedSlice<unknown> = {
    rows: [],
    total: undefined,
    hasPrevious: inOrder[0]?.hasPrevious ?? false,
    hasNext: inOrder.at(-1)?.hasNext ?? false,
    list: {
      count: lists.reduce((sum, { count }) => sum + count, 0),
      first: lists[0]?.first ?? null,
      last: lists.at(-1)?.last ?? null,
      scanEnd: null,
    },
  };
  attachJson(slice, {
    async text(context) {
      const texts = await Promise.all(inOrder.map(async (step) => (await jsonOf(step)?.text(context)) ?? "[]"));
      return `[${texts
        .map((text) => text.slice(1, -1))
        .filter((text) => text !== "")
        .join(",")}]`;
    },
  });
  return slice;
}

import { LRUCache } from "lru-cache";
import type { Database } from "../database/database.ts";
import { isParam, param } from "../database/sql.ts";
import { attempt } from "../errors.ts";
import { createObjectIds } from "../lib/object-ids.ts";
import type { ResponseBudget } from "../lib/response-budget.ts";
import { allowanceOf, isStaff, type Scope, type Viewer } from "../viewer.ts";
import { type GivenPosition, type Page, tiesById, type Total } from "./model/page.ts";
import type { Read } from "./model/read.ts";
import type { ManyRelation, OneRelation, PageInput } from "./model/relation.ts";
import {
  boundedTotalOfPages,
  type CountedSlice,
  pageOfRows,
  type PageSelection,
  type Selection,
  totalOfPages,
  wholeRow,
} from "./model/selection.ts";
import { UnsupportedAsJson } from "./model/unsupported-as-json.ts";
import { createDecoder, type Decode } from "./result/decoder.ts";
import { createStatementRunner, type PreparedStatement } from "./run/runner.ts";
import { readInSteps } from "./steps.ts";
import { writeStatement } from "./statement/statement.ts";

/**
 * Reads rows with everything that is selected below them, in one statement each. Equal reads of one moment are sent as
 * one.
 */
export interface Reads {
  /** Returns the rows in the order of `keys`: null if there is no such row or the viewer may not see it. */
  byKeys<Row>(viewer: Viewer, relation: OneRelation<Row>, keys: readonly Key[], selection?: Selection): Promise<(Row | null)[]>;
  page<Row, Input extends PageInput>(
    viewer: Viewer,
    relation: ManyRelation<Row, Input>,
    input: Input,
    selection?: PageSelection,
  ): Promise<CountedSlice<Row>>;
  /** Returns for each key of a parent a page of its rows: null if the viewer sees no such parent. */
  pagesOf<Row, Input extends PageInput>(
    viewer: Viewer,
    parents: { readonly relation: OneRelation; readonly keys: readonly Key[] },
    relation: ManyRelation<Row, Input>,
    input: Input,
    selection?: PageSelection,
  ): Promise<(CountedSlice<Row> | null)[]>;
  /** Returns how many rows there are that meet the filter of `input`, or one more than {@link maxTotal}. */
  count<Row, Input extends PageInput>(
    viewer: Viewer,
    relation: ManyRelation<Row, Input>,
    input: Omit<Input, keyof PageInput>,
  ): Promise<number>;
  /**
   * Returns for each key of a parent how many rows it has that meet the filter of `input`, or one more than
   * {@link maxTotal}: 0 if the viewer sees no such parent.
   */
  countsOf<Row, Input extends PageInput>(
    viewer: Viewer,
    parents: { readonly relation: OneRelation; readonly keys: readonly Key[] },
    relation: ManyRelation<Row, Input>,
    input: Omit<Input, keyof PageInput>,
  ): Promise<number[]>;
  /** Returns the total of the rows that meet the filter of `input`. */
  total<Row, Input extends PageInput>(
    viewer: Viewer,
    relation: ManyRelation<Row, Input>,
    input: Omit<Input, keyof PageInput>,
  ): Promise<Total>;
  /** Returns the total of the rows of each parent with a key: 0 if the viewer sees no such parent. */
  totalsOf<Row, Input extends PageInput>(
    viewer: Viewer,
    parents: { readonly relation: OneRelation; readonly keys: readonly Key[] },
    relation: ManyRelation<Row, Input>,
    input: Omit<Input, keyof PageInput>,
  ): Promise<Total[]>;
}

/**
 * Returns the same page of rows for each parent with one of these ids, in their order: null if the viewer sees no such
 * parent.
 */
export type ReadPages<Row, Input extends PageInput> = (
  viewer: Viewer,
  ids: readonly string[],
  input: Input,
  selection?: PageSelection,
) => Promise<(CountedSlice<Row> | null)[]>;

/** Returns the rows with these keys, in their order: null for each that the viewer may not see. */
export type ReadByKeys<Row> = (viewer: Viewer, keys: readonly string[], selection?: Selection) => Promise<(Row | null)[]>;

/** The key of a row: the value of the parameter `key` of its relation, or of several parameters by name. */
export type Key = string | number | Readonly<Record<string, string>>;

export interface ReadsDependencies {
  readonly database: Database;
  readonly budget: ResponseBudget;
  /** The values of the parameters that are the same for all callers. It is called each time a statement is sent. */
  readonly sharedParams: () => Readonly<Record<string, string>>;
}

/** A prepared statement and the function that decodes its results. */
interface PreparedRead {
  readonly decode: Decode;
  readonly statement: PreparedStatement;
}

/**
 * How many plans are cached, of some ten kilobytes each, and how many characters their statements and constants may
 * have. A client that filters by another date each time fills the cache. A larger plan is not cached: one with
 * thousands of ids does not come twice.
 */
const planCache = { max: 1_000, maxSize: 5_000_000, maxEntrySize: 50_000 } as const;

export function createReads({ database, budget, sharedParams }: ReadsDependencies): Reads {
  const runner = createStatementRunner({ database, maximumBytes: budget.maximumBytes, sharedParams });
  // A selection that cannot be planned is cached as well.
  const plans = new LRUCache<string, PreparedRead | UnsupportedAsJson>({
    ...planCache,
    sizeCalculation: (prepared, name) => name.length + ("statement" in prepared ? prepared.statement.size : 0),
  });

  const objectId = createObjectIds();
  const maxMilliseconds = database.statementMilliseconds;

  /** Returns what distinguishes the statement of `read` from others: everything but the values of its cursors. */
  function nameOfRead(read: Read): string {
    const { kind, relation, selection } = read;
    const name = `${kind} ${objectId(relation)} ${objectId(selection)}`;
    if (kind === "row") return name;
    const { after, before } = read.input.page;
    const shape = JSON.stringify({ ...read.input, page: { ...read.input.page, after: after?.length, before: before?.length } });
    return `${name} ${kind === "pages" ? objectId(read.parent) : ""} ${shape}`;
  }

  /**
   * Returns the cached plan of `read` for `viewer`, or makes it. Throws {@link UnsupportedAsJson}, also from the cache.
   */
  function planned(viewer: Viewer, read: Read): PreparedRead {
    const name = `${personOf(viewer)} ${accessScopeOf(viewer)} ${nameOfRead(read)}`;
    const known = plans.get(name);
    const prepared = known ?? attempt(() => prepare(viewer, withParams(read)), UnsupportedAsJson);
    if (!known) plans.set(name, prepared);
    if (prepared instanceof UnsupportedAsJson) throw prepared;
    return prepared;
  }

  function prepare(viewer: Viewer, read: Read): PreparedRead {
    const written = writeStatement(read, viewer);
    return {
      decode: createDecoder(written),
      statement: runner.prepare(written.sql, written.weight, accessScopeOf(viewer)),
    };
  }

  /**
   * Runs the plan once for each element of `given`, which has values by parameter name. Returns the decoded results in
   * that order.
   */
  async function ask(
    viewer: Viewer,
    { decode, statement: { params, batch } }: PreparedRead,
    given: readonly Readonly<Record<string, string>>[],
  ): Promise<unknown[]> {
    const questions = given.map((filled) => params.map(({ name = "", value }) => value ?? filled[name] ?? ""));
    const [only, ...others] = questions;
    if (only === undefined) return [];
    const response = allowanceOf(viewer, budget);
    const results = others.length === 0 ? [await batch.one(only, response)] : await batch.all(questions, response);
    return results.map(decode);
  }

  const reads: Reads = {
    async byKeys(viewer, relation, keys, selection = wholeRow) {
      const prepared = planned(viewer, { kind: "row", relation, selection });
      // The plan decodes rows of its relation's entity, whose type is Row.
      return ask(viewer, prepared, keys.map(paramsOf)) as Promise<never>;
    },

    async page(viewer, relation, input, selection = pageOfRows) {
      if (input.page.inSteps === true) {
        const read = (step: Page) => reads.page(viewer, relation, { ...input, page: step }, selection);
        return readInSteps(input.page, { read, maxMilliseconds });
      }
      const prepared = planned(viewer, { kind: "page", relation, input, selection });
      const [page] = await ask(viewer, prepared, [positionsOf(input)]);
      return page as never; // as above
    },

    async pagesOf(viewer, parents, relation, input, selection = pageOfRows) {
      if (input.page.inSteps === true) {
        const pageOf = async (key: Key) => {
          const read = async (step: Page) => {
            const one = { relation: parents.relation, keys: [key] };
            const [slice = null] = await reads.pagesOf(viewer, one, relation, { ...input, page: step }, selection);
            return slice;
          };
          return readInSteps(input.page, { read, maxMilliseconds });
        };
        return Promise.all(parents.keys.map(pageOf));
      }
      const prepared = planned(viewer, { kind: "pages", parent: parents.relation, relation, input, selection });
      const positions = positionsOf(input);
      const given = parents.keys.map((key) => ({ ...positions, ...paramsOf(key) }));
      return ask(viewer, prepared, given) as Promise<never>; // as above
    },

    async count(viewer, relation, input) {
      const page = await reads.page(viewer, relation, counted(input), totalOfPages);
      return page.total ?? 0;
    },

    async countsOf(viewer, parents, relation, input) {
      const pages = await reads.pagesOf(viewer, parents, relation, counted(input), totalOfPages);
      return pages.map((page) => page?.total ?? 0);
    },

    async total(viewer, relation, input) {
      return totalOf(await reads.page(viewer, relation, counted(input), boundedTotalOfPages));
    },

    async totalsOf(viewer, parents, relation, input) {
      const pages = await reads.pagesOf(viewer, parents, relation, counted(input), boundedTotalOfPages);
      return pages.map(totalOf);
    },
  };
  return reads;
}

function totalOf(page: CountedSlice<unknown> | null): Total {
  return { count: page?.total ?? 0, isExact: page?.totalIsExact ?? true };
}

/** Returns the input of a count, which reads no page: neither order nor page matter. */
function counted<Input extends PageInput>(input: Omit<Input, keyof PageInput>): Input {
  const page: PageInput = { ordering: [{ ...tiesById, direction: "ASC" }], page: { size: 1, from: "start" } };
  return { ...input, ...page } as Input; // the rest of the input, and the page that it lacks
}

/**
 * Returns the access scope of a viewer: everything that policies may look at. Viewers of one scope share statements,
 * others never do.
 */
function accessScopeOf(viewer: Viewer): string {
  if (viewer.kind === "anonymous") return "nobody";
  const { account, role, person, scopes } = viewer;
  return `${account.id} ${role} ${isStaff(viewer) ? "" : person.id} ${scopeListOf(scopes)}`;
}

/** The names in sets of scopes. A credential has the same set in all of its requests. */
const scopeLists = new WeakMap<ReadonlySet<Scope>, string>();

function scopeListOf(scopes: ReadonlySet<Scope>): string {
  const known = scopeLists.get(scopes);
  if (known !== undefined) return known;
  const list = [...scopes].join(" ");
  scopeLists.set(scopes, list);
  return list;
}

/**
 * Plans are cached for each person as well: a policy may look at the person too, and then writes it into the statement.
 */
function personOf(viewer: Viewer): string {
  return viewer.kind === "anonymous" ? "nobody" : viewer.person.id;
}

/** Returns `read` with parameters in place of its cursors. */
function withParams(read: Read): Read {
  if (read.kind === "row") return read;
  const { after, before } = read.input.page;
  const page = { ...read.input.page, after: paramsFor("after", after), before: paramsFor("before", before) };
  return { ...read, input: { ...read.input, page } };
}

function positionsOf({ page }: PageInput): Record<string, string> {
  return { ...valuesOf("after", page.after), ...valuesOf("before", page.before) };
}

function paramsOf(key: Key): Readonly<Record<string, string>> {
  return typeof key === "object" ? key : { key: String(key) };
}

function paramsFor(side: string, position: GivenPosition | undefined): GivenPosition | undefined {
  return position?.map((_, index) => param(`${side} ${index}`));
}

function valuesOf(side: string, position: GivenPosition | undefined): Record<string, string> {
  return Object.fromEntries((position ?? []).map((value, index) => [`${side} ${index}`, isParam(value) ? "" : String(value)]));
}

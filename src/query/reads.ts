import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import { attempt } from "../errors.ts";
import type { Database } from "../database/database.ts";
import type { GivenPosition } from "./model/page.ts";
import type { ResponseBudget } from "../lib/response-budget.ts";
import { isParam, type Param, param } from "../database/sql.ts";
import { allowanceOf, isStaff, type Viewer } from "../viewer.ts";
import { createObjectIds } from "../lib/object-ids.ts";
import { type StatementResult, type Batch, createStatementRunner, writeStatement } from "./run/batch.ts";
import { UnsupportedAsJson } from "./result/json-result.ts";
import { type FoundList, planListInJson } from "./statement/json.ts";
import { planMany, planOne } from "./statement/plan.ts";
import { maximumBytesParam, type Plan } from "./plan/budget.ts";
import type { ManyRelation, OneRelation, PageInput } from "./model/relation.ts";
import {
  allFields,
  type CountedSlice,
  preloaded,
  type Selection,
  pageWithCursors,
  type PageSelection,
} from "./model/selection.ts";

/** Reads rows with everything that is selected below them, in one statement each. Equal reads of one moment are sent as one. */
export interface Reads {
  /** Returns the rows in the order of `keys`: null if there is no such row or the viewer may not see it. */
  byKeys<Row>(viewer: Viewer, relation: OneRelation<Row>, keys: readonly Key[], selection?: Selection): Promise<(Row | null)[]>;
  page<Row, Input extends PageInput>(
    viewer: Viewer,
    relation: ManyRelation<Row, Input>,
    input: Input,
    pageSelection?: PageSelection,
    selection?: Selection,
  ): Promise<CountedSlice<Row>>;
  /** Returns for each key the parent with its `fields` and a page of its rows: null if the viewer sees no such parent. */
  pagesOf<Parent, Row, Input extends PageInput>(
    viewer: Viewer,
    parent: { readonly relation: OneRelation<Parent>; readonly keys: readonly Key[]; readonly fields?: Selection },
    relation: ManyRelation<Row, Input>,
    input: Input,
    pageSelection?: PageSelection,
    selection?: Selection,
  ): Promise<({ readonly parent: Parent; readonly page: CountedSlice<Row> } | null)[]>;
}

/** The key of a row: the value of the parameter `key` of its relation, or of several parameters by name. */
export type Key = string | number | Readonly<Record<string, string>>;

export interface ReadsDependencies {
  readonly database: Database;
  readonly budget: ResponseBudget;
  /** The values of the parameters that are the same for all callers. It is called each time a statement is sent. */
  readonly sharedParams: () => Readonly<Record<string, string>>;
}

/** A plan that can be run with any values of its parameters. */
interface PreparedPlan {
  readonly decode: Plan<unknown>["decode"];
  /** The parameters of the statement, in the order of their values. */
  readonly params: readonly Param[];
  readonly batch: Batch;
  /** The characters of its statement and of the constants in it. */
  readonly size: number;
}

interface SizedBatch {
  readonly batch: Batch;
  readonly size: number;
}

/**
 * How many plans and batches are cached, of some ten kilobytes each. A client that filters by another date each time fills
 * both.
 */
const planCacheSize = 1_000;
const batchCacheSize = 500;
/** How many characters of statements and constants each of the two caches holds. */
const planCacheCharacters = 5_000_000;
/** A larger plan is not cached: one with thousands of ids does not come twice, and would fill the cache. */
const maxPlanCharacters = 50_000;

export function createReads({ database, budget, sharedParams }: ReadsDependencies): Reads {
  const allSharedParams = () => ({ ...sharedParams(), [maximumBytesParam]: String(budget.maximumBytes) });
  const runner = createStatementRunner({ database, maximumBytes: budget.maximumBytes, sharedParams: allSharedParams });
  const within = { maxSize: planCacheCharacters, maxEntrySize: maxPlanCharacters };
  // A selection that cannot be planned is cached as well.
  const plans = new LRUCache<string, PreparedPlan | UnsupportedAsJson>({
    ...{ ...within, max: planCacheSize },
    sizeCalculation: (prepared, name) => name.length + ("size" in prepared ? prepared.size : 0),
  });
  const batches = new LRUCache<string, SizedBatch>({
    ...{ ...within, max: batchCacheSize },
    sizeCalculation: ({ size }) => size,
  });

  const objectId = createObjectIds();
  const decoded = new WeakMap<StatementResult, WeakMap<Plan<unknown>["decode"], unknown>>();

  /** Returns the decoded `result`. Callers that share a result share the decoded value, which nobody changes. */
  function decodedBy(decode: Plan<unknown>["decode"], result: StatementResult): unknown {
    const decodedValues = decoded.get(result) ?? new WeakMap<Plan<unknown>["decode"], unknown>();
    decoded.set(result, decodedValues);
    if (decodedValues.has(decode)) return decodedValues.get(decode);
    const value = decode(result.json);
    decodedValues.set(decode, value);
    return value;
  }

  /** The part of a page's input that makes another statement: everything but the values of its cursors. */
  function shapeOf(input: PageInput, pageSelection: PageSelection): string {
    const { after, before } = input.page;
    const { json, list, ...others } = pageSelection;
    const shape = { ...input, page: { ...input.page, after: after?.length, before: before?.length }, pageSelection: others };
    return `${JSON.stringify(shape)} ${json ? objectId(json) : ""} ${list ? objectId(list) : ""}`;
  }

  /** Returns the cached plan of `name` for `viewer`, or makes it. Throws {@link UnsupportedAsJson}, also from the cache. */
  function planned(viewer: Viewer, name: string, make: () => Plan<unknown>): PreparedPlan {
    const fullName = `${personOf(viewer)} ${accessScopeOf(viewer)} ${name}`;
    const known = plans.get(fullName);
    const prepared = known ?? attempt(() => prepare(make(), accessScopeOf(viewer)), UnsupportedAsJson);
    if (!known) plans.set(fullName, prepared);
    if (prepared instanceof UnsupportedAsJson) throw prepared;
    return prepared;
  }

  function prepare(plan: Plan<unknown>, accessScope: string): PreparedPlan {
    const written = writeStatement(plan.statement, (name) => name in allSharedParams());
    // The statement and its constants already have the policy in them. The access scope is added so that viewers of two scopes
    // can never share a statement.
    const text = `${accessScope} ${JSON.stringify(written.constants)} ${written.single}`;
    const name = createHash("sha256").update(text).digest("base64url");
    const size = text.length;
    const { batch } = batches.get(name) ?? { batch: runner.batchOf(written, plan.weight, maxBatchSizeOf(plan)) };
    batches.set(name, { batch, size });
    return { decode: plan.decode, params: written.params, batch, size };
  }

  /**
   * Runs the plan once for each element of `given`, which has values by parameter name. Returns the decoded results in that
   * order.
   */
  async function ask(
    viewer: Viewer,
    { decode, params, batch }: PreparedPlan,
    given: readonly Readonly<Record<string, string>>[],
  ): Promise<unknown[]> {
    const questions = given.map((filled) => params.map(({ name = "", value }) => value ?? filled[name] ?? ""));
    const [only, ...others] = questions;
    if (only === undefined) return [];
    const response = allowanceOf(viewer, budget);
    const results = others.length === 0 ? [await batch.one(only, response)] : await batch.all(questions, response);
    return results.map((result) => decodedBy(decode, result));
  }

  /** Runs the plan of a page for each of `keys`. Returns the decoded results in that order. */
  function askFor(viewer: Viewer, prepared: PreparedPlan, keys: readonly Key[], input: PageInput): Promise<unknown[]> {
    const positions = positionsOf(input);
    return ask(
      viewer,
      prepared,
      keys.map((key) => ({ ...positions, ...paramsOf(key) })),
    );
  }

  return {
    async byKeys(viewer, relation, keys, selection = allFields) {
      const prepared = planned(viewer, `${objectId(relation)} ${objectId(selection)}`, () =>
        planOne(relation, selection, viewer),
      );
      // The plan decodes rows of its relation's entity, whose type is Row.
      return ask(viewer, prepared, keys.map(paramsOf)) as Promise<never>;
    },

    async page(viewer, relation, input, pageSelection = pageWithCursors, selection = allFields) {
      const name = `${objectId(relation)} ${objectId(selection)} ${shapeOf(input, pageSelection)}`;
      const prepared = planned(viewer, name, () =>
        planMany(relation, { input: withParams(input), pageSelection, selection }, viewer),
      );
      const [page] = await ask(viewer, prepared, [positionsOf(input)]);
      return page as never; // as above
    },

    async pagesOf(viewer, parent, relation, input, pageSelection = pageWithCursors, selection = allFields) {
      const { list } = pageSelection;
      if (list) {
        const of = parent.relation;
        const prepared = planned(viewer, `${objectId(of)} ${objectId(relation)} ${shapeOf(input, pageSelection)}`, () =>
          planListInJson(relation, { input: withParams(input), pageSelection, list }, viewer, of),
        );
        const found = await askFor(viewer, prepared, parent.keys, input);
        // The parent with what always comes of it, and the page of its rows.
        return (found as (FoundList<never> | null)[]).map(
          (one) => one && { parent: { id: one.parentId }, page: one.page },
        ) as never;
      }
      const { fields = idOnly } = parent;
      const name = `${[parent.relation, fields, relation, selection].map(objectId).join(" ")} ${shapeOf(input, pageSelection)}`;
      const prepared = planned(viewer, name, () => {
        relation.from(viewer, input); // Throws if the viewer may not read these rows. As a part of the parent the page would be left out.
        // The input is the relation's own: the two are handed over together from here on.
        const page = { relation, input: withParams(input), pageSelection, selection, fallbackColumns: [] };
        return planOne(parent.relation, { fields: fields.fields, relations: new Map([["page", page]]) }, viewer);
      });
      const rows = await askFor(viewer, prepared, parent.keys, input);
      // As above: a parent or null.
      return (rows as (object | null)[]).map((row) => row && { parent: row, page: preloaded(row, "page") }) as never;
    },
  };
}

const idOnly: Selection = { fields: new Set(), relations: new Map() };

/**
 * Returns the access scope of a viewer: everything that policies may look at. Viewers of one scope share statements, others
 * never do.
 */
function accessScopeOf(viewer: Viewer): string {
  if (viewer.kind === "anonymous") return "nobody";
  const { account, role, person, scopes } = viewer;
  return `${account.id} ${role} ${isStaff(viewer) ? "" : person.id} ${[...scopes].join(" ")}`;
}

/** Plans are cached for each person as well: a policy may look at the person too, and then writes it into the statement. */
function personOf(viewer: Viewer): string {
  return viewer.kind === "anonymous" ? "nobody" : viewer.person.id;
}

/**
 * How many rows one statement may read for a whole batch. With more, all callers wait for the last one while other connections
 * are idle.
 */
const maxRowsOfBatch = 4_000;
const maxQuestionsOfBatch = 32;

function maxBatchSizeOf({ weight }: Plan<unknown>): number {
  return Math.max(1, Math.min(maxQuestionsOfBatch, Math.floor(maxRowsOfBatch / weight)));
}

function withParams<Input extends PageInput>(input: Input): Input {
  const { after, before } = input.page;
  return { ...input, page: { ...input.page, after: paramsFor("after", after), before: paramsFor("before", before) } };
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

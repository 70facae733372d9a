import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import { attempt } from "../errors.ts";
import type { Database } from "../platform/database.ts";
import type { GivenPosition } from "../platform/keyset.ts";
import type { ResponseBudget } from "../platform/response-budget.ts";
import { isSlot, type Slot, slot } from "../platform/sql.ts";
import { allowanceOf, isStaff, type Viewer } from "../viewer.ts";
import { createObjectIds } from "./object-ids.ts";
import { type Answer, type Batch, createStatementRunner, writeStatement } from "./batch.ts";
import { UnsupportedAsJson } from "./json-result.ts";
import { type FoundList, planListInJson } from "./json.ts";
import { planMany, planOne } from "./plan.ts";
import { maximumBytesParam, type Plan } from "./statement.ts";
import type { ManyRelation, OneRelation, PageInput } from "./relation.ts";
import { allFields, type CountedSlice, related, type Selection, pageWithCursors, type WantedOfPage } from "./selection.ts";

/** Reads of rows with all that is selected of them, in one statement each; equal reads of one moment go out as one. */
export interface Reads {
  /** In the order of `keys`, null where there is none or the viewer may not see it. */
  byKeys<Row>(viewer: Viewer, relation: OneRelation<Row>, keys: readonly Key[], selection?: Selection): Promise<(Row | null)[]>;
  page<Row, Input extends PageInput>(
    viewer: Viewer,
    relation: ManyRelation<Row, Input>,
    input: Input,
    wanted?: WantedOfPage,
    selection?: Selection,
  ): Promise<CountedSlice<Row>>;
  /** The same page of each parent's rows, with the parent's `fields`, in the order of `keys`; null where there is no such parent to see. */
  pagesOf<Parent, Row, Input extends PageInput>(
    viewer: Viewer,
    parent: { readonly relation: OneRelation<Parent>; readonly keys: readonly Key[]; readonly fields?: Selection },
    relation: ManyRelation<Row, Input>,
    input: Input,
    wanted?: WantedOfPage,
    selection?: Selection,
  ): Promise<({ readonly parent: Parent; readonly page: CountedSlice<Row> } | null)[]>;
}

/** What a row is found by: the slot `key` of its relation, or several slots by their names. */
export type Key = string | number | Readonly<Record<string, string>>;

export interface ReadsDependencies {
  readonly database: Database;
  readonly budget: ResponseBudget;
  /** What the slots that no caller fills are filled with, asked each time a statement is sent. */
  readonly ambient: () => Readonly<Record<string, string>>;
}

/** A plan, ready to be sent for any values of its slots. */
interface PreparedPlan {
  readonly decode: Plan<unknown>["decode"];
  /** The slots of the statement, in the order of their values. */
  readonly slots: readonly Slot[];
  readonly batch: Batch;
  /** The characters of its statement and of the constants in it. */
  readonly size: number;
}

interface SizedBatch {
  readonly batch: Batch;
  readonly size: number;
}

/**
 * Plans and the batches of statements are kept for what is asked again and again; the least recently used goes first. A client that filters by another
 * date each time fills either: each takes some ten kilobytes.
 */
const keptPlans = 1_000;
const keptBatches = 500;
/** How many characters of statements and their constants either keeps. */
const keptCharacters = 5_000_000;
/** What is filtered by thousands of ids is not asked twice, and would be most of what is kept. */
const longestKept = 50_000;

export function createReads({ database, budget, ambient }: ReadsDependencies): Reads {
  const sharedParams = () => ({ ...ambient(), [maximumBytesParam]: String(budget.maximumBytes) });
  const runner = createStatementRunner({ database, maximumBytes: budget.maximumBytes, ambient: sharedParams });
  const within = { maxSize: keptCharacters, maxEntrySize: longestKept };
  // That something cannot be planned is kept as well.
  const plans = new LRUCache<string, PreparedPlan | UnsupportedAsJson>({
    ...{ ...within, max: keptPlans },
    sizeCalculation: (prepared, name) => name.length + ("size" in prepared ? prepared.size : 0),
  });
  const batches = new LRUCache<string, SizedBatch>({
    ...{ ...within, max: keptBatches },
    sizeCalculation: ({ size }) => size,
  });

  const objectId = createObjectIds();
  const decoded = new WeakMap<Answer, WeakMap<Plan<unknown>["decode"], unknown>>();

  /** What `decode` makes of `answer`. Of one that several had asked for together it is made once, and nobody changes it. */
  function decodedBy(decode: Plan<unknown>["decode"], answer: Answer): unknown {
    const ofAnswer = decoded.get(answer) ?? new WeakMap<Plan<unknown>["decode"], unknown>();
    decoded.set(answer, ofAnswer);
    if (ofAnswer.has(decode)) return ofAnswer.get(decode);
    const value = decode(answer.json);
    ofAnswer.set(decode, value);
    return value;
  }

  /** What of a page's input makes for another statement: all but where a cursor stands. */
  function shapeOf(input: PageInput, wanted: WantedOfPage): string {
    const { after, before } = input.page;
    const { json, list, ...others } = wanted;
    const shape = { ...input, page: { ...input.page, after: after?.length, before: before?.length }, wanted: others };
    return `${JSON.stringify(shape)} ${json ? objectId(json) : ""} ${list ? objectId(list) : ""}`;
  }

  /** The plan of that name for `viewer`, made where it is not known. */
  function planned(viewer: Viewer, name: string, make: () => Plan<unknown>): PreparedPlan {
    const fullName = `${personOf(viewer)} ${reachOf(viewer)} ${name}`;
    const known = plans.get(fullName);
    const prepared = known ?? attempt(() => prepare(make(), reachOf(viewer)), UnsupportedAsJson);
    if (!known) plans.set(fullName, prepared);
    if (prepared instanceof UnsupportedAsJson) throw prepared;
    return prepared;
  }

  function prepare(plan: Plan<unknown>, reach: string): PreparedPlan {
    const written = writeStatement(plan.statement, (name) => name in sharedParams());
    // What a viewer may see is a condition in the statement already, with its values among the constants. Said again, so that no statement ever
    // stands for viewers of two reaches.
    const text = `${reach} ${JSON.stringify(written.constants)} ${written.single}`;
    const name = createHash("sha256").update(text).digest("base64url");
    const size = text.length;
    const { batch } = batches.get(name) ?? { batch: runner.batchOf(written, plan.weight, mostTogether(plan)) };
    batches.set(name, { batch, size });
    return { decode: plan.decode, slots: written.slots, batch, size };
  }

  /** What the plan's statement answers, for each of the ways to fill its slots. */
  async function ask(
    viewer: Viewer,
    { decode, slots, batch }: PreparedPlan,
    given: readonly Readonly<Record<string, string>>[],
  ): Promise<unknown[]> {
    const questions = given.map((filled) => slots.map(({ name = "", value }) => value ?? filled[name] ?? ""));
    const [only, ...others] = questions;
    if (only === undefined) return [];
    const response = allowanceOf(viewer, budget);
    const answers = others.length === 0 ? [await batch.one(only, response)] : await batch.all(questions, response);
    return answers.map((answer) => decodedBy(decode, answer));
  }

  /** What the plan's statement answers of a page of each of `keys`. */
  function askFor(viewer: Viewer, prepared: PreparedPlan, keys: readonly Key[], input: PageInput): Promise<unknown[]> {
    const positions = positionsOf(input);
    return ask(
      viewer,
      prepared,
      keys.map((key) => ({ ...positions, ...slotsOf(key) })),
    );
  }

  return {
    async byKeys(viewer, relation, keys, selection = allFields) {
      const prepared = planned(viewer, `${objectId(relation)} ${objectId(selection)}`, () =>
        planOne(relation, selection, viewer),
      );
      // What a plan makes of its answer are rows of its relation's entity, which is what the caller calls Row.
      return ask(viewer, prepared, keys.map(slotsOf)) as Promise<never>;
    },

    async page(viewer, relation, input, wanted = pageWithCursors, selection = allFields) {
      const name = `${objectId(relation)} ${objectId(selection)} ${shapeOf(input, wanted)}`;
      const prepared = planned(viewer, name, () => planMany(relation, { input: withSlots(input), wanted, selection }, viewer));
      const [page] = await ask(viewer, prepared, [positionsOf(input)]);
      return page as never; // as above
    },

    async pagesOf(viewer, parent, relation, input, wanted = pageWithCursors, selection = allFields) {
      const { list } = wanted;
      if (list) {
        const of = parent.relation;
        const prepared = planned(viewer, `${objectId(of)} ${objectId(relation)} ${shapeOf(input, wanted)}`, () =>
          planListInJson(relation, { input: withSlots(input), wanted, list }, viewer, of),
        );
        const found = await askFor(viewer, prepared, parent.keys, input);
        // The parent with what always comes of it, and the page of its rows.
        return (found as (FoundList<never> | null)[]).map(
          (one) => one && { parent: { id: one.parentId }, page: one.page },
        ) as never;
      }
      const { fields = idOnly } = parent;
      const name = `${[parent.relation, fields, relation, selection].map(objectId).join(" ")} ${shapeOf(input, wanted)}`;
      const prepared = planned(viewer, name, () => {
        relation.from(viewer, input); // refuses whoever may not read these: as a part of the parent it would only be left out
        // The input is the relation's own: the two are handed over together from here on.
        const page = { relation, input: withSlots(input), wanted, selection, orElse: [] };
        return planOne(parent.relation, { fields: fields.fields, relations: new Map([["page", page]]) }, viewer);
      });
      const rows = await askFor(viewer, prepared, parent.keys, input);
      // As above: a parent or null.
      return (rows as (object | null)[]).map((row) => row && { parent: row, page: related(row, "page") }) as never;
    },
  };
}

const idOnly: Selection = { fields: new Set(), relations: new Map() };

/** All of a viewer that what they may see can depend on. Statements are shared within one reach, never beyond. */
function reachOf(viewer: Viewer): string {
  if (viewer.kind === "anonymous") return "nobody";
  const { account, role, person, scopes } = viewer;
  return `${account.id} ${role} ${isStaff(viewer) ? "" : person.id} ${[...scopes].join(" ")}`;
}

/** Plans are kept for each person, whatever their reach: a policy may look at the person too, and then writes it into the statement. */
function personOf(viewer: Viewer): string {
  return viewer.kind === "anonymous" ? "nobody" : viewer.person.id;
}

/** Rows that one statement may read for all who ask. More keep everyone waiting for the last, on one connection while others are idle. */
const rowsTogether = 4_000;
const questionsTogether = 32;

function mostTogether({ weight }: Plan<unknown>): number {
  return Math.max(1, Math.min(questionsTogether, Math.floor(rowsTogether / weight)));
}

function withSlots<Input extends PageInput>(input: Input): Input {
  const { after, before } = input.page;
  return { ...input, page: { ...input.page, after: slotsFor("after", after), before: slotsFor("before", before) } };
}

function positionsOf({ page }: PageInput): Record<string, string> {
  return { ...valuesOf("after", page.after), ...valuesOf("before", page.before) };
}

function slotsOf(key: Key): Readonly<Record<string, string>> {
  return typeof key === "object" ? key : { key: String(key) };
}

function slotsFor(side: string, position: GivenPosition | undefined): GivenPosition | undefined {
  return position?.map((_, index) => slot(`${side} ${index}`));
}

function valuesOf(side: string, position: GivenPosition | undefined): Record<string, string> {
  return Object.fromEntries((position ?? []).map((value, index) => [`${side} ${index}`, isSlot(value) ? "" : String(value)]));
}

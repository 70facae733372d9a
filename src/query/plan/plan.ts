import { integer, sql, type Sql } from "../../database/sql.ts";
import { attempt, DomainError } from "../../errors.ts";
import type { Viewer } from "../../viewer.ts";
import type { Entity } from "../model/entity.ts";
import { maxTotal, type Page } from "../model/page.ts";
import type { Read } from "../model/read.ts";
import type { ManyRelation, OneRelation, PageInput } from "../model/relation.ts";
import type { Selection } from "../model/selection.ts";
import { UnsupportedAsJson } from "../model/unsupported-as-json.ts";
import { boundedRows, createBudget, weightOfPage, withBoundPositions } from "./budget.ts";
import { pageFrom, type PageRows } from "./pages.ts";
import { storedMembers, storedPageMembers } from "./stored-members.ts";
import { countUpTo, totalFrom } from "./totals.ts";

/** What a statement reads, under the policy of one viewer and within the budget of one statement. */
export interface Plan {
  /** The read, with the members that rows have in the database if it reads rows. */
  readonly read: Read;
  /** Whether the statement writes the JSON of a response, or rows for resolvers. */
  readonly as: Selection["as"];
  /**
   * Returns the FROM item of a row, which begins with the policy. Throws a {@link DomainError} if it refuses the read.
   */
  row(relation: OneRelation): Sql;
  /**
   * Returns the plan of a page. `lookahead`: one row more is read. Throws a {@link DomainError} if the policy refuses
   * the read.
   */
  page<Input extends PageInput>(relation: ManyRelation<unknown, Input>, input: Input, lookahead: boolean): PagePlan;
  /**
   * Returns what `plan` returns for a relation at `depth`. If the budget is used up or the policy refuses the read, it
   * returns undefined for rows, whose resolvers read such a relation themselves, and throws {@link UnsupportedAsJson}
   * for JSON.
   */
  related<Planned>(depth: number, plan: () => Planned): Planned | undefined;
}

/** Which rows a page reads. */
export interface PagePlan extends PageRows {
  readonly target: Entity<unknown>;
  readonly page: Page;
  /** WITH parts that the rows name, and whether the rows are only some of those that there are. */
  readonly withParts: Sql | undefined;
  readonly isPartial: Sql;
  /** Returns a statement that selects the number of rows on all pages, or `max` if there are more. */
  readonly count: (max: number | undefined) => Sql;
  /** Returns a statement that selects the members of a {@link Total}, as `total` and `is_exact`. */
  readonly total: () => Sql;
  /** Returns how many rows the page probably reads at most, if each of its rows reads `weight` rows. */
  readonly weightOf: (weight: number) => number;
  /** As {@link boundedRows}. */
  readonly bounded: (weight: number, written: Sql, bytes: Sql) => Sql;
}

/** Returns the plan of a read for `viewer`: nothing is planned before it is asked for. */
export function planRead(read: Read, viewer: Viewer): Plan {
  const stored = asStored(read);
  const as = stored.selection.as === "rows" ? "rows" : "json";
  const budget = createBudget();
  return {
    read: stored,
    as,
    row: (relation) => relation.from(viewer),
    page({ target, from, countFrom = from, keptTotal }, input, lookahead) {
      const page: Page = { ...withBoundPositions(input.page), lookahead };
      const rows = from(viewer, input);
      return {
        target,
        page,
        withParts: rows.withParts,
        isPartial: rows.isPartial ?? sql`false`,
        ...pageFrom(target, rows, input.ordering, page),
        count(max) {
          const kept = keptTotal?.(viewer, input);
          if (!kept) return countUpTo(target, countFrom(viewer, input), max);
          return max === undefined ? sql`SELECT ${kept}` : sql`SELECT least(${kept}, ${integer(max)})`;
        },
        total() {
          const kept = keptTotal?.(viewer, input);
          if (!kept) return totalFrom(target, countFrom(viewer, input));
          const most = integer(maxTotal + 1);
          // OFFSET 0: PostgreSQL would otherwise look the total up for each of the two columns.
          return sql`SELECT least(kept.total, ${most}) AS total, kept.total < ${most} AS is_exact FROM (SELECT ${kept} AS total OFFSET 0) kept`;
        },
        weightOf: (weight) => weightOfPage(page, weight),
        bounded: boundedRows,
      };
    },
    related(depth, plan) {
      const planned = budget.takes(depth) ? attempt(plan, DomainError) : undefined;
      const isRefused = planned instanceof DomainError;
      if (planned !== undefined && !isRefused) return planned;
      if (as === "rows") return undefined;
      throw new UnsupportedAsJson(isRefused ? planned : undefined);
    },
  };
}

/** Returns `read` with the members that rows have in the database, if it reads rows. */
function asStored(read: Read): Read {
  if (read.selection.as !== "rows") return read;
  if (read.kind === "row") return { ...read, selection: { ...read.selection, members: storedMembers(read.selection.members) } };
  const { input, selection } = read;
  const members = storedPageMembers(selection.members, { input, scope: selection.scope });
  return { ...read, selection: { ...read.selection, members } };
}

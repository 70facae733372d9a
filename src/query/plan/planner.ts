import type { Sql } from "../../database/sql.ts";
import { attempt, DomainError } from "../../errors.ts";
import type { Viewer } from "../../viewer.ts";
import type { Entity } from "../model/entity.ts";
import type { Page } from "../model/page.ts";
import type { ManyRelation, OneRelation, PageInput } from "../model/relation.ts";
import type { Selection } from "../model/selection.ts";
import { UnsupportedAsJson } from "../model/unsupported-as-json.ts";
import { createBudget, withBoundPositions } from "./budget.ts";
import { countUpTo, pageFrom } from "./pages.ts";

/** What a statement reads, under the policy of one viewer and within the budget of one statement. */
export interface Planner {
  readonly as: Selection["as"];
  /** Returns the FROM item of a row, which begins with the policy. Throws a {@link DomainError} if it refuses the read. */
  row(relation: OneRelation): Sql;
  /** Returns the plan of a page. `lookahead`: one row more is read. Throws a {@link DomainError} if the policy refuses the read. */
  page<Input extends PageInput>(relation: ManyRelation<unknown, Input>, input: Input, lookahead: boolean): PagePlan;
  /**
   * Returns what `plan` returns for a relation at `depth`. If the budget is used up or the policy refuses the read, it returns
   * undefined for rows, whose resolvers read such a relation themselves, and throws {@link UnsupportedAsJson} for JSON.
   */
  related<Plan>(depth: number, plan: () => Plan): Plan | undefined;
}

/** Which rows a page reads. */
export interface PagePlan {
  readonly target: Entity<unknown>;
  readonly page: Page;
  /** Selects all columns of the rows that are read, from the start or from the end of the page. */
  readonly rows: Sql;
  /** Returns a statement that selects the number of rows on all pages. It stops counting at `max`, if given. */
  readonly count: (max: number | undefined) => Sql;
}

/** Returns the planner of one statement. */
export function createPlanner(viewer: Viewer, as: Selection["as"]): Planner {
  const budget = createBudget();
  return {
    as,
    row: (relation) => relation.from(viewer),
    page({ target, from, countFrom = from }, input, lookahead) {
      const page: Page = { ...withBoundPositions(input.page), lookahead };
      const rows = pageFrom(target, from(viewer, input), input.ordering, page);
      return { target, page, rows, count: (max) => countUpTo(target, countFrom(viewer, input), max) };
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

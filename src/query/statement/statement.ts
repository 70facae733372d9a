import { sql, type Sql } from "../../database/sql.ts";
import type { Viewer } from "../../viewer.ts";
import type { Read, ReadOfPage, ReadOfPages, ReadOfRow } from "../model/read.ts";
import type { PageContent, PageMembers } from "../model/selection.ts";
import { type PagePlan, planRead } from "../plan/plan.ts";
import { jsonArray, storedColumns } from "../model/stored-columns.ts";
import { type Piece, textOf } from "./json-text.ts";
import { aggregated, countOfRead, type EndsOf, firstAndLastRow, positionOf, scanEnd, writeList } from "./page-arrays.ts";
import { divider, type Placeholder } from "../model/json-marks.ts";
import { hasNeighbours, withPartsOf, writePage, writeRow, writeTotal, type Writing } from "./write.ts";

/** A statement that returns one JSON value. */
export interface WrittenStatement {
  /** Selects one column, `json`, of type text, in one row. No row means that there is nothing. */
  readonly sql: Sql;
  /** How many rows it probably reads at most. */
  readonly weight: number;
  /** What the read is that it writes: rows are read as they are stored. */
  readonly read: Read;
  /** What is to be computed in its JSON. */
  readonly placeholders: readonly Placeholder[];
}

/**
 * Returns the statement of a read under the policy of `viewer`. The text of JSON with a head has the head,
 * {@link divider}, then the JSON.
 *
 * Throws a {@link DomainError} if the policy refuses the read, and {@link UnsupportedAsJson} if it refuses a part of it
 * or the JSON would be too large for one statement.
 */
export function writeStatement(read: Read, viewer: Viewer): WrittenStatement {
  const plan = planRead(read, viewer);
  const writing: Writing = { plan, placeholders: [] };
  const written = plan.read.kind === "row" ? rowStatement(plan.read, writing) : pageStatement(plan.read, writing);
  return { ...written, read: plan.read, placeholders: writing.placeholders };
}

/** JSON has a head with the columns of the row itself. */
function rowStatement({ relation, selection }: ReadOfRow, writing: Writing): Pick<WrittenStatement, "sql" | "weight"> {
  const { target, needsReconciling } = relation;
  const from = writing.plan.row(relation);
  const row = writeRow(target, selection.members, needsReconciling, writing, 1);
  const own = sql`${jsonArray(storedColumns(target, selection.columns ?? []).columns)}::text`;
  const head = selection.as === "json" ? [own, divider] : [];
  return { sql: sql`SELECT ${textOf([...head, ...row.pieces])} AS json FROM ${from}`, weight: row.weight };
}

function pageStatement(read: ReadOfPage | ReadOfPages, writing: Writing): Pick<WrittenStatement, "sql" | "weight"> {
  const { relation, input, selection } = read;
  const { members, scope } = selection;
  const page = writing.plan.page(relation, input as never, hasNeighbours(members)); // its own input: see Read
  const written =
    selection.as === "list"
      ? listPieces(page, read, writing)
      : writePage(page, { members, scope, needsReconciling: relation.needsReconciling }, writing, 1);
  const json = sql`SELECT ${textOf(written.pieces)} AS json`;
  const { weight } = written;
  return { sql: read.kind === "pages" ? sql`${json} FROM ${writing.plan.row(read.parent)}` : json, weight };
}

/**
 * The head of a list: how many rows were read, the positions of the first and the last, how many there are on all
 * pages, and the position of the row where reading ended, if the page ended early.
 */
export type ListHead = readonly [
  read: number,
  first: readonly (string | number)[] | null,
  last: readonly (string | number)[] | null,
  total: number | null,
  scanEnd: readonly (string | number)[] | null,
];

/** Returns a {@link ListHead}, {@link divider}, and a JSON list of rows. */
function listPieces(
  page: PagePlan,
  { relation, input, selection }: ReadOfPage | ReadOfPages,
  writing: Writing,
): { readonly pieces: readonly Piece[]; readonly weight: number } {
  const row = writeRow(page.target, requireContent(selection.members, "rows").members, relation.needsReconciling, writing, 1);
  const weight = page.weightOf(row.weight);
  const { ordering } = input;
  const ends: EndsOf = { ordering, textOf: (valueOf) => positionOf(ordering, valueOf) };
  const { first, last } = firstAndLastRow(page, ends);
  const counted = contentOf(selection.members, "total");
  const total = counted ? writeTotal(page, counted) : "null";
  const head = ["[", sql`${countOfRead(ends)}::text`, ",", first, ",", last, ",", total, ",", scanEnd(page, ends), "]"];
  const text = textOf([...head, divider, ...writeList(page.page, 1)]);
  return {
    pieces: [sql`(${withPartsOf(page)}SELECT ${text} FROM ${aggregated([row.pieces], ends, page, weight)} page)`],
    weight,
  };
}

type ContentOfKind<Kind extends PageContent["kind"]> = Extract<PageContent, { readonly kind: Kind }>;

function contentOf<Kind extends PageContent["kind"]>(members: PageMembers, kind: Kind): ContentOfKind<Kind> | undefined {
  return members.map(({ content }) => content).find((content): content is ContentOfKind<Kind> => content.kind === kind);
}

function requireContent<Kind extends PageContent["kind"]>(members: PageMembers, kind: Kind): ContentOfKind<Kind> {
  const content = contentOf(members, kind);
  if (!content) throw new TypeError(`A list selects no ${kind}.`);
  return content;
}

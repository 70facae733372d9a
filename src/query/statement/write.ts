import { attempt } from "../../errors.ts";
import { column, empty, join, raw, sql, type Sql } from "../../database/sql.ts";
import type { CursorScope } from "../model/cursor.ts";
import type { Entity } from "../model/entity.ts";
import type {
  EdgeContent,
  Member,
  PageContent,
  PageInfoContent,
  PageMembers,
  RowContent,
  RowMember,
  RowMembers,
  ToMany,
  ToOne,
} from "../model/selection.ts";
import { UnsupportedAsJson } from "../model/unsupported-as-json.ts";
import type { PagePlan, Plan } from "../plan/plan.ts";
import { jsonArray, storedColumns } from "../model/stored-columns.ts";
import { coalesce, encoded, type Piece, textOf } from "./json-text.ts";
import {
  aggregated,
  cursorOf,
  endedEarly,
  type EndsOf,
  firstAndLast,
  neighbour,
  scanEnd,
  valuesIn,
  writeList,
  writeListAlone,
} from "./page-arrays.ts";
import { missingMark, type Placeholder, placeholderMarks } from "../model/json-marks.ts";

// Writes rows and pages as JSON, by their members.

/** A written part of a statement, and how many rows it probably reads at most. */
interface Written {
  readonly pieces: readonly Piece[];
  readonly weight: number;
}

/** The state of the statement that is being written. */
export interface Writing {
  readonly plan: Plan;
  readonly placeholders: Placeholder[];
}

/**
 * Returns the JSON object of a row that is in the FROM of the statement. If the row needs reconciling, JSON begins with
 * a mark.
 *
 * Throws {@link UnsupportedAsJson}.
 */
export function writeRow(
  entity: Entity<unknown>,
  members: RowMembers,
  needsReconciling: Sql | undefined,
  writing: Writing,
  depth: number,
): Written {
  const inside = writeMembers(entity, members, writing, depth);
  const pieces = ["{", ...inside.pieces, "}"];
  const weight = inside.weight + 1;
  // Rows are reconciled by their service.
  if (!needsReconciling || writing.plan.as === "rows") return { pieces, weight };
  return { pieces: [sql`CASE WHEN ${needsReconciling} THEN ${textOf([missingMark])} ELSE '' END`, ...pieces], weight };
}

/**
 * Writes the members of an object with commas between them. If they are not `all` members, there is a comma before the
 * first one too.
 */
function writeMembers(entity: Entity<unknown>, members: RowMembers, writing: Writing, depth: number, all = true): Written {
  let weight = 0;
  const pieces = members.flatMap((member, index) => {
    const part = writeMember(entity, member, writing, depth);
    if (!part) return [];
    weight += part.weight;
    return all && index === 0 ? part.pieces : afterComma(entity, member, part.pieces);
  });
  return { pieces, weight };
}

/** Returns undefined if rows leave out the member. */
function writeMember(entity: Entity<unknown>, member: RowMember, writing: Writing, depth: number): Written | undefined {
  if ("of" in member) {
    const from = writing.plan.related(depth, () => writing.plan.row(member.of));
    const { pieces, weight } = writeMembers(member.of.target, member.members, writing, depth + 1, false);
    return from && { pieces: [sql`coalesce((SELECT ${textOf(pieces)} FROM ${from}), '')`], weight: weight + 1 };
  }
  const written = writeContent(entity, member.content, writing, depth);
  return written && { ...written, pieces: [`"${member.name}":`, ...written.pieces] };
}

function afterComma(entity: Entity<unknown>, member: RowMember, pieces: readonly Piece[]): readonly Piece[] {
  if ("of" in member) return pieces;
  if (!("when" in member)) return [",", ...pieces];
  const { field, is } = member.when;
  return [sql`CASE WHEN ${column(entity.alias, field)} = ${constant(is)} THEN ${textOf([",", ...pieces])} ELSE '' END`];
}

/**
 * Returns a name of an enumeration or a boolean as SQL text: it is the same in every execution. Throws a TypeError for
 * any other text.
 */
function constant(value: string | boolean): Sql {
  if (typeof value === "boolean") return raw(String(value));
  if (!/^\w+$/.test(value)) throw new TypeError("A member is to depend on what is no name.");
  return raw(`'${value}'`);
}

const weightless = (...pieces: readonly Piece[]): Written => ({ pieces, weight: 0 });

function writeContent(entity: Entity<unknown>, content: RowContent, writing: Writing, depth: number): Written | undefined {
  switch (content.kind) {
    case "constant":
      return weightless(content.json);
    case "column": {
      const pieces = encoded(column(entity.alias, content.field), content.encoding);
      return weightless(...(content.nullable ? [coalesce(pieces, "null")] : pieces));
    }
    case "columns":
      return weightless(arrayOf(entity, content.columns));
    case "computed":
      return weightless(...writeComputed(entity, content, writing));
    case "computedRows":
      return writeComputedRows(content, writing, depth);
    case "object":
      return writeRow(entity, content.members, undefined, writing, depth);
    case "choice":
      return writeChoice(entity, content, writing, depth);
    case "toOne":
      return writeToOne(content, writing, depth);
    case "toMany":
      return writeToMany(content, writing, depth);
    case "onlyRows":
      throw new UnsupportedAsJson();
  }
}

function writeComputed(
  entity: Entity<unknown>,
  { columns, compute }: Pick<Extract<RowContent, { kind: "computed" }>, "columns" | "compute">,
  writing: Writing,
): readonly Piece[] {
  const { decode } = storedColumns(entity, columns);
  const placeholder: Placeholder = { read: (payload) => decode(payload as never[]), compute };
  return withPlaceholder(writing, [arrayOf(entity, columns)], placeholder);
}

function arrayOf(entity: Entity<unknown>, columns: readonly string[] | undefined): Sql {
  return sql`${jsonArray(storedColumns(entity, columns).columns)}::text`;
}

function writeChoice(
  entity: Entity<unknown>,
  { field, yes, no }: Extract<RowContent, { kind: "choice" }>,
  writing: Writing,
  depth: number,
): Written {
  const [one, other] = [yes, no].map((content) => writeContent(entity, content, writing, depth) ?? weightless("null"));
  const [ifTrue, ifFalse] = [one, other].map((written) => textOf(written?.pieces ?? []));
  const pieces = [sql`CASE WHEN ${column(entity.alias, field)} THEN ${ifTrue} ELSE ${ifFalse} END`];
  return { pieces, weight: Math.max(one?.weight ?? 0, other?.weight ?? 0) };
}

function writeComputedRows(
  { relation, input, none, compute }: Extract<RowContent, { kind: "computedRows" }>,
  writing: Writing,
  depth: number,
): Written {
  const { target } = relation;
  const { plan } = writing;
  // The input is the relation's own: see RowContent.
  const page = attempt(() => plan.related(depth, () => plan.page(relation, input as never, false)), UnsupportedAsJson);
  const isRefused = page instanceof UnsupportedAsJson;
  if (isRefused && page.cause === undefined) throw page;
  if (!page || isRefused) return weightless(none);
  const { columns, decode } = storedColumns(target, undefined);
  // Decodes an array of rows.
  const read = (payload: unknown) => (payload as never[][]).map((values) => decode(values));
  const found = sql`(SELECT json_agg(${jsonArray(columns)})::text FROM (${page.rows}) ${raw(target.alias)})`;
  return { pieces: [coalesce(withPlaceholder(writing, [found], { read, compute }), none)], weight: 1 };
}

function writeToOne(content: ToOne, writing: Writing, depth: number): Written | undefined {
  const { relation, nullable, members, isValue = false } = content;
  const from = writing.plan.related(depth, () => writing.plan.row(relation));
  if (!from) return undefined;
  const row = isValue
    ? writeValue(relation.target, members, writing, depth + 1)
    : writeRow(relation.target, members, relation.needsReconciling, writing, depth + 1);
  return {
    pieces: [coalesce([sql`(SELECT ${textOf(row.pieces)} FROM ${from})`], nullable ? "null" : missingMark)],
    weight: row.weight,
  };
}

/** Returns the JSON of the only member of a row. */
function writeValue(entity: Entity<unknown>, [member]: RowMembers, writing: Writing, depth: number): Written {
  const written = member && "content" in member ? writeContent(entity, member.content, writing, depth) : undefined;
  if (!written) throw new TypeError("A value of a related row is one member of it.");
  return { ...written, weight: written.weight + 1 };
}

function writeToMany({ relation, input, members, scope }: ToMany, writing: Writing, depth: number): Written | undefined {
  const page = writing.plan.related(
    depth,
    () => writing.plan.page(relation, input as never, hasNeighbours(members)), // its own input: see ToMany
  );
  return page && writePage(page, { members, scope, needsReconciling: relation.needsReconciling }, writing, depth + 1);
}

/** Whether `members` of a page need to know if there are rows before and after it. */
export function hasNeighbours(members: PageMembers): boolean {
  return members.some(({ content }) => content.kind === "pageInfo");
}

/** Whether `members` of a page have the cursors of its first or last row. */
function selectsEnds(members: PageMembers): boolean {
  return members.some(
    ({ content }) => content.kind === "pageInfo" && content.members.some((one) => endKinds.has(one.content.kind)),
  );
}

const endKinds: ReadonlySet<PageInfoContent["kind"]> = new Set(["startCursor", "endCursor", "scanEnd"]);

const totalKinds: ReadonlySet<PageContent["kind"]> = new Set(["totalCount", "totalIsExact"]);

/** What is written of a page. */
interface PageToWrite {
  readonly members: PageMembers;
  readonly scope: CursorScope | undefined;
  readonly needsReconciling: Sql | undefined;
}

/** Returns the JSON object of a page. Throws {@link UnsupportedAsJson}. */
export function writePage(
  planned: PagePlan,
  { members, scope, needsReconciling }: PageToWrite,
  writing: Writing,
  depth: number,
): Written {
  const { target, page } = planned;
  const ends: EndsOf | undefined = scope && { ordering: scope.ordering, textOf: (valueOf) => cursorOf(scope, valueOf) };

  // One subquery reads the rows for all members of the page.
  const listCount = members.filter(({ content }) => content.kind === "rows" || content.kind === "edges").length;
  const isAlone = !hasNeighbours(members) && listCount === 1;
  // Both members of a total are written from one count.
  const isCounted = members.some(({ content }) => totalKinds.has(content.kind));

  // The rows are counted by any of the arrays, and cursors that nobody selects are not written.
  const counted = listCount === 0 || selectsEnds(members) ? ends : undefined;
  const lists: Written[] = [];
  const listed = (row: Written): readonly Piece[] => {
    lists.push(row);
    return isAlone ? writeListAlone(row.pieces, planned, planned.weightOf(row.weight)) : writeList(page, lists.length);
  };
  const writeNode = (node: RowMembers) => writeRow(target, node, needsReconciling, writing, depth);
  const pieces = writeObject(members, (content): readonly Piece[] => {
    switch (content.kind) {
      case "constant":
        return [content.json];
      case "total":
        return [writeTotal(planned, content)];
      case "totalCount":
        return [sql`counted.total::text`];
      case "totalIsExact":
        return [sql`counted.is_exact::text`];
      case "isPartial":
        return [sql`(${planned.isPartial})::text`];
      case "rows":
        return listed(writeNode(content.members));
      case "edges":
        return listed(writeEdge(content.members, { target, writeNode, ends }, writing));
      case "pageInfo":
        return writePageInfo(content.members, planned, counted);
      case "onlyRows":
        throw new UnsupportedAsJson();
    }
  });
  const rowWeight = lists.reduce((sum, row) => sum + row.weight, 0);
  const weight = planned.weightOf(rowWeight);
  const isReadAlone = isAlone || (lists.length === 0 && !hasNeighbours(members));
  if (isReadAlone && !isCounted) {
    return planned.withParts
      ? { pieces: [sql`(${withPartsOf(planned)}SELECT ${textOf(pieces)})`], weight }
      : { pieces, weight };
  }
  const texts = lists.map((row) => row.pieces);
  const from = [
    ...(isReadAlone ? [] : [sql`${aggregated(texts, counted, planned, weight)} page`]),
    // OFFSET 0: PostgreSQL would otherwise write the subquery in each place that has its value, and count there.
    ...(isCounted ? [sql`(${planned.total()} OFFSET 0) counted`] : []),
  ];
  return { pieces: [sql`(${withPartsOf(planned)}SELECT ${textOf(pieces)} FROM ${join(from, ", ")})`], weight };
}

/** Returns the WITH of a statement that reads a page, or nothing. */
export function withPartsOf({ withParts }: PagePlan): Sql {
  return withParts ? sql`WITH ${withParts} ` : empty;
}

/** Returns the number of rows on all pages as text. */
export function writeTotal({ count }: PagePlan, { max }: Extract<PageContent, { kind: "total" }>): Sql {
  return sql`(${count(max)})::text`;
}

function writePageInfo(
  members: readonly Member<PageInfoContent>[],
  page: PagePlan,
  ends: EndsOf | undefined,
): readonly Piece[] {
  return writeObject(members, (content): readonly Piece[] => {
    switch (content.kind) {
      case "constant":
        return [content.json];
      case "hasNextPage":
        return [neighbour("hasNext", page, ends)];
      case "hasPreviousPage":
        return [neighbour("hasPrevious", page, ends)];
      case "startCursor":
        return [firstAndLast(page, requireEnds(ends)).first];
      case "endCursor":
        return [firstAndLast(page, requireEnds(ends)).last];
      case "isPartial":
        return [sql`(${endedEarly(page, ends)})::text`];
      case "scanEnd":
        return [page.mayEndEarly ? scanEnd(page, requireEnds(ends)) : "null"];
      case "onlyRows":
        throw new UnsupportedAsJson();
    }
  });
}

function writeObject<Content>(members: readonly Member<Content>[], write: (content: Content) => readonly Piece[]): Piece[] {
  return [
    "{",
    ...members.flatMap(({ name, content }, index) => [`${index === 0 ? "" : ","}"${name}":`, ...write(content)]),
    "}",
  ];
}

/** How the nodes and the cursors of edges are written. */
interface EdgeParts {
  readonly target: Entity<unknown>;
  readonly writeNode: (node: RowMembers) => Written;
  readonly ends: EndsOf | undefined;
}

function writeEdge(members: readonly Member<EdgeContent>[], { target, writeNode, ends }: EdgeParts, writing: Writing): Written {
  let weight = 1;
  const pieces = writeObject(members, (content): readonly Piece[] => {
    switch (content.kind) {
      case "constant":
        return [content.json];
      case "node": {
        const row = writeNode(content.members);
        weight += row.weight;
        return row.pieces;
      }
      case "cursor":
        return requireEnds(ends).textOf(valuesIn(target.alias));
      case "computed":
        return writeComputed(target, content, writing);
      case "onlyRows":
        throw new UnsupportedAsJson();
    }
  });
  return { pieces, weight };
}

function requireEnds(ends: EndsOf | undefined): EndsOf {
  if (!ends) throw new TypeError("A page without a scope has no cursors.");
  return ends;
}

/** `payload`, which is JSON, between the marks of `placeholder`. */
function withPlaceholder({ placeholders }: Writing, payload: readonly Piece[], placeholder: Placeholder): readonly Piece[] {
  const { begin, end } = placeholderMarks(placeholders.push(placeholder) - 1);
  return [begin, ...payload, end];
}

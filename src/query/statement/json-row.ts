import { attempt, DomainError } from "../../errors.ts";
import type { Page } from "../model/page.ts";
import { pageFrom } from "../plan/pages.ts";
import { column, raw, sql, type Sql } from "../../database/sql.ts";
import type { Viewer } from "../../viewer.ts";
import { type Placeholder, placeholderMarks, missingMark, UnsupportedAsJson } from "../result/json-result.ts";
import type { Entity } from "../model/entity.ts";
import {
  aggregated,
  cursorOf,
  type EndsOf,
  firstAndLast,
  neighbour,
  writeList,
  writeListAlone,
  writeTotal,
} from "./json-page.ts";
import type { ManyRelation, PageInput } from "../model/relation.ts";
import type { EdgeContent, Member, PageInfoContent, PageShape, RowContent, RowMember, RowShape } from "../model/shape.ts";
import { type Budget, createBudget, withBoundPositions, weightOfPage } from "../plan/budget.ts";
import { jsonArray, storedFields } from "./stored.ts";
import { coalesce, type Piece, encoded, textOf } from "./text.ts";

// Writes rows and their relations as JSON, by their shape.

/** A written part of a statement, and how many rows it probably reads at most. */
interface Written {
  readonly pieces: readonly Piece[];
  readonly weight: number;
}

/** The state of the statement that is being written. */
export interface Writing {
  readonly viewer: Viewer;
  readonly budget: Budget;
  readonly placeholders: Placeholder[];
}

export const newWriting = (viewer: Viewer): Writing => ({ viewer, budget: createBudget(), placeholders: [] });

export function writeRow(
  entity: Entity<unknown>,
  shape: RowShape,
  needsReconciling: Sql | undefined,
  writing: Writing,
  depth: number,
): Written {
  const members = writeMembers(entity, shape, writing, depth);
  const pieces = ["{", ...members.pieces, "}"];
  const weight = members.weight + 1;
  if (!needsReconciling) return { pieces, weight };
  return { pieces: [sql`CASE WHEN ${needsReconciling} THEN ${textOf([missingMark])} ELSE '' END`, ...pieces], weight };
}

/**
 * Writes the members of an object with commas between them. If they are not `all` members, there is a comma before the first
 * one too.
 */
function writeMembers(entity: Entity<unknown>, members: RowShape, writing: Writing, depth: number, all = true): Written {
  let weight = 0;
  const pieces = members.flatMap((member, index) => {
    const part = writeMember(entity, member, writing, depth);
    weight += part.weight;
    return all && index === 0 ? part.pieces : afterComma(entity, member, part.pieces);
  });
  return { pieces, weight };
}

function writeMember(entity: Entity<unknown>, member: RowMember, writing: Writing, depth: number): Written {
  if ("of" in member) {
    if (!writing.budget.takes(depth)) throw new UnsupportedAsJson();
    const rows = allowed(() => member.of.from(writing.viewer));
    const { pieces, weight } = writeMembers(member.of.target, member.members, writing, depth + 1, false);
    return { pieces: [sql`coalesce((SELECT ${textOf(pieces)} FROM ${rows}), '')`], weight: weight + 1 };
  }
  const { pieces, weight } = writeContent(entity, member.content, writing, depth);
  return { pieces: [`"${member.name}":`, ...pieces], weight };
}

function afterComma(entity: Entity<unknown>, member: RowMember, pieces: readonly Piece[]): readonly Piece[] {
  if ("of" in member) return pieces;
  if (!("when" in member)) return [",", ...pieces];
  const { field, is } = member.when;
  return [sql`CASE WHEN ${column(entity.alias, field)} = ${constant(is)} THEN ${textOf([",", ...pieces])} ELSE '' END`];
}

/**
 * Returns a name of an enumeration or a boolean as SQL text: it is the same in every execution. Throws a TypeError for any
 * other text.
 */
function constant(value: string | boolean): Sql {
  if (typeof value === "boolean") return raw(String(value));
  if (!/^\w+$/.test(value)) throw new TypeError("A member is to depend on what is no name.");
  return raw(`'${value}'`);
}

const weightless = (...pieces: readonly Piece[]): Written => ({ pieces, weight: 0 });

function writeContent(entity: Entity<unknown>, content: RowContent, writing: Writing, depth: number): Written {
  switch (content.kind) {
    case "constant":
      return weightless(content.json);
    case "stored": {
      const pieces = encoded(column(entity.alias, content.field), content.encoding);
      return weightless(...(content.nullable ? [coalesce(pieces, "null")] : pieces));
    }
    case "computed": {
      const { fields, compute } = content;
      const stored = storedFields(entity, (field) => !fields || fields.includes(field));
      // Decodes the row for the computation.
      const read = (payload: unknown) => stored.decode(payload as never[]);
      return weightless(...withPlaceholder(writing, [sql`${jsonArray(stored.columns)}::text`], { read, fill: compute }));
    }
    case "object":
      return writeRow(entity, content.shape, undefined, writing, depth);
    case "computedRows":
      return writeComputedRows(content, writing, depth);
    case "choice": {
      const [yes, no] = [content.yes, content.no].map((one) => writeContent(entity, one, writing, depth));
      const texts = [yes, no].map((written) => textOf(written?.pieces ?? []));
      const chosen = sql`CASE WHEN ${column(entity.alias, content.field)} THEN ${texts[0]} ELSE ${texts[1]} END`;
      return { pieces: [chosen], weight: Math.max(yes?.weight ?? 0, no?.weight ?? 0) };
    }
    case "row":
      return writeRelatedRow(content, writing, depth);
    case "page":
      if (!writing.budget.takes(depth)) throw new UnsupportedAsJson();
      return allowed(() =>
        // The input is the relation's own: see RowContent.
        writePage(content.relation, { input: content.input as never, shape: content.shape }, writing, depth + 1),
      );
  }
}

function writeComputedRows(
  { relation, input, none, compute }: Extract<RowContent, { kind: "computedRows" }>,
  writing: Writing,
  depth: number,
): Written {
  const { target } = relation;
  if (!writing.budget.takes(depth)) throw new UnsupportedAsJson();
  const rows = attempt(() => relation.from(writing.viewer, input as never), DomainError); // its own input: see RowContent
  if (rows instanceof DomainError) return weightless(none);
  const stored = storedFields(target, () => true);
  // Decodes an array of rows.
  const read = (payload: unknown) => (payload as never[][]).map((values) => stored.decode(values));
  const found = sql`(SELECT json_agg(${jsonArray(stored.columns)})::text FROM (${pageFrom(target, rows, input.ordering, { ...input.page, lookahead: false })}) ${raw(target.alias)})`;
  return { pieces: [coalesce(withPlaceholder(writing, [found], { read, fill: compute }), none)], weight: 1 };
}

function writeRelatedRow(
  { relation, nullable, shape }: Extract<RowContent, { kind: "row" }>,
  writing: Writing,
  depth: number,
): Written {
  if (!writing.budget.takes(depth)) throw new UnsupportedAsJson();
  const rows = allowed(() => relation.from(writing.viewer));
  const row = writeRow(relation.target, shape, relation.needsReconciling, writing, depth + 1);
  return {
    pieces: [coalesce([sql`(SELECT ${textOf(row.pieces)} FROM ${rows})`], nullable ? "null" : missingMark)],
    weight: row.weight,
  };
}

/**
 * Returns the result of `work`. If a policy refuses the read, it throws {@link UnsupportedAsJson} with the error as its cause.
 */
function allowed<Result>(work: () => Result): Result {
  const done = attempt(work, DomainError);
  if (done instanceof DomainError) throw new UnsupportedAsJson(done);
  return done;
}

interface PageToWrite<Input> {
  readonly input: Input;
  readonly shape: PageShape;
}

export function writePage<Row, Input extends PageInput>(
  relation: ManyRelation<Row, Input>,
  { input, shape }: PageToWrite<Input>,
  writing: Writing,
  depth: number,
): Written {
  const { target, needsReconciling, countFrom = relation.from } = relation;
  const { members, scope } = shape;
  const { alias } = target;
  const hasPageInfo = members.some(({ content }) => content.kind === "pageInfo");
  const page: Page = { ...withBoundPositions(input.page), lookahead: hasPageInfo };
  const rows = pageFrom(target, relation.from(writing.viewer, input), input.ordering, page);
  const ends: EndsOf = { name: "cursors", text: cursorOf(alias, scope) };

  // One subquery reads the rows for all members of the page.
  const listCount = members.filter(({ content }) => content.kind === "rows" || content.kind === "edges").length;
  const isAlone = !hasPageInfo && listCount === 1;
  const lists: Written[] = [];
  const listed = (row: Written): readonly Piece[] => {
    lists.push(row);
    const placed = { page, alias, weight: weightOfPage(page, row.weight) };
    return isAlone ? writeListAlone(row.pieces, rows, placed) : writeList(page, lists.length);
  };
  const pieces = writeObject(members, (content) => {
    switch (content.kind) {
      case "constant":
        return [content.json];
      case "total":
        return [writeTotal(target, countFrom(writing.viewer, input), true)];
      case "rows":
        return listed(writeRow(target, content.shape, needsReconciling, writing, depth));
      case "edges":
        return listed(writeEdge({ target, needsReconciling, cursor: ends.text }, content.members, writing, depth));
      case "pageInfo":
        return writePageInfo(content.members, page, ends);
    }
  });
  const weight = weightOfPage(
    page,
    lists.reduce((sum, row) => sum + row.weight, 0),
  );
  if (isAlone || (lists.length === 0 && !hasPageInfo)) return { pieces, weight };
  const texts = lists.map((row) => row.pieces);
  const found = sql`(SELECT ${textOf(pieces)} FROM ${aggregated(texts, ends, rows, { page, alias, weight })} page)`;
  return { pieces: [found], weight };
}

function writePageInfo(members: readonly Member<PageInfoContent>[], page: Page, ends: EndsOf): readonly Piece[] {
  const { first, last } = firstAndLast(page, ends);
  return writeObject(members, (content) => {
    switch (content.kind) {
      case "constant":
        return [content.json];
      case "hasNextPage":
        return [neighbour("hasNext", page, ends)];
      case "hasPreviousPage":
        return [neighbour("hasPrevious", page, ends)];
      case "startCursor":
        return [first];
      case "endCursor":
        return [last];
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

function writeEdge(
  {
    target,
    needsReconciling,
    cursor,
  }: { target: Entity<unknown>; needsReconciling: Sql | undefined; cursor: readonly Piece[] },
  members: readonly Member<EdgeContent>[],
  writing: Writing,
  depth: number,
): Written {
  let weight = 1;
  const pieces = writeObject(members, (content) => {
    if (content.kind === "constant") return [content.json];
    if (content.kind === "row") {
      const row = writeRow(target, content.shape, needsReconciling, writing, depth);
      weight += row.weight;
      return row.pieces;
    }
    return cursor;
  });
  return { pieces, weight };
}

/** `payload`, which is JSON, between the marks of `placeholder`. */
function withPlaceholder({ placeholders }: Writing, payload: readonly Piece[], placeholder: Placeholder): readonly Piece[] {
  const { begin, end } = placeholderMarks(placeholders.push(placeholder) - 1);
  return [begin, ...payload, end];
}

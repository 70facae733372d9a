import { attempt, DomainError } from "../errors.ts";
import { neighboursOf, type Page, type Position } from "../platform/keyset.ts";
import { pageFrom } from "../platform/pages.ts";
import { column, raw, sql, type Sql } from "../platform/sql.ts";
import type { Viewer } from "../viewer.ts";
import { type Filler, gapFor, missing, NotInJson } from "./answer.ts";
import type { Entity } from "./entity.ts";
import {
  aggregated,
  type Place,
  positionOf,
  surroundingsOf,
  type SurroundingsPayload,
  writeList,
  writeListAlone,
  writeTotal,
} from "./json-page.ts";
import type { ManyRelation, PageInput } from "./relation.ts";
import type { EdgeContent, Member, PageShape, RowContent, RowMember, RowShape, Standing, Surroundings } from "./shape.ts";
import { type Budget, createBudget, varyingPage, weightOfPage } from "./statement.ts";
import { jsonArray, storedFields } from "./stored.ts";
import { orElse, type Piece, spelled, textOf } from "./text.ts";

// How rows and what hangs on them are written as JSON, by the shape that is asked for.

/** What a part of a statement writes. */
interface Written {
  readonly pieces: readonly Piece[];
  readonly weight: number;
}

/** What is known while a statement is written. */
export interface Writing {
  readonly viewer: Viewer;
  readonly budget: Budget;
  readonly fillers: Filler[];
}

export const newWriting = (viewer: Viewer): Writing => ({ viewer, budget: createBudget(), fillers: [] });

export function writeRow(
  entity: Entity<unknown>,
  shape: RowShape,
  unsettled: Sql | undefined,
  writing: Writing,
  depth: number,
): Written {
  const members = writeMembers(entity, shape, writing, depth);
  const pieces = ["{", ...members.pieces, "}"];
  const weight = members.weight + 1;
  if (!unsettled) return { pieces, weight };
  return { pieces: [sql`CASE WHEN ${unsettled} THEN ${textOf([missing])} ELSE '' END`, ...pieces], weight };
}

/** The members of a row's object, with commas between them, and before the first one where they are not `all`. */
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
    if (!writing.budget.takes(depth)) throw new NotInJson();
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

/** A name of an enumeration, or a truth: spelled out, since it never changes. */
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
      const pieces = spelled(column(entity.alias, content.field), content.spelling);
      return weightless(...(content.nullable ? [orElse(pieces, "null")] : pieces));
    }
    case "worked": {
      const { fields, work } = content;
      const stored = storedFields(entity, (field) => !fields || fields.includes(field));
      // The row that it works with.
      const read = (payload: unknown) => stored.decode(payload as never[]);
      return weightless(...withGap(writing, [sql`${jsonArray(stored.columns)}::text`], { read, fill: work }));
    }
    case "object":
      return writeRow(entity, content.shape, undefined, writing, depth);
    case "workedRows":
      return writeWorkedRows(content, writing, depth);
    case "choice": {
      const [yes, no] = [content.yes, content.no].map((one) => writeContent(entity, one, writing, depth));
      const texts = [yes, no].map((written) => textOf(written?.pieces ?? []));
      const chosen = sql`CASE WHEN ${column(entity.alias, content.field)} THEN ${texts[0]} ELSE ${texts[1]} END`;
      return { pieces: [chosen], weight: Math.max(yes?.weight ?? 0, no?.weight ?? 0) };
    }
    case "row":
      return writeRelatedRow(content, writing, depth);
    case "page":
      if (!writing.budget.takes(depth)) throw new NotInJson();
      return allowed(() =>
        // The relation's own input: see RowContent.
        writePage(
          content.relation,
          { input: content.input as never, shape: content.shape, parent: entity },
          writing,
          depth + 1,
        ),
      );
  }
}

function writeWorkedRows(
  { relation, input, none, work }: Extract<RowContent, { kind: "workedRows" }>,
  writing: Writing,
  depth: number,
): Written {
  const { target } = relation;
  if (!writing.budget.takes(depth)) throw new NotInJson();
  const rows = attempt(() => relation.from(writing.viewer, input as never), DomainError); // its own input: see RowContent
  if (rows instanceof DomainError) return weightless(none);
  const stored = storedFields(target, () => true);
  // An array of what is stored of each.
  const read = (payload: unknown) => (payload as never[][]).map((values) => stored.decode(values));
  const found = sql`(SELECT json_agg(${jsonArray(stored.columns)})::text FROM (${pageFrom(target, rows, input.ordering, { ...input.page, lookahead: false })}) ${raw(target.alias)})`;
  return { pieces: [orElse(withGap(writing, [found], { read, fill: work }), none)], weight: 1 };
}

function writeRelatedRow(
  { relation, nullable, shape }: Extract<RowContent, { kind: "row" }>,
  writing: Writing,
  depth: number,
): Written {
  if (!writing.budget.takes(depth)) throw new NotInJson();
  const rows = allowed(() => relation.from(writing.viewer));
  const row = writeRow(relation.target, shape, relation.unsettled, writing, depth + 1);
  return {
    pieces: [orElse([sql`(SELECT ${textOf(row.pieces)} FROM ${rows})`], nullable ? "null" : missing)],
    weight: row.weight,
  };
}

/** What a policy refuses is not read ahead: who reads rows, or knows the cause, says so in its place. */
function allowed<Result>(work: () => Result): Result {
  const done = attempt(work, DomainError);
  if (done instanceof DomainError) throw new NotInJson(done);
  return done;
}

interface WantedPage<Input> {
  readonly input: Input;
  readonly shape: PageShape;
  /** What the page is of, by whose alias the statement knows it. */
  readonly parent: Entity<unknown> | undefined;
}

export function writePage<Row, Input extends PageInput>(
  relation: ManyRelation<Row, Input>,
  { input, shape, parent }: WantedPage<Input>,
  writing: Writing,
  depth: number,
): Written {
  const { target, unsettled, countFrom = relation.from } = relation;
  const { members, check } = shape;
  const hasSurroundings = members.some(({ content }) => content.kind === "surroundings");
  const page: Page = { ...varyingPage(input.page), lookahead: hasSurroundings };
  const rows = pageFrom(target, relation.from(writing.viewer, input), input.ordering, page);
  const parentId: readonly Piece[] = parent ? spelled(column(parent.alias, "id"), "quoted") : ["null"];
  const place: Place = { parentId, alias: target.alias, ordering: input.ordering };

  // The rows are read once, whatever is made of them.
  const isAlone = !hasSurroundings && members.filter(({ content }) => "shape" in content || "members" in content).length === 1;
  const lists: Written[] = [];
  const listed = (row: Written): readonly Piece[] => {
    lists.push(row);
    const placed = { page, place, weight: weightOfPage(page, row.weight) };
    return isAlone ? writeListAlone(row.pieces, rows, placed) : writeList(page, lists.length);
  };
  const pieces = writeObject(members, (content) => {
    switch (content.kind) {
      case "constant":
        return [content.json];
      case "total":
        return [writeTotal(target, countFrom(writing.viewer, input), true)];
      case "rows":
        return listed(writeRow(target, content.shape, unsettled, writing, depth));
      case "edges":
        return listed(writeEdge({ target, unsettled, place }, content.members, writing, depth));
      case "surroundings": {
        const { work } = content;
        const read = (payload: unknown): Surroundings => {
          const [id, more, first, last] = payload as SurroundingsPayload;
          return { parentId: id, first, last, ...neighboursOf(page, more) };
        };
        return withGap(writing, surroundingsOf(place, page), { read, fill: work });
      }
    }
  });
  const checked = check ? withGap(writing, parentId, { read: asItIs, fill: check }) : [];
  const weight = weightOfPage(
    page,
    lists.reduce((sum, row) => sum + row.weight, 0),
  );
  if (isAlone || (lists.length === 0 && !hasSurroundings)) return { pieces: [...checked, ...pieces], weight };
  const texts = lists.map((row) => row.pieces);
  const found = sql`(SELECT ${textOf(pieces)} FROM ${aggregated(texts, rows, { page, place, weight })} page)`;
  return { pieces: [...checked, found], weight };
}

function writeObject<Content>(members: readonly Member<Content>[], write: (content: Content) => readonly Piece[]): Piece[] {
  return [
    "{",
    ...members.flatMap(({ name, content }, index) => [`${index === 0 ? "" : ","}"${name}":`, ...write(content)]),
    "}",
  ];
}

function writeEdge(
  { target, unsettled, place }: { target: Entity<unknown>; unsettled: Sql | undefined; place: Place },
  members: readonly Member<EdgeContent>[],
  writing: Writing,
  depth: number,
): Written {
  let weight = 1;
  const pieces = writeObject(members, (content) => {
    if (content.kind === "constant") return [content.json];
    if (content.kind === "row") {
      const row = writeRow(target, content.shape, unsettled, writing, depth);
      weight += row.weight;
      return row.pieces;
    }
    const { work } = content;
    const read = (payload: unknown): Standing => {
      const [parentId, position] = payload as [string | null, Position]; // as the next line has it
      return { parentId, position };
    };
    return withGap(writing, ["[", ...place.parentId, ",", ...positionOf(place), "]"], { read, fill: work });
  });
  return { pieces, weight };
}

const asItIs = (payload: unknown): unknown => payload;

/** `payload`, JSON as well, with what tells later by which filler it is replaced. */
function withGap({ fillers }: Writing, payload: readonly Piece[], filler: Filler): readonly Piece[] {
  const { begin, end } = gapFor(fillers.push(filler) - 1);
  return [begin, ...payload, end];
}

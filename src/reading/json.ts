import { DomainError } from "../errors.ts";
import {
  integer,
  neighboursOf,
  type Ordering,
  type Page,
  type Position,
  positionFields,
  type SortField,
} from "../platform/keyset.ts";
import { countUpTo, pageFrom } from "../platform/pages.ts";
import { column, empty, join, raw, sql, type Sql } from "../platform/sql.ts";
import type { Viewer } from "../viewer.ts";
import { createAnswer, type Filler, gap, gapFor, missing, NotInJson } from "./answer.ts";
import { type Budget, createBudget, type Plan, varyingPage, weightOfPage } from "./statement.ts";
import type { Entity } from "./entity.ts";
import type { ManyRelation, OneRelation, PageInput } from "./relation.ts";
import type { CountedSlice } from "./selection.ts";
import { attachJson, type Member, type PageShape, type RowContent, type RowShape, type Spelling } from "./shape.ts";
import { jsonArray, storedFields } from "./stored.ts";

// Plans whose statements write the JSON of an answer itself, which then passes through this process as a text. What only this process can make of a
// row, a cursor or a signed URL, is made of what the text has in gaps.

/** Stands between what always comes of a row and its JSON. PostgreSQL writes JSON without line breaks. */
const divider = "\n";

/** A piece of a text in JSON: as it is, or an expression of type text, which is never null. */
type Piece = string | Sql;

/** What a part of a statement writes. */
interface Written {
  readonly pieces: readonly Piece[];
  readonly weight: number;
}

/** What is known while a statement is written. */
interface Writing {
  readonly viewer: Viewer;
  readonly budget: Budget;
  readonly fillers: Filler[];
}

/** As {@link planOne} of `plan.ts`: rows with what always comes of them, and with their JSON. @throws {DomainError}, {@link NotInJson} */
export function planOneInJson<Row>(relation: OneRelation<Row>, shape: RowShape, viewer: Viewer): Plan<Row | null> {
  const { target, unsettled } = relation;
  const rows = relation.from(viewer);
  const writing: Writing = { viewer, budget: createBudget(), fillers: [] };
  const row = writeRow(target, shape, unsettled, writing, 1);
  const stored = storedFields(target, () => false);
  return {
    statement: sql`SELECT ${textOf([sql`${jsonArray(stored.columns)}::text`, divider, ...row.pieces])} AS json FROM ${rows}`,
    decode(text) {
      if (typeof text !== "string") return null;
      const end = text.indexOf(divider);
      const found = stored.decode(JSON.parse(text.slice(0, end)) as never[]); // what the statement has written there
      attachJson(found, createAnswer(text.slice(end + 1), writing.fillers));
      return found as Row; // what always comes of it
    },
    weight: row.weight,
  };
}

/** As {@link planMany} of `plan.ts`: a page without rows, but with its JSON. @throws {DomainError}, {@link NotInJson} */
export function planManyInJson<Row, Input extends PageInput>(
  relation: ManyRelation<Row, Input>,
  { input, shape }: { readonly input: Input; readonly shape: PageShape },
  viewer: Viewer,
): Plan<CountedSlice<Row>> {
  const writing: Writing = { viewer, budget: createBudget(), fillers: [] };
  const page = writePage(relation, { input, shape, parent: undefined }, writing, 1);
  return {
    statement: sql`SELECT ${textOf(page.pieces)} AS json`,
    decode(text) {
      const found: CountedSlice<Row> = { rows: [], hasNext: false, hasPrevious: false, total: undefined };
      attachJson(found, createAnswer(String(text), writing.fillers));
      return found;
    },
    weight: page.weight,
  };
}

function writeRow(
  entity: Entity<unknown>,
  shape: RowShape,
  unsettled: Sql | undefined,
  writing: Writing,
  depth: number,
): Written {
  let weight = 1;
  const pieces = writeObject(shape, (content) => {
    const part = writeContent(entity, content, writing, depth);
    weight += part.weight;
    return part.pieces;
  });
  if (!unsettled) return { pieces, weight };
  return { pieces: [sql`CASE WHEN ${unsettled} THEN ${textOf([missing])} ELSE '' END`, ...pieces], weight };
}

function writeObject<Content>(members: readonly Member<Content>[], write: (content: Content) => readonly Piece[]): Piece[] {
  return [
    "{",
    ...members.flatMap(({ name, content }, index) => [`${index === 0 ? "" : ","}"${name}":`, ...write(content)]),
    "}",
  ];
}

const weightless = (...pieces: readonly Piece[]): Written => ({ pieces, weight: 0 });

function writeContent(entity: Entity<unknown>, content: RowContent, writing: Writing, depth: number): Written {
  switch (content.kind) {
    case "constant":
      return weightless(content.json);
    case "stored": {
      const pieces = spelled(column(entity.alias, content.field), content.spelling);
      return weightless(...(content.nullable ? [orNull(pieces)] : pieces));
    }
    case "worked":
      return weightless(...writeWorked(entity, content, writing));
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

function writeWorked(
  entity: Entity<unknown>,
  { fields, work }: Extract<RowContent, { kind: "worked" }>,
  writing: Writing,
): readonly Piece[] {
  const stored = storedFields(entity, (field) => !fields || fields.includes(field));
  const fill: Filler = (payload, asker) => work(stored.decode(JSON.parse(payload) as never[]) as never, asker); // the row that it works with
  return withGap(writing, [sql`${jsonArray(stored.columns)}::text`], fill);
}

function writeRelatedRow(
  { relation, nullable, shape }: Extract<RowContent, { kind: "row" }>,
  writing: Writing,
  depth: number,
): Written {
  if (!writing.budget.takes(depth)) throw new NotInJson();
  const rows = allowed(() => relation.from(writing.viewer));
  const row = writeRow(relation.target, shape, relation.unsettled, writing, depth + 1);
  const otherwise = textOf([nullable ? "null" : missing]);
  return { pieces: [sql`coalesce((SELECT ${textOf(row.pieces)} FROM ${rows}), ${otherwise})`], weight: row.weight };
}

/** What a policy refuses is not read ahead: the reads of rows say so in its place. */
function allowed<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (error instanceof DomainError) throw new NotInJson();
    throw error;
  }
}

interface WantedPage<Input> {
  readonly input: Input;
  readonly shape: PageShape;
  /** What the page is of, by whose alias the statement knows it. */
  readonly parent: Entity<unknown> | undefined;
}

function writePage<Row, Input extends PageInput>(
  relation: ManyRelation<Row, Input>,
  { input, shape, parent }: WantedPage<Input>,
  writing: Writing,
  depth: number,
): Written {
  const { target, unsettled, countFrom = relation.from } = relation;
  const rows = relation.from(writing.viewer, input);
  const { members, check } = shape;

  const hasSurroundings = members.some(({ content }) => content.kind === "surroundings");
  const page: Page = { ...varyingPage(input.page), lookahead: hasSurroundings };
  const parentId: readonly Piece[] = parent ? spelled(column(parent.alias, "id"), "quoted") : ["null"];
  const place: Place = { parentId, alias: target.alias, ordering: input.ordering };
  const lists: Written[] = [];
  const list = (written: Written): Written => {
    lists.push(written);
    return written;
  };
  // The rows are read once, whatever is made of them.
  const isAlone = !hasSurroundings && members.filter(({ content }) => isList(content.kind)).length === 1;
  const { read, inOrder } = readInOrder(target, pageFrom(target, rows, input.ordering, page), page);
  const listed = (row: Written): readonly Piece[] => {
    const { pieces } = list(row);
    if (isAlone) return ["[", sql`coalesce((SELECT string_agg(${textOf(pieces)}, ','${inOrder}) FROM ${read}), '')`, "]"];
    const found = sql`page.list_${raw(String(lists.length))}`;
    const { first, last } = endsOf(found, page);
    return ["[", sql`array_to_string(${found}[${first}:${last}], ',')`, "]"];
  };

  const pieces = writeObject(members, (content) => {
    switch (content.kind) {
      case "constant":
        return [content.json];
      case "total":
        return [sql`(${countUpTo(target, countFrom(writing.viewer, input), undefined)})::text`];
      case "rows":
        return listed(writeRow(target, content.shape, unsettled, writing, depth));
      case "edges":
        return listed(writeEdge({ target, unsettled, place }, content.members, writing, depth));
      case "surroundings": {
        const { work } = content;
        const fill: Filler = (payload, asker) => {
          const [id, more, first, last] = JSON.parse(payload) as SurroundingsPayload;
          return work({ parentId: id, first, last, ...neighboursOf(page, more) }, asker);
        };
        return withGap(writing, surroundingsOf(place, page), fill);
      }
    }
  });
  const checked = check ? withGap(writing, parentId, (payload, asker) => check(parsedId(payload), asker)) : [];
  const weight = weightOfPage(
    page,
    lists.reduce((sum, row) => sum + row.weight, 0),
  );
  const isRead = !isAlone && (lists.length > 0 || hasSurroundings);
  if (!isRead) return { pieces: [...checked, ...pieces], weight };
  const columns = [
    ...lists.map(
      (row, index) => sql`coalesce(array_agg(${textOf(row.pieces)}${inOrder}), '{}') AS list_${raw(String(index + 1))}`,
    ),
    ...(hasSurroundings ? [sql`coalesce(array_agg(${textOf(positionOf(place))}${inOrder}), '{}') AS positions`] : []),
  ];
  const found = sql`(SELECT ${textOf(pieces)} FROM (SELECT ${join(columns, ", ")} FROM ${read}) page)`;
  return { pieces: [...checked, found], weight };
}

/** What a page is read from, and what makes aggregates of it come in the order of the page. */
function readInOrder({ alias }: Entity<unknown>, rows: Sql, { from }: Page): { readonly read: Sql; readonly inOrder: Sql } {
  const name = raw(alias);
  if (from === "start") return { read: sql`(${rows}) ${name}`, inOrder: empty };
  // It is read from its end, and turned round.
  return {
    read: sql`(SELECT ${name}.*, row_number() OVER () AS read_as FROM (${rows}) ${name}) ${name}`,
    inOrder: sql` ORDER BY ${name}.read_as DESC`,
  };
}

/** Where a page begins and ends in `list`, which may hold one more on the far side. */
function endsOf(list: Sql, { size, from }: Page): { readonly first: Sql; readonly last: Sql } {
  const count = sql`cardinality(${list})`;
  if (from === "start") return { first: integer(1), last: sql`least(${integer(size)}, ${count})` };
  return { first: sql`greatest(${count} - ${integer(size)}, 0) + 1`, last: count };
}

const isList = (kind: string): boolean => kind === "rows" || kind === "edges";

/** Where the rows of a page stand. */
interface Place {
  readonly parentId: readonly Piece[];
  readonly alias: string;
  readonly ordering: Ordering;
}

function writeEdge(
  { target, unsettled, place }: { target: Entity<unknown>; unsettled: Sql | undefined; place: Place },
  members: Extract<PageShape["members"][number]["content"], { kind: "edges" }>["members"],
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
    return withGap(writing, ["[", ...place.parentId, ",", ...positionOf(place), "]"], (payload, asker) => {
      const [parentId, position] = JSON.parse(payload) as [string | null, Position]; // as the line above has it
      return work({ parentId, position }, asker);
    });
  });
  return { pieces, weight };
}

/** As {@link surroundingsOf} writes it. */
type SurroundingsPayload = [parentId: string | null, more: boolean, first: Position | null, last: Position | null];

function surroundingsOf({ parentId }: Place, page: Page): readonly Piece[] {
  const positions = raw("page.positions");
  const { first, last } = endsOf(positions, page);
  const at = (index: Sql) => orNull([sql`${positions}[${index}]`]);
  const more = sql`(cardinality(${positions}) > ${integer(page.size)})::text`;
  return ["[", ...parentId, ",", more, ",", at(first), ",", at(last), "]"];
}

function positionOf({ alias, ordering }: Place): readonly Piece[] {
  const parts = positionFields(ordering).map(({ field, type }) => spelled(column(alias, field), spellingOfPosition(type)));
  return ["[", ...parts.flatMap((part, index) => (index === 0 ? part : [",", ...part])), "]"];
}

function spellingOfPosition(type: SortField["type"]): Spelling {
  if (type === "timestamptz") return "instant";
  return type === "integer" ? "bare" : "quoted";
}

function parsedId(payload: string): string | null {
  return JSON.parse(payload) as string | null; // see parentId
}

/** `payload`, JSON as well, with what tells later by which filler it is replaced. */
function withGap({ fillers }: Writing, payload: readonly Piece[], fill: Filler): readonly Piece[] {
  const { begin, end } = gapFor(fillers.push(fill) - 1);
  return [begin, ...payload, end];
}

/** `value` in JSON. Null where it is null. */
function spelled(value: Sql, spelling: Spelling): readonly Piece[] {
  switch (spelling) {
    case "json":
      return [sql`to_json(${value})::text`];
    case "bare":
      return [sql`${value}::text`];
    case "quoted":
      return ['"', sql`${value}::text`, '"'];
    case "instant":
      return ['"', sql`to_char(${value} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`, '"'];
    default: {
      const name = textOf([`${spelling.globalIdOf}:`]);
      return ['"', sql`encode(convert_to(${name} || ${value}::text, 'UTF8'), 'base64')`, '"'];
    }
  }
}

function orNull(pieces: readonly Piece[]): Sql {
  return sql`coalesce(${textOf(pieces)}, 'null')`;
}

/** `pieces` as one expression of type text. */
function textOf(pieces: readonly Piece[]): Sql {
  const merged: Piece[] = [];
  for (const piece of pieces) {
    const before = merged.at(-1);
    if (typeof piece === "string" && typeof before === "string") merged[merged.length - 1] = before + piece;
    else merged.push(piece);
  }
  return join(
    merged.map((piece) => (typeof piece === "string" ? literal(piece) : piece)),
    " || ",
  );
}

/** All that is ever spelled out besides marks: names of GraphQL's, and what JSON is made of. Nothing of it means anything to PostgreSQL. */
const harmless = /^[\w{}[\]":,]*$/;
const marks = [
  { mark: divider, escape: String.raw`\x0a` },
  { mark: gap, escape: String.raw`\x01` },
  { mark: missing, escape: String.raw`\x02` },
] as const;

function literal(text: string): Sql {
  const unmarked = marks.reduce((rest, { mark }) => rest.replaceAll(mark, ""), text);
  if (!harmless.test(unmarked)) throw new TypeError("A text is to be spelled out that is neither a name nor JSON.");
  return raw(`E'${marks.reduce((rest, { mark, escape }) => rest.replaceAll(mark, escape), text)}'::text`);
}

import { neighboursOf, type Slice } from "../model/page.ts";
import type { ReadOfPage, ReadOfPages, ReadOfRow } from "../model/read.ts";
import { attachJson, attachPreloaded, type StatementResult } from "../model/result.ts";
import type { Entity } from "../model/entity.ts";
import type { CountedSlice, ListedRows, PageMembers, RowMembers, ToMany, ToOne } from "../model/selection.ts";
import { storedColumns } from "../model/stored-columns.ts";
import { divider } from "../model/json-marks.ts";
import type { ListHead, WrittenStatement } from "../statement/statement.ts";
import { createJsonResult } from "./json-result.ts";

/** Returns the row or the page of a result, or null if the statement returned no row. */
export type Decode = (result: StatementResult) => object | null;

/**
 * Returns the function that decodes results of a statement. Callers that share a result get one object, which nobody
 * changes.
 */
export function createDecoder({ read, placeholders }: WrittenStatement): Decode {
  const decode = read.kind === "row" ? decoderOfRow(read, placeholders) : decoderOfPage(read, placeholders);
  const decoded = new WeakMap<StatementResult, object>();
  return (result) => {
    if (result.json === null) return null;
    const known = decoded.get(result) ?? decode(result.json);
    decoded.set(result, known);
    return known;
  };
}

type DecodeText = (text: string) => object;

function decoderOfRow({ relation, selection }: ReadOfRow, placeholders: WrittenStatement["placeholders"]): DecodeText {
  if (selection.as === "rows") {
    const decode = rowDecoder(relation.target, selection.members);
    return (text) => decode(JSON.parse(text) as StoredRow); // as the statement wrote it
  }
  const { decode } = storedColumns(relation.target, selection.columns ?? []);
  return (text) => {
    const [head, body] = divided(text);
    const row = decode(head as never[]); // the columns that the statement has written there
    attachJson(row, createJsonResult(body, placeholders));
    return row;
  };
}

function decoderOfPage(read: ReadOfPage | ReadOfPages, placeholders: WrittenStatement["placeholders"]): DecodeText {
  const { relation, input, selection } = read;
  switch (selection.as) {
    case "rows": {
      const decode = pageDecoder(relation.target, selection.members);
      return (text) => decode(JSON.parse(text) as StoredPage); // as the statement wrote it
    }
    case "json":
      return (text) => {
        const page: CountedSlice<unknown> = { ...nothing, total: undefined };
        attachJson(page, createJsonResult(text, placeholders));
        return page;
      };
    case "list":
      return (text) => {
        const [head, json] = divided(text);
        const [count, first, last, total, scanEnd] = head as ListHead; // as the statement wrote it
        const { size } = input.page;
        const neighbours = neighboursOf(input.page, count > size);
        const list: ListedRows = { count: Math.min(count, size), first, last, scanEnd };
        const slice: CountedSlice<unknown> = { rows: [], ...neighbours, total: total ?? undefined, list };
        attachJson(slice, createJsonResult(json, placeholders));
        return slice;
      };
  }
}

const nothing: Slice<never> = { rows: [], hasNext: false, hasPrevious: false };

function divided(text: string): readonly [head: unknown, body: string] {
  const end = text.indexOf(divider);
  return [JSON.parse(text.slice(0, end)), text.slice(end + divider.length)];
}

/** A row as it is stored: the values of its columns, and its relations by their keys. */
type StoredRow = Readonly<Record<string, unknown>> & { readonly columns: readonly never[] };

/** A page of such rows. What was not selected is missing. */
interface StoredPage {
  readonly rows?: readonly StoredRow[];
  readonly pageInfo?: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly scanEnd?: string | null;
  };
  readonly total?: number;
  readonly totalIsExact?: boolean;
  readonly isPartial?: boolean;
}

/** Returns the function that makes rows with their preloaded relations. */
function rowDecoder(entity: Entity<unknown>, members: RowMembers): (row: StoredRow) => object {
  const relations: { readonly name: string; readonly decode: (value: never) => unknown }[] = [];
  let columns: readonly string[] | undefined;
  const keys: (string | number)[] = [];
  for (const member of members) {
    if (!("content" in member)) continue;
    const { name, content } = member;
    if (content.kind === "columns") ({ columns } = content);
    if (content.kind !== "toOne" && content.kind !== "toMany") continue;
    relations.push({ name, decode: relationDecoder(content) });
    keys.push(content.key ?? name);
  }
  const stored = storedColumns(entity, columns);
  if (relations.length === 0) return (row) => stored.decode(row.columns);
  const indexes = new Map(keys.map((key, index) => [key, index]));
  return (row) => {
    const decoded = stored.decode(row.columns);
    // A relation that could not be read with its row is missing.
    const values = relations.map(({ name, decode }) => (row[name] === undefined ? undefined : decode(row[name] as never)));
    attachPreloaded(decoded, { indexes, values });
    return decoded;
  };
}

function relationDecoder(content: ToOne | ToMany): (value: never) => unknown {
  if (content.kind === "toMany") return pageDecoder(content.relation.target, content.members);
  const decode = rowDecoder(content.relation.target, content.members);
  return (row: StoredRow | null) => row && decode(row);
}

function pageDecoder(entity: Entity<unknown>, members: PageMembers): (page: StoredPage) => CountedSlice<object> {
  const rows = members.find(({ content }) => content.kind === "rows")?.content;
  const decode = rows?.kind === "rows" ? rowDecoder(entity, rows.members) : undefined;
  return (page) => ({
    rows: decode && page.rows ? page.rows.map(decode) : [],
    hasNext: page.pageInfo?.hasNextPage ?? false,
    hasPrevious: page.pageInfo?.hasPreviousPage ?? false,
    scanEnd: page.pageInfo?.scanEnd ?? undefined,
    total: page.total,
    totalIsExact: page.totalIsExact,
    isPartial: page.isPartial,
  });
}

import { integer } from "../platform/keyset.ts";
import { join, raw, sql, type Sql } from "../platform/sql.ts";
import { placeholderMark, missingMark } from "./json-result.ts";
import type { Spelling } from "./shape.ts";

// Texts in JSON that a statement writes.

/** A piece of such a text: as it is, or an expression of type text. */
export type Piece = string | Sql;

/** Stands between what is read with a JSON and the JSON itself. PostgreSQL writes JSON without line breaks. */
export const divider = "\n";

/** `pieces` as one expression of type text, which is null where one of them is. */
export function textOf(pieces: readonly Piece[]): Sql {
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

/** `pieces`, or `otherwise` where one of them is null. */
export function orElse(pieces: readonly Piece[], otherwise: string): Sql {
  return sql`coalesce(${textOf(pieces)}, ${literal(otherwise)})`;
}

/** `value` in JSON, null where it is null. */
export function spelled(value: Sql, spelling: Spelling): readonly Piece[] {
  switch (spelling) {
    case "json":
      return [sql`to_json(${value})::text`];
    case "bare":
      return [sql`${value}::text`];
    case "negated":
      return [sql`(NOT ${value})::text`];
    case "quoted":
      return ['"', sql`${value}::text`, '"'];
    case "instant":
      return ['"', sql`to_char(${value} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`, '"'];
    default:
      return spelledWith(value, spelling);
  }
}

function spelledWith(value: Sql, spelling: Exclude<Spelling, string>): readonly Piece[] {
  if ("globalIdOf" in spelling) return ['"', base64Of(spelling.globalIdOf, value), '"'];
  if ("nodeIdOf" in spelling) return ['"', sql`rtrim(${base64Of(spelling.nodeIdOf, value)}, '=')`, '"'];
  if ("atMost" in spelling) {
    const [size, shorter] = [integer(spelling.atMost), integer(spelling.atMost - 1)];
    return [
      sql`to_json(CASE WHEN length(${value}) > ${size} THEN left(${value}, ${shorter}) || U&'\\2026' ELSE ${value} END)::text`,
    ];
  }
  const named = Object.entries(spelling.codes).reduce(
    (text, [name, code]) => sql`replace(${text}, ${literal(`"${name}"`)}, ${literal(`"${code}"`)})`,
    sql`to_json(${value})::text`,
  );
  return [named];
}

function base64Of(type: string, uuid: Sql): Sql {
  return sql`encode(convert_to(${textOf([`${type}:`, sql`${uuid}::text`])}, 'UTF8'), 'base64')`;
}

/** All that is ever spelled out besides marks: names, and what JSON is made of. Nothing of it means anything to PostgreSQL. */
const harmless = /^[\w\-{}[\]":,.]*$/;
const escapedMarks = [
  { mark: divider, escape: String.raw`\x0a` },
  { mark: placeholderMark, escape: String.raw`\x01` },
  { mark: missingMark, escape: String.raw`\x02` },
] as const;

function literal(text: string): Sql {
  const unmarked = escapedMarks.reduce((rest, { mark }) => rest.replaceAll(mark, ""), text);
  if (!harmless.test(unmarked)) throw new TypeError("A text is to be spelled out that is neither a name nor JSON.");
  return raw(`E'${escapedMarks.reduce((rest, { mark, escape }) => rest.replaceAll(mark, escape), text)}'::text`);
}

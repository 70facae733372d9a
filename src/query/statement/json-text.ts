import { join, raw, sql, type Sql, integer } from "../../database/sql.ts";
import { divider, missingMark, placeholderMark } from "../model/json-marks.ts";
import type { JsonEncoding } from "../model/selection.ts";

// The parts of a statement that write JSON as text.

/** A piece of JSON: text that is known now, or an SQL expression of type text. */
export type Piece = string | Sql;

/** Returns `pieces` as one SQL expression of type text. It is null if one of them is null. */
export function textOf(pieces: readonly Piece[]): Sql {
  const merged: Piece[] = [];
  for (const piece of pieces) {
    const before = merged.at(-1);
    if (typeof piece === "string" && typeof before === "string") merged[merged.length - 1] = before + piece;
    else merged.push(piece);
  }
  return concatenated(merged.map((piece) => (typeof piece === "string" ? literal(piece) : piece)));
}

/** Each `||` copies both of its sides. In halves, a text is copied for few of them instead of for each one after it. */
function concatenated(texts: readonly Sql[]): Sql {
  if (texts.length <= 2) return join(texts, " || ");
  const half = Math.ceil(texts.length / 2);
  return sql`(${concatenated(texts.slice(0, half))}) || (${concatenated(texts.slice(half))})`;
}

/** Returns an SQL expression for `pieces`, or for `otherwise` if one of them is null. */
export function coalesce(pieces: readonly Piece[], otherwise: string): Sql {
  return sql`coalesce(${textOf(pieces)}, ${literal(otherwise)})`;
}

/** Returns `value` as JSON. It is null, not the JSON `null`, if the value is null. */
export function encoded(value: Sql, encoding: JsonEncoding): readonly Piece[] {
  switch (encoding) {
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
      return encodedWith(value, encoding);
  }
}

function encodedWith(value: Sql, encoding: Exclude<JsonEncoding, string>): readonly Piece[] {
  if ("globalIdOf" in encoding) return ['"', base64Of(encoding.globalIdOf, value), '"'];
  if ("nodeIdOf" in encoding) return ['"', sql`rtrim(${base64Of(encoding.nodeIdOf, value)}, '=')`, '"'];
  if ("maxLength" in encoding) {
    const [size, shorter] = [integer(encoding.maxLength), integer(encoding.maxLength - 1)];
    return [
      sql`to_json(CASE WHEN length(${value}) > ${size} THEN left(${value}, ${shorter}) || U&'\\2026' ELSE ${value} END)::text`,
    ];
  }
  const named = Object.entries(encoding.codes).reduce(
    (text, [name, code]) => sql`replace(${text}, ${literal(`"${name}"`)}, ${literal(`"${code}"`)})`,
    sql`to_json(${value})::text`,
  );
  return [named];
}

function base64Of(type: string, uuid: Sql): Sql {
  return sql`encode(convert_to(${textOf([`${type}:`, sql`${uuid}::text`])}, 'UTF8'), 'base64')`;
}

/**
 * The characters of a literal besides marks: names and the punctuation of JSON. None of them ends a string in
 * PostgreSQL.
 */
const harmless = /^[\w\-{}[\]":,.]*$/;
const escapedMarks = [
  { mark: divider, escape: String.raw`\x0a` },
  { mark: placeholderMark, escape: String.raw`\x01` },
  { mark: missingMark, escape: String.raw`\x02` },
] as const;

function literal(text: string): Sql {
  const unmarked = escapedMarks.reduce((rest, { mark }) => rest.replaceAll(mark, ""), text);
  if (!harmless.test(unmarked)) throw new TypeError("A literal of a statement is neither a name nor JSON.");
  return raw(`E'${escapedMarks.reduce((rest, { mark, escape }) => rest.replaceAll(mark, escape), text)}'::text`);
}

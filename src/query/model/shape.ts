import type { CursorScope } from "./cursor.ts";
import type { ResponseContext, JsonResult } from "../result/json-result.ts";
import type { Entity } from "./entity.ts";
import type { ManyRelation, OneRelation, PageInput } from "./relation.ts";

/** A member of a JSON object. Its name is a name of GraphQL, and needs no escape. */
export interface Member<Content> {
  readonly name: string;
  readonly content: Content;
}

/** The members of the JSON object of a row, in their order. */
export type RowShape = readonly RowMember[];

export type RowMember = Member<RowContent> | OptionalMember | Spread;

/** A member that only those rows have whose `field` is `is`. It is never the first member. */
interface OptionalMember extends Member<RowContent> {
  readonly when: { readonly field: string; readonly is: string | boolean };
}

/** The members of a related row, if there is one. They are never the first members. */
interface Spread {
  readonly of: OneRelation;
  readonly members: RowShape;
}

/** The JSON object of a page. */
export interface PageShape {
  readonly members: readonly Member<PageContent>[];
  /** The scope of its cursors. */
  readonly scope: CursorScope;
}

/** How a column is written in JSON. */
export type JsonEncoding =
  /** As PostgreSQL's to_json writes it: texts and lists. */
  | "json"
  /** Without quotation marks: numbers and booleans. */
  | "bare"
  /** In quotation marks, without escapes: values that need none. */
  | "quoted"
  /** RFC 3339 in UTC, to the millisecond. */
  | "instant"
  /** The negation of a boolean. */
  | "negated"
  /** A name of an enumeration as its code in the API, or a list of them. */
  | { readonly codes: Readonly<Record<string, string>> }
  /** At most that many characters. A longer text ends with an ellipsis. */
  | { readonly maxLength: number }
  /** The global id for a row of that type, from its UUID. */
  | { readonly globalIdOf: string }
  /** As the global id, without the padding of base64. */
  | { readonly nodeIdOf: string };

/** Computes a part of the JSON in this process, from columns of the row or rows. */
export type Compute<Given> = (given: Given, context: ResponseContext) => string | Promise<string>;

interface Constant {
  readonly kind: "constant";
  readonly json: string;
}

export type RowContent =
  | Constant
  /** A column. */
  | { readonly kind: "stored"; readonly field: string; readonly encoding: JsonEncoding; readonly nullable: boolean }
  /** A value that is computed from these fields of the row, or from all. */
  | { readonly kind: "computed"; readonly fields: readonly string[] | undefined; readonly compute: Compute<never> }
  /** A value that is computed from all related rows. It is `none` if there are none or if a policy refuses them. */
  | {
      readonly kind: "computedRows";
      readonly relation: ManyRelation<unknown, never>;
      readonly input: PageInput;
      readonly none: string;
      readonly compute: Compute<never>;
    }
  /** An object whose members belong to the same row. */
  | { readonly kind: "object"; readonly shape: RowShape }
  /** One of two contents, by a boolean field. */
  | { readonly kind: "choice"; readonly field: string; readonly yes: RowContent; readonly no: RowContent }
  | { readonly kind: "row"; readonly relation: OneRelation; readonly nullable: boolean; readonly shape: RowShape }
  | {
      readonly kind: "page";
      readonly relation: ManyRelation<unknown, never>;
      readonly input: PageInput;
      readonly shape: PageShape;
    };

/** Returns the content for a field of the entity. */
export function storedField<Row>(
  _entity: Entity<Row>,
  field: keyof Row & string,
  encoding: JsonEncoding,
  nullable = false,
): RowContent {
  return { kind: "stored", field, encoding, nullable };
}

export type PageContent =
  | Constant
  | { readonly kind: "total" }
  | { readonly kind: "rows"; readonly shape: RowShape }
  | { readonly kind: "edges"; readonly members: readonly Member<EdgeContent>[] }
  | { readonly kind: "pageInfo"; readonly members: readonly Member<PageInfoContent>[] };

export type EdgeContent = Constant | { readonly kind: "row"; readonly shape: RowShape } | { readonly kind: "cursor" };

/** The fields of PageInfo in the Relay Cursor Connections Specification. */
export type PageInfoContent =
  | Constant
  | { readonly kind: "hasNextPage" }
  | { readonly kind: "hasPreviousPage" }
  | { readonly kind: "startCursor" }
  | { readonly kind: "endCursor" };

const jsonResultOf = Symbol("json");

interface WithJsonResult {
  [jsonResultOf]?: JsonResult;
}

/** Attaches the JSON that was read with a row or a page. */
export function attachJson(found: object, json: JsonResult): void {
  (found as WithJsonResult)[jsonResultOf] = json;
}

/** Returns the JSON that was read with `found`, or undefined if none was selected. */
export function jsonOf(found: object): JsonResult | undefined {
  return (found as WithJsonResult)[jsonResultOf];
}

import type { CursorScope } from "../platform/cursor.ts";
import type { ResponseContext, JsonResult } from "./json-result.ts";
import type { Entity } from "./entity.ts";
import type { ManyRelation, OneRelation, PageInput } from "./relation.ts";

/** A member of an object in JSON: its name, which is a name of GraphQL's, and what stands under it. */
export interface Member<Content> {
  readonly name: string;
  readonly content: Content;
}

/** What a row is in an answer: the members of its object, in their order. */
export type RowShape = readonly RowMember[];

export type RowMember = Member<RowContent> | OptionalMember | Spread;

/** A member of those rows alone whose `field` is that. It is never the first. */
interface OptionalMember extends Member<RowContent> {
  readonly when: { readonly field: string; readonly is: string | boolean };
}

/** Members that a related row has, where there is one. They are never the first. */
interface Spread {
  readonly of: OneRelation;
  readonly members: RowShape;
}

/** What a page is in an answer. */
export interface PageShape {
  readonly members: readonly Member<PageContent>[];
  /** What the cursors that stand in it are good for. */
  readonly scope: CursorScope;
}

/** How a column is written in JSON. */
export type JsonEncoding =
  /** As PostgreSQL writes any value in JSON: texts and lists. */
  | "json"
  /** As it is: numbers, true and false. */
  | "bare"
  /** In quotation marks: what has nothing in it that JSON would escape. */
  | "quoted"
  /** In UTC, to the millisecond. */
  | "instant"
  /** The opposite of a truth. */
  | "negated"
  /** A name of an enumeration as what it is called there, or a list of them. */
  | { readonly codes: Readonly<Record<string, string>> }
  /** A text of at most that many characters. The last one of a longer text is an ellipsis. */
  | { readonly maxLength: number }
  /** The global id of a type's row, of its UUID. */
  | { readonly globalIdOf: string }
  /** As the global id, without the padding of its base64. */
  | { readonly nodeIdOf: string };

/** Makes a part of an answer that the database cannot make, as JSON: of what it is given of the row, for whoever asks. */
export type Compute<Given> = (given: Given, context: ResponseContext) => string | Promise<string>;

interface Constant {
  readonly kind: "constant";
  readonly json: string;
}

export type RowContent =
  | Constant
  /** A field as it is stored. */
  | { readonly kind: "stored"; readonly field: string; readonly encoding: JsonEncoding; readonly nullable: boolean }
  /** Worked out of those fields of the row, or of all of them. */
  | { readonly kind: "computed"; readonly fields: readonly string[] | undefined; readonly compute: Compute<never> }
  /** Worked out of those fields of related rows, all of which are read at once. Where the viewer may not read them, or there are none, it is `none`. */
  | {
      readonly kind: "computedRows";
      readonly relation: ManyRelation<unknown, never>;
      readonly input: PageInput;
      readonly none: string;
      readonly compute: Compute<never>;
    }
  /** An object of its own, of the same row. */
  | { readonly kind: "object"; readonly shape: RowShape }
  /** By whether `field` is true. */
  | { readonly kind: "choice"; readonly field: string; readonly yes: RowContent; readonly no: RowContent }
  | { readonly kind: "row"; readonly relation: OneRelation; readonly nullable: boolean; readonly shape: RowShape }
  | {
      readonly kind: "page";
      readonly relation: ManyRelation<unknown, never>;
      readonly input: PageInput;
      readonly shape: PageShape;
    };

/** A field of the entity's rows, as it is stored. */
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

/** What Relay's PageInfo has, by the names that it has there. */
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

/** Keeps with a row or a page its JSON, which was read with it or instead of its rows. */
export function attachJson(found: object, json: JsonResult): void {
  (found as WithJsonResult)[jsonResultOf] = json;
}

/** The JSON that `found` came with, in the shape that was asked for; undefined where none was. */
export function jsonOf(found: object): JsonResult | undefined {
  return (found as WithJsonResult)[jsonResultOf];
}

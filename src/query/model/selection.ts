import type { CursorScope } from "./cursor.ts";
import type { Entity } from "./entity.ts";
import { maxTotal, type Position, type Slice } from "./page.ts";
import type { ManyRelation, OneRelation, PageInput } from "./relation.ts";

/**
 * What to read of a row. GraphQL builds it from a document, REST has it as a constant. Plans are cached by the object,
 * so the same selection must be the same object.
 */
export interface Selection {
  /**
   * `json`: the row comes with its JSON, which has these members in this order. `rows`: the row comes with the columns
   * and the relations of these members, for resolvers that complete it.
   */
  readonly as: "json" | "rows";
  readonly members: RowMembers;
  /** The columns that the row itself has besides its JSON. The id is always read. */
  readonly columns?: readonly string[];
}

/** What to read of a page. */
export interface PageSelection {
  /** As {@link Selection.as}. `list`: the rows come as one JSON list, and what else is selected beside it. */
  readonly as: "json" | "rows" | "list";
  readonly members: PageMembers;
  /** The scope of its cursors, if it has cursors. */
  readonly scope?: CursorScope;
}

/** A member of a JSON object. Its name is a name of GraphQL, and needs no escape. */
export interface Member<Content> {
  readonly name: string;
  readonly content: Content;
}

/** The members of the JSON object of a row, in their order. */
export type RowMembers = readonly RowMember[];

export type RowMember = Member<RowContent> | OptionalMember | Spread;

/** A member that only those rows have whose `field` is `is`. It is never the first member. */
interface OptionalMember extends Member<RowContent> {
  readonly when: { readonly field: string; readonly is: string | boolean };
}

/** The members of a related row, if there is one. They are never the first members. */
interface Spread {
  readonly of: OneRelation;
  readonly members: RowMembers;
}

/** The members of the JSON object of a page, in their order. */
export type PageMembers = readonly Member<PageContent>[];

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

/** What a computed value needs to know of the request. The API that made the selection knows what is in it. */
export type ResponseContext = object;

/** Computes a part of the JSON in this process, from columns of the row or rows. */
export type Compute<Given> = (given: Given, context: ResponseContext) => string | Promise<string>;

/** Identifies a relation among those of its row: the position of the field in the document, or a name. */
export type RelationKey = string | number;

interface Constant {
  readonly kind: "constant";
  readonly json: string;
}

/** What only rows can give, as `content` says. A statement that writes JSON cannot be made of it. */
interface OnlyRows<Content> {
  readonly kind: "onlyRows";
  readonly content?: Content;
}

export type RowContent =
  | Constant
  | { readonly kind: "column"; readonly field: string; readonly encoding: JsonEncoding; readonly nullable: boolean }
  /** A value that is computed from these columns of the row, or from all. */
  | { readonly kind: "computed"; readonly columns: readonly string[] | undefined; readonly compute: Compute<never> }
  /** A value that is computed from all related rows. It is `none` if there are none or if a policy refuses them. */
  | {
      readonly kind: "computedRows";
      readonly relation: ManyRelation<unknown, never>;
      readonly input: PageInput;
      readonly none: string;
      readonly compute: Compute<never>;
    }
  /** The values of these columns, or of all, as one JSON array: for rows that this process decodes. */
  | { readonly kind: "columns"; readonly columns: readonly string[] | undefined }
  /** An object whose members belong to the same row. */
  | { readonly kind: "object"; readonly members: RowMembers }
  /** One of two contents, by a boolean field. */
  | { readonly kind: "choice"; readonly field: string; readonly yes: RowContent; readonly no: RowContent }
  | ToOne
  | ToMany
  | OnlyRows<RowContent>;

/** A related row. */
export interface ToOne {
  readonly kind: "toOne";
  readonly relation: OneRelation;
  readonly nullable: boolean;
  readonly members: RowMembers;
  /** The key by which a resolver finds the related row: see {@link preloaded}. Undefined if there is no resolver. */
  readonly key?: RelationKey;
  /** The columns by which a resolver reads the related row if it was not read with its row. */
  readonly fallbackColumns?: readonly string[];
  /** Whether the JSON is the value of the only member, and not an object with it. */
  readonly isValue?: boolean;
}

/** A page of related rows. */
export interface ToMany {
  readonly kind: "toMany";
  readonly relation: ManyRelation<unknown, never>;
  /** The relation's own input: what builds the selection pairs the two. */
  readonly input: PageInput;
  readonly members: PageMembers;
  readonly scope?: CursorScope;
  /** As {@link ToOne.key}. */
  readonly key?: RelationKey;
}

export type PageContent =
  | Constant
  /** How many rows there are on all pages, or `max` if there are more. */
  | { readonly kind: "total"; readonly max?: number }
  /** The members of a {@link Total}. */
  | { readonly kind: "totalCount" }
  | { readonly kind: "totalIsExact" }
  /** Whether the rows of all pages are only some of those that there are. */
  | { readonly kind: "isPartial" }
  | { readonly kind: "rows"; readonly members: RowMembers }
  | { readonly kind: "edges"; readonly members: readonly Member<EdgeContent>[] }
  | { readonly kind: "pageInfo"; readonly members: readonly Member<PageInfoContent>[] }
  | OnlyRows<undefined>;

export type EdgeContent =
  | Constant
  | { readonly kind: "node"; readonly members: RowMembers }
  | { readonly kind: "cursor" }
  /** A value that is computed from these columns of the row. */
  | { readonly kind: "computed"; readonly columns: readonly string[]; readonly compute: Compute<never> }
  | OnlyRows<undefined>;

/** The fields of PageInfo in the Relay Cursor Connections Specification. */
export type PageInfoContent =
  | Constant
  | { readonly kind: "hasNextPage" }
  | { readonly kind: "hasPreviousPage" }
  | { readonly kind: "startCursor" }
  | { readonly kind: "endCursor" }
  /** Whether the page ended early: see {@link Page.maxScanned}. */
  | { readonly kind: "isPartial" }
  /** The cursor of the row where reading ended, if the page ended early. */
  | { readonly kind: "scanEnd" }
  | OnlyRows<undefined>;

/** A page with the number of rows on all pages, if it was counted. */
export interface CountedSlice<Row> extends Slice<Row> {
  readonly total: number | undefined;
  /** Whether the total is all of them: see {@link Total}. */
  readonly totalIsExact?: boolean | undefined;
  /** Whether the rows of all pages are only some of those that there are, if that was selected. */
  readonly isPartial?: boolean | undefined;
  /** What is known of the rows if they are a JSON list. */
  readonly list?: ListedRows;
}

/** What is known of the rows of a JSON list. */
export interface ListedRows {
  readonly count: number;
  /** The positions of the first and the last row. */
  readonly first: Position | null;
  readonly last: Position | null;
  /** The position of the row where reading ended, if the page ended early: see {@link Page.maxScanned}. */
  readonly scanEnd: Position | null;
}

/** Returns the content for a column of the entity. */
export function columnContent<Row>(
  _entity: Entity<Row>,
  field: keyof Row & string,
  encoding: JsonEncoding,
  nullable = false,
): RowContent {
  return { kind: "column", field, encoding, nullable };
}

/** Every column of a row. */
export const everyColumn: RowMembers = [{ name: "columns", content: { kind: "columns", columns: undefined } }];

/** Selects rows with every column. */
export const wholeRow: Selection = { as: "rows", members: everyColumn };

const neighbours: readonly Member<PageInfoContent>[] = [
  { name: "hasNextPage", content: { kind: "hasNextPage" } },
  { name: "hasPreviousPage", content: { kind: "hasPreviousPage" } },
];

/** Whether there are rows before and after a page. */
export const pageNeighbours: Member<PageContent> = {
  name: "pageInfo",
  content: { kind: "pageInfo", members: neighbours },
};

/** As {@link pageNeighbours}, and where reading ended. The page must have a scope. */
export const pageNeighboursAndScanEnd: Member<PageContent> = {
  name: "pageInfo",
  content: { kind: "pageInfo", members: [...neighbours, { name: "scanEnd", content: { kind: "scanEnd" } }] },
};
const total: Member<PageContent> = { name: "total", content: { kind: "total" } };

/** Selects pages of whole rows, and whether there are rows before and after the page. */
export const pageOfRows: PageSelection = { as: "rows", members: [rowsWith(everyColumn), pageNeighbours] };
/** Selects pages of whole rows with the number of rows on all pages. */
export const countedPageOfRows: PageSelection = { as: "rows", members: [rowsWith(everyColumn), total] };

/** Selects a JSON list of rows with `members`, and whether there are rows before and after it. */
export function jsonList(members: RowMembers): PageSelection {
  return { as: "list", members: [rowsWith(members), pageNeighbours] };
}

/** Selects a JSON list of rows with `members`, and the number of rows on all pages. */
export function countedJsonList(members: RowMembers): PageSelection {
  return { as: "list", members: [rowsWith(members), total] };
}

/** Selects the number of rows on all pages, or one more than {@link maxTotal} if there are more, and no row. */
export const totalOfPages: PageSelection = {
  as: "rows",
  members: [{ name: "total", content: { kind: "total", max: maxTotal + 1 } }],
};

/** The members of a {@link Total}. */
export const totalMembers: PageMembers = [
  { name: "total", content: { kind: "totalCount" } },
  { name: "totalIsExact", content: { kind: "totalIsExact" } },
];

/** Selects the {@link Total} of pages, and no row. */
export const boundedTotalOfPages: PageSelection = { as: "rows", members: totalMembers };

function rowsWith(members: RowMembers): Member<PageContent> {
  return { name: "rows", content: { kind: "rows", members } };
}

import type { Ordering, Page } from "../../../query/model/page.ts";
import type { CountedSlice, PageSelection, Selection } from "../../../query/model/selection.ts";
import { asJson, inJson, renderJson } from "../../kit/json-text.ts";
import type { Shape } from "./fields.ts";
import { type FieldFilters, readFilters } from "./filters.ts";
import type { V1Answer, V1Request } from "./operation.ts";
import { pageHeaders, pagingParameters, readV1Page, readPageWish } from "./paging.ts";
import { readSort, type Sortable } from "./sorting.ts";

/** What is read of a collection. */
export interface CollectionRead<Fields> {
  readonly fields: FieldFilters<Fields>;
  readonly ordering: Ordering;
  readonly page: Page;
  readonly selection: PageSelection;
}

/** A collection of records: its fields, filters and sort keys, and how it is read. */
export interface Collection<Row, Fields> {
  readonly shape: Shape<Row>;
  readonly filterable: Fields;
  /** Parameters that the operation itself has read. */
  readonly parameters?: readonly string[];
  readonly sortable: Sortable;
  readonly defaultOrder: Ordering;
  readonly read: (collectionRead: CollectionRead<Fields>) => Promise<CountedSlice<Row>>;
  readonly count: (fields: FieldFilters<Fields>, most: number) => Promise<number>;
}

/** Answers with a page of a collection: a JSON array, and headers with its place in the collection. */
export async function answerCollection<Row extends object, Fields extends Readonly<Record<string, unknown>>>(
  request: V1Request,
  { shape, filterable, parameters = [], sortable, defaultOrder, read, count }: Collection<Row, Fields>,
): Promise<V1Answer> {
  const { query, readSelection } = request;
  const ordering = readSort(query.last("sort"), sortable, defaultOrder);
  const wish = readPageWish(query, ordering);
  const fields = readFilters(query, filterable, new Set([...pagingParameters, "fields", "sort", ...parameters]));
  const { list: selection } = readSelection(query.last("fields"), shape);
  const page = await inJson(() =>
    readV1Page(wish, {
      read: (one) => read({ fields, ordering, page: one, selection }),
      count: (most) => count(fields, most),
    }),
  );
  return {
    body: page.slice ? asJson(await renderJson(page.slice, request)) : [],
    headers: pageHeaders(request, ordering, wish.size, page),
  };
}

/** Answers with a single record, read with the fields that are shown. */
export async function answerRecord<Row extends object>(
  request: V1Request,
  shape: Shape<Row>,
  read: (selection: Selection) => Promise<Row>,
): Promise<V1Answer> {
  const { one } = request.readSelection(request.query.last("fields"), shape);
  const row = await inJson(() => read(one));
  return { body: asJson(await renderJson(row, request)) };
}

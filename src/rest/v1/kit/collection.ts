import type { Ordering, Page } from "../../../query/model/page.ts";
import type { CountedSlice, PageSelection, Selection } from "../../../query/model/selection.ts";
import { asJson, inJson, renderJson } from "../../kit/json-text.ts";
import type { Shape } from "./fields.ts";
import { type FieldFilters, readFilters } from "./filters.ts";
import type { V1Answer, V1Request } from "./operation.ts";
import { pageHeaders, pagingParameters, readRequestedPage, readV1Page } from "./paging.ts";
import { readSort, type Sortable } from "./sorting.ts";

/** A read of a collection. */
export interface CollectionRead<Fields> {
  readonly fields: FieldFilters<Fields>;
  readonly ordering: Ordering;
  readonly page: Page;
  readonly selection: PageSelection;
}

/** A collection of records: its fields, filters and sort keys, and the functions that read and count it. */
export interface Collection<Row, Fields> {
  readonly shape: Shape<Row>;
  readonly filterable: Fields;
  /** Further parameters, which the operation itself reads. */
  readonly parameters?: readonly string[];
  readonly sortable: Sortable;
  readonly defaultOrder: Ordering;
  readonly read: (collectionRead: CollectionRead<Fields>) => Promise<CountedSlice<Row>>;
  readonly count: (fields: FieldFilters<Fields>) => Promise<number>;
}

/** Returns the response with a page of a collection: a JSON array, and headers about the page. */
export async function answerCollection<Row extends object, Fields extends Readonly<Record<string, unknown>>>(
  request: V1Request,
  { shape, filterable, parameters = [], sortable, defaultOrder, read, count }: Collection<Row, Fields>,
): Promise<V1Answer> {
  const { query, readSelection } = request;
  const ordering = readSort(query.last("sort"), sortable, defaultOrder);
  const requested = readRequestedPage(query, ordering);
  const fields = readFilters(query, filterable, new Set([...pagingParameters, "fields", "sort", ...parameters]));
  const { list: selection } = readSelection(query.last("fields"), shape);
  const page = await inJson(() =>
    readV1Page(requested, {
      read: (one) => read({ fields, ordering, page: one, selection }),
      count: () => count(fields),
    }),
  );
  return {
    body: page.slice ? asJson(await renderJson(page.slice, request)) : [],
    headers: pageHeaders(request, ordering, requested.size, page),
  };
}

/** Returns the response with a single record. `read` is called with the selected fields. */
export async function answerRecord<Row extends object>(
  request: V1Request,
  shape: Shape<Row>,
  read: (selection: Selection) => Promise<Row>,
): Promise<V1Answer> {
  const { one } = request.readSelection(request.query.last("fields"), shape);
  const row = await inJson(() => read(one));
  return { body: asJson(await renderJson(row, request)) };
}

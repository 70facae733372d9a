import {
  type FieldNode,
  getNamedType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  isObjectType,
} from "graphql";
import type { PageInput } from "../../query/model/relation.ts";
import type { RelationKey, SelectedRelation, Selection, PageSelection } from "../../query/model/selection.ts";
import { collectFields, keyOf, type FieldGroup } from "./collect-fields.ts";
import { cachedSelection } from "./selection-cache.ts";
import type { SelectedPage, SelectionBuilder } from "../kit/selection-builder.ts";
import { type FieldOptions, inputOf } from "../kit/field-options.ts";

/** Returns the key of the relation that the field of `info` selects: the position of its first node in the document. */
export function relationKeyOf(info: GraphQLResolveInfo): RelationKey {
  return keyOf(info.fieldNodes);
}

/** Builds selections of rows. */
export const rowSelectionBuilder: SelectionBuilder = { selected: selectionOf, selectedPage: selectedPageOf };

/** Returns what is selected below the field of `info` on the object type `typename`. Default: the type of the field. */
function selectionOf(info: GraphQLResolveInfo, typename?: string): Selection {
  const type = typename === undefined ? getNamedType(info.returnType) : info.schema.getType(typename);
  if (!isObjectType(type)) throw new TypeError("The field has no object type: name the type whose fields are selected.");
  return cachedSelection(info, `rows ${type.name}`, () => {
    const draft = newSelectionDraft();
    selectRow(info, type, info.fieldNodes, draft);
    return selectionFrom(draft);
  });
}

/** Returns what is selected below the field of `info`, which is a connection. */
export function selectedPageOf(info: GraphQLResolveInfo): SelectedPage {
  return cachedSelection(info, "page", () => {
    const draft = newPageDraft();
    selectPage(info, info.returnType, info.fieldNodes, draft);
    return { pageSelection: pageSelectionOf(draft), selection: selectionFrom(draft.row) };
  });
}

/** A selection that is being built: several places of a document may select fields of one row. */
interface SelectionDraft {
  everyField: boolean;
  readonly fields: Set<string>;
  readonly relations: Map<RelationKey, RelationDraft>;
}

interface RelationDraft {
  readonly options: Exclude<FieldOptions, { kind: "columns" }>;
  readonly input: PageInput | undefined;
  readonly page: PageDraft;
}

interface PageDraft {
  readonly row: SelectionDraft;
  rows: boolean;
  neighbours: boolean;
  cursors: boolean;
  total: boolean;
}

function newSelectionDraft(): SelectionDraft {
  return { everyField: false, fields: new Set(), relations: new Map() };
}

function newPageDraft(): PageDraft {
  return { row: newSelectionDraft(), rows: false, neighbours: false, cursors: false, total: false };
}

function selectRow(
  info: GraphQLResolveInfo,
  type: GraphQLObjectType,
  parents: readonly FieldNode[],
  draft: SelectionDraft,
): void {
  for (const nodes of collectFields(info, type, parents).values()) {
    const field = type.getFields()[nodes[0].name.value];
    // __typename needs no row.
    if (!field) continue;
    const { fieldOptions: options, pothosExposedField: exposed } = field.extensions as {
      readonly fieldOptions?: FieldOptions; // see FieldOptionsExtensions
      readonly pothosExposedField?: string;
    };
    if (options === undefined && exposed === undefined && field.name !== "id") draft.everyField = true;
    else if (options === undefined) draft.fields.add(exposed ?? "id");
    else if (options.kind === "columns") for (const name of options.columns) draft.fields.add(name);
    else selectRelation(info, { nodes, options, field }, draft);
  }
}

type FieldOfType = ReturnType<GraphQLObjectType["getFields"]>[string];

function selectRelation(
  info: GraphQLResolveInfo,
  { nodes, options, field }: { nodes: FieldGroup; options: RelationDraft["options"]; field: FieldOfType },
  draft: SelectionDraft,
): void {
  const input = options.kind === "toMany" ? inputOf(info, options, field, nodes[0]) : undefined;
  // Its resolver reads the arguments again and throws the error.
  if (options.kind === "toMany" && input === undefined) return;
  const key = keyOf(nodes);
  const relation = draft.relations.get(key) ?? { options, input, page: newPageDraft() };
  draft.relations.set(key, relation);
  if (input) selectPage(info, field.type, nodes, relation.page);
  else {
    const type = getNamedType(field.type);
    if (isObjectType(type)) selectRow(info, type, nodes, relation.page.row);
  }
}

/** Adds what is selected of a connection: of the page, and of its nodes, which are the same rows below `nodes` and `edges`. */
function selectPage(
  info: GraphQLResolveInfo,
  connection: GraphQLOutputType,
  parents: readonly FieldNode[],
  page: PageDraft,
): void {
  const type = getNamedType(connection);
  if (!isObjectType(type)) return;
  for (const nodes of collectFields(info, type, parents).values()) {
    const field = type.getFields()[nodes[0].name.value];
    if (!field) continue;
    const inner = getNamedType(field.type);
    switch (field.name) {
      case "nodes":
        page.rows = true;
        if (isObjectType(inner)) selectRow(info, inner, nodes, page.row);
        break;
      case "edges":
        page.rows = true;
        if (isObjectType(inner)) selectEdge(info, inner, nodes, page);
        break;
      case "pageInfo":
        page.rows = true;
        page.neighbours = true;
        page.cursors = true;
        break;
      case "totalCount":
        page.total = true;
        break;
      default:
        page.row.everyField = true;
    }
  }
}

function selectEdge(info: GraphQLResolveInfo, edge: GraphQLObjectType, parents: readonly FieldNode[], page: PageDraft): void {
  for (const nodes of collectFields(info, edge, parents).values()) {
    const field = edge.getFields()[nodes[0].name.value];
    const type = field && getNamedType(field.type);
    if (field?.name === "node" && isObjectType(type)) selectRow(info, type, nodes, page.row);
    if (field?.name === "cursor") page.cursors = true;
  }
}

function selectionFrom({ everyField, fields, relations }: SelectionDraft): Selection {
  return {
    fields: everyField ? undefined : fields,
    relations: new Map(
      [...relations].map(([key, { options, input, page }]) => [key, selectedRelationFrom(options, input, page)]),
    ),
  };
}

function selectedRelationFrom(
  options: RelationDraft["options"],
  input: PageInput | undefined,
  page: PageDraft,
): SelectedRelation {
  const selection = selectionFrom(page.row);
  if (options.kind === "toOne") return { relation: options.relation, selection, fallbackColumns: options.fallbackColumns };
  if (!input) throw new Error("A page is selected without an input.");
  // A page can be read later by the id of its row, which every row has.
  return { relation: options.relation, input, pageSelection: pageSelectionOf(page), selection, fallbackColumns: [] };
}

function pageSelectionOf({ rows, neighbours, cursors, total }: PageDraft): PageSelection {
  return { rows, neighbours, cursors, total };
}

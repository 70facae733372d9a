import {
  type FieldNode,
  getNamedType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  isObjectType,
} from "graphql";
import type { PageInput } from "../reading/relation.ts";
import type { RelationKey, SelectedRelation, Selection, WantedOfPage } from "../reading/selection.ts";
import { collectFields, keyOf, type Merged } from "./collected.ts";
import { remembered } from "./remembered.ts";
import type { SelectedPage, Selecting } from "./selecting.ts";
import { type FieldSource, inputOf } from "./sources.ts";

/** The key under which rows came with what the field of `info` is. Where it stands in its document: fields that are merged have one answer. */
export function relationKeyOf(info: GraphQLResolveInfo): RelationKey {
  return keyOf(info.fieldNodes);
}

/** What is selected as rows. */
export const selectingRows: Selecting = { selected: selectionOf, selectedPage: selectedPageOf };

/** What is selected below the field of `info`, for rows that are of the object type `typename` (the field's own where it is left out). */
function selectionOf(info: GraphQLResolveInfo, typename?: string): Selection {
  const type = typename === undefined ? getNamedType(info.returnType) : info.schema.getType(typename);
  if (!isObjectType(type)) throw new TypeError("Fields are selected of an object type, and this field has none: name it.");
  return remembered(info, `rows ${type.name}`, () => {
    const wanted = newWanted();
    wantRow(info, type, info.fieldNodes, wanted);
    return finished(wanted);
  });
}

/** What is selected below the field of `info`, which is a connection. */
export function selectedPageOf(info: GraphQLResolveInfo): SelectedPage {
  return remembered(info, "page", () => {
    const wanted = newWantedPage();
    wantPage(info, info.returnType, info.fieldNodes, wanted);
    return { wanted: wantedOf(wanted), selection: finished(wanted.row) };
  });
}

/** A selection that is being gathered: fields may be wanted of a row from several places of a document. */
interface Wanted {
  everyField: boolean;
  readonly fields: Set<string>;
  readonly relations: Map<RelationKey, WantedRelation>;
}

interface WantedRelation {
  readonly source: Exclude<FieldSource, { kind: "fields" }>;
  readonly input: PageInput | undefined;
  readonly page: WantedPage;
}

interface WantedPage {
  readonly row: Wanted;
  rows: boolean;
  neighbours: boolean;
  cursors: boolean;
  total: boolean;
}

function newWanted(): Wanted {
  return { everyField: false, fields: new Set(), relations: new Map() };
}

function newWantedPage(): WantedPage {
  return { row: newWanted(), rows: false, neighbours: false, cursors: false, total: false };
}

function wantRow(info: GraphQLResolveInfo, type: GraphQLObjectType, parents: readonly FieldNode[], wanted: Wanted): void {
  for (const nodes of collectFields(info, type, parents).values()) {
    const field = type.getFields()[nodes[0].name.value];
    // __typename is known without a row.
    if (!field) continue;
    const { source, pothosExposedField: exposed } = field.extensions as {
      readonly source?: FieldSource; // see SourceExtensions
      readonly pothosExposedField?: string;
    };
    if (source === undefined && exposed === undefined && field.name !== "id") wanted.everyField = true;
    else if (source === undefined) wanted.fields.add(exposed ?? "id");
    else if (source.kind === "fields") for (const name of source.fields) wanted.fields.add(name);
    else wantRelation(info, { nodes, source, field }, wanted);
  }
}

type FieldOfType = ReturnType<GraphQLObjectType["getFields"]>[string];

function wantRelation(
  info: GraphQLResolveInfo,
  { nodes, source, field }: { nodes: Merged; source: WantedRelation["source"]; field: FieldOfType },
  wanted: Wanted,
): void {
  const input = source.kind === "many" ? inputOf(info, source, field, nodes[0]) : undefined;
  // Its resolver finds out what is wrong with it, and says so.
  if (source.kind === "many" && input === undefined) return;
  const key = keyOf(nodes);
  const relation = wanted.relations.get(key) ?? { source, input, page: newWantedPage() };
  wanted.relations.set(key, relation);
  if (input) wantPage(info, field.type, nodes, relation.page);
  else {
    const type = getNamedType(field.type);
    if (isObjectType(type)) wantRow(info, type, nodes, relation.page.row);
  }
}

/** What is wanted of a connection: of the nodes, which are the same rows under `nodes` and under `edges`, and of the page itself. */
function wantPage(
  info: GraphQLResolveInfo,
  connection: GraphQLOutputType,
  parents: readonly FieldNode[],
  page: WantedPage,
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
        if (isObjectType(inner)) wantRow(info, inner, nodes, page.row);
        break;
      case "edges":
        page.rows = true;
        if (isObjectType(inner)) wantEdge(info, inner, nodes, page);
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

function wantEdge(info: GraphQLResolveInfo, edge: GraphQLObjectType, parents: readonly FieldNode[], page: WantedPage): void {
  for (const nodes of collectFields(info, edge, parents).values()) {
    const field = edge.getFields()[nodes[0].name.value];
    const type = field && getNamedType(field.type);
    if (field?.name === "node" && isObjectType(type)) wantRow(info, type, nodes, page.row);
    if (field?.name === "cursor") page.cursors = true;
  }
}

function finished({ everyField, fields, relations }: Wanted): Selection {
  return {
    fields: everyField ? undefined : fields,
    relations: new Map([...relations].map(([key, { source, input, page }]) => [key, finishedRelation(source, input, page)])),
  };
}

function finishedRelation(source: WantedRelation["source"], input: PageInput | undefined, page: WantedPage): SelectedRelation {
  const selection = finished(page.row);
  if (source.kind === "one") return { relation: source.relation, selection, orElse: source.orElse };
  if (!input) throw new Error("A page is wanted without saying which.");
  // By its id, which every row has.
  return { relation: source.relation, input, wanted: wantedOf(page), selection, orElse: [] };
}

function wantedOf({ rows, neighbours, cursors, total }: WantedPage): WantedOfPage {
  return { rows, neighbours, cursors, total };
}

import {
  type FieldNode,
  getArgumentValues,
  getDirectiveValues,
  getNamedType,
  GraphQLError,
  GraphQLIncludeDirective,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  GraphQLSkipDirective,
  isAbstractType,
  isObjectType,
  Kind,
  type SelectionNode,
  type SelectionSetNode,
  visit,
} from "graphql";
import { LRUCache } from "lru-cache";
import { DomainError } from "../errors.ts";
import type { Position } from "../platform/keyset.ts";
import type { Entity } from "../reading/entity.ts";
import { identityOf } from "../reading/identity.ts";
import {
  type ManyRelation,
  type OneRelation,
  type PageInput,
  type RelationKey,
  type SelectedRelation,
  type Selection,
  type WantedOfPage,
} from "../reading/selection.ts";

/** What is selected below a field that answers with a page. */
export interface SelectedPage {
  readonly wanted: WantedOfPage;
  readonly selection: Selection;
}

/** Reads a cursor of a place that is not known yet. What it says is not proven: the resolver asks again when it knows the place. */
export type PeekCursor = (cursor: string) => Position | null;

/** What a field of an entity is read from. */
type FieldSource =
  | { readonly kind: "fields"; readonly fields: readonly string[] }
  | { readonly kind: "one"; readonly relation: OneRelation; readonly orElse: readonly string[] }
  | {
      readonly kind: "many";
      readonly relation: ManyRelation<unknown, never>;
      readonly input: (args: never, peek: PeekCursor) => PageInput;
    };

/** A field's extensions: how selections and their planners know what it is read from. */
// A type, not an interface: GraphQL wants an index signature, which only types have implicitly.
export type SourceExtensions = {
  readonly source: FieldSource;
};

/** For a field that is worked out of those fields of a row, and needs nothing else of it. One that says nothing is given every field. */
export function from<Row>(_entity: Entity<Row>, ...fields: readonly (keyof Row & string)[]): SourceExtensions {
  return { source: { kind: "fields", fields } };
}

/** For a field that is a row of a relation. `orElse` are the fields that its resolver finds that row by, where it did not come with it. */
export function fromOne<Row>(
  _entity: Entity<Row>,
  relation: OneRelation,
  ...orElse: readonly (keyof Row & string)[]
): SourceExtensions {
  return { source: { kind: "one", relation, orElse } };
}

/** For a field that is a page of a relation. `input` says which, of the field's arguments, and throws a domain error where they cannot be used. */
export function fromMany<Input extends PageInput>(
  relation: ManyRelation<unknown, Input>,
  input: (args: never, peek: PeekCursor) => Input,
): SourceExtensions {
  return { source: { kind: "many", relation, input } };
}

/** The key under which rows came with what the field of `info` is. Where it stands in its document: fields that are merged have one answer. */
export function relationKeyOf(info: GraphQLResolveInfo): RelationKey {
  return keyOf(info.fieldNodes);
}

/** What is selected below the field of `info`, for rows that are of the object type `typename` (the field's own where it is left out). */
export function selectionOf(info: GraphQLResolveInfo, peek: PeekCursor, typename?: string): Selection {
  const type = typename === undefined ? getNamedType(info.returnType) : info.schema.getType(typename);
  if (!isObjectType(type)) throw new TypeError("Fields are selected of an object type, and this field has none: name it.");
  return remembered(info, `rows ${type.name}`, () => {
    const wanted = newWanted();
    wantRow({ info, peek }, type, info.fieldNodes, wanted);
    return finished(wanted);
  });
}

/** What is selected below the field of `info`, which is a connection. */
export function selectedPageOf(info: GraphQLResolveInfo, peek: PeekCursor): SelectedPage {
  return remembered(info, "page", () => {
    const wanted = newWantedPage();
    wantPage({ info, peek }, info.returnType, info.fieldNodes, wanted);
    return { wanted: wantedOf(wanted), selection: finished(wanted.row) };
  });
}

interface Walk {
  readonly info: GraphQLResolveInfo;
  readonly peek: PeekCursor;
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

function wantRow(walk: Walk, type: GraphQLObjectType, parents: readonly FieldNode[], wanted: Wanted): void {
  for (const nodes of collectFields(walk.info, type, parents).values()) {
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
    else wantRelation(walk, { nodes, source, field }, wanted);
  }
}

type FieldOfType = ReturnType<GraphQLObjectType["getFields"]>[string];

function wantRelation(
  walk: Walk,
  { nodes, source, field }: { nodes: Merged; source: WantedRelation["source"]; field: FieldOfType },
  wanted: Wanted,
): void {
  const input = source.kind === "many" ? inputOf(walk, source, field, nodes) : undefined;
  // Its resolver finds out what is wrong with it, and says so.
  if (source.kind === "many" && input === undefined) return;
  const key = keyOf(nodes);
  const relation = wanted.relations.get(key) ?? { source, input, page: newWantedPage() };
  wanted.relations.set(key, relation);
  if (input) wantPage(walk, field.type, nodes, relation.page);
  else {
    const type = getNamedType(field.type);
    if (isObjectType(type)) wantRow(walk, type, nodes, relation.page.row);
  }
}

function inputOf(
  { info, peek }: Walk,
  source: Extract<FieldSource, { kind: "many" }>,
  field: FieldOfType,
  [node]: Merged,
): PageInput | undefined {
  try {
    return source.input(getArgumentValues(field, node, info.variableValues) as never, peek); // the field's own arguments: see fromMany
  } catch (error) {
    if (error instanceof DomainError || error instanceof GraphQLError) return undefined;
    throw error;
  }
}

/** What is wanted of a connection: of the nodes, which are the same rows under `nodes` and under `edges`, and of the page itself. */
function wantPage(walk: Walk, connection: GraphQLOutputType, parents: readonly FieldNode[], page: WantedPage): void {
  const type = getNamedType(connection);
  if (!isObjectType(type)) return;
  for (const nodes of collectFields(walk.info, type, parents).values()) {
    const field = type.getFields()[nodes[0].name.value];
    if (!field) continue;
    const inner = getNamedType(field.type);
    switch (field.name) {
      case "nodes":
        page.rows = true;
        if (isObjectType(inner)) wantRow(walk, inner, nodes, page.row);
        break;
      case "edges":
        page.rows = true;
        if (isObjectType(inner)) wantEdge(walk, inner, nodes, page);
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

function wantEdge(walk: Walk, edge: GraphQLObjectType, parents: readonly FieldNode[], page: WantedPage): void {
  for (const nodes of collectFields(walk.info, edge, parents).values()) {
    const field = edge.getFields()[nodes[0].name.value];
    const type = field && getNamedType(field.type);
    if (field?.name === "node" && isObjectType(type)) wantRow(walk, type, nodes, page.row);
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

/** The nodes that are merged into one field of an answer, the first of the document first. */
type Merged = readonly [FieldNode, ...FieldNode[]];

function keyOf([first]: readonly FieldNode[]): RelationKey {
  return first?.loc?.start ?? 0;
}

/** The fields selected below `parents` of rows of `type`, by the name they have in the answer: GraphQL's own CollectFields, over a type that is known. */
function collectFields(info: GraphQLResolveInfo, type: GraphQLObjectType, parents: readonly FieldNode[]): Map<string, Merged> {
  const found = new Map<string, [FieldNode, ...FieldNode[]]>();
  const spread = new Set<string>();

  function collect({ selections }: SelectionSetNode): void {
    for (const selection of selections) {
      if (!isIncluded(info, selection)) continue;
      if (selection.kind === Kind.FIELD) {
        const name = selection.alias?.value ?? selection.name.value;
        const merged = found.get(name);
        if (merged) merged.push(selection);
        else found.set(name, [selection]);
      } else if (selection.kind === Kind.INLINE_FRAGMENT) {
        if (applies(info, type, selection.typeCondition?.name.value)) collect(selection.selectionSet);
      } else if (!spread.has(selection.name.value)) {
        spread.add(selection.name.value);
        const fragment = info.fragments[selection.name.value];
        if (fragment && applies(info, type, fragment.typeCondition.name.value)) collect(fragment.selectionSet);
      }
    }
  }

  for (const { selectionSet } of parents) if (selectionSet) collect(selectionSet);
  return found;
}

function applies({ schema }: GraphQLResolveInfo, type: GraphQLObjectType, condition: string | undefined): boolean {
  if (condition === undefined || condition === type.name) return true;
  const named = schema.getType(condition);
  return isAbstractType(named) && schema.isSubType(named, type);
}

function isIncluded({ variableValues }: GraphQLResolveInfo, node: SelectionNode): boolean {
  if (!node.directives?.length) return true;
  if (getDirectiveValues(GraphQLSkipDirective, node, variableValues)?.["if"] === true) return false;
  return getDirectiveValues(GraphQLIncludeDirective, node, variableValues)?.["if"] !== false;
}

/** Variables that are used below a field make another selection of it. How large all that are kept are together, and the largest, counted in parts. */
const keptParts = 1_000_000;
const mostPartsKept = 50_000;

const selections = new LRUCache<string, Selection | SelectedPage>({
  ...{ maxSize: keptParts, maxEntrySize: mostPartsKept },
  sizeCalculation: (made, name) => name.length + partsOf("selection" in made ? made.selection : made),
});
const variables = new WeakMap<object, Map<string, readonly string[]>>();

/** Where the nodes of a field stand. Which are merged into one differs: a directive lets them in or not, a fragment is spread beside others. */
function placesOf({ fieldNodes }: GraphQLResolveInfo): string {
  return fieldNodes.map(({ loc }) => loc?.start ?? 0).join(",");
}

/** What was made for these nodes of this document before, with the same values of the variables that are used below them. */
function remembered<Made extends Selection | SelectedPage>(info: GraphQLResolveInfo, kind: string, make: () => Made): Made {
  const { operation, variableValues } = info;
  // What was left out is not the same as null.
  const values = variablesBelow(info).map((name) => (Object.hasOwn(variableValues, name) ? [variableValues[name]] : []));
  const name = `${identityOf(operation)} ${placesOf(info)} ${kind} ${values.length === 0 ? "" : JSON.stringify(values)}`;
  const before = selections.get(name);
  if (before) return before as Made; // its kind is a part of its name
  const made = make();
  selections.set(name, made);
  return made;
}

/** How much there is of a selection: its fields, and the characters of what its relations are filtered by. */
function partsOf({ fields, relations }: Selection): number {
  const below = [...relations.values()].map(
    (one) => partsOf(one.selection) + ("input" in one ? JSON.stringify(one.input).length : 0),
  );
  return below.reduce((sum, parts) => sum + parts, 1 + (fields?.size ?? 0));
}

function variablesBelow(info: GraphQLResolveInfo): readonly string[] {
  const known = variables.get(info.operation) ?? new Map<string, readonly string[]>();
  variables.set(info.operation, known);
  const places = placesOf(info);
  const names = known.get(places) ?? findVariables(info);
  known.set(places, names);
  return names;
}

function findVariables({ fieldNodes, fragments }: GraphQLResolveInfo): readonly string[] {
  const found = new Set<string>();
  const spread = new Set<string>();
  const look = (selectionSet: SelectionSetNode | undefined): void => {
    if (!selectionSet) return;
    visit(selectionSet, {
      Variable: ({ name }) => void found.add(name.value),
      FragmentSpread: ({ name }) => {
        if (spread.has(name.value)) return;
        spread.add(name.value);
        look(fragments[name.value]?.selectionSet);
      },
    });
  };
  for (const { selectionSet } of fieldNodes) look(selectionSet);
  return [...found].toSorted();
}

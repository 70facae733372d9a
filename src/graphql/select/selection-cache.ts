import { type GraphQLResolveInfo, type SelectionSetNode, visit } from "graphql";
import { LRUCache } from "lru-cache";
import { createObjectIds } from "../../lib/object-ids.ts";
import type { Selection } from "../../query/model/selection.ts";
import type { EdgeContent, Member, PageContent, PageInfoContent, RowContent, RowMember } from "../../query/model/shape.ts";
import type { SelectedPage } from "../kit/selection-builder.ts";

/**
 * The maximum size of all cached selections together, and of one, in parts. A selection depends on the values of the variables
 * below its field.
 */
const maxCachedParts = 200_000;
const maxPartsOfSelection = 50_000;
/**
 * The maximum number of cached selections, of some kilobytes each. A client that filters by another date each time fills the
 * cache.
 */
const maxCachedSelections = 1_000;

const selections = new LRUCache<string, Selection | SelectedPage>({
  ...{ max: maxCachedSelections, maxSize: maxCachedParts, maxEntrySize: maxPartsOfSelection },
  sizeCalculation: (made, name) => name.length + ("selection" in made ? partsOfPage(made) : partsOf(made)),
});
const variables = new WeakMap<object, Map<string, readonly string[]>>();
const objectId = createObjectIds();

/** Returns the positions of a field's nodes in the document. Directives and fragments determine which nodes make one field. */
function locationsOf({ fieldNodes }: GraphQLResolveInfo): string {
  return fieldNodes.map(({ loc }) => loc?.start ?? 0).join(",");
}

/** Returns the cached selection for these nodes and these values of the variables below them, or caches what `make` returns. */
export function cachedSelection<Made extends Selection | SelectedPage>(
  info: GraphQLResolveInfo,
  kind: string,
  make: () => Made,
): Made {
  const { operation, variableValues } = info;
  // A missing variable differs from null.
  const values = variablesBelow(info).map((name) => (Object.hasOwn(variableValues, name) ? [variableValues[name]] : []));
  const name = `${objectId(operation)} ${locationsOf(info)} ${kind} ${values.length === 0 ? "" : JSON.stringify(values)}`;
  const before = selections.get(name);
  if (before) return before as Made; // its kind is a part of its name
  const made = make();
  selections.set(name, made);
  return made;
}

/** Returns the size of a selection: its fields, and the characters of its inputs. */
function partsOf({ fields, relations, json }: Selection): number {
  const below = [...relations.values()].map(
    (one) => partsOf(one.selection) + ("input" in one ? JSON.stringify(one.input).length : 0),
  );
  return below.reduce((sum, parts) => sum + parts, 1 + (fields?.size ?? 0) + (json ? partsOfShape(json) : 0));
}

function partsOfPage({ pageSelection, selection }: SelectedPage): number {
  return partsOf(selection) + (pageSelection.json ? partsOfShape(pageSelection.json.members) : 0);
}

function partsOfShape(members: readonly (RowMember | Member<PageContent | EdgeContent | PageInfoContent>)[]): number {
  return members.reduce((sum, member) => sum + ("content" in member ? partsOfContent(member.content) : 1), 1);
}

function partsOfContent(content: RowContent | PageContent | EdgeContent | PageInfoContent): number {
  if ("members" in content) return partsOfShape(content.members);
  if (content.kind === "page") return partsOfShape(content.shape.members) + JSON.stringify(content.input).length;
  return "shape" in content ? partsOfShape(content.shape) : 1;
}

function variablesBelow(info: GraphQLResolveInfo): readonly string[] {
  const known = variables.get(info.operation) ?? new Map<string, readonly string[]>();
  variables.set(info.operation, known);
  const locations = locationsOf(info);
  const names = known.get(locations) ?? findVariables(info);
  known.set(locations, names);
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

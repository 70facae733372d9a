import { type GraphQLResolveInfo, type SelectionSetNode, visit } from "graphql";
import { LRUCache } from "lru-cache";
import { createObjectIds } from "../../lib/object-ids.ts";
import { type CursorScope, scopeTag } from "../../query/model/cursor.ts";
import type {
  EdgeContent,
  Member,
  PageContent,
  PageInfoContent,
  PageMembers,
  PageSelection,
  RowContent,
  RowMember,
  RowMembers,
  Selection,
} from "../../query/model/selection.ts";

/**
 * The maximum size of all cached selections together, and of one, in parts. A selection depends on the values of the
 * variables below its field.
 */
const maxCachedParts = 200_000;
const maxPartsOfSelection = 50_000;
/**
 * The maximum number of cached selections, of some kilobytes each. A client that filters by another date each time
 * fills the cache.
 */
const maxCachedSelections = 1_000;

/** What is cached of a field: its selection for both executors. */
interface Selections<Made> {
  readonly json: Made;
  readonly rows: Made;
}

/** What a selection depends on besides the fields below its field: the name of the budgets of the pages among them. */
interface GivenOfSelection {
  readonly budgets: string;
}

interface GivenOfRow extends GivenOfSelection {
  readonly typename: string;
}

interface GivenOfPage extends GivenOfSelection {
  /** The scope of its cursors. */
  readonly scope: CursorScope | undefined;
}

/** Selections by the fields of the document and the values of the variables below them. */
export interface SelectionCache {
  /** Returns the selections of a row. If they are not cached, `make` returns the members. */
  row(info: GraphQLResolveInfo, given: GivenOfRow, make: () => RowMembers): Selections<Selection>;
  /** Returns the selections of a page. If they are not cached, `make` returns the members. */
  page(info: GraphQLResolveInfo, given: GivenOfPage, make: () => PageMembers): Selections<PageSelection>;
}

export function createSelectionCache(): SelectionCache {
  const selections = new LRUCache<string, Selections<Selection | PageSelection>>({
    ...{ max: maxCachedSelections, maxSize: maxCachedParts, maxEntrySize: maxPartsOfSelection },
    sizeCalculation: ({ json }, name) => name.length + partsOf(json.members),
  });
  const variables = new WeakMap<object, Map<string, readonly string[]>>();
  const objectId = createObjectIds();

  /**
   * Returns the cached selections for these nodes and these values of the variables below them, or caches what `make`
   * returns.
   */
  function cached<Made extends Selection | PageSelection>(
    info: GraphQLResolveInfo,
    kind: string,
    make: () => Selections<Made>,
  ): Selections<Made> {
    const { operation, variableValues } = info;
    // A missing variable differs from null.
    const values = variablesBelow(info).map((name) => (Object.hasOwn(variableValues, name) ? [variableValues[name]] : []));
    const name = `${objectId(operation)} ${locationsOf(info)} ${kind} ${values.length === 0 ? "" : JSON.stringify(values)}`;
    const before = selections.get(name);
    if (before) return before as Selections<Made>; // its kind is a part of its name
    const made = make();
    selections.set(name, made);
    return made;
  }

  function variablesBelow(info: GraphQLResolveInfo): readonly string[] {
    const known = variables.get(info.operation) ?? new Map<string, readonly string[]>();
    variables.set(info.operation, known);
    const locations = locationsOf(info);
    const names = known.get(locations) ?? findVariables(info);
    known.set(locations, names);
    return names;
  }

  return {
    row: (info, { typename, budgets }, make) =>
      cached<Selection>(info, `row ${typename} ${budgets}`, () => {
        const members = make();
        return { json: { as: "json", members }, rows: { as: "rows", members } };
      }),
    // The order is an argument of the field itself, and the key has only the variables below the field: so the scope is
    // part of the key.
    page: (info, { scope, budgets }, make) =>
      cached<PageSelection>(info, `page ${scope ? scopeTag(scope) : ""} ${budgets}`, () => {
        const page = { members: make(), ...(scope && { scope }) };
        return { json: { as: "json", ...page }, rows: { as: "rows", ...page } };
      }),
  };
}

/**
 * Returns the positions of a field's nodes in the document. Directives and fragments determine which nodes make one
 * field.
 */
function locationsOf({ fieldNodes }: GraphQLResolveInfo): string {
  return fieldNodes.map(({ loc }) => loc?.start ?? 0).join(",");
}

type AnyContent = RowContent | PageContent | EdgeContent | PageInfoContent;

/** Returns the size of a selection: its members, and the characters of its inputs. */
function partsOf(members: readonly (RowMember | Member<AnyContent>)[]): number {
  return members.reduce((sum, member) => sum + ("content" in member ? partsOfContent(member.content) : 1), 1);
}

function partsOfContent(content: AnyContent): number {
  const below = "members" in content ? partsOf(content.members) : 1;
  return "input" in content ? below + JSON.stringify(content.input).length : below;
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

import type { CursorScope } from "../model/cursor.ts";
import { columnsOfPosition, type Ordering, positionFields } from "../model/page.ts";
import type { PageInput } from "../model/relation.ts";
import {
  everyColumn,
  type PageContent,
  type PageMembers,
  pageNeighbours,
  pageNeighboursAndScanEnd,
  totalMembers,
  type RelationKey,
  type RowContent,
  type RowMember,
  type RowMembers,
  type ToMany,
  type ToOne,
} from "../model/selection.ts";

// Rows are read with the same members as JSON, but as they are stored: the columns that the members need, and the
// relations by the keys with which resolvers find them.

/**
 * How many pages of one relation are read with their row. Further ones have statements of their own, so that the size
 * of each result is known before the next read.
 */
const maxPagesOfRelation = 4;

/** Returns `members` of a row as they are stored. `ordering` adds the columns of the row's position. */
export function storedMembers(members: RowMembers, ordering?: Ordering): RowMembers {
  const columns = new Set<string>(ordering && positionFields(ordering).flatMap(columnsOfPosition));
  const relations = new Map<RelationKey, ToOne | ToMany>();
  let isWhole = false;

  for (const content of members.map(contentForRows)) {
    if (content === undefined) continue;
    if (content.kind === "toOne" || content.kind === "toMany") {
      for (const column of fallbackColumnsOf(content)) columns.add(column);
      addRelation(relations, content);
    } else {
      const read = columnsOf(content);
      isWhole ||= read === undefined;
      for (const column of read ?? []) columns.add(column);
    }
  }
  const stored = { kind: "columns", columns: isWhole ? undefined : [...columns] } as const;
  return [{ name: "columns", content: stored }, ...[...relations].map(([key, content]) => storedRelation(key, content))];
}

/** Returns what rows read of `member`. Undefined: nothing. */
function contentForRows(member: RowMember): RowContent | undefined {
  if ("of" in member) throw new TypeError("A member of another row is written as JSON only.");
  return member.content.kind === "onlyRows" ? member.content.content : member.content;
}

/** Returns the columns that `content` needs of its row, or undefined for all. */
function columnsOf(content: Exclude<RowContent, ToOne | ToMany>): readonly string[] | undefined {
  switch (content.kind) {
    case "constant":
      return [];
    case "column":
      return [content.field];
    case "computed":
    case "columns":
      return content.columns;
    case "object":
    case "choice":
    case "computedRows":
    case "onlyRows":
      throw new TypeError(`A member of the kind ${content.kind} is written as JSON only.`);
  }
}

function fallbackColumnsOf(content: ToOne | ToMany): readonly string[] {
  // A page can be read by the id of its row, which every row has.
  return content.kind === "toOne" ? (content.fallbackColumns ?? []) : [];
}

/** Adds a relation, or the members of it that another place of the document selects of the same row. */
function addRelation(relations: Map<RelationKey, ToOne | ToMany>, content: ToOne | ToMany): void {
  const { key } = content;
  if (key === undefined) throw new TypeError("A relation without a key is written as JSON only.");
  const known = relations.get(key);
  if (known?.kind === "toOne" && content.kind === "toOne") {
    relations.set(key, { ...known, members: [...known.members, ...content.members] });
  } else if (known?.kind === "toMany" && content.kind === "toMany") {
    relations.set(key, { ...known, members: [...known.members, ...content.members] });
  } else {
    const pages = [...relations.values()].filter((one) => one.kind === "toMany" && one.relation === content.relation);
    if (pages.length < maxPagesOfRelation) relations.set(key, content);
  }
}

function storedRelation(key: RelationKey, content: ToOne | ToMany): RowMember {
  const name = String(key);
  if (content.kind === "toOne")
    return { name, content: { ...content, nullable: true, isValue: false, members: storedMembers(content.members) } };
  return { name, content: { ...content, members: storedPageMembers(content.members, content) } };
}

/** Returns `members` of a page as they are stored: its rows in one list, whether there are more, and the total. */
export function storedPageMembers(
  members: PageMembers,
  { input: { ordering }, scope }: { readonly input: PageInput; readonly scope?: CursorScope | undefined },
): PageMembers {
  const contents = members.map(({ content }) => content);
  const hasPageInfo = contents.some(({ kind }) => kind === "pageInfo");
  const hasRows = hasPageInfo || contents.some(({ kind }) => rowKinds.has(kind));
  const rows = storedMembers(contents.flatMap(rowMembersOf), hasPageInfo || hasCursors(contents) ? ordering : undefined);
  return [
    ...(hasRows ? [{ name: "rows", content: { kind: "rows", members: rows } } as const] : []),
    ...(hasPageInfo ? [scope ? pageNeighboursAndScanEnd : pageNeighbours] : []),
    ...totalMembersOf(contents),
    ...members
      .filter(({ content }) => content.kind === "isPartial")
      .slice(0, 1)
      .map(({ content }) => ({ name: "isPartial", content })),
  ];
}

function rowMembersOf(content: PageContent): RowMembers {
  switch (content.kind) {
    case "rows":
      return content.members;
    case "edges":
      return content.members.flatMap((edge): RowMembers => {
        if (edge.content.kind === "node") return edge.content.members;
        return edge.content.kind === "computed" ? [{ name: edge.name, content: edge.content }] : [];
      });
    case "onlyRows":
      // A field of the connection that is not known here may need anything of the rows.
      return everyColumn;
    case "constant":
    case "total":
    case "totalCount":
    case "totalIsExact":
    case "isPartial":
    case "pageInfo":
      return [];
  }
}

function hasCursors(contents: readonly PageContent[]): boolean {
  return contents.some((one) => one.kind === "edges" && one.members.some(({ content }) => content.kind === "cursor"));
}

function totalMembersOf(contents: readonly PageContent[]): PageMembers {
  const content = contents.find(({ kind }) => kind === "total");
  if (content) return [{ name: "total", content }];
  return contents.some(({ kind }) => kind === "totalCount" || kind === "totalIsExact") ? totalMembers : [];
}

/** The contents that need the rows of the page. */
const rowKinds: ReadonlySet<PageContent["kind"]> = new Set(["rows", "edges", "onlyRows"]);

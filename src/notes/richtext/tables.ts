import type { StateBlock } from "markdown-it";
import { type BlockRule, indentation, lineText, maximumBlockDepth } from "./blocks.ts";

const delimiterRow = /^[|:-][|: \t-]*$/;
const delimiterCell = /^:?-+:?$/;
// An escaped `|` and that of a mention do not divide a row.
const edgeOrText = /\\\||<@\d{1,10}\|[^<>\n]{1,255}>|\|/g;

/** Returns the maximum number of cells in the tables of a text of a length in characters. */
export function maximumCells(length: number): number {
  return 200 + Math.floor(length / 8);
}

/**
 * Returns the rule for tables of GitHub's Markdown: a row of titles, a line of dashes with a `|` between the columns
 * and colons for their alignment, and rows. The number of cells of a text is bounded, because a row of one character
 * has as many cells as the table has columns. Rows beyond the bound are text.
 */
export function createTableRule(): BlockRule {
  const cellCounts = new WeakMap<StateBlock, number>();

  /** Returns the number of rows that the text may still have, with as many columns. */
  function rowsLeft(state: StateBlock, columns: number): number {
    return Math.floor((maximumCells(state.src.length) - (cellCounts.get(state) ?? 0)) / columns);
  }

  return (state, startLine, endLine, silent) => {
    if (state.level >= maximumBlockDepth) return false;
    const alignments = alignmentsAt(state, startLine + 1, endLine);
    if (alignments === undefined) return false;
    const titles = lineText(state, startLine);
    const columns = alignments.length;
    if (!titles.includes("|") || cellsOf(titles).length !== columns || rowsLeft(state, columns) < 1) return false;
    if (silent) return true;
    const firstRow = startLine + 2;
    const lastRow = lineAfterTable(state, firstRow, Math.min(endLine, firstRow + rowsLeft(state, columns) - 1));
    state.push("table_open", "table", 1);
    pushRows(state, "thead", "th", [startLine, startLine + 1], alignments);
    if (lastRow > firstRow) pushRows(state, "tbody", "td", [firstRow, lastRow], alignments);
    state.push("table_close", "table", -1);
    state.line = lastRow;
    cellCounts.set(state, (cellCounts.get(state) ?? 0) + columns * (lastRow - startLine - 1));
    return true;
  };
}

/** Returns the alignment of each column, or undefined if the line is not the one below the titles. */
function alignmentsAt(state: StateBlock, line: number, endLine: number): readonly string[] | undefined {
  if (line >= endLine || indentation(state, line) < 0) return undefined;
  const text = lineText(state, line);
  // A line of dashes alone is a rule.
  if (!delimiterRow.test(text) || !text.includes("|")) return undefined;
  const cells = cellsOf(text);
  return cells.every((cell) => delimiterCell.test(cell)) ? cells.map(alignmentOf) : undefined;
}

function alignmentOf(dashes: string): string {
  if (!dashes.endsWith(":")) return dashes.startsWith(":") ? "left" : "";
  return dashes.startsWith(":") ? "center" : "right";
}

/** Returns the first line that is blank, is not part of the container or begins another block. */
function lineAfterTable(state: StateBlock, startLine: number, endLine: number): number {
  const otherBlocks = state.md.block.ruler.getRules("blockquote");
  const { parentType } = state;
  state.parentType = "table";
  let line = startLine;
  while (line < endLine && !state.isEmpty(line) && indentation(state, line) >= 0) {
    if (otherBlocks.some((rule) => rule(state, line, endLine, true))) break;
    line += 1;
  }
  state.parentType = parentType;
  return line;
}

function pushRows(
  state: StateBlock,
  group: "thead" | "tbody",
  tag: "th" | "td",
  [startLine, endLine]: readonly [number, number],
  alignments: readonly string[],
): void {
  state.push(`${group}_open`, group, 1);
  for (let line = startLine; line < endLine; line += 1) {
    state.push("tr_open", "tr", 1);
    const cells = cellsOf(lineText(state, line));
    alignments.forEach((alignment, column) => pushCell(state, tag, cells[column] ?? "", alignment));
    state.push("tr_close", "tr", -1);
  }
  state.push(`${group}_close`, group, -1);
}

function pushCell(state: StateBlock, tag: "th" | "td", content: string, alignment: string): void {
  const cell = state.push(`${tag}_open`, tag, 1);
  if (alignment !== "" && content !== "") cell.attrSet("style", `text-align:${alignment}`);
  const inline = state.push("inline", "", 0);
  inline.content = content;
  inline.children = [];
  state.push(`${tag}_close`, tag, -1);
}

/** Returns the texts between the edges of a row. The outer edges may be absent. */
function cellsOf(row: string): string[] {
  const cells: string[] = [];
  let cell = "";
  let position = 0;
  for (const { 0: source, index } of row.matchAll(edgeOrText)) {
    cell += row.slice(position, index);
    position = index + source.length;
    if (source === "|") {
      cells.push(cell.trim());
      cell = "";
    } else {
      cell += source === "\\|" ? "|" : source;
    }
  }
  cells.push((cell + row.slice(position)).trim());
  return cells.slice(cells[0] === "" ? 1 : 0, cells.at(-1) === "" ? -1 : undefined);
}

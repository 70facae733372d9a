/** A column of a table for people. */
export interface TableColumn<Row> {
  readonly title: string;
  readonly value: (row: Row) => string | number;
}

/** Returns the lines of a table: a line of titles, and a line for each row, with the columns below each other. */
export function tableLines<Row>(columns: readonly TableColumn<Row>[], rows: readonly Row[]): string[] {
  const cells = [columns.map(({ title }) => title), ...rows.map((row) => columns.map(({ value }) => cellOf(value(row))))];
  const widths = columns.map((_column, index) => Math.max(...cells.map((line) => lengthOf(line[index] ?? ""))));
  const lineOf = (line: readonly string[]) => line.map((cell, index) => padded(cell, widths[index] ?? 0)).join("  ");
  return cells.map((line) => lineOf(line).trimEnd());
}

/** A name could otherwise send commands to the terminal. */
function cellOf(value: string | number): string {
  return String(value).replaceAll(/\p{Cc}/gu, "?");
}

function lengthOf(cell: string): number {
  return [...cell].length;
}

function padded(cell: string, width: number): string {
  return cell + " ".repeat(width - lengthOf(cell));
}

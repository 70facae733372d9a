import { excessesOf } from "./bounds.ts";
import { type Measurement, sumOf } from "./measure.ts";
import type { Operation } from "./operations.ts";

/** The measurements of one role in both accounts. */
interface Line {
  readonly small: Measurement;
  readonly large: Measurement;
}

const heading = `# Rows that operations read

Written by \`npm run rows-read\`, not by hand. [Decision 111](decisions/0111-rows-read.md) says how it is measured, what
the columns mean, and which bounds \`npm run test:long\` holds them to. What exceeds its bound is **bold**.
`;

const columns = [
  ["operation", "---"],
  ["may read", "---"],
  ["role", "---"],
  ["found by", "---"],
  ["page", "---:"],
  ["read, of 10,000", "---:"],
  ["read, of 1,000,000", "---:"],
  ["steps", "---:"],
  ["counted", "---:"],
  ["of other tables", "---:"],
  ["8 KB pages", "---:"],
] as const;

/** Returns the Markdown document with a line for each operation and role. Roles that read the same share a line. */
export function tableOf(measurements: readonly Measurement[]): string {
  const apis = [...new Set(measurements.map(({ operation }) => operation.api))];
  const sections = apis.map((api) => {
    const own = measurements.filter(({ operation }) => operation.api === api);
    const lines = [...new Set(own.map(({ operation }) => operation))].flatMap((operation) => linesOf(operation, own));
    const head = [columns.map(([name]) => name), columns.map(([, rule]) => rule)];
    return `## ${api}\n\n${[...head, ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n")}\n`;
  });
  return [heading, ...sections].join("\n");
}

function linesOf(operation: Operation, measurements: readonly Measurement[]): readonly (readonly string[])[] {
  const roles = new Map<string, string[]>();
  const own = measurements.filter((one) => one.operation === operation);
  for (const role of new Set(own.map((one) => one.role))) {
    const [small, large] = own
      .filter((one) => one.role === role)
      .toSorted((one, other) => one.filled.notes - other.filled.notes);
    if (!small || !large) throw new Error("An operation is measured in two accounts.");
    const cells = JSON.stringify(cellsOf({ small, large }));
    roles.set(cells, [...(roles.get(cells) ?? []), role]);
  }
  return [...roles].map(([cells, names]) => [
    nameOf(operation),
    operation.growth,
    names.join(", "),
    ...(JSON.parse(cells) as readonly string[]), // written above
  ]);
}

function nameOf({ api, text, selection = "", isNext }: Operation): string {
  const name = api === "GraphQL" ? text.replace(" :fields", "") : text;
  const suffix = selection.includes("totalCount") ? " its total" : selection.includes("author") ? " with its relations" : "";
  return `\`${name}\`${suffix === "" ? "" : `,${suffix}`}${isNext === true ? ", the page after it" : ""}`;
}

function cellsOf({ small, large }: Line): readonly string[] {
  if (large.isRefused) return ["refused", "", "", "", "", "", "", ""];
  const read = (one: Measurement) => {
    const text = `${sumOf(one.pageReads).toLocaleString("en")}${one.isPartial ? ", partial" : ""}`;
    return excessesOf(one).length > 0 ? `**${text}**` : text;
  };
  return [
    large.indexes.map((index) => (index.includes("_") ? `\`${index}\`` : index)).join(", "),
    large.answered.toLocaleString("en"),
    read(small),
    read(large),
    String(large.pageReads.length),
    large.counted.toLocaleString("en"),
    large.others.toLocaleString("en"),
    large.buffers.toLocaleString("en"),
  ];
}

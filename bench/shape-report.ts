/** A measurement in a section. */
export interface Compared {
  readonly label: string;
  /** The label of the variant of which it is a multiple. */
  readonly against: string;
  readonly bound: number | undefined;
  /** The median of the ratio over all alternations, with the lowest and the highest. */
  readonly ratio: number;
  readonly lowest: number;
  readonly highest: number;
  readonly statements: number;
  readonly statementsOfOther: number;
  /** The size of the response, also as a multiple. */
  readonly bytes: number;
}

export interface Section {
  readonly title: string;
  /** Whether the ratio is of times or of requests per second. */
  readonly figure: "takes" | "answers";
  readonly compared: readonly Compared[];
}

/** The longest delay of an event loop in a section. */
export interface Stall {
  readonly section: string;
  readonly label: string;
  readonly milliseconds: number;
}

interface Shape {
  readonly sections: readonly Section[];
  readonly stalls: readonly Stall[];
  readonly memory: readonly { readonly label: string; readonly megabytes: number }[];
  /** The longest delay of a process without work. */
  readonly idleStall: number;
  readonly seconds: number;
  readonly versions: string;
  readonly server: string;
}

/** Returns the tables. They have ratios only, because times of one machine say nothing about another one. */
export function renderShape({ sections, stalls, memory, idleStall, seconds, versions, server }: Shape): string {
  const rows = (figure: Section["figure"]) =>
    sections
      .filter((section) => section.figure === figure)
      .flatMap(({ title, compared }) => compared.filter((one) => one.label !== one.against).map((one) => rowOf(title, one)));
  return `${[
    "# Shape",
    "",
    `How the gateway's cost behaves: medians of alternations, ${seconds} s for each thing measured, on PostgreSQL ${server}. ${versions}.`,
    "The ends are the lowest and the highest alternation; where a bound lies between them, the noise is larger than what is told apart.",
    "",
    "## Time a request takes, one after another",
    "",
    "| | ratio | ends | at most | | bytes | statements |",
    "| --- | ---: | ---: | ---: | --- | ---: | ---: |",
    ...rows("takes"),
    "",
    "## Requests a second, 32 connections",
    "",
    "| | ratio | ends | at most | | bytes | statements |",
    "| --- | ---: | ---: | ---: | --- | ---: | ---: |",
    ...rows("answers"),
    "",
    "## Memory at the end, and the longest stall of the event loop",
    "",
    ...memory.map(({ label, megabytes }) => `- ${label}: ${megabytes.toFixed(0)} MB`),
    `- held up at most, while nobody asked: ${idleStall.toFixed(0)} ms in a process that is asked nothing, which is the machine's own doing`,
    "",
    "| | who | held up at most |",
    "| --- | --- | ---: |",
    ...longest(stalls).map(({ section, label, milliseconds }) => `| ${section} | ${label} | ${milliseconds.toFixed(0)} ms |`),
  ].join("\n")}\n`;
}

function rowOf(title: string, compared: Compared): string {
  const { label, against, bound, ratio, lowest, highest, bytes } = compared;
  const statements = `${compared.statements.toFixed(2)} to ${compared.statementsOfOther.toFixed(2)}`;
  const ends = `${lowest.toFixed(2)} to ${highest.toFixed(2)}`;
  const cells = [bound?.toFixed(1) ?? "", verdictOf(bound, ratio, lowest, highest), bytes.toFixed(2), statements];
  return `| ${title}: ${label} to ${against} | ${ratio.toFixed(2)} | ${ends} | ${cells.join(" | ")} |`;
}

function verdictOf(bound: number | undefined, ratio: number, lowest: number, highest: number): string {
  if (bound === undefined) return "";
  if (highest <= bound) return "within";
  if (lowest > bound) return "beyond";
  return ratio <= bound ? "within, but for noise" : "beyond, but for noise";
}

function longest(stalls: readonly Stall[]): Stall[] {
  const found = new Map<string, Stall>();
  for (const stall of stalls) {
    const key = `${stall.section} ${stall.label}`;
    if (stall.milliseconds > (found.get(key)?.milliseconds ?? -1)) found.set(key, stall);
  }
  return [...found.values()];
}

import { median } from "./harness.ts";
import type { Measured, Statements } from "./measure.ts";
import {
  type ContestantName,
  contestantNames,
  mixedTitle,
  questionNames,
  questionTitles,
  type Selection,
  type Traffic,
} from "./questions.ts";

/** What is sent, and by how many connections. */
export interface Case {
  readonly traffic: Traffic;
  readonly selection: Selection;
  /** Whether the variables differ on every request. */
  readonly isVarying: boolean;
  readonly connections: number;
}

/** A contestant, or two gateways that share the connections. */
export type Party = ContestantName | "two gateways";

/** The measurement of one case. */
export interface Measurement extends Case {
  readonly round: number;
  readonly party: Party;
  readonly measured: Measured;
}

export interface Counted {
  readonly contestant: ContestantName;
  readonly traffic: Traffic;
  readonly statements: Statements;
}

/** What the generator gets from a server that asks no database, and from the bare server, with the requests of Q1. */
export interface GeneratorRates {
  readonly empty: readonly Measured[];
  readonly bare: readonly Measured[];
}

interface Results {
  readonly measurements: readonly Measurement[];
  readonly counted: readonly Counted[];
  readonly generator: GeneratorRates;
  readonly conditions: {
    readonly rounds: number;
    readonly seconds: number;
    readonly notes: number;
    readonly versions: string;
  };
}

/** The number of connections of all tables but those of latencies. */
export const mainConnections = 32;

/** A row of a table: its name, and what it has for a question. */
type Row = readonly [name: string, cell: (traffic: Traffic) => string];

type Figure = (measured: Measured) => number;
const rate: Figure = ({ requestsPerSecond }) => requestsPerSecond;

/**
 * Returns the tables and the chart. Rates and latencies are ratios within a round, because the speed of machines
 * drifts.
 */
export function renderReport({ measurements, counted, generator, conditions }: Results): { markdown: string; svg: string } {
  const traffics = ([...questionNames, "mixed"] as const).filter((name) =>
    measurements.some(({ traffic }) => traffic === name),
  );
  const parties = contestantNames.filter((name) => measurements.some(({ party }) => party === name));
  const find = (party: Party, asked: Case) =>
    measurements.filter(
      (one) =>
        one.party === party &&
        one.traffic === asked.traffic &&
        one.selection === asked.selection &&
        one.isVarying === asked.isVarying &&
        one.connections === asked.connections,
    );
  const ratio = (party: Party, other: Party, asked: Case, figure: Figure = rate): number => {
    const others = new Map(find(other, asked).map((one) => [one.round, figure(one.measured)]));
    const ratios = find(party, asked).map((one) => figure(one.measured) / (others.get(one.round) ?? Number.NaN));
    return median(ratios.filter((value) => Number.isFinite(value)));
  };
  const asClients = (traffic: Traffic, connections = mainConnections): Case => ({
    ...{ traffic, selection: "client", isVarying: true, connections },
  });

  /** Returns a section with a table, or nothing if no cell has a figure. */
  const section = (head: readonly string[], rows: readonly Row[]): readonly string[] => {
    const table = tableOf(rows);
    return table === undefined ? [] : [...head.flatMap((line) => [line, ""]), table];
  };
  const tableOf = (rows: readonly Row[]): string | undefined => {
    const lines = rows.map(([name, cell]) => [name, ...traffics.map(cell)]);
    const present = lines.filter(([, ...cells]) => cells.some((cell) => cell !== ""));
    if (present.length === 0) return undefined;
    return [
      `|  | ${traffics.join(" | ")} |`,
      `| --- | ${traffics.map(() => "---:").join(" | ")} |`,
      ...present.map((cells) => `| ${cells.join(" | ")} |`),
      "",
    ].join("\n");
  };
  const rates = (title: string, note: string, asked: (traffic: Traffic) => Case) => {
    const against = (party: Party, other: Party) => (traffic: Traffic) => spelled(ratio(party, other, asked(traffic)));
    return section(
      [`### ${title}`, note].filter((line) => line !== ""),
      [
        ...parties.map((party): Row => [party, against(party, "bare")]),
        ["gateway ÷ postgraphile", against("gateway", "postgraphile")],
        ["gateway ÷ mercurius", against("gateway", "mercurius")],
        ["two gateways ÷ one", against("two gateways", "gateway")],
      ],
    );
  };
  const latencies = (connections: number) => {
    const cell = (party: Party) => (traffic: Traffic) => {
      const asked = asClients(traffic, connections);
      const figures = [({ p50Milliseconds }) => p50Milliseconds, ({ p99Milliseconds }) => p99Milliseconds] satisfies Figure[];
      const [p50, p99] = figures.map((figure) => spelled(ratio(party, "postgraphile", asked, figure)));
      return p50 === "" ? "" : `${p50} / ${p99}`;
    };
    return section(
      [`### ${connections} ${connections === 1 ? "connection" : "connections"}`],
      parties.map((party): Row => [party, cell(party)]),
    );
  };
  const statementsOf = (contestant: ContestantName) => (traffic: Traffic) => {
    const found = counted.find((one) => one.contestant === contestant && one.traffic === traffic)?.statements;
    return found ? `${found.alone.toFixed(2)} / ${found.underLoad.toFixed(2)}` : "";
  };
  const processorOf = (contestant: ContestantName) => (traffic: Traffic) =>
    spelled(median(find(contestant, asClients(traffic)).map((one) => one.measured.processorMillisecondsPerRequest)));

  const emptyToBare = median(generator.empty.map((one, index) => rate(one) / rate(generator.bare[index]!)));
  const share = Math.max(...measurements.map(({ measured }) => measured.generatorShare));
  const emptyShare = Math.max(...generator.empty.map(({ generatorShare }) => generatorShare));
  const { rounds, seconds, notes, versions } = conditions;

  const markdown = [
    "# Results",
    "",
    `Medians of ${rounds} interleaved rounds of at least ${seconds} s, ${mainConnections} connections unless said otherwise, ${notes.toLocaleString("en")} notes. ${versions}.`,
    "The gateway runs as `npm start` starts it: its flags, its log level and the log in a file, the rate limits counted but raised, authentication, authorization and audit.",
    "The others do none of this. Differences under 15 % are noise.",
    "",
    "![Requests a second as clients ask, as a share of the bare server's](results.svg)",
    "",
    ...questionNames.map((question) => `- ${question}: ${questionTitles[question]}`),
    `- mixed: ${mixedTitle}. A customer sees their own tickets and public notes. The others get the same requests without credentials, and return internal notes too.`,
    "",
    "## Requests a second, as a share of the bare server's in the same round",
    "",
    ...rates(
      "As Relay and Apollo ask, with variables that differ on every request",
      "Named operations with `edges { cursor node { __typename id } } pageInfo { hasNextPage endCursor }`, and the Accept header of Apollo's mobile clients. The bare server returns the facts alone. Two gateways have half of the connections each, and a wrk each.",
      (traffic) => asClients(traffic),
    ),
    ...rates("The fields alone, with variables that differ on every request", "", (traffic) => ({
      ...asClients(traffic),
      selection: "lean",
    })),
    ...rates("As Relay and Apollo ask, all the same request", "", (traffic) => ({ ...asClients(traffic), isVarying: false })),
    ...rates("The fields alone, all the same request", "", (traffic) => ({
      ...asClients(traffic),
      ...{ selection: "lean", isVarying: false },
    })),
    "## p50 / p99, as multiples of PostGraphile's in the same round",
    "",
    "As Relay and Apollo ask, with variables that differ.",
    "",
    ...[1, mainConnections, 256].flatMap((connections) => latencies(connections)),
    ...section(
      [
        "## SQL statements a request",
        `One request after another / with ${mainConnections} connections, where the gateway answers equal ones with one statement. They are counted on the wire, BEGIN and COMMIT too.`,
      ],
      parties.map((party): Row => [party, statementsOf(party)]),
    ),
    ...section(
      ["## CPU milliseconds a request, of the contestant's process"],
      parties.map((party): Row => [party, processorOf(party)]),
    ),
    "## The load generator",
    "",
    ...(Number.isFinite(emptyToBare)
      ? [
          `A node:http server that asks no database answers Q1 at ${emptyToBare.toFixed(2)} times the rate of the bare server, so the generator could ask that much faster; there it took ${percent(emptyShare)} of a processor.`,
        ]
      : []),
    `In all measurements it took at most ${percent(share)}.`,
    "",
  ].join("\n");
  return { markdown, svg: chart(parties, traffics, (party, traffic) => ratio(party, "bare", asClients(traffic))) };
}

/** Returns a figure with three digits, or nothing if there is none. */
function spelled(value: number): string {
  if (!Number.isFinite(value)) return "";
  return value.toFixed(value < 0.1 ? 3 : 2);
}

const percent = (share: number) => `${(share * 100).toFixed(0)} %`;

const colours: Readonly<Record<ContestantName, string>> = {
  bare: "#b8c4ce",
  postgraphile: "#d98c3f",
  mercurius: "#c2506e",
  "plugin-prisma": "#7a6fb5",
  gateway: "#0f8573",
};

function chart(
  contestants: readonly ContestantName[],
  traffics: readonly Traffic[],
  share: (contestant: ContestantName, traffic: Traffic) => number,
): string {
  const bar = 14;
  const group = contestants.length * (bar + 3) + 24;
  const height = 220;
  const width = traffics.length * group + 60;
  const shares = traffics.map((traffic) => contestants.map((contestant) => share(contestant, traffic) || 0));
  const highest = Math.max(1, ...shares.flat());
  const unit = 170 / highest;
  const bars = traffics.flatMap((traffic, index) =>
    contestants.map((contestant, place) => {
      const value = shares[index]![place]!;
      const x = 50 + index * group + place * (bar + 3);
      return `<rect x="${x}" y="${(height - value * unit).toFixed(1)}" width="${bar}" height="${(value * unit).toFixed(1)}" fill="${colours[contestant]}"><title>${contestant} ${traffic}: ${value.toFixed(2)}</title></rect>`;
    }),
  );
  const labels = traffics.map((traffic, index) => `<text x="${50 + index * group}" y="${height + 18}">${traffic}</text>`);
  const lines = [0, 0.5, 1, 2, 4, 8]
    .filter((value) => value <= highest)
    .map((value) => {
      const y = (height - value * unit).toFixed(1);
      return `<line x1="44" x2="${width - 6}" y1="${y}" y2="${y}" stroke="#8883"/><text x="8" y="${y}" dy="4">${value.toFixed(1)}</text>`;
    });
  const legend = contestants.map(
    (contestant, index) =>
      `<rect x="${50 + index * 120}" y="12" width="12" height="12" fill="${colours[contestant]}"/><text x="${68 + index * 120}" y="23">${contestant}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${Math.max(width, 60 + contestants.length * 120)} ${height + 32}" font-family="system-ui, sans-serif" font-size="12" fill="#667">${[...lines, ...bars, ...labels, ...legend].join("")}</svg>\n`;
}

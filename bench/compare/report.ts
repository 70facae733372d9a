import { median } from "../harness.ts";
import type { Measured, Statements } from "../measure.ts";
import { type Both, type Label, labels } from "./both.ts";
import { type Interval, intervalOfRatios } from "./interval.ts";

/** The measurements of one question. */
export interface Compared {
  readonly name: string;
  readonly title: string;
  /** One element for each pair. */
  readonly pairs: readonly Both<Measured>[];
  readonly statements: Both<Statements>;
  /** Whether both gateways gave the same responses except for cursors and signed URLs. Writes are not compared. */
  readonly agrees: boolean;
}

export interface Conditions {
  readonly names: Both<string>;
  readonly pairs: number;
  readonly seconds: number;
  readonly connections: number;
  /** The circumstances of the run, a phrase each. */
  readonly circumstances: readonly string[];
}

/** The share of a processor from which on the load generator may limit the measurement. */
const busyGenerator = 0.8;

/** Returns the ratio of the second gateway's requests per second to the first one's. */
function rateOf({ pairs }: Compared): Interval {
  return intervalOfRatios(pairs.map(({ before, after }) => after.requestsPerSecond / before.requestsPerSecond));
}

/** Returns the names of the questions whose whole interval of the ratio is below `bound`. */
export function slowerForCertain(compared: readonly Compared[], bound: number): string[] {
  return compared.filter((question) => rateOf(question).high < bound).map(({ name }) => name);
}

/** Returns the comparison as Markdown. */
export function renderComparison(compared: readonly Compared[], conditions: Conditions): string {
  const { names, pairs, seconds, connections, circumstances } = conditions;
  const of = (question: Compared, label: Label, figure: (measured: Measured) => number) =>
    median(question.pairs.map((pair) => figure(pair[label])));
  const fromTo = (figure: (label: Label) => string) => labels.map(figure).join(" → ");
  const processorOf = ({ pairs: measured }: Compared) =>
    intervalOfRatios(
      measured.map(({ before, after }) => after.processorMillisecondsPerRequest / before.processorMillisecondsPerRequest),
    );
  const generatorShare = Math.max(
    ...compared.flatMap((question) =>
      question.pairs.flatMap(({ before, after }) => [before.generatorShare, after.generatorShare]),
    ),
  );
  const differing = compared.filter(({ agrees }) => !agrees).map(({ name }) => name);
  return [
    "# Before and after",
    "",
    `Before: ${names.before}. After: ${names.after}.`,
    "",
    `${pairs} pairs for each question, each in new processes, forth and back in turn, ${seconds} s each with ${connections} connections; ${circumstances.join("; ")}.`,
    "Ratios are after to before: the geometric mean of the pairs and its 95 % interval (Student's t on logarithms). An interval that holds 1 shows no",
    "difference. Rates are ratios only, since machines differ. The other figures are medians, before → after.",
    "Statements are those that PostgreSQL is told to execute, counted on the wire: one request after another / under load, where equal ones share a statement.",
    "",
    "|  | rate | CPU a request | CPU, ms | statements | bytes | p50, ms | p99, ms |",
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ...compared.map((question) => {
      const cells = [
        question.name,
        spelled(rateOf(question)),
        spelled(processorOf(question)),
        fromTo((label) => of(question, label, (measured) => measured.processorMillisecondsPerRequest).toFixed(3)),
        fromTo(
          (label) => `${question.statements[label].alone.toFixed(2)} / ${question.statements[label].underLoad.toFixed(2)}`,
        ),
        fromTo((label) => of(question, label, (measured) => measured.bytesPerRequest).toFixed(0)),
        fromTo((label) => of(question, label, (measured) => measured.p50Milliseconds).toFixed(1)),
        fromTo((label) => of(question, label, (measured) => measured.p99Milliseconds).toFixed(1)),
      ];
      return `| ${cells.join(" | ")} |`;
    }),
    "",
    ...compared.map(({ name, title }) => `- ${name}: ${title}`),
    "",
    differing.length === 0
      ? "Both gave the same answers, cursors and signed URLs aside."
      : `They gave different answers to ${differing.join(", ")}: there the ratio compares different work.`,
    `Asking took at most ${(generatorShare * 100).toFixed(0)} % of one processor${generatorShare < busyGenerator ? "" : ": THE LOAD'S GENERATOR MAY BE WHAT IS MEASURED"}.`,
    "",
  ].join("\n");
}

function spelled({ mean, low, high }: Interval): string {
  if (!Number.isFinite(high)) return `${mean.toFixed(3)} (one pair says nothing)`;
  return `${mean.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`;
}

import { median } from "./harness.ts";
import { type Contestant, type QuestionName, questionNames, questionTitles } from "./questions.ts";

/** The measurement of one question on one contestant. */
export interface Measurement {
  readonly round: number;
  readonly question: QuestionName;
  readonly contestant: Contestant;
  readonly requests: number;
  readonly p50: number;
  readonly statements: number;
  readonly cpu: number;
  readonly rss: number;
}

interface Conditions {
  readonly rounds: number;
  readonly seconds: number;
  readonly connections: number;
  readonly versions: string;
  readonly server: string;
}

/**
 * Returns the table and the chart. Requests per second are shares of those of the bare server in the same round,
 * because the speed of machines drifts.
 */
export function renderReport(measurements: readonly Measurement[], conditions: Conditions): { markdown: string; svg: string } {
  const contestants = [...new Set(measurements.map(({ contestant }) => contestant))];
  const questions = questionNames.filter((name) => measurements.some(({ question }) => question === name));
  const of = (contestant: Contestant, question: QuestionName) =>
    measurements.filter((measured) => measured.contestant === contestant && measured.question === question);
  const share = (contestant: Contestant, question: QuestionName) =>
    median(of(contestant, question).map((measured) => measured.requests / bareOf(measurements, measured)));
  const cell = (contestant: Contestant, question: QuestionName, figure: (measured: Measurement) => number, digits: number) =>
    median(of(contestant, question).map(figure)).toFixed(digits);

  const table = (title: string, value: (contestant: Contestant, question: QuestionName) => string) =>
    [
      `## ${title}`,
      "",
      `| contestant | ${questions.join(" | ")} |`,
      `| --- | ${questions.map(() => "---:").join(" | ")} |`,
      ...contestants.map(
        (contestant) => `| ${contestant} | ${questions.map((question) => value(contestant, question)).join(" | ")} |`,
      ),
      "",
    ].join("\n");

  const markdown = [
    "# Results",
    "",
    `Medians of ${conditions.rounds} interleaved rounds of ${conditions.seconds} s with ${conditions.connections} connections on PostgreSQL ${conditions.server}. ${conditions.versions}.`,
    "The gateway authenticates, authorizes and audits; the others do not. Differences under 15 % are noise.",
    "Statements are counted over requests that are asked one after another; what the gateway has above one is the credential, which is looked up once in 0.9 s.",
    "",
    "![Requests a second as a share of the bare server's](results.svg)",
    "",
    ...questions.map((question) => `- ${question}: ${questionTitles[question]}`),
    "",
    table("Requests a second, as a share of the bare server's", (contestant, question) =>
      share(contestant, question).toFixed(2),
    ),
    table("SQL statements a request", (contestant, question) => cell(contestant, question, ({ statements }) => statements, 2)),
    table("CPU a request in the contestant's process, as a multiple of the bare server's", (contestant, question) =>
      (median(of(contestant, question).map(({ cpu }) => cpu)) / median(of("bare", question).map(({ cpu }) => cpu))).toFixed(2),
    ),
  ].join("\n");
  return { markdown, svg: chart(contestants, questions, share) };
}

function bareOf(measurements: readonly Measurement[], { round, question }: Measurement): number {
  const bare = measurements.find(
    (measured) => measured.contestant === "bare" && measured.round === round && measured.question === question,
  );
  return bare?.requests ?? Number.NaN;
}

const colours: Readonly<Record<Contestant, string>> = {
  bare: "#b8c4ce",
  postgraphile: "#d98c3f",
  "plugin-prisma": "#7a6fb5",
  gateway: "#0f8573",
};

function chart(
  contestants: readonly Contestant[],
  questions: readonly QuestionName[],
  share: (contestant: Contestant, question: QuestionName) => number,
): string {
  const bar = 14;
  const group = contestants.length * (bar + 3) + 24;
  const height = 220;
  const width = questions.length * group + 60;
  const bars = questions.flatMap((question, index) =>
    contestants.map((contestant, place) => {
      const value = Math.min(1.2, share(contestant, question));
      const x = 50 + index * group + place * (bar + 3);
      return `<rect x="${x}" y="${(height - value * 160).toFixed(1)}" width="${bar}" height="${(value * 160).toFixed(1)}" fill="${colours[contestant]}"><title>${contestant} ${question}: ${value.toFixed(2)}</title></rect>`;
    }),
  );
  const labels = questions.map((question, index) => `<text x="${50 + index * group}" y="${height + 18}">${question}</text>`);
  const lines = [0, 0.5, 1].map(
    (value) =>
      `<line x1="44" x2="${width - 6}" y1="${height - value * 160}" y2="${height - value * 160}" stroke="#8883"/><text x="8" y="${height - value * 160 + 4}">${value.toFixed(1)}</text>`,
  );
  const legend = contestants.map(
    (contestant, index) =>
      `<rect x="${50 + index * 120}" y="12" width="12" height="12" fill="${colours[contestant]}"/><text x="${68 + index * 120}" y="23">${contestant}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${Math.max(width, 540)} ${height + 32}" font-family="system-ui, sans-serif" font-size="12" fill="#667">${[...lines, ...bars, ...labels, ...legend].join("")}</svg>\n`;
}

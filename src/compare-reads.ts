// npm run shadow -- --against <URL> --reads <file> …    asks this gateway and a legacy API the same
//
// docs/guides/moving-in.md tells how it is used.
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { CommandRefused, runCommand } from "./command.ts";
import { errorCodeOf } from "./lib/error-code.ts";
import type { Difference, DifferenceExplanation } from "./shadow/compare-answers.ts";
import { createIdTranslation } from "./shadow/id-translation.ts";
import { readsIn } from "./shadow/recorded-reads.ts";
import { shadow, type ShadowSummary } from "./shadow/shadow.ts";
import { openIdMap } from "./transfer/id-map.ts";
import { createProgress } from "./transfer/progress.ts";

const shadowUsage = `Usage: npm run shadow -- --against <URL> --against-key <key> --key <key> --reads <file> [options]

Sends recorded reads to a legacy API and to this gateway, and tells in which fields the answers differ.

  --against <URL>       The base URL of the legacy API, without /v1 or /v2, and
  --against-key <key>     a key or token there.
  --url <URL>           The base URL of this gateway. Default: http://127.0.0.1:4000
  --key <key>           A key of the same person here.
  --reads <file>        The reads: an access log, or lines such as GET /v1/notes?per_page=5
  --id-map <file>       The id map of the import, if it has renumbered records.

The exit code is 1 if a difference has no explanation. Only GET requests of /v1 and /v2 are sent.`;

const shadowOptions = {
  against: { type: "string" },
  "against-key": { type: "string" },
  url: { type: "string", default: "http://127.0.0.1:4000" },
  key: { type: "string" },
  reads: { type: "string" },
  "id-map": { type: "string" },
  help: { type: "boolean", short: "h" },
} as const;

/** A record that is missing here differs in every field. This many are enough to see that. */
const maxShownFields = 10;

await runCommand(async () => {
  const given = readShadowArguments();
  if (given.help === true) {
    console.log(shadowUsage);
    return;
  }
  const { url, "id-map": idMap } = given;
  const [against, theirKey, key, readsPath] = [given.against, given["against-key"], given.key, given.reads];
  if (against === undefined || theirKey === undefined || key === undefined || readsPath === undefined)
    throw new CommandRefused(`--against, --against-key, --key and --reads are needed.\n\n${shadowUsage}`);
  for (const base of [against, url]) if (!URL.canParse(base)) throw new CommandRefused(`${base} is no URL.`);
  const reads = readsIn(logContent(readsPath));
  if (reads.length === 0) throw new CommandRefused(`${readsPath} has no GET request of /v1 or /v2.`);
  const progress = createProgress(process.stderr, () => performance.now());
  progress.begin("reads", reads.length);
  const summary = await shadow({
    ...{ reads, there: { url: against, key: theirKey }, here: { url, key } },
    ids: createIdTranslation(idMap === undefined ? [] : openIdMap(idMap).mappings),
    report: ({ line, path }, differences) => {
      console.log(`line ${line}: GET ${path}`);
      for (const difference of differences.slice(0, maxShownFields)) console.log(`  ${lineOfDifference(difference)}`);
      if (differences.length > maxShownFields) console.log(`  and ${differences.length - maxShownFields} more fields`);
    },
    onProgress: (count) => progress.advance(count),
  });
  progress.end();
  printSummary(summary);
  if (summary.unexplained > 0) process.exitCode = 1;
});

function lineOfDifference({ field, there, here }: Difference): string {
  return `${field}: there ${shown(there)}, here ${shown(here)}`;
}

function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = JSON.stringify(value);
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}

function printSummary({ compared, skipped, differing, unexplained, explained }: ShadowSummary): void {
  console.log(`${compared} reads compared, ${differing} with ${unexplained} unexplained differences.`);
  // Object.entries loses the type of the keys.
  for (const [explanation, count] of Object.entries(explained) as [DifferenceExplanation, number][])
    console.log(`${count} differences are explained: ${explanation}`);
  if (skipped > 0) console.log(`${skipped} reads were left out: their cursor is one of the other server.`);
}

function logContent(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const code = errorCodeOf(error);
    if (code === undefined) throw error;
    throw new CommandRefused(`${path} cannot be read: ${code}`);
  }
}

function readShadowArguments() {
  try {
    return parseArgs({ options: shadowOptions, strict: true }).values;
  } catch (error) {
    // parseArgs says which option it does not know.
    throw new CommandRefused(`${error instanceof Error ? error.message : String(error)}\n\n${shadowUsage}`);
  }
}

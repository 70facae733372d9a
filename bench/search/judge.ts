import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openWorkingTree } from "../checkout.ts";
import { runCommand } from "../databases.ts";
import { startGateway } from "../gateway-process.ts";
import { startServer } from "../server.ts";

/** The grades of notes by their number, from 1 to 3, for each judged query. Other notes are of no use. */
type JudgedQueries = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** A file of this code base. */
const judged = JSON.parse(readFileSync(new URL("judged.json", import.meta.url), "utf8")) as JudgedQueries;
const depth = 10;

/** Returns a text about how well the judged queries find notes of the demo data. */
export async function judge(): Promise<string> {
  const server = await startServer("judged");
  const directory = mkdtempSync(join(tmpdir(), "gateway-judged-"));
  const run = (...words: string[]) => runCommand(openWorkingTree(), words, server.url, { DATA_DIR: directory });
  try {
    const key = /^\s*specialist\s+(\S+)/m.exec(run("src/load-demo.ts"))?.[1] ?? "";
    const simple = await judgeAll(server.url, key);
    run("src/keys.ts", "set-languages", "--account", "brightwater", "--languages", "english");
    const english = await judgeAll(server.url, key);
    const worst = Object.entries(english)
      .toSorted(([, one], [, other]) => one - other)
      .slice(0, 5);
    return [
      `${Object.keys(judged).length} judged queries (\`bench/search/judged.json\`) over the demo data, as a specialist: nDCG@${depth} **${mean(simple)}** with the language \`simple\`, **${mean(english)}** with \`english\`.`,
      `The worst in English: ${worst.map(([query, value]) => `\`${query}\` ${value.toFixed(2)}`).join(", ")}.`,
    ].join("\n");
  } finally {
    rmSync(directory, { recursive: true, force: true });
    await server.stop();
  }
}

async function judgeAll(url: string, key: string): Promise<Readonly<Record<string, number>>> {
  const gateway = await startGateway({ DATABASE_URL: url });
  const values: Record<string, number> = {};
  for (const [query, grades] of Object.entries(judged)) values[query] = ndcgOf(await found(gateway.url, key, query), grades);
  await gateway.stop();
  return values;
}

async function found(url: string, key: string, query: string): Promise<readonly number[]> {
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-api-key": key },
    body: JSON.stringify({
      query: "query ($query: String!, $first: Int) { searchNotes(query: $query, first: $first) { nodes { number } } }",
      variables: { query, first: depth },
    }),
  });
  // As the query asks
  const { data } = (await response.json()) as { data: { searchNotes: { nodes: readonly { number: number }[] } } };
  return data.searchNotes.nodes.map(({ number }) => number);
}

/** The normalized discounted cumulative gain: 1 if the notes with the best grades come first, 0 if none is found. */
function ndcgOf(numbers: readonly number[], grades: Readonly<Record<string, number>>): number {
  const best = Object.values(grades).toSorted((one, other) => other - one);
  return gainOf(numbers.map((number) => grades[number] ?? 0)) / gainOf(best);
}

function gainOf(grades: readonly number[]): number {
  return grades.slice(0, depth).reduce((sum, grade, place) => sum + (2 ** grade - 1) / Math.log2(place + 2), 0);
}

function mean(values: Readonly<Record<string, number>>): string {
  const all = Object.values(values);
  return (all.reduce((sum, value) => sum + value, 0) / all.length).toFixed(3);
}

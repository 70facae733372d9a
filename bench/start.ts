// npm run bench:start            from the start of the process to its first answer, and its memory, in four cases
// npm run bench:start -- 5       the same, five rounds instead of three
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startGateway } from "./gateway-process.ts";
import { startServer } from "./server.ts";

interface Start {
  readonly milliseconds: number;
  readonly rssBytes: number;
  readonly highestRssBytes: number;
}

const rounds = Number(process.argv[2] ?? 3);
const directory = mkdtempSync(join(tmpdir(), "gateway-start-"));
const starts = new Map<string, Start[]>();
try {
  for (let round = 1; round <= rounds; round += 1) {
    const embedded = { DATA_DIR: join(directory, `embedded-${round}`) };
    await measure("embedded, empty", embedded);
    await measure("embedded, existing", embedded);
    const server = await startServer("start");
    const given = { DATABASE_URL: server.url, DATA_DIR: join(directory, `given-${round}`) };
    await measure("DATABASE_URL, to be migrated", given);
    await measure("DATABASE_URL, migrated", given);
    await server.stop();
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}

for (const [name, measured] of starts) {
  const best = Math.min(...measured.map(({ milliseconds }) => milliseconds));
  const worst = Math.max(...measured.map(({ milliseconds }) => milliseconds));
  const highest = Math.max(...measured.map(({ highestRssBytes }) => highestRssBytes));
  const after = Math.max(...measured.map(({ rssBytes }) => rssBytes));
  console.log(
    `${name.padEnd(30)} first answer after ${best.toFixed(0)} to ${worst.toFixed(0)} ms, then ${megabytes(after)}, at most ${megabytes(highest)}`,
  );
}

async function measure(name: string, environment: Readonly<Record<string, string>>): Promise<void> {
  const gateway = await startGateway(environment);
  const { rssBytes, highestRssBytes } = await gateway.vitals();
  await gateway.stop();
  starts.set(name, [...(starts.get(name) ?? []), { milliseconds: gateway.firstAnswerMilliseconds, rssBytes, highestRssBytes }]);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

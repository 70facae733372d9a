// npm run bench:soak                   ten minutes of mixed load on the embedded database: memory and stalls, a line a
//                                      minute
// npm run bench:soak -- 3 postgresql   three minutes, on a PostgreSQL
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startGateway, startIdle, withoutDatabase } from "./gateway-process.ts";
import { startServer } from "./server.ts";

const minutes = Number(process.argv[2] ?? 10);
const onServer = process.argv[3] === "postgresql";
const clients = 8;

const directory = mkdtempSync(join(tmpdir(), "gateway-soak-"));
const server = onServer ? await startServer("soak") : undefined;
const environment: Record<string, string> = {
  DATA_DIR: directory,
  SIGNING_SECRET: "x".repeat(32),
  ...(server && { DATABASE_URL: server.url }),
};
const gateway = await startGateway(environment);
const idle = startIdle();
try {
  if (server) loadDemo();
  const keys = JSON.parse(readFileSync(join(directory, "demo-keys.json"), "utf8")) as Record<
    "admin" | "specialist" | "customer",
    string
  >;
  const atStart = await gateway.vitals();
  console.log(`started: ${described(atStart.rssBytes)}, at most ${described(atStart.highestRssBytes)}`);

  const tickets = await ticketsOf(keys.specialist);
  const counts = new Map<string, number>();
  const end = performance.now() + minutes * 60_000;
  const working = Array.from({ length: clients }, (_, index) =>
    work(index, keys, tickets, counts, () => performance.now() < end),
  );
  let longest = 0;
  await idle.vitals();
  for (let minute = 1; minute <= minutes; minute += 1) {
    await new Promise((resolve) => setTimeout(resolve, 60_000));
    const { rssBytes, stallMilliseconds } = await gateway.vitals();
    longest = Math.max(longest, stallMilliseconds);
    const { stallMilliseconds: own } = await idle.vitals();
    const answered = [...counts].toSorted().map(([what, count]) => `${what} ${count}`);
    console.log(
      `minute ${minute}: ${described(rssBytes)}, longest stall ${stallMilliseconds.toFixed(0)} ms (${own.toFixed(0)} ms in a process that is asked nothing); ${answered.join(", ")}`,
    );
  }
  await Promise.all(working);
  const { highestRssBytes } = await gateway.vitals();
  console.log(`at most ${described(highestRssBytes)}, longest stall under load ${longest.toFixed(0)} ms`);
} finally {
  idle.stop();
  await gateway.stop();
  await server?.stop();
  rmSync(directory, { recursive: true, force: true });
}

function loadDemo(): void {
  const { status } = spawnSync(process.execPath, [fileURLToPath(new URL("../src/load-demo.ts", import.meta.url))], {
    env: { ...withoutDatabase(), ...environment },
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (status !== 0) throw new Error("The demo data could not be loaded.");
}

async function ticketsOf(key: string): Promise<readonly string[]> {
  const { body } = await ask(key, "POST", "/graphql", { query: "{ tickets(first: 50) { nodes { uuid } } }" });
  return (body as { data: { tickets: { nodes: { uuid: string }[] } } }).data.tickets.nodes.map(({ uuid }) => uuid);
}

async function ask(key: string, method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${gateway.url}${path}`, {
    method,
    headers: { "x-api-key": key, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: await response.json().catch(() => undefined) };
}

/** One client: sends one request after the other, one write in six, until `stop` is called. */
async function work(
  index: number,
  keys: Record<"admin" | "specialist" | "customer", string>,
  tickets: readonly string[],
  counts: Map<string, number>,
  isGoingOn: () => boolean,
): Promise<void> {
  const page =
    "{ tickets(first: 20) { nodes { number subject notes(first: 10) { totalCount nodes { textHtml author { name } attachments(first: 3) { nodes { filename } } } } } } }";
  for (let turn = index; isGoingOn(); turn += 1) {
    const ticket = tickets[turn % tickets.length] ?? "";
    const requests = [
      ["graphql read", keys.specialist, "POST", "/graphql", { query: page }],
      ["v2 read", keys.specialist, "GET", `/v2/tickets/notes?ticket_id=${ticket}&limit=25`],
      ["v1 read", keys.admin, "GET", `/v1/notes?per_page=25&page=${1 + (turn % 5)}`],
      [
        "graphql read",
        keys.customer,
        "POST",
        "/graphql",
        { query: "{ viewer { person { name } } notes(first: 25) { totalCount nodes { text } } }" },
      ],
      [
        "v2 write",
        keys.specialist,
        "POST",
        "/v2/tickets/notes",
        { ticket_id: ticket, value: `Seen again, **${turn}** times.` },
      ],
      [
        "graphql write",
        keys.specialist,
        "POST",
        "/graphql",
        {
          query: "mutation($id: ID!, $text: String!) { addNote(input: { ticketId: $id, text: $text }) { __typename } }",
          variables: { id: ticket, text: `Looked at ${turn} times` },
        },
      ],
    ] as const;
    const [what, key, method, path, body] = requests[turn % requests.length] ?? requests[0];
    const { status, body: said } = await ask(key, method, path, body);
    const outcome = status < 300 && !JSON.stringify(said).includes('"errors":[') ? what : `${what} answered ${status}`;
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  }
}

function described(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

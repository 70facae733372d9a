// kill -9 under clients that send each write again, under its idempotency key, until it is answered: on the embedded
// database and on a PostgreSQL, through all three APIs. In the end every write must be there exactly once.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { freePort } from "../support/free-port.ts";
import { runDemo } from "./support/demo.ts";
import { type Gateway, raisedLimits, startGateway } from "./support/gateway.ts";
import { createOwnDatabase } from "./support/own-database.ts";

const rounds = 20;
const writesEachRound = 1_000;
const clients = 16;
/** This script measures no times, so a start may take as long as it needs on a busy machine. */
const readyMilliseconds = 180_000;
const signingSecret = "a secret of the faults, of 32 characters or more";
const quiet = { LOG_LEVEL: "error", DRAIN_MS: "0", ...raisedLimits };
const failures: string[] = [];

await killUnderRetries("embedded", {});
const own = await createOwnDatabase("retries");
try {
  await killUnderRetries("PostgreSQL", { DATABASE_URL: own.url, SIGNING_SECRET: signingSecret });
} finally {
  await own.drop();
}

console.log(`wrong: ${failures.length}`);
for (const failure of failures.slice(0, 20)) console.log(`  ${failure}`);
process.exit(failures.length === 0 ? 0 : 1);

interface Sender {
  readonly url: string;
  readonly key: string;
  readonly ticket: { readonly id: string; readonly number: number };
}

interface State {
  /** The texts that were acknowledged. */
  readonly written: Set<string>;
  tries: number;
  isOver: boolean;
}

async function killUnderRetries(kind: string, database: Record<string, string>): Promise<void> {
  const dataDirectory = mkdtempSync(join(tmpdir(), "gateway-faults-"));
  const start = { environment: { ...quiet, ...database }, dataDirectory, port: await freePort(), readyMilliseconds };
  if (kind === "PostgreSQL") await runDemo({ ...start.environment, DATA_DIR: dataDirectory });
  let gateway = await startGateway(start);
  const state: State = { written: new Set(), tries: 0, isOver: false };
  try {
    const sender = await senderOf(gateway);
    const work = Promise.all(Array.from({ length: clients }, (_, client) => writeAll(sender, client, state)));
    for (let round = 1; round <= rounds; round += 1) {
      while (state.written.size < round * writesEachRound) await pause(5);
      await pause(Math.random() * 50);
      await gateway.stop("SIGKILL");
      gateway = await startGateway(start);
    }
    state.isOver = true;
    await work;
    const found = await textsOf(sender);
    const counts = new Map<string, number>();
    for (const text of found) counts.set(text, (counts.get(text) ?? 0) + 1);
    const lost = [...state.written].filter((text) => !counts.has(text));
    const twice = [...counts].filter(([, count]) => count > 1);
    failures.push(
      ...lost.map((text) => `${kind}: ${text} was lost`),
      ...twice.map(([text]) => `${kind}: ${text} is there twice`),
    );
    console.log(
      `${kind}: killed ${rounds} times under ${state.written.size} writes in ${state.tries} tries: ${lost.length} lost, ${twice.length} twice`,
    );
  } finally {
    await gateway.stop("SIGKILL");
    rmSync(dataDirectory, { recursive: true, force: true });
  }
}

/** Writes notes one after another. Each is sent until it is answered. */
async function writeAll(sender: Sender, client: number, state: State): Promise<void> {
  for (let index = 0; !state.isOver; index += 1) {
    const text = `write ${client} ${index}`;
    while (!(await send(sender, index, text))) {
      state.tries += 1;
      await pause(20);
    }
    state.tries += 1;
    state.written.add(text);
  }
}

/** Sends a write through one of the three APIs. Returns false if it must be sent again. */
async function send({ url, key, ticket }: Sender, index: number, text: string): Promise<boolean> {
  const idempotencyKey = text.replaceAll(" ", "-");
  const query = "mutation ($input: AddNoteInput!) { addNote(input: $input) { __typename ... on Error { code } } }";
  const requests = [
    { path: "/v2/tickets/notes", body: { ticket_id: ticket.id, value: text } },
    { path: `/v1/requests/${ticket.number}/notes`, body: { text } },
    { path: "/graphql", body: { query, variables: { input: { ticketId: ticket.id, text, idempotencyKey } } } },
  ];
  const { path, body } = requests[index % requests.length]!;
  try {
    const response = await fetch(`${url}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-api-key": key, "idempotency-key": idempotencyKey },
      body: JSON.stringify(body),
    });
    const answer = await response.text();
    if (path === "/graphql") return answer.includes("AddNotePayload");
    if (response.status !== 201 && response.status !== 409 && response.status < 500)
      failures.push(`${path}: ${response.status} ${answer}`);
    return response.status < 409;
  } catch (error) {
    // The process was killed before it responded.
    if (error instanceof TypeError) return false;
    throw error;
  }
}

async function senderOf(gateway: Gateway): Promise<Sender> {
  const { specialist: key } = gateway.demoKeys();
  const query = "{ tickets(first: 1, filter: { kind: [REQUEST] }) { nodes { uuid number } } }";
  const response = await fetch(`${gateway.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-api-key": key },
    body: JSON.stringify({ query }),
  });
  const { data } = (await response.json()) as { data: { tickets: { nodes: { uuid: string; number: number }[] } } };
  const [ticket] = data.tickets.nodes;
  if (!ticket) throw new Error("The demo data has no request.");
  return { url: gateway.url, key, ticket: { id: ticket.uuid, number: ticket.number } };
}

/** Returns the texts of this script's notes. */
async function textsOf({ url, key, ticket }: Sender): Promise<string[]> {
  const texts: string[] = [];
  for (let offset = 0; ; offset += 1_000) {
    const response = await fetch(`${url}/v2/tickets/notes?ticket_id=${ticket.id}&limit=1000&offset=${offset}`, {
      headers: { "x-api-key": key },
    });
    const { result } = (await response.json()) as { result: { value: string }[] };
    texts.push(...result.map(({ value }) => value).filter((value) => value.startsWith("write ")));
    if (result.length < 1_000) return texts;
  }
}

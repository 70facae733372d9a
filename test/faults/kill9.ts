// kill -9. First while notes are added, changed and deleted, on the embedded database and on a PostgreSQL: everything
// that was acknowledged must exist after a start without help. Then while the demo data is loaded, at ten moments on
// each database: the next load must complete it, with the same result as an uninterrupted load.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { checkStorage } from "../../src/attachments/storage-check.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { openDatabase } from "../../src/database/database.ts";
import { createFileStorage } from "../../src/storage/file-storage.ts";
import { createSigner } from "../../src/storage/signature.ts";
import { runDemo, runKilled } from "./support/demo.ts";
import { type DemoKeys, type Gateway, startGateway, raisedLimits } from "./support/gateway.ts";
import { createOwnDatabase } from "./support/own-database.ts";

const root = resolve(import.meta.dirname, "../..");
const rounds = 4;
const clients = 6;
const ackedBeforeKill = 40;
const moments = 10;
/** This script measures no times, so a start may take as long as it needs on a busy machine. */
const readyMilliseconds = 180_000;
const signingSecret = "a secret of the faults, of 32 characters or more";
const quiet = {
  ...{ LOG_LEVEL: "error", DRAIN_MS: "0" },
  ...raisedLimits,
};
const failures: string[] = [];

await killUnderWrites("embedded", {});
const forWrites = await createOwnDatabase("kill9");
try {
  await killUnderWrites("PostgreSQL", { DATABASE_URL: forWrites.url, SIGNING_SECRET: signingSecret });
} finally {
  await forWrites.drop();
}
await killDemoOfPostgresql();
await killDemoOfEmbedded();

console.log(`wrong: ${failures.length}`);
for (const failure of failures.slice(0, 20)) console.log(`  ${failure}`);
process.exit(failures.length === 0 ? 0 : 1);

/** The state of a note that a client knows from its responses, or that it is deleted. */
type Acknowledged = Map<string, { readonly text: string } | "deleted">;

async function killUnderWrites(kind: string, database: Record<string, string>): Promise<void> {
  const dataDirectory = mkdtempSync(join(tmpdir(), "gateway-faults-"));
  const environment = { ...quiet, ...database };
  if (kind === "PostgreSQL") await runDemo({ ...environment, DATA_DIR: dataDirectory });
  const acknowledged: Acknowledged = new Map();
  let gateway = await startGateway({ environment, dataDirectory, readyMilliseconds });
  let compared = 0;
  try {
    const keys = gateway.demoKeys();
    const ticketId = await firstTicket(gateway, keys);
    for (let round = 0; round < rounds; round += 1) {
      const state = { isOver: false, count: 0 };
      const work = Promise.all(
        Array.from({ length: clients }, (_, client) =>
          write(gateway, keys, ticketId, `${round} ${client}`, acknowledged, state),
        ),
      );
      while (state.count < ackedBeforeKill) await pause(5);
      await pause(Math.random() * 200);
      await gateway.stop("SIGKILL");
      state.isOver = true;
      await work;
      gateway = await startGateway({ environment, dataDirectory, readyMilliseconds });
      for (const [id, wanted] of acknowledged) {
        const found = await send(gateway, keys, "GET", `/v2/tickets/notes/${id}`);
        if (found === "cut") throw new Error("A gateway that nobody has killed has cut a connection.");
        compared += 1;
        const isRight = wanted === "deleted" ? found.status === 404 : found.body?.value === wanted.text;
        if (!isRight)
          failures.push(
            `${kind}, note ${id}: acknowledged ${JSON.stringify(wanted)}, found ${found.status} ${found.body?.value}`,
          );
      }
    }
  } finally {
    await gateway.stop("SIGKILL");
    rmSync(dataDirectory, { recursive: true, force: true });
  }
  console.log(`${kind}: killed ${rounds} times, ${acknowledged.size} notes acknowledged, ${compared} reads compared with them`);
}

/**
 * Adds notes, changes every second one and deletes every fourth, one after another, and records what was acknowledged.
 */
async function write(
  gateway: Gateway,
  keys: DemoKeys,
  ticketId: string,
  name: string,
  acknowledged: Acknowledged,
  state: { isOver: boolean; count: number },
): Promise<void> {
  for (let index = 0; !state.isOver; index += 1) {
    const text = `note ${name} ${index}`;
    const added = await send(gateway, keys, "POST", "/v2/tickets/notes", { ticket_id: ticketId, value: text });
    if (added === "cut") return;
    const id = added.body?.id;
    if (added.status !== 201 || id === undefined) return void failures.push(`a note was not added: ${added.status}`);
    acknowledged.set(id, { text });
    state.count += 1;
    if (index % 4 === 1 || index % 4 === 3) {
      // Until the response arrives, either state is right, so the note is not compared.
      acknowledged.delete(id);
      const path = `/v2/tickets/notes/${id}`;
      const changed =
        index % 4 === 1
          ? await send(gateway, keys, "PUT", path, { ticket_id: ticketId, value: `${text}, changed` })
          : await send(gateway, keys, "DELETE", path);
      if (changed === "cut") return;
      if (changed.status >= 400) return void failures.push(`a note was not changed: ${changed.status}`);
      acknowledged.set(id, index % 4 === 1 ? { text: `${text}, changed` } : "deleted");
    }
  }
}

interface Answer {
  readonly status: number;
  readonly body?: { readonly id?: string; readonly value?: string };
}

async function send(gateway: Gateway, keys: DemoKeys, method: string, path: string, body?: object): Promise<Answer | "cut"> {
  try {
    const response = await fetch(`${gateway.url}${path}`, {
      method,
      headers: { "content-type": "application/json", "x-api-key": keys.specialist },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, ...(text === "" ? {} : { body: JSON.parse(text) as NonNullable<Answer["body"]> }) };
  } catch (error) {
    // The process was killed before it responded.
    if (error instanceof TypeError) return "cut";
    throw error;
  }
}

async function firstTicket(gateway: Gateway, keys: DemoKeys): Promise<string> {
  const response = await fetch(`${gateway.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-api-key": keys.specialist },
    body: JSON.stringify({ query: "{ tickets(first: 1) { nodes { uuid } } }" }),
  });
  const { data } = (await response.json()) as { data: { tickets: { nodes: { uuid: string }[] } } };
  const [ticket] = data.tickets.nodes;
  if (!ticket) throw new Error("The demo data has no ticket.");
  return ticket.uuid;
}

/** Returns the numbers of rows of the demo data, which are the same as after an uninterrupted load. */
async function contentsOf(url: string, dataDirectory: string): Promise<string> {
  const database = await openDatabase({ kind: "postgresql", url }, { warn: () => undefined });
  const storage = await createFileStorage({
    ...{ directory: join(dataDirectory, "files"), publicUrl: "http://127.0.0.1", signer: createSigner(signingSecret, "files") },
    ...{ clock: systemClock, maximumBytes: 1 },
  });
  try {
    const { rows } = await database.pool.query<{ contents: string }>(`
      SELECT concat_ws(' ', (SELECT count(*) FROM accounts), 'accounts', (SELECT count(*) FROM people), 'people', (SELECT count(*) FROM tickets),
        'tickets', (SELECT count(*) FROM notes), 'notes', (SELECT count(*) FROM notes WHERE updated_at IS NOT NULL), 'edited',
        (SELECT count(*) FROM attachments WHERE state = 'READY'), 'files', (SELECT count(*) FROM attachments WHERE state <> 'READY'), 'awaited',
        (SELECT sum(size) FROM attachments), 'bytes', (SELECT count(*) FROM api_keys), 'keys') AS contents`);
    const { counts } = await checkStorage({ database, storage, clock: systemClock, fix: false, report: () => undefined });
    return `${rows[0]?.contents}, of which ${counts.missing.found + counts.size.found + counts.digest.found} wrong`;
  } finally {
    await storage.close();
    await database.close();
  }
}

async function killDemoOfPostgresql(): Promise<void> {
  let wanted = "";
  let duration = 0;
  let cut = 0;
  for (let moment = 0; moment <= moments; moment += 1) {
    const own = await createOwnDatabase("demo");
    const dataDirectory = mkdtempSync(join(tmpdir(), "gateway-faults-"));
    const environment = { ...quiet, DATABASE_URL: own.url, SIGNING_SECRET: signingSecret, DATA_DIR: dataDirectory };
    try {
      // Interrupted migrations have a script of their own: migration-kill.
      await runKilled(["src/migrate.ts"], environment);
      const began = performance.now();
      // The first load is not interrupted. It shows how long a load takes, and the expected contents.
      if (moment > 0 && (await runDemo(environment, (duration * moment) / (moments + 1))) === null) cut += 1;
      const code = await runDemo(environment);
      if (moment === 0) duration = performance.now() - began;
      const contents = await contentsOf(own.url, dataDirectory);
      if (moment === 0) wanted = contents;
      const keys = JSON.parse(readFileSync(join(dataDirectory, "demo-keys.json"), "utf8")) as DemoKeys;
      // If the load ended before the kill, the next one refuses because the database is not empty.
      if ((code !== 0 && code !== 1) || contents !== wanted || Object.keys(keys).length !== 4)
        failures.push(`npm run demo, moment ${moment}: exit code ${code}, ${contents}`);
    } finally {
      await own.drop();
      rmSync(dataDirectory, { recursive: true, force: true });
    }
  }
  console.log(
    `npm run demo: killed at ${moments} moments, ${cut} of them before it had ended; each time in the end: ${wanted}`,
  );
}

async function killDemoOfEmbedded(): Promise<void> {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: { start: string } };
  const words = scripts.start.split(" ").slice(1);
  let wanted = "";
  let duration = 0;
  for (let moment = 0; moment <= moments; moment += 1) {
    const dataDirectory = mkdtempSync(join(tmpdir(), "gateway-faults-"));
    try {
      const began = performance.now();
      if (moment > 0)
        await runKilled(words, { ...quiet, DATA_DIR: dataDirectory, PORT: "0" }, (duration * moment) / (moments + 1));
      const gateway = await startGateway({ environment: quiet, dataDirectory, readyMilliseconds });
      if (moment === 0) duration = performance.now() - began;
      const contents = await shownOf(gateway);
      if (moment === 0) wanted = contents;
      if (contents !== wanted) failures.push(`the first start, moment ${moment}: ${contents}, not ${wanted}`);
      await gateway.stop("SIGTERM");
    } finally {
      rmSync(dataDirectory, { recursive: true, force: true });
    }
  }
  console.log(`the first embedded start: killed at ${moments} moments; each time in the end: ${wanted}`);
}

/** Returns what the four keys of the demo data show. */
async function shownOf(gateway: Gateway): Promise<string> {
  const shown: string[] = [];
  for (const [name, key] of Object.entries(gateway.demoKeys())) {
    const response = await fetch(`${gateway.url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-api-key": key },
      body: JSON.stringify({ query: "{ tickets { totalCount } notes { totalCount } viewer { role } }" }),
    });
    const { data } = (await response.json()) as {
      data?: { tickets: { totalCount: number }; notes: { totalCount: number }; viewer: { role: string } };
    };
    shown.push(`${name} ${data?.tickets.totalCount} tickets ${data?.notes.totalCount} notes`);
  }
  return shown.join(", ");
}

// Memory is bounded by budgets. First thousands of different large responses are sent to many clients at once, some of
// which read slowly. Then people read with changing filters, for MIXED_SECONDS (default: 600). DATABASE_URL names a
// PostgreSQL to use instead of the embedded database.
import { Agent, request } from "node:http";
import { connect } from "node:net";
import { startGateway, raisedLimits } from "./support/gateway.ts";
import { createFigures } from "./support/figures.ts";
import { percentile } from "./support/load.ts";

const distinctReads = Number(process.env["DISTINCT_READS"] ?? 10_000);
const readersAtOnce = 200;
const slowReaders = 20;
const mixedSeconds = Number(process.env["MIXED_SECONDS"] ?? 600);
const people = 50;
const textBytes = 60_000;
const largeNotes = 110;

const figures = createFigures();
const { DATABASE_URL: databaseUrl } = process.env;
const gateway = await startGateway({
  environment: {
    ...raisedLimits,
    ...(databaseUrl !== undefined && { DATABASE_URL: databaseUrl, SIGNING_SECRET: "a secret of the faults, of 32 characters" }),
  },
});
const agent = new Agent({ keepAlive: true, maxSockets: readersAtOnce * 2 });

interface Answer {
  readonly status: number;
  readonly bytes: number;
  readonly text: string;
  readonly milliseconds: number;
}

function ask(method: string, path: string, key: string, body?: unknown, keepText = false): Promise<Answer> {
  const began = performance.now();
  return new Promise((resolve, reject) => {
    const sent = request(
      `${gateway.url}${path}`,
      { method, agent, headers: { authorization: `Bearer ${key}`, "content-type": "application/json" } },
      (response) => {
        let bytes = 0;
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
          if (keepText) chunks.push(chunk);
        });
        response.once("error", reject);
        response.once("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            bytes,
            text: Buffer.concat(chunks).toString(),
            milliseconds: performance.now() - began,
          }),
        );
      },
    );
    sent.once("error", reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function graphql<Data>(key: string, query: string, variables?: unknown): Promise<Data> {
  const { text } = await ask("POST", "/graphql", key, { query, variables }, true);
  const { data, errors } = JSON.parse(text) as { data: Data; errors?: unknown };
  if (errors !== undefined) throw new Error(JSON.stringify(errors));
  return data;
}

const keys = gateway.demoKeys();
const addTicket = `mutation { addTicket(input: { kind: REQUEST, subject: "Long notes" }) { ... on AddTicketPayload { ticket { uuid } } } }`;
const { addTicket: added } = await graphql<{ addTicket: { ticket: { uuid: string } } }>(keys.specialist, addTicket);
const ticketId = added.ticket.uuid;
for (let number = 0; number < largeNotes; number += 1) {
  const text = `${number} ${"long words of a note ".repeat(textBytes / 21)}`;
  await graphql(
    keys.specialist,
    "mutation ($input: AddNoteInput!) { addNote(input: $input) { ... on AddNotePayload { note { id } } } }",
    { input: { ticketId, text } },
  );
}
const shortNotes = await graphql<{ notes: { nodes: { uuid: string }[] } }>(
  keys.customer,
  "{ notes(first: 50) { nodes { uuid } } }",
);
const noteIds = shortNotes.notes.nodes.map(({ uuid }) => uuid);

/** Returns an instant before every note. It differs for each read, so each statement or its values differ. */
function instantOf(number: number): string {
  return new Date(Date.UTC(2001, 0, 1) + number * 1_000).toISOString();
}

/** Requests 100 KB to 6 MB that were not requested before. Sizes are spread evenly over their orders of magnitude. */
function largeRead(number: number): Promise<Answer> {
  const notes = Math.max(2, Math.round(Math.exp(Math.log(2) + ((number % 97) / 96) * Math.log(50))));
  const after = instantOf(number);
  if (number % 3 === 0)
    return ask("GET", `/v1/notes?per_page=${notes}&created_at=%3E${after}&sort=-created_at`, keys.specialist);
  if (number % 3 === 1) {
    const query = `{ notes(first: ${notes}, filter: { createdAt: { gt: "${after}" } }) { nodes { text } } }`;
    return ask("POST", "/graphql", keys.specialist, { query });
  }
  const query = `query ($after: DateTime!) { ticket(id: "${ticketId}") { notes(first: ${notes}, filter: { createdAt: { gt: $after } }) { edges { cursor node { text number } } } } }`;
  return ask("POST", "/graphql", keys.specialist, { query, variables: { after } });
}

/** Requests a large response and reads 4 KB of it a second, repeatedly until `isOver`. */
function readSlowly(number: number, isOver: () => boolean): Promise<number> {
  return new Promise((resolve) => {
    let answers = 0;
    const begin = (): void => {
      if (isOver()) return resolve(answers);
      answers += 1;
      const socket = connect({
        port: gateway.port,
        host: "127.0.0.1",
        onread: { buffer: Buffer.alloc(4_096), callback: () => true },
      });
      const path = `/v1/notes?per_page=100&created_at=%3E${instantOf(1_000_000 + number * 1_000 + answers)}&sort=-created_at`;
      socket.write(`GET ${path} HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer ${keys.specialist}\r\n\r\n`);
      socket.pause();
      const timer = setInterval(() => {
        if (isOver()) socket.destroy();
        socket.resume();
        setTimeout(() => socket.pause(), 1);
      }, 1_000);
      socket.once("close", () => {
        clearInterval(timer);
        setTimeout(begin, 100);
      });
      // The gateway must disconnect such a slow reader.
      socket.on("error", () => socket.destroy());
    };
    begin();
  });
}

/** Reads one note after another, like a person with a phone. Returns the duration of each read. */
async function readNotes(isOver: () => boolean): Promise<readonly number[]> {
  const times: number[] = [];
  while (!isOver()) {
    const id = noteIds[times.length % noteIds.length];
    const { status, milliseconds } = await ask("POST", "/graphql", keys.customer, {
      query: `{ note(id: "${id}") { text author { name } } }`,
    });
    figures.require(status === 200, `a one-note read was answered with ${status}`);
    times.push(milliseconds);
    await new Promise((wake) => setTimeout(wake, 20));
  }
  return times;
}

/** Samples resident memory during the work. Returns the samples of each tenth of it, in bytes. */
function watchMemory(progress: () => number): () => readonly (readonly number[])[] {
  const tenths: number[][] = Array.from({ length: 10 }, () => []);
  const timer = setInterval(() => {
    tenths[Math.min(9, Math.floor(progress() * 10))]?.push(gateway.residentBytes());
  }, 250);
  return () => {
    clearInterval(timer);
    return tenths;
  };
}

const megabytes = (bytes: number): string => `${Math.round(bytes / 1_048_576)} MB`;

/**
 * Requires that resident memory is flat after the first tenth, in which caches fill and code is compiled: the median of
 * every later tenth is within a tenth of their mean.
 */
function requireFlat(name: string, tenths: readonly (readonly number[])[]): void {
  const medians = tenths.map((samples) => percentile(samples, 0.5));
  const peaks = tenths.map((samples) => Math.max(...samples));
  figures.report(`${name}: median resident memory of each tenth`, medians.map(megabytes).join(", "));
  figures.report(`${name}: most resident memory of each tenth`, peaks.map(megabytes).join(", "));
  const later = medians.slice(1);
  const mean = later.reduce((sum, median) => sum + median, 0) / later.length;
  const isFlat = later.every((median) => Math.abs(median - mean) <= mean * 0.1);
  figures.require(isFlat, `${name}: resident memory is not flat within a tenth after the first`);
}

async function manyLargeReads(): Promise<void> {
  const statuses = new Map<number, number>();
  let begun = 0;
  let bytes = 0;
  let over = false;
  const measured = watchMemory(() => begun / distinctReads);
  const others = readNotes(() => over);
  const slow = Array.from({ length: slowReaders }, (_, number) => readSlowly(number, () => over));
  await Promise.all(
    Array.from({ length: readersAtOnce - slowReaders }, async () => {
      while (begun < distinctReads) {
        begun += 1;
        const answer = await largeRead(begun);
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
        bytes += answer.bytes;
        // Roughly the time in `retry-after`.
        if (answer.status === 503) await new Promise((wake) => setTimeout(wake, 500));
      }
    }),
  );
  over = true;
  const times = await others;
  const answers = (await Promise.all(slow)).reduce((sum, count) => sum + count, 0);
  figures.report("distinct reads by status", JSON.stringify(Object.fromEntries(statuses)));
  figures.report("bytes answered", megabytes(bytes));
  figures.report("answers begun by slow readers", String(answers));
  figures.report("one-note reads meanwhile", String(times.length));
  figures.report("their p99", `${Math.round(percentile(times, 0.99))} ms`);
  figures.require(percentile(times, 0.99) < 500, "one-note reads of others took longer than 500 ms");
  figures.require(
    [...statuses.keys()].every((status) => status === 200 || status === 503),
    "a read was answered with neither 200 nor 503",
  );
  figures.require((statuses.get(200) ?? 0) > distinctReads / 2, "most reads were refused");
  requireFlat("large reads", measured());
}

async function peopleWithFilters(): Promise<void> {
  const began = performance.now();
  const elapsed = () => (performance.now() - began) / 1000 / mixedSeconds;
  const measured = watchMemory(elapsed);
  const statuses = new Map<number, number>();
  let asked = 0;
  await Promise.all(
    Array.from({ length: people }, async (_, person) => {
      const key = [keys.specialist, keys.customer, keys.admin][person % 3] ?? keys.specialist;
      while (elapsed() < 1) {
        asked += 1;
        const { status } = await mixedRead(key, asked);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        await new Promise((wake) => setTimeout(wake, 100));
      }
    }),
  );
  figures.report(`requests of ${people} people in ${mixedSeconds} s, by status`, JSON.stringify(Object.fromEntries(statuses)));
  figures.require(
    [...statuses.keys()].every((status) => status < 500),
    "somebody was answered with a 5xx",
  );
  requireFlat("mixed traffic", measured());
}

function mixedRead(key: string, number: number): Promise<Answer> {
  const after = instantOf(2_000_000 + number);
  switch (number % 5) {
    case 0: {
      const query = `query ($after: DateTime) { tickets(first: 20) { nodes { subject notes(first: 5, filter: { createdAt: { gt: $after } }) { totalCount edges { cursor node { text author { name } } } } } } }`;
      return ask("POST", "/graphql", key, { query, variables: { after } });
    }
    case 1:
      return ask("GET", `/v1/notes?per_page=20&created_at=%3E${after}`, key);
    case 2:
      return ask("POST", "/graphql", key, {
        query: `{ notes(first: 25, filter: { createdAt: { gte: "${after}" } }) { pageInfo { endCursor } nodes { number textHtml } } }`,
      });
    case 3:
      return ask("GET", `/v1/requests?per_page=50&created_at=%3E${after}&fields=subject,status`, key);
    default:
      return ask("POST", "/graphql", key, {
        query: `{ note(id: "${noteIds[number % noteIds.length]}") { text attachments { nodes { filename } } } }`,
      });
  }
}

try {
  await manyLargeReads();
  await peopleWithFilters();
  figures.require(gateway.process.exitCode === null, "the gateway has ended");
} finally {
  agent.destroy();
  await gateway.stop();
}
figures.conclude();
process.exit();

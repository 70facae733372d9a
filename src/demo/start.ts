import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ExampleIds } from "../graph/graphiql-examples.ts";
import type { Database } from "../platform/database.ts";
import type { ObjectStorage } from "../platform/storage.ts";
import { readDemoFile, type DemoPerson, type V2Note, type V2Ticket } from "./files.ts";
import { type DemoKeys, loadDemo } from "./load.ts";

/** The demo data in its place: the keys to try it with, and things of it for examples to point to. */
export interface Demo {
  readonly keys: DemoKeys;
  readonly keysPath: string;
  readonly examples: Required<ExampleIds>;
}

/**
 * The demo data of the data directory: loaded where the database is empty, and null where it holds something else. Its keys are kept in
 * `demo-keys.json`, readable by its owner alone.
 */
export async function prepareDemo(dataDirectory: string, open: { database: Database; storage: ObjectStorage }): Promise<Demo | null> {
  const keysPath = join(dataDirectory, "demo-keys.json");
  const markPath = join(dataDirectory, "demo-loading");
  // A mark that is still there: the process was ended while it loaded. What it had loaded is of no use without the rest.
  if (existsSync(markPath)) await empty(open.database);
  if (await isEmpty(open.database)) {
    writeFileSync(markPath, "");
    const keys = await loadDemo(open);
    writeFileSync(keysPath, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600 });
    rmSync(markPath);
  }
  if (!existsSync(keysPath)) return null;
  // Written above, by this process or an earlier one.
  const keys = JSON.parse(readFileSync(keysPath, "utf8")) as DemoKeys;
  return { keys, keysPath, examples: demoExamples() };
}

/** A ticket and a note that all of the demo account's people may see. */
export function demoExamples(): Required<ExampleIds> {
  const customer = readDemoFile<DemoPerson[]>("people.json").find((person) => person.demo_key === "customer");
  const ticket = readDemoFile<V2Ticket[]>("v2/tickets.json").find((candidate) => candidate.requester_id === customer?.uuid);
  const note = readDemoFile<V2Note[]>("v2/notes.json").find(
    (candidate) => candidate.ticket_id === ticket?.id && candidate.author_id === customer?.uuid && candidate.is_public,
  );
  if (!ticket || !note) throw new Error("The demo data has no ticket of its customer with a note of theirs.");
  return { ticketId: ticket.id, noteId: note.id };
}

/** What to paste into a terminal: a line for each face, each of which answers as it stands. */
export function curlLines(publicUrl: string, { keys, examples }: Demo): string[] {
  const query = "{ viewer { person { name } role } tickets(first: 3) { totalCount nodes { number subject notes(first: 1) { nodes { text } } } } }";
  return [
    `curl -s ${publicUrl}/graphql -H 'X-API-Key: ${keys.specialist}' -H 'Content-Type: application/json' -d '${JSON.stringify({ query })}'`,
    `curl -s '${publicUrl}/v2/tickets/notes?ticket_id=${examples.ticketId}&limit=2' -H 'X-API-Key: ${keys.customer}'`,
  ];
}

async function isEmpty(database: Database): Promise<boolean> {
  return (await database.prisma.account.findFirst()) === null;
}

async function empty(database: Database): Promise<void> {
  await database.prisma.$executeRaw`TRUNCATE accounts, people, memberships, api_keys, tickets, notes, attachments, discarded_objects RESTART IDENTITY`;
}

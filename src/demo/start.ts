import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ExampleIds } from "../graph/graphiql-examples.ts";
import type { Database } from "../platform/database.ts";
import type { ObjectStorage } from "../platform/storage.ts";
import { readDemoFile } from "./files.ts";
import { type DemoKeys, loadDemo } from "./load.ts";

/** The demo data in its place: the keys to try it with, and things of it for examples to point to. */
export interface Demo {
  readonly keys: DemoKeys;
  readonly keysPath: string;
  /** Whether it was loaded just now. */
  readonly isNew: boolean;
  readonly examples: Required<ExampleIds>;
}

/** There while the demo data is loaded into the embedded database: on a later start, a load that was cut off. */
const markOf = (dataDirectory: string) => join(dataDirectory, "demo-loading");

/**
 * Empties the embedded database where an earlier process was ended while it loaded the demo data: what it had loaded is of no use without the
 * rest. To be called before migrations. Any other database is left alone, whatever the data directory says.
 */
export async function clearInterruptedDemo(dataDirectory: string, database: Database): Promise<void> {
  if (database.kind !== "embedded" || !existsSync(markOf(dataDirectory))) return;
  await database.prisma.$executeRaw`DROP SCHEMA public CASCADE`;
  await database.prisma.$executeRaw`CREATE SCHEMA public`;
}

/**
 * The demo data of the data directory: loaded where the database is empty, and null where it holds something else. Its keys are kept in
 * `demo-keys.json`, readable by its owner alone.
 */
export async function prepareDemo(
  dataDirectory: string,
  open: { database: Database; storage: ObjectStorage },
): Promise<Demo | null> {
  const keysPath = join(dataDirectory, "demo-keys.json");
  const isNew = (await open.database.prisma.account.findFirst()) === null;
  if (isNew) {
    mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
    writeFileSync(markOf(dataDirectory), "");
    const loaded = await loadDemo(open);
    rmSync(keysPath, { force: true });
    writeFileSync(keysPath, `${JSON.stringify(loaded, null, 2)}\n`, { mode: 0o600 });
    rmSync(markOf(dataDirectory));
  }
  if (!existsSync(keysPath)) return null;
  // Written above, by this process or an earlier one.
  const keys = JSON.parse(readFileSync(keysPath, "utf8")) as DemoKeys;
  return { keys, keysPath, isNew, examples: demoExamples() };
}

/** A ticket and a note that all of the demo account's people may see. */
export function demoExamples(): Required<ExampleIds> {
  const customer = readDemoFile("people.json").find((person) => person.demo_key === "customer");
  const ticket = readDemoFile("v2/tickets.json").find((candidate) => candidate.requester_id === customer?.uuid);
  const note = readDemoFile("v2/notes.json").find(
    (candidate) => candidate.ticket_id === ticket?.id && candidate.author_id === customer?.uuid && candidate.is_public,
  );
  if (!ticket || !note) throw new Error("The demo data has no ticket of its customer with a note of theirs.");
  return { ticketId: ticket.id, noteId: note.id };
}

/** What to paste into a terminal: a line for each face, each of which answers as it stands. */
export function curlLines(publicUrl: string, { keys, examples }: Demo): string[] {
  const query =
    "{ viewer { person { name } role } tickets(first: 3) { totalCount nodes { number subject notes(first: 1) { nodes { text } } } } }";
  return [
    `curl -s ${publicUrl}/graphql -H 'X-API-Key: ${keys.specialist}' -H 'Content-Type: application/json' -d '${JSON.stringify({ query })}'`,
    `curl -s '${publicUrl}/v1/notes?per_page=2' -H 'Authorization: Bearer ${keys.specialist}'`,
    `curl -s '${publicUrl}/v2/tickets/notes?ticket_id=${examples.ticketId}&limit=2' -H 'X-API-Key: ${keys.customer}'`,
  ];
}

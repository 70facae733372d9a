import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { asDataDirectoryProblem } from "../config.ts";
import type { Database } from "../database/database.ts";
import type { ObjectStorage } from "../storage/storage.ts";
import { readDemoFile } from "./files.ts";
import { type DemoKeys, demoProgress, loadDemo, newDemoKeys } from "./load.ts";
import { makeDirectory } from "../lib/make-directory.ts";

/** The person of a key of the demo data. */
export interface DemoKeyHolder {
  readonly key: keyof DemoKeys;
  readonly name: string;
  readonly role: string;
  readonly account: string;
}

/** UUIDs of objects that everybody with a demo key in the account may see. */
interface ExampleIds {
  readonly ticketId: string;
  readonly noteId: string;
}

/** The loaded demo data: its API keys, and the ids for the examples. */
export interface Demo {
  readonly keys: DemoKeys;
  readonly keysPath: string;
  /** Whose keys they are. */
  readonly people: readonly DemoKeyHolder[];
  /** Whether it was loaded by this call. */
  readonly isNew: boolean;
  readonly examples: ExampleIds;
}

/**
 * Returns the demo data, and loads it first if the database is empty or a load was interrupted. Returns null if the
 * database has other data. The keys are written to `demo-keys.json`, readable by its owner only, before they work. If
 * the process dies at any point, the next call completes the load. A file in the data directory says that one has
 * begun: without it a part of the demo data is an account that was imported. Throws `ConfigError` if the data directory
 * cannot be created or written to.
 */
export async function prepareDemo(
  dataDirectory: string,
  open: { database: Database; storage: ObjectStorage },
): Promise<Demo | null> {
  const keysPath = join(dataDirectory, "demo-keys.json");
  const begunPath = join(dataDirectory, "demo-load-begun");
  const progress = await demoProgress(open.database);
  const isNew = progress === "none" || (progress === "part" && existsSync(begunPath));
  if (isNew) {
    inDataDirectory(() => {
      makeDirectory(dataDirectory);
      writeFileSync(begunPath, "", { flush: true });
    });
    // Some of the keys of an interrupted load may work already, so they are kept.
    const storeKeys = () =>
      progress === "part" && existsSync(keysPath) ? readKeys(keysPath) : inDataDirectory(() => storeNewKeys(keysPath));
    await loadDemo({ ...open, storeKeys });
    await open.database.maintain();
    rmSync(begunPath, { force: true });
  }
  if (!existsSync(keysPath)) return null;
  return { keys: readKeys(keysPath), keysPath, people: demoPeople(), isNew, examples: demoExamples() };
}

function inDataDirectory<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    throw asDataDirectoryProblem(error);
  }
}

/** Returns new keys and writes them to a file atomically. */
function storeNewKeys(path: string): DemoKeys {
  const keys = newDemoKeys();
  const draft = `${path}.draft`;
  rmSync(draft, { force: true });
  writeFileSync(draft, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600, flush: true });
  renameSync(draft, path);
  return keys;
}

function readKeys(path: string): DemoKeys {
  return JSON.parse(readFileSync(path, "utf8")) as DemoKeys; // written above, by this process or an earlier one
}

/** Returns the people of the demo data who have keys. */
function demoPeople(): readonly DemoKeyHolder[] {
  return readDemoFile("people.json").flatMap(({ demo_key: key, name, role, account }) =>
    key === undefined ? [] : [{ key, name, role, account: account.id }],
  );
}

/** Returns the ids of a ticket and a note that all people with a demo key in the account may see. */
export function demoExamples(): ExampleIds {
  const customer = readDemoFile("people.json").find((person) => person.demo_key === "customer");
  const ticket = readDemoFile("v2/tickets.json").find((candidate) => candidate.requester_id === customer?.uuid);
  const note = readDemoFile("v2/notes.json").find(
    (candidate) => candidate.ticket_id === ticket?.id && candidate.author_id === customer?.uuid && candidate.is_public,
  );
  if (!ticket || !note) throw new Error("The demo data has no ticket of its customer with a note of theirs.");
  return { ticketId: ticket.id, noteId: note.id };
}

/** Commands to paste into a terminal: one for each API. Each works as it is. */
export function curlLines(publicUrl: string, { keys, examples }: Pick<Demo, "keys" | "examples">): string[] {
  // Unreserved in a URL as curl reads it with -g, so that the line can be read.
  const query = "{viewer{role}tickets(first:3){nodes{number,subject}}}";
  return [
    `curl -gs '${publicUrl}/graphql?query=${query}' -H 'X-API-Key: ${keys.specialist}'`,
    `curl -s '${publicUrl}/v1/notes?per_page=2' -H 'Authorization: Bearer ${keys.specialist}'`,
    `curl -s '${publicUrl}/v2/tickets/notes?ticket_id=${examples.ticketId}&limit=2' -H 'X-API-Key: ${keys.customer}'`,
  ];
}

// npm run import -- --from <v1|v2> …    takes over accounts, people, tickets, notes and attachments
//
// docs/guides/moving-in.md tells how it is used.
import { v7 as uuidv7 } from "uuid";
import type { Database } from "./database/database.ts";
import { sql } from "./database/sql.ts";
import { UnusableDatabase } from "./database/start-checks.ts";
import { systemClock } from "./lib/clock.ts";
import {
  type TransferOptions,
  type TransferWork,
  readOptions,
  requiredOption,
  runTransfer,
  TransferUsageError,
} from "./transfer-command.ts";
import { openConfiguredStorage } from "./storage/open-storage.ts";
import { openV1Api, openV2Api } from "./transfer/api-source.ts";
import { openV1Folder, openV2Folder } from "./transfer/folder-source.ts";
import { openIdMap } from "./transfer/id-map.ts";
import { importAll } from "./transfer/import.ts";
import type { Tally } from "./transfer/import-context.ts";
import { createImportRows, numberedTables } from "./transfer/import-rows.ts";
import { createProgress } from "./transfer/progress.ts";
import { createRejects, type RecordKind } from "./transfer/rejects.ts";
import type { TransferSource } from "./transfer/source.ts";

const usage = `Usage: npm run import -- --from <v1|v2> (--files <folder> | --url <URL> --key <key>) [options]

  --from <v1|v2>       The API in whose shapes the records are.
  --files <folder>     A folder with lists of that API as JSON, such as npm run export writes.
  --url <URL>          The base URL of the API, without /v1 or /v2, and
  --key <key>            a key or token of an administrator there.
  --account <slug>     The account to import into. Needed if the source names none, or another one is meant.
  --tickets <file>     CSV of the tickets, which /v2 does not list: id, subject, kind, status, requester_id, created_at.
  --people <file>      CSV of the people: id, name, email and role for /v2; id and role for /v1, which tells no roles.
  --id-map <file>      Gives other numbers where they clash, and keeps them in this file. Without it, such records are rejected.
  --rejects <file>     Where the records that were not taken are listed with reasons. Default: rejects.ndjson
  --dry-run            Finds out what would be done, and writes nothing but the rejects.

It can be interrupted and run again at any time: what is there already stays as it is.
It works on the database that DATABASE_URL names, or on the embedded one in DATA_DIR while the gateway is stopped.`;

const importOptions = {
  from: { type: "string" },
  files: { type: "string" },
  url: { type: "string" },
  key: { type: "string" },
  account: { type: "string" },
  tickets: { type: "string" },
  people: { type: "string" },
  "id-map": { type: "string" },
  rejects: { type: "string", default: "rejects.ndjson" },
  "dry-run": { type: "boolean", default: false },
  help: { type: "boolean", short: "h" },
} as const;

type ImportArguments = TransferOptions<typeof importOptions>;

/** The batches that are written at the same time. The embedded database has one session. */
const concurrencyOf = ({ kind }: Database) => (kind === "embedded" ? 1 : 4);

await runTransfer({ name: "npm run import", usage }, () => {
  const given = readOptions(importOptions);
  return given.help === true ? undefined : readImport(given);
});

function readImport(given: ImportArguments): TransferWork {
  const open = readSource(given);
  const isDryRun = given["dry-run"];
  const run: TransferWork["run"] = async (database, origin, config) => {
    await requireRightsOfImport(database);
    const source = await open();
    const storage = await openConfiguredStorage(config, systemClock);
    const rejects = createRejects(given.rejects);
    const idMap = given["id-map"] === undefined ? undefined : openIdMap(given["id-map"], { isDryRun });
    try {
      const tallies = await importAll({
        ...{ source, storage, rejects, idMap, isDryRun, account: given.account, clock: systemClock },
        // One id for all of its events, by which the audit tells what this run has written.
        rows: createImportRows(database, { ...origin, requestId: uuidv7() }, systemClock),
        progress: createProgress(process.stderr, () => performance.now()),
        concurrency: concurrencyOf(database),
      });
      if (!isDryRun) await database.maintain();
      printTallies(tallies, isDryRun);
      if (rejects.count === 0) return;
      console.log(`Why ${rejects.count} were rejected: ${given.rejects}`);
      process.exitCode = 1;
    } finally {
      await storage.close();
    }
  };
  // What is run to see what would be done must change no table.
  return { mayMigrate: !isDryRun, run };
}

/** Returns what opens the source. Throws {@link TransferUsageError}. */
function readSource(given: ImportArguments): () => Promise<TransferSource> {
  const { from, files, url, tickets, people, account } = given;
  if (from !== "v1" && from !== "v2") throw new TransferUsageError("--from is v1 or v2.");
  const side = { tickets, people };
  if (files !== undefined && url !== undefined) throw new TransferUsageError("Give --files or --url, not both.");
  if (files !== undefined) return () => (from === "v1" ? openV1Folder(files, side) : openV2Folder(files, side));
  if (url === undefined) throw new TransferUsageError("Give --files or --url.");
  if (!URL.canParse(url)) throw new TransferUsageError("--url is no URL.");
  const key = requiredOption(given, "key");
  if (from === "v1") return () => openV1Api({ url, key, account }, side);
  if (tickets === undefined) throw new TransferUsageError("/v2 lists no tickets: give them with --tickets.");
  return () => openV2Api({ url, key, account }, side);
}

function printTallies(tallies: Readonly<Record<RecordKind, Tally>>, isDryRun: boolean): void {
  const header = [isDryRun ? "would be added" : "added", "unchanged", "rejected"];
  console.log(`${"".padEnd(16)}${header.map((name) => name.padStart(16)).join("")}`);
  for (const [kind, { added, unchanged, rejected }] of Object.entries(tallies))
    console.log(`${kind.padEnd(16)}${[added, unchanged, rejected].map((count) => String(count).padStart(16)).join("")}`);
}

/**
 * Checks before anything is written that the role may set the sequences of numbers, which the records of an import
 * bring along. Requests need no such right. Throws {@link UnusableDatabase} if it may not.
 */
async function requireRightsOfImport(database: Database): Promise<void> {
  const forbidden = await database.query<{ role: string; sequence: string }>(sql`
    SELECT current_user AS role, sequence
    FROM (SELECT pg_get_serial_sequence(name, 'number') AS sequence FROM unnest(${[...numberedTables]}::text[]) AS name) numbered
    WHERE NOT (has_sequence_privilege(sequence, 'SELECT') AND has_sequence_privilege(sequence, 'UPDATE'))
    ORDER BY sequence`);
  const [first] = forbidden;
  if (first === undefined) return;
  throw new UnusableDatabase(
    `The role ${first.role} of DATABASE_URL may not set ${forbidden.map(({ sequence }) => sequence).join(", ")}, ` +
      "which an import does: name the role that owns the tables in DATABASE_URL while it runs.",
  );
}

// npm run export -- --account <slug> --to <folder>    writes an account into a folder that npm run import reads
import { systemClock } from "./lib/clock.ts";
import { type TransferWork, readOptions, requiredOption, runTransfer } from "./transfer-command.ts";
import { openConfiguredStorage } from "./storage/open-storage.ts";
import { exportAccount } from "./transfer/export.ts";
import { createExportRows } from "./transfer/export-rows.ts";
import { createProgress } from "./transfer/progress.ts";

const exportUsage = `Usage: npm run export -- --account <slug> --to <folder>

Writes the account, its people, tickets, notes and files into the folder, in the shapes of /v1. It has no credentials,
no earlier states of notes, no deleted notes and no audit events.
It works on the database that DATABASE_URL names, or on the embedded one in DATA_DIR while the gateway is stopped.`;

const exportOptions = {
  account: { type: "string" },
  to: { type: "string" },
  help: { type: "boolean", short: "h" },
} as const;

await runTransfer({ name: "npm run export", usage: exportUsage }, readExport);

/** Returns the work, or undefined if help is asked for. Throws {@link TransferUsageError}. */
function readExport(): TransferWork | undefined {
  const given = readOptions(exportOptions);
  if (given.help === true) return undefined;
  const account = requiredOption(given, "account");
  const directory = requiredOption(given, "to");
  const run: TransferWork["run"] = async (database, _origin, config) => {
    const storage = await openConfiguredStorage(config, systemClock);
    try {
      const progress = createProgress(process.stderr, () => performance.now());
      const written = await exportAccount({ rows: createExportRows(database), storage, progress, account, directory });
      const { people, tickets, notes, attachments, missingFiles } = written;
      console.log(`${directory} has ${people} people, ${tickets} tickets, ${notes} notes and ${attachments} files.`);
      for (const missing of missingFiles) console.log(`The store has no bytes of ${missing}.`);
      if (missingFiles.length > 0) process.exitCode = 1;
    } finally {
      await storage.close();
    }
  };
  return { mayMigrate: false, run };
}

// npm run storage:check             compares the rows of attachments with the bytes in the store
// npm run storage:check -- --fix    mends the inconsistencies that can be mended safely
//
// The exit code is 1 if there are inconsistencies that were not mended.
import { checkStorage, type Finding, findings } from "./attachments/storage-check.ts";
import { readArgumentsOrExit, runCommand, withDatabase } from "./command.ts";
import { systemClock } from "./lib/clock.ts";
import { createCommandLog } from "./lib/log.ts";
import { requireMigrated } from "./database/migrations.ts";
import { openConfiguredStorage } from "./storage/open-storage.ts";
import { readSettings } from "./settings.ts";

const findingLabels: Readonly<Record<Finding, string>> = {
  missing: "bytes that are missing",
  size: "another size",
  digest: "another digest",
  unrecorded: "digest never recorded",
  rowless: "bytes without a row",
};

const storageCheckUsage = `Usage: npm run storage:check [-- --fix]

Compares the rows of attachments with the bytes in the store. With --fix it mends what can be mended safely. The exit
code is 1 if something is wrong that was not mended.`;

const { fix = false } = readArgumentsOrExit({ fix: { type: "boolean" } } as const, storageCheckUsage);

await runCommand(async () => {
  const config = readSettings(process.env);
  const log = createCommandLog(config.logLevel);
  await withDatabase(config.database, log, async (database) => {
    await requireMigrated(database);
    const storage = await openConfiguredStorage(config, systemClock);
    const report = (line: string) => console.log(line);
    const checked = await checkStorage({ database, storage, clock: systemClock, fix, report });
    await storage.close();
    console.log(reportLine("files that are said to be there", checked.rows));
    console.log(reportLine("objects in the store", checked.objects));
    if (checked.foreign > 0) console.log(reportLine("of other programs, left alone", checked.foreign));
    for (const finding of findings) {
      const { found, mended } = checked.counts[finding];
      console.log(`${reportLine(findingLabels[finding], found)}${mended > 0 ? `, ${mended} mended` : ""}`);
    }
    if (!checked.isSound) process.exitCode = 1;
  });
});

function reportLine(name: string, count: number): string {
  return `  ${name.padEnd(32)} ${String(count).padStart(8)}`;
}

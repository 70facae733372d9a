// npm run storage:check             compares the rows of attachments with the bytes in the store
// npm run storage:check -- --fix    mends the inconsistencies that can be mended safely
//
// The exit code is 1 if there are inconsistencies that were not mended.
import { checkStorage, type Finding, findings } from "./attachments/storage-check.ts";
import { CommandRefused, runCommand } from "./command.ts";
import { readConfig } from "./config.ts";
import { systemClock } from "./lib/clock.ts";
import { openDatabase } from "./database/database.ts";
import { createLog } from "./lib/log.ts";
import { requireMigrated } from "./database/migrations.ts";
import { openStorage } from "./storage/open-storage.ts";
import { createSigner } from "./storage/signature.ts";
import { awaitDatabase } from "./database/start-checks.ts";

const findingLabels: Readonly<Record<Finding, string>> = {
  missing: "bytes that are missing",
  size: "another size",
  digest: "another digest",
  unrecorded: "digest never recorded",
  rowless: "bytes without a row",
};

await runCommand(async () => {
  const words = process.argv.slice(2);
  if (words.some((word) => word !== "--fix")) throw new CommandRefused("Usage: npm run storage:check [-- --fix]");
  const config = readConfig(process.env);
  const log = createLog("warn");
  await awaitDatabase(config.database, log);
  const database = await openDatabase(config.database, log);
  try {
    await requireMigrated(database);
    const storage = await openStorage(config.storage, {
      publicUrl: config.publicUrl,
      signer: createSigner(config.signingSecret, "files"),
      clock: systemClock,
      maximumBytes: config.maxUploadBytes,
    });
    const report = (line: string) => console.log(line);
    const checked = await checkStorage({ database, storage, clock: systemClock, fix: words.length > 0, report });
    await storage.close();
    console.log(reportLine("files that are said to be there", checked.rows));
    console.log(reportLine("objects in the store", checked.objects));
    if (checked.foreign > 0) console.log(reportLine("of other programs, left alone", checked.foreign));
    for (const finding of findings) {
      const { found, mended } = checked.counts[finding];
      console.log(`${reportLine(findingLabels[finding], found)}${mended > 0 ? `, ${mended} mended` : ""}`);
    }
    if (!checked.isSound) process.exitCode = 1;
  } finally {
    await database.close();
  }
});

function reportLine(name: string, count: number): string {
  return `  ${name.padEnd(32)} ${String(count).padStart(8)}`;
}

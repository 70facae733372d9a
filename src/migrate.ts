// npm run migrate                            applies the missing migrations, and sees to the partitions of the audit
// npm run migrate -- --applied <name>        first records an interrupted migration as applied
// npm run migrate -- --rolled-back <name>    first records an interrupted migration as rolled back
// npm run migrate -- --help                  shows the options
import { createAuditMaintenance } from "./database/audit-maintenance.ts";
import { readArgumentsOrExit, runCommand, withDatabase } from "./command.ts";
import { systemClock } from "./lib/clock.ts";
import { createCommandLog } from "./lib/log.ts";
import { migrate, settleMigration } from "./database/migrations.ts";
import { readSettings } from "./settings.ts";

const migrateUsage = `Usage: npm run migrate [-- options]

Applies the migrations that the database lacks, and sees to the partitions of the audit.

  --applied <name>      First records a migration that was cut off as applied.
  --rolled-back <name>  First records a migration that was cut off as rolled back.

It works on the database that DATABASE_URL names, as the role of DATABASE_URL_DIRECT if that is set, or on the embedded
one in DATA_DIR while the gateway is stopped.`;

const settlements = readMigrateArguments();

await runCommand(async () => {
  const config = readSettings(process.env);
  const log = createCommandLog(config.logLevel);
  await withDatabase(config.database, log, async (database) => {
    if (settlements.applied !== undefined) await settleMigration(database, settlements.applied, "applied");
    if (settlements["rolled-back"] !== undefined) await settleMigration(database, settlements["rolled-back"], "rolled-back");
    const applied = await migrate(database, { log });
    for (const name of applied) console.log(`Applied ${name}`);
    if (applied.length === 0) console.log("The database is up to date.");
    const { auditRetentionDays: retentionDays } = config;
    await createAuditMaintenance({ database, retentionDays, clock: systemClock, log })();
  });
});

function readMigrateArguments() {
  const options = { applied: { type: "string" }, "rolled-back": { type: "string" } } as const;
  return readArgumentsOrExit(options, migrateUsage);
}

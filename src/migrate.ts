// npm run migrate                            applies the missing migrations, and sees to the partitions of the audit
// npm run migrate -- --applied <name>        first records an interrupted migration as applied
// npm run migrate -- --rolled-back <name>    first records an interrupted migration as rolled back
import { parseArgs } from "node:util";
import { pino } from "pino";
import { createAuditMaintenance } from "./database/audit-maintenance.ts";
import { runCommand } from "./command.ts";
import { readConfig } from "./config.ts";
import { systemClock } from "./lib/clock.ts";
import { openDatabase } from "./database/database.ts";
import { migrate, settleMigration } from "./database/migrations.ts";
import { awaitDatabase } from "./database/start-checks.ts";

const migrateUsage =
  "Usage: npm run migrate, or npm run migrate -- --applied <name>, or npm run migrate -- --rolled-back <name>";

const settlements = readMigrateArguments();

await runCommand(async () => {
  const config = readConfig(process.env);
  const log = pino({ level: "warn" }, pino.destination(2));
  await awaitDatabase(config.database, log);
  const database = await openDatabase(config.database, log);
  try {
    if (settlements.applied !== undefined) await settleMigration(database, settlements.applied, "applied");
    if (settlements["rolled-back"] !== undefined) await settleMigration(database, settlements["rolled-back"], "rolled-back");
    const applied = await migrate(database, { log });
    for (const name of applied) console.log(`Applied ${name}`);
    if (applied.length === 0) console.log("The database is up to date.");
    const { auditRetentionDays: retentionDays } = config;
    await createAuditMaintenance({ database, retentionDays, clock: systemClock, log })();
  } finally {
    await database.close();
  }
});

function readMigrateArguments() {
  const options = { applied: { type: "string" }, "rolled-back": { type: "string" } } as const;
  try {
    return parseArgs({ options, strict: true }).values;
  } catch (error) {
    // The error of parseArgs names the unknown argument.
    console.error(error instanceof Error ? `${error.message}\n${migrateUsage}` : migrateUsage);
    process.exit(2);
  }
}

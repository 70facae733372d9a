// npm run migrate                      applies the migrations that the database lacks
// npm run migrate -- --again <name>    the same, after a migration failed and left nothing behind
import { pino } from "pino";
import { runCommand } from "./command.ts";
import { readConfig } from "./config.ts";
import { openDatabase } from "./platform/database.ts";
import { markRolledBack, migrate } from "./platform/migrations.ts";

const [option, failedName, ...rest] = process.argv.slice(2);
if ((option !== undefined && (option !== "--again" || failedName === undefined)) || rest.length > 0) {
  console.error("Usage: npm run migrate, or npm run migrate -- --again <name of the migration that failed>");
  process.exit(2);
}

await runCommand(async () => {
  const config = readConfig(process.env);
  const database = await openDatabase(config.database, pino({ level: "warn" }));
  try {
    if (failedName !== undefined) await markRolledBack(database, failedName);
    const applied = await migrate(database);
    for (const name of applied) console.log(`Applied ${name}`);
    if (applied.length === 0) console.log("The database is up to date.");
  } finally {
    await database.close();
  }
});

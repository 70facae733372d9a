import { v7 as uuidv7 } from "uuid";
import { type Administration, createAdministration } from "../administration/service.ts";
import type { Config } from "../config.ts";
import { openDatabase } from "../database/database.ts";
import { migrate, requireMigrated } from "../database/migrations.ts";
import { awaitDatabase } from "../database/start-checks.ts";
import { systemClock } from "../lib/clock.ts";
import { createCommandLog } from "../lib/log.ts";

/**
 * Opens the database in this process. Applies missing migrations if `mayMigrate`, and refuses a database that lacks
 * some if not. Throws as `awaitDatabase`, `openDatabase`, `migrate` and `requireMigrated`.
 */
export async function openAdministration(
  { database: config, logLevel }: Pick<Config, "database" | "logLevel">,
  mayMigrate: boolean,
): Promise<{ readonly administration: Administration; close(): Promise<void> }> {
  const log = createCommandLog(logLevel);
  await awaitDatabase(config, log);
  const database = await openDatabase(config, log);
  try {
    if (mayMigrate) await migrate(database, { log });
    await requireMigrated(database);
  } catch (error) {
    await database.close();
    throw error;
  }
  const administration = createAdministration({ database, clock: systemClock, newId: () => uuidv7() });
  return { administration, close: () => database.close() };
}

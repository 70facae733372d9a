import pg from "pg";
import type { Database } from "./database.ts";
import { inMaintenanceTransaction, withClient } from "./maintenance.ts";
import type { Clock } from "../lib/clock.ts";

/** The log of the maintenance. Pino's loggers have this shape. */
export interface AuditLog {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
}

export interface AuditMaintenanceOptions {
  readonly database: Database;
  /** How many days an event is kept at least. It goes with the last event of its month. */
  readonly retentionDays: number;
  readonly clock: Clock;
  readonly log: AuditLog;
}

/** What `audit_events_maintain` of the database returns. */
type MaintenanceOutcome =
  | { readonly outcome: "nothing to do" }
  /** There is something to do, and the role may not do it. */
  | { readonly outcome: "forbidden"; readonly missing: readonly string[]; readonly expired: readonly string[] }
  /** The indexes of a month that is over take less room than before. */
  | { readonly outcome: "packed"; readonly month: string }
  /** The partitions that were made and dropped, and the number of events that got the partition of their month. */
  | { readonly outcome: "done"; readonly made: readonly string[]; readonly dropped: readonly string[]; readonly moved: number };

/**
 * How long the maintenance waits for a lock. Writers of events queue behind it meanwhile, so it gives up soon: the next
 * run tries again.
 */
const lockMilliseconds = 3_000;
/**
 * How long the client waits. The pool of the embedded database would otherwise give up as early as for a request.
 */
const answerMilliseconds = 3_600_000;
const lockNotAvailable = "55P03";

/**
 * Returns the function that makes the partitions of the audit for the current and the next month, and drops months
 * whose every event is older than the retention. If there are none, it packs the indexes of a month that is over. It
 * can run at any time, in several processes at once. Events never need it: those without a partition of their month
 * go into the default one. It uses the connection of migrations, whose role may own the tables where that of requests
 * does not. If the role may not change tables, it says so once.
 */
export function createAuditMaintenance({ database, retentionDays, clock, log }: AuditMaintenanceOptions): () => Promise<void> {
  let hasWarned = false;
  return async () => {
    const outcome = await maintain(database, clock(), retentionDays);
    if (outcome === undefined) log.info({}, "The partitions of the audit are in use; they will be seen to later");
    else if (outcome.outcome === "done" || outcome.outcome === "packed")
      log.info(outcome, "The partitions of the audit were brought up to date");
    else if (outcome.outcome === "forbidden" && !hasWarned) {
      hasWarned = true;
      log.warn(
        outcome,
        "The role may not change the partitions of the audit: run npm run migrate as the owner of the tables each month, or name that role in DATABASE_URL_DIRECT. Until then events are kept together, and none is dropped.",
      );
    }
  };
}

/** Returns what was done, or undefined if a lock could not be had in time. */
async function maintain(database: Database, at: Date, retentionDays: number): Promise<MaintenanceOutcome | undefined> {
  const { schema } = database;
  const maintenance = database.openMaintenancePool();
  const query = {
    text: "SELECT audit_events_maintain($1::timestamptz, make_interval(days => $2::int)) AS outcome",
    values: [at.toISOString(), retentionDays],
    query_timeout: answerMilliseconds,
  };
  try {
    return await withClient(maintenance.pool, (client) =>
      inMaintenanceTransaction(client, schema, async () => {
        await client.query(`SET LOCAL lock_timeout = ${lockMilliseconds}`);
        // A restore gives rights back that were taken from the role of requests.
        await client.query("SELECT audit_events_restrict()");
        const { rows } = await client.query<{ outcome: MaintenanceOutcome }>(query);
        return rows[0]?.outcome;
      }),
    );
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.code === lockNotAvailable) return undefined;
    throw error;
  } finally {
    await maintenance.end();
  }
}

/**
 * Does for PGlite what processes of its own do for a PostgreSQL server, as autovacuum and the checkpointer: it vacuums
 * and analyses tables that have changed, and writes checkpoints, without which the write-ahead log would be kept for
 * ever. See docs/decisions/0104.
 */
export interface RoutineMaintenance {
  /** Is to be called after each piece of a client's work. From time to time it starts a round. */
  onWork(): void;
  /** Does all that is due. Resolves when it is done. */
  run(): Promise<void>;
}

/** How urgent a task must be: in a busy moment twice as much must have changed as in an idle one. */
export type MaintenanceMoment = "idle" | "busy";

export interface RoutineMaintenanceOptions {
  readonly database: MaintainedDatabase;
  /**
   * Runs `task` when the session is free. Returns undefined without running it if the session is then in the middle of
   * a client's transaction.
   */
  readonly whenFree: <Result>(task: () => Promise<Result>) => Promise<Result | undefined>;
  /** Is called if a task fails, such as on a full disk. The others are done, and it is tried again a minute later. */
  readonly onFailure: (error: unknown) => void;
}

/** The part of PGlite that maintenance needs. */
export interface MaintainedDatabase {
  exec(text: string): Promise<unknown>;
  query(text: string, values?: unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
}

/** The time without work after which the session counts as idle. */
const idleMilliseconds = 500;
/** A busy session is looked at after so many pieces of work, or after so long. Looking takes a few milliseconds. */
const maxPieces = 500;
const maxBusyMilliseconds = 5_000;
/** The time without rounds after a failure, which is likely to come again. */
const retryMilliseconds = 60_000;

export function createRoutineMaintenance({ database, whenFree, onFailure }: RoutineMaintenanceOptions): RoutineMaintenance {
  let pieces = 0;
  // The first piece of work starts a round: an existing database may lack statistics.
  let lookedAt = -Infinity;
  let failedAt = -Infinity;
  let round: Promise<void> | undefined;

  const attempt = async <Result>(work: () => Promise<Result>): Promise<Result | undefined> => {
    try {
      return await whenFree(work);
    } catch (error) {
      failedAt = performance.now();
      onFailure(error);
      return undefined;
    }
  };
  const performRound = async (moment: MaintenanceMoment): Promise<void> => {
    pieces = 0;
    lookedAt = performance.now();
    const tasks = (await attempt(() => dueTasks(database, { moment }))) ?? [];
    for (const task of tasks) {
      // Requests that have arrived meanwhile go first.
      await new Promise<void>((resolve) => void setImmediate(resolve));
      await attempt(() => database.exec(task));
    }
  };
  const startRound = (moment: MaintenanceMoment): Promise<void> => {
    round ??= performRound(moment).finally(() => {
      round = undefined;
    });
    return round;
  };
  const isRetry = () => performance.now() - failedAt >= retryMilliseconds;
  const idleTimer = setTimeout(() => {
    if (pieces > 0 && isRetry()) void startRound("idle");
  }, idleMilliseconds).unref();

  return {
    onWork() {
      pieces += 1;
      idleTimer.refresh();
      const isDue = pieces >= maxPieces || performance.now() - lookedAt >= maxBusyMilliseconds;
      if (isDue && isRetry()) void startRound("busy");
    },
    async run() {
      // A round under way has been decided before the last changes.
      await round;
      await startRound("idle");
    },
  };
}

/** Limits of {@link dueTasks}. */
export interface DueOptions {
  readonly moment: MaintenanceMoment;
  /** The age in transactions from which a table is frozen, long before PostgreSQL refuses to write. */
  readonly maxAge?: number;
}

/** The size of the write-ahead log since the last checkpoint that makes another one due in an idle moment. */
const checkpointBytes = 16 * 1024 * 1024;

/**
 * Returns the statements that are due. A table is due as it would be for autovacuum, whose settings decide
 * (https://www.postgresql.org/docs/18/routine-vacuuming.html#AUTOVACUUM). PGlite loses the counts of changed rows
 * whenever it closes, so a table is also due if it has never been analysed or has grown since by as much.
 */
export async function dueTasks(
  database: MaintainedDatabase,
  { moment, maxAge = 100_000_000 }: DueOptions,
): Promise<readonly string[]> {
  const factor = moment === "idle" ? 1 : 2;
  // The counts of the last statements become visible when the statement has ended that asks for it.
  const [log] = (
    await database.query(
      `SELECT (pg_current_wal_insert_lsn() - redo_lsn)::float8 AS bytes, pg_stat_force_next_flush() FROM pg_control_checkpoint()`,
    )
  ).rows as [{ bytes: number }]; // the columns of the SELECT
  const tables = (await database.query(tablesText, [factor, maxAge])).rows as DueTable[]; // as well
  return [
    ...(log.bytes >= factor * checkpointBytes ? ["CHECKPOINT"] : []),
    ...tables.filter(({ isOld }) => isOld).map(({ name }) => `VACUUM (FREEZE) ${name}`),
    ...tables.filter(({ isOld, hasDeadRows }) => hasDeadRows && !isOld).map(({ name }) => `VACUUM ${name}`),
    ...tables.filter(({ hasNewRows }) => hasNewRows).map(({ name }) => `ANALYZE ${name}`),
  ];
}

interface DueTable {
  readonly name: string;
  /** Whether it is to be frozen. */
  readonly isOld: boolean;
  /** Whether it is to be vacuumed. */
  readonly hasDeadRows: boolean;
  /** Whether it is to be analysed. */
  readonly hasNewRows: boolean;
}

const setting = (name: string) => `current_setting('autovacuum_${name}')::float8`;

/** `$1` is the factor of the thresholds, `$2` the maximum age. */
const tablesText = `
  SELECT name, is_old AS "isOld",
    has_grown OR dead > $1::float8 * (${setting("vacuum_threshold")} + ${setting("vacuum_scale_factor")} * reltuples)
      OR inserted > $1::float8 * (${setting("vacuum_insert_threshold")} + ${setting("vacuum_insert_scale_factor")} * reltuples)
      AS "hasDeadRows",
    has_grown OR changed > $1::float8 * (${setting("analyze_threshold")} + ${setting("analyze_scale_factor")} * reltuples)
      AS "hasNewRows"
  FROM (
    SELECT format('%I.%I', n.nspname, c.relname) AS name, greatest(c.reltuples, 0) AS reltuples,
      age(c.relfrozenxid) > $2::int AS is_old, pg_stat_get_dead_tuples(c.oid) AS dead,
      pg_stat_get_ins_since_vacuum(c.oid) AS inserted, pg_stat_get_mod_since_analyze(c.oid) AS changed,
      CASE WHEN c.reltuples < 0 THEN pages > 0 ELSE pages > 100 AND pages > (1 + $1::float8 * 0.2) * c.relpages END AS has_grown
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      CROSS JOIN LATERAL (SELECT pg_relation_size(c.oid) / current_setting('block_size')::int AS pages) now
    WHERE c.relkind IN ('r', 'm') AND c.relpersistence = 'p'
  ) counted
  WHERE is_old OR has_grown OR dead > 0 OR changed > 0 OR inserted > 0
  ORDER BY name`;

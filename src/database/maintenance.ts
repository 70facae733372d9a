import pg from "pg";

/**
 * Settings of the server, the database or the role that a migration must not obey: time limits, and formats of values
 * that its script does not expect. Which of them exist depends on the server's version.
 */
const neutralSettings: Readonly<Record<string, string>> = {
  statement_timeout: "0",
  lock_timeout: "0",
  transaction_timeout: "0",
  DateStyle: "ISO, MDY",
  IntervalStyle: "postgres",
  TimeZone: "UTC",
  bytea_output: "hex",
  standard_conforming_strings: "on",
  check_function_bodies: "on",
  transform_null_equals: "off",
};

/**
 * The time after which the server ends a transaction that waits for its next statement. The gateway sends statements
 * without a pause, so a process that exceeds it is gone, and its lock must be released.
 */
const idleTransactionMilliseconds = 60_000;

/**
 * The interval in milliseconds at which the server checks that the client of a running statement is still connected.
 * Not every platform supports it.
 */
const clientCheck = { name: "client_connection_check_interval", value: "2000", platform: "linux" };

/**
 * Returns the result of `work` with a connection of `pool`, which is released afterwards. If `work` fails, the
 * connection is ended, and with it everything that it held.
 */
export async function withClient<Result>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<Result>): Promise<Result> {
  const client = await pool.connect();
  // Without a listener the loss of a connection would end the process. The statement under way fails by it too.
  const ignore = () => undefined;
  client.on("error", ignore);
  let failure: Error | undefined;
  try {
    return await work(client);
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error));
    throw error;
  } finally {
    client.off("error", ignore);
    client.release(failure);
  }
}

/**
 * Returns the result of `work`, which runs in one transaction. It looks up tables in `schema`, and no setting of the
 * database cuts it off. All settings are for this transaction only, so that none reaches another client behind a
 * pooler.
 */
export async function inMaintenanceTransaction<Result>(
  client: pg.ClientBase,
  schema: string,
  work: () => Promise<Result>,
): Promise<Result> {
  // Sent in one message, because the time before the next message would be idle time of the transaction.
  await sendForMaintenance(
    client,
    `BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = ${idleTransactionMilliseconds}`,
  );
  try {
    await setForTransaction(client, { ...neutralSettings, search_path: `${pg.escapeIdentifier(schema)}, pg_temp` });
    const result = await work();
    await client.query("COMMIT");
    return result;
  } catch (error) {
    await rollBack(client);
    throw error;
  }
}

const statementTimeout = "57014";
const maxTimeoutAttempts = 20;

/**
 * Sends `text`, which lifts the database's time limit for statements. It takes no time itself, but on a busy server
 * that limit may cut it off, so it is tried {@link maxTimeoutAttempts} times.
 */
export async function sendForMaintenance(client: pg.ClientBase, text: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await client.query(text);
      return;
    } catch (error) {
      if (!(error instanceof pg.DatabaseError && error.code === statementTimeout) || attempt === maxTimeoutAttempts)
        throw error;
      await rollBack(client);
    }
  }
}

async function setForTransaction(client: pg.ClientBase, settings: Readonly<Record<string, string>>): Promise<void> {
  await client.query(
    `SELECT set_config(wanted.name, wanted.value, true)
     FROM unnest($1::text[], $2::text[]) AS wanted (name, value) JOIN pg_settings USING (name)
     WHERE wanted.name <> $3 OR version() LIKE '%' || $4 || '%'`,
    [
      [...Object.keys(settings), clientCheck.name],
      [...Object.values(settings), clientCheck.value],
      clientCheck.name,
      clientCheck.platform,
    ],
  );
}

/**
 * Rolls back. A failure is ignored: a lost connection has been rolled back by the server, and the caller throws the
 * error of `work`.
 */
async function rollBack(client: pg.ClientBase): Promise<void> {
  await client.query("ROLLBACK").catch((_connectionLost: unknown) => undefined);
}

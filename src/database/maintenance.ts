import pg from "pg";

/**
 * What the server, the database or the role may say and a migration must not obey: a limit that cuts it off, or a way of reading and writing values
 * that its script does not expect. Which of these there are depends on the server's version.
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
 * Not off: there is no pause between the two statements. A process that lets more time pass is gone, and its lock must go too.
 */
const idleTransactionMilliseconds = 60_000;

/** How often the server looks whether its client is still there while a statement runs, in milliseconds. Not every platform can. */
const clientCheck = { name: "client_connection_check_interval", value: "2000", platform: "linux" };

/** Takes a connection of `pool` for `work`, and gives it back; where `work` fails, the connection is ended and all that it held with it. */
export async function withClient<Result>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<Result>): Promise<Result> {
  const client = await pool.connect();
  // Without a listener the loss of a connection ends the process; here the statement that is under way fails by it.
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
 * Runs `work` in one transaction that looks for tables in `schema` and that no setting of the database cuts off. All settings are
 * for the transaction alone, so that none reaches another client behind a pooler.
 */
export async function inMaintenanceTransaction<Result>(
  client: pg.ClientBase,
  schema: string,
  work: () => Promise<Result>,
): Promise<Result> {
  // In one message: the pause before the next one is idle time of a transaction.
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
const attempts = 20;

/** Sends `text`, which lifts the database's limit of time for a statement. It takes no time itself, but a busy server may be late with that too. */
export async function sendForMaintenance(client: pg.ClientBase, text: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await client.query(text);
      return;
    } catch (error) {
      if (!(error instanceof pg.DatabaseError && error.code === statementTimeout) || attempt === attempts) throw error;
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

/** A connection that was lost cannot roll back, and need not: the server has. What `work` failed with is the news, not this. */
async function rollBack(client: pg.ClientBase): Promise<void> {
  await client.query("ROLLBACK").catch((_connectionLost: unknown) => undefined);
}

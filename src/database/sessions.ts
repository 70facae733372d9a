import { noteStatement } from "../lib/statement-count.ts";
import { callbackify } from "node:util";
import pg from "pg";
import { asError } from "../errors.ts";
import { createStatementNames } from "./statement-names.ts";

/** The values of PostgreSQL settings by name. */
export type SessionSettings = Readonly<Record<string, string | number>>;

export interface SessionsOptions {
  /** The settings that every statement needs. They override those of the server, the database and the role. */
  readonly settings: SessionSettings;
  /**
   * `never`: the sessions belong to the gateway alone. `always`: they are shared. `detect`: each connection is checked,
   * and the first result that says shared holds for all later ones.
   */
  readonly shared: "never" | "always" | "detect";
  /** Called once when sessions are found to be shared. `sign` says how this was noticed. */
  readonly onShared: (sign: string) => void;
}

/** Manages the use of server sessions by the connections of a pool. */
export interface Sessions {
  /** Prepares a new connection for use, as the `onConnect` of a pool. */
  prepare(client: pg.ClientBase): Promise<void>;
  /** Returns whether the connection must not be used again. */
  isSpent(client: pg.ClientBase): boolean;
}

/** A query as Prisma's adapter and this code base send it. */
type Question = pg.QueryConfig;
type Send = (question: Question) => Promise<pg.QueryResult>;
type Callback = (error: Error | null, result?: pg.QueryResult) => void;
type SendBack = (question: Question, values: undefined, callback: Callback) => void;

/**
 * Makes a statement mean the same on every connection, with settings and with the names of prepared statements.
 *
 * If a session belongs to the gateway alone, settings are made once for each connection, and repeated statements are
 * named. Behind a transaction pooler (PgBouncer) two transactions may run in two sessions, and another program may use
 * either session next. Nothing may outlive a transaction there: `BEGIN`, the settings for this transaction, the
 * statement and `COMMIT` are sent in one write, and no statement is named. Within a transaction that the caller has
 * begun, statements are sent unchanged and unnamed, because a statement that is refused for its name could not be sent
 * again. See docs/decisions/0080.
 */
export function createSessions({ settings, shared, onShared }: SessionsOptions): Sessions {
  const names = createStatementNames();
  const generations = new WeakMap<pg.ClientBase, number>();
  const spent = new WeakSet<pg.ClientBase>();
  const sessionSettings = `SET default_transaction_isolation = '${isolation}'; ${settingsBy("SET", settings)}`;
  const transactionSettings = settingsBy("SET LOCAL", settings);
  const begin = `BEGIN ISOLATION LEVEL ${isolation}; ${transactionSettings}`;
  let isShared = shared === "always";

  const markShared = (sign: string): void => {
    if (!isShared) onShared(sign);
    isShared = true;
  };

  const askWithSettings = (client: pg.ClientBase, send: Send, question: Question): Promise<pg.QueryResult> => {
    const { text } = question;
    if (bareBegin.test(text)) return send({ ...question, text: begin });
    // The settings follow the first statement. It may begin the transaction with options, and other statements may
    // follow it.
    if (transactionStart.test(text))
      return send({
        ...question,
        text: text.replace(firstStatement, (first) => `${first.replace(/;$/, "")}; ${transactionSettings};`),
      });
    return askInTransaction(client, send, { begin, question });
  };

  const noteReadOnlyServer = (client: pg.ClientBase, error: unknown): void => {
    // The server accepts no writes any more. A new connection may lead to one that does.
    if (isDatabaseError(error, readOnlyTransaction)) spent.add(client);
  };

  /** Returns the query to send for `question` if it needs no transaction around it; otherwise undefined. */
  const withoutTransaction = (client: pg.ClientBase, question: Question): Question | undefined => {
    const { text, values } = question;
    if (client.getTransactionStatus() !== "I") return question;
    if (isShared) return undefined;
    // A text without values may be several statements, which cannot have a name.
    if (values === undefined || transactionStart.test(text)) return question;
    const name = names.nameOf(text);
    return name === undefined ? question : { ...question, name };
  };

  /**
   * Returns the answer to `sent` after it has failed with `error`, if the server refused only its name. Throws `error`
   * otherwise.
   */
  const retryUnnamed = async (client: pg.ClientBase, send: Send, sent: Question, error: unknown): Promise<pg.QueryResult> => {
    noteReadOnlyServer(client, error);
    if (sent.name === undefined || !isRefusalOfName(error)) throw error;
    // The server refused it before it ran. So it is sent once more, whether it is a read or a write.
    const { name: _refused, ...question } = sent;
    if (isOutdatedPlan(error)) {
      spent.add(client);
      return send(question);
    }
    if (error.code !== featureNotSupported) markShared(error.message);
    const result = await askWithSettings(client, send, question);
    // The server has refused it with a name and answered it without one.
    markShared(error.message);
    return result;
  };

  return {
    async prepare(client) {
      const send = client.query.bind(client) as Send; // one of its overloads
      if (!isShared && shared === "detect" && !(await isOwnSession(client, send)))
        markShared("it answers from another process than it said");
      if (!isShared) await sendWithRetries(send, sessionSettings);
      generations.set(client, names.generation);
      const query = queryBy(send as SendBack, {
        withoutTransaction: (question) => withoutTransaction(client, question),
        async askWithinTransaction(question) {
          try {
            return await askWithSettings(client, send, question);
          } catch (error) {
            noteReadOnlyServer(client, error);
            throw error;
          }
        },
        retryUnnamed: (sent, error) => retryUnnamed(client, send, sent, error),
      });
      Object.assign(client, { query });
    },
    isSpent(client) {
      // A connection may be returned in a transaction whose COMMIT or ROLLBACK got no answer.
      if (client.getTransactionStatus() !== "I" || spent.has(client)) return true;
      // The connection has prepared statements with names that are not used any more.
      return !isShared && generations.get(client) !== names.generation;
    },
  };
}

const isolation = "READ COMMITTED";

const bareBegin = /^\s*BEGIN\s*;?\s*$/i;
const transactionStart = /^\s*(BEGIN|START\s+TRANSACTION)\b/i;
const firstStatement = /^[^;]*;?/;
/** Returns the statements that make `settings`, for the session or for the transaction. */
function settingsBy(how: "SET" | "SET LOCAL", settings: SessionSettings): string {
  return Object.entries(settings)
    .map(
      ([name, value]) => `${how} ${pg.escapeIdentifier(name)} = ${typeof value === "number" ? value : pg.escapeLiteral(value)}`,
    )
    .join("; ");
}

/**
 * Sends a query in a transaction of its own, with one round trip. If the query fails, the server treats the COMMIT as a
 * ROLLBACK.
 */
async function askInTransaction(
  client: pg.ClientBase,
  send: Send,
  { begin, question }: { begin: string; question: Question },
): Promise<pg.QueryResult> {
  // From here on this connection sends statements without waiting for earlier answers. This has a cost, so connections
  // that are not shared do without it.
  Object.assign(client, { pipeline: true });
  const { stream } = (client as pg.Client).connection; // what pools are made of
  stream.cork();
  const begun = send({ text: begin });
  const answered = send(question);
  const committed = send({ text: "COMMIT" });
  stream.uncork();
  await Promise.allSettled([begun, answered, committed]);
  // If one fails, the later ones fail because of it.
  await begun;
  const result = await answered;
  await committed;
  return result;
}

/**
 * Returns whether the session is the one that the connection was told when it was opened. A pooler tells a number of
 * its own.
 */
async function isOwnSession(client: pg.ClientBase, send: Send): Promise<boolean> {
  const { rows } = await sendWithRetries(send, "SELECT pg_backend_pid() AS pid");
  const [row] = rows as { pid: number }[]; // the columns of the SELECT
  // The driver keeps it for cancelling, without a declared type.
  const { processID: reported } = client as pg.ClientBase & { readonly processID: number | null };
  return row?.pid === reported;
}

/**
 * Sends a statement that takes no time. On a busy server the database's own time limit may cut it off, so it is tried
 * several times.
 */
async function sendWithRetries(send: Send, text: string, attempts = 5): Promise<pg.QueryResult> {
  try {
    return await send({ text });
  } catch (error) {
    if (attempts === 1 || !isDatabaseError(error, queryCanceled)) throw error;
    return sendWithRetries(send, text, attempts - 1);
  }
}

interface QueryFunctions {
  withoutTransaction(question: Question): Question | undefined;
  askWithinTransaction(question: Question): Promise<pg.QueryResult>;
  retryUnnamed(sent: Question, error: unknown): Promise<pg.QueryResult>;
}

/**
 * Returns the `query` of a client in the forms that are in use: with a callback for the pool, with a promise otherwise.
 * Queries that are sent unchanged go to the driver with their callback, as the pool would send them. Promises in
 * between would be a sixth of the cost of a query.
 */
function queryBy(send: SendBack, { withoutTransaction, askWithinTransaction, retryUnnamed }: QueryFunctions) {
  const ask = (question: Question, callback: Callback): void => {
    noteStatement(question.text);
    const settle = (answered: Promise<pg.QueryResult>) => callbackify(() => answered)(callback);
    const sent = withoutTransaction(question);
    if (sent === undefined) return settle(askWithinTransaction(question));
    send(sent, undefined, (error, result) => (error ? settle(retryUnnamed(sent, error)) : callback(null, result)));
  };
  return (asked: string | Question, given?: unknown[] | Callback, last?: Callback): Promise<pg.QueryResult> | undefined => {
    const text = typeof asked === "string" ? { text: asked } : asked;
    const question = Array.isArray(given) ? { ...text, values: given } : text;
    const callback = typeof given === "function" ? given : last;
    if (callback !== undefined) {
      ask(question, callback);
      return undefined;
    }
    return new Promise((resolve, reject) => {
      ask(question, (error, result) => (result === undefined ? reject(asError(error)) : resolve(result)));
    });
  };
}

/** SQLSTATEs (https://www.postgresql.org/docs/current/errcodes-appendix.html). */
const duplicatePreparedStatement = "42P05";
const invalidStatementName = "26000";
const featureNotSupported = "0A000";
const readOnlyTransaction = "25006";
const queryCanceled = "57014";

function isDatabaseError(error: unknown, ...codes: readonly string[]): error is pg.DatabaseError {
  return error instanceof pg.DatabaseError && error.code !== undefined && codes.includes(error.code);
}

/** Returns whether the server, or a pooler before it, may have refused a statement only because of its name. */
function isRefusalOfName(error: unknown): error is pg.DatabaseError {
  return isDatabaseError(error, duplicatePreparedStatement, invalidStatementName, featureNotSupported);
}

/**
 * Returns whether the error is "cached plan must not change result type": a table was altered. It is recognised by a
 * function of the server's source, because messages are translated.
 */
function isOutdatedPlan({ routine }: pg.DatabaseError): boolean {
  return routine === "RevalidateCachedQuery";
}

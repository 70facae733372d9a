import { callbackify } from "node:util";
import pg from "pg";
import { asError } from "../errors.ts";
import { createStatementNames } from "./statement-names.ts";

/** Settings of PostgreSQL, by name. */
export type SessionSettings = Readonly<Record<string, string | number>>;

export interface SessionsOptions {
  /** The settings that every statement needs, whatever the server, the database and the role have. */
  readonly settings: SessionSettings;
  /**
   * `never`: the sessions belong to the gateway alone. `always`: they are shared. `detect`: each connection is checked, and the
   * first result that says shared holds for all later ones.
   */
  readonly shared: "never" | "always" | "detect";
  /** Told once that sessions are shared, and how it shows. */
  readonly onShared: (sign: string) => void;
}

/** What the connections of a pool have to do with the server's sessions. */
export interface Sessions {
  /** Makes a new connection fit to be used; for a pool's `onConnect`. */
  prepare(client: pg.ClientBase): Promise<void>;
  /** Whether the connection must not be used again. */
  isSpent(client: pg.ClientBase): boolean;
}

/** One question to the server, as Prisma's adapter and our own code send it. */
type Question = pg.QueryConfig;
type Send = (question: Question) => Promise<pg.QueryResult>;
type Callback = (error: Error | null, result?: pg.QueryResult) => void;
type SendBack = (question: Question, values: undefined, callback: Callback) => void;

/**
 * Makes a statement mean the same on every connection: by settings, and by names under which the server keeps prepared
 * statements.
 *
 * If a session belongs to the gateway alone, settings are made once for each connection, and statements that come again are
 * named. Behind a transaction pooler (PgBouncer) two transactions may run in two sessions, and another program may use either
 * session next. There nothing outlives a transaction: `BEGIN`, the settings for this transaction, the statement and `COMMIT` go
 * out in one write, and nothing is named. Within a transaction that the caller has begun, statements are sent as they are,
 * unnamed: one that is refused for its name could not be sent again. See docs/decisions/0080.
 */
export function createSessions({ settings, shared, onShared }: SessionsOptions): Sessions {
  const names = createStatementNames();
  const generations = new WeakMap<pg.ClientBase, number>();
  const spent = new WeakSet<pg.ClientBase>();
  const sessionSettings = `SET default_transaction_isolation = '${isolation}'; ${settingsBy("SET", settings)}`;
  const transactionSettings = settingsBy("SET LOCAL", settings);
  const begin = `BEGIN ISOLATION LEVEL ${isolation}; ${transactionSettings}`;
  let isShared = shared === "always";

  const share = (sign: string): void => {
    if (!isShared) onShared(sign);
    isShared = true;
  };

  const askShared = (client: pg.ClientBase, send: Send, question: Question): Promise<pg.QueryResult> => {
    const { text } = question;
    if (bareBegin.test(text)) return send({ ...question, text: begin });
    // The settings follow what begins the transaction, which may say more about it, or be the first statement of several.
    if (transactionStart.test(text))
      return send({
        ...question,
        text: text.replace(firstStatement, (first) => `${first.replace(/;$/, "")}; ${transactionSettings};`),
      });
    return askInTransaction(client, send, { begin, question });
  };

  const noteFailure = (client: pg.ClientBase, error: unknown): void => {
    // Its server takes no writes any more. A new connection may lead to one that does.
    if (isDatabaseError(error, readOnlyTransaction)) spent.add(client);
  };

  /** Returns what is sent for `question` if it needs no transaction around it; otherwise undefined. */
  const asItIsSent = (client: pg.ClientBase, question: Question): Question | undefined => {
    const { text, values } = question;
    if (client.getTransactionStatus() !== "I") return question;
    if (isShared) return undefined;
    // Without values they may be several statements, which cannot have a name.
    if (values === undefined || transactionStart.test(text)) return question;
    const name = names.nameOf(text);
    return name === undefined ? question : { ...question, name };
  };

  /** The answer to `sent` after it has failed with `error`, where that says no more than that the name will not do. @throws {unknown} `error` otherwise. */
  const answerAfter = async (client: pg.ClientBase, send: Send, sent: Question, error: unknown): Promise<pg.QueryResult> => {
    noteFailure(client, error);
    if (sent.name === undefined || !isRefusalOfName(error)) throw error;
    // It was refused before anything of it ran. So it is sent again, once, be it a read or a write.
    const { name: _refused, ...question } = sent;
    if (isOutdatedPlan(error)) {
      spent.add(client);
      return send(question);
    }
    if (error.code !== featureNotSupported) share(error.message);
    const result = await askShared(client, send, question);
    // Refused with a name and answered without one.
    share(error.message);
    return result;
  };

  return {
    async prepare(client) {
      const send = client.query.bind(client) as Send; // one of its overloads
      if (!isShared && shared === "detect" && !(await isOwnSession(client, send)))
        share("it answers from another process than it said");
      if (!isShared) await sendInTime(send, sessionSettings);
      generations.set(client, names.generation);
      const query = queryBy(send as SendBack, {
        asItIsSent: (question) => asItIsSent(client, question),
        async askOtherwise(question) {
          try {
            return await askShared(client, send, question);
          } catch (error) {
            noteFailure(client, error);
            throw error;
          }
        },
        answerAfter: (sent, error) => answerAfter(client, send, sent, error),
      });
      Object.assign(client, { query });
    },
    isSpent(client) {
      // A transaction whose COMMIT or ROLLBACK got no answer is given back like any other.
      if (client.getTransactionStatus() !== "I" || spent.has(client)) return true;
      // It knows statements by names that are not used any more.
      return !isShared && generations.get(client) !== names.generation;
    },
  };
}

const isolation = "READ COMMITTED";

const bareBegin = /^\s*BEGIN\s*;?\s*$/i;
const transactionStart = /^\s*(BEGIN|START\s+TRANSACTION)\b/i;
const firstStatement = /^[^;]*;?/;
/** The statements that make `settings`; `how` says how long they last. */
function settingsBy(how: "SET" | "SET LOCAL", settings: SessionSettings): string {
  return Object.entries(settings)
    .map(
      ([name, value]) => `${how} ${pg.escapeIdentifier(name)} = ${typeof value === "number" ? value : pg.escapeLiteral(value)}`,
    )
    .join("; ");
}

/**
 * Asks in a transaction of its own, at the cost of one round trip. Where the statement fails, the server takes the COMMIT for a ROLLBACK.
 */
async function askInTransaction(
  client: pg.ClientBase,
  send: Send,
  { begin, question }: { begin: string; question: Question },
): Promise<pg.QueryResult> {
  // From here on, statements of this connection are sent at once. This has a cost, so connections that are not shared do without
  // it.
  Object.assign(client, { pipeline: true });
  const { stream } = (client as pg.Client).connection; // what pools are made of
  stream.cork();
  const begun = send({ text: begin });
  const answered = send(question);
  const committed = send({ text: "COMMIT" });
  stream.uncork();
  await Promise.allSettled([begun, answered, committed]);
  // Where one fails, those after it fail because of it.
  await begun;
  const result = await answered;
  await committed;
  return result;
}

/**
 * Returns whether the session is the one that the connection was given when it was made. A pooler answers this itself, with a
 * number of its own.
 */
async function isOwnSession(client: pg.ClientBase, send: Send): Promise<boolean> {
  const { rows } = await sendInTime(send, "SELECT pg_backend_pid() AS pid");
  const [row] = rows as { pid: number }[]; // as it selects
  const { processID: told } = client as pg.ClientBase & { readonly processID: number | null }; // kept by the driver for cancelling
  return row?.pid === told;
}

/** Sends what takes no time, and what the time limit that the database has of itself may cut off all the same where the server is busy. */
async function sendInTime(send: Send, text: string, attempts = 5): Promise<pg.QueryResult> {
  try {
    return await send({ text });
  } catch (error) {
    if (attempts === 1 || !isDatabaseError(error, queryCanceled)) throw error;
    return sendInTime(send, text, attempts - 1);
  }
}

interface Asking {
  asItIsSent(question: Question): Question | undefined;
  askOtherwise(question: Question): Promise<pg.QueryResult>;
  answerAfter(sent: Question, error: unknown): Promise<pg.QueryResult>;
}

/**
 * The `query` of a client, in the forms that are in use: with a callback for the pool, with a promise otherwise. What is sent as it is goes to the driver by
 * its callback, as the pool would have it go: promises in between would be a sixth of the work of asking.
 */
function queryBy(send: SendBack, { asItIsSent, askOtherwise, answerAfter }: Asking) {
  const ask = (question: Question, callback: Callback): void => {
    const settle = (answered: Promise<pg.QueryResult>) => callbackify(() => answered)(callback);
    const sent = asItIsSent(question);
    if (sent === undefined) return settle(askOtherwise(question));
    send(sent, undefined, (error, result) => (error ? settle(answerAfter(sent, error)) : callback(null, result)));
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

/** Whether the server, or a pooler before it, may have refused a statement for nothing but its name. */
function isRefusalOfName(error: unknown): error is pg.DatabaseError {
  return isDatabaseError(error, duplicatePreparedStatement, invalidStatementName, featureNotSupported);
}

/** "cached plan must not change result type": a table was altered. Told by a place in the server's source, since messages are translated. */
function isOutdatedPlan({ routine }: pg.DatabaseError): boolean {
  return routine === "RevalidateCachedQuery";
}

import type pg from "pg";

export interface RecordedStatement {
  readonly text: string;
  readonly values: readonly unknown[];
}

export interface Recording<Result> {
  readonly result: Result;
  /** The statements in the order in which they were sent. */
  readonly statements: readonly RecordedStatement[];
  /** BEGIN, COMMIT, ROLLBACK and savepoints, which are no work of their own. */
  readonly transactions: readonly string[];
}

export interface StatementRecorder {
  /**
   * Returns what was sent while `work` ran. It counts everything that uses the pool meanwhile, so nothing else may be
   * under way.
   */
  during<Result>(work: () => Promise<Result>): Promise<Recording<Result>>;
}

const transactionControl = /^(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|SET TRANSACTION)\b/i;
const recorders = new WeakMap<pg.Pool, StatementRecorder>();
const listeners = new WeakMap<pg.Pool, Set<(statement: RecordedStatement) => void>>();

/** Records every statement that is sent to the database over `pool`, by Prisma or directly. */
export function recordStatements(pool: pg.Pool): StatementRecorder {
  const recorder = recorders.get(pool) ?? startRecording(pool);
  recorders.set(pool, recorder);
  return recorder;
}

/** Calls `listener` with every statement that is sent to the database over `pool` from now on. */
export function watchStatements(pool: pg.Pool, listener: (statement: RecordedStatement) => void): void {
  const told = listeners.get(pool) ?? startWatching(pool);
  listeners.set(pool, told);
  told.add(listener);
}

function startWatching(pool: pg.Pool): Set<(statement: RecordedStatement) => void> {
  const told = new Set<(statement: RecordedStatement) => void>();
  const known = new WeakSet<pg.ClientBase>();
  // Every connection is acquired from the pool before it is used.
  pool.on("acquire", (client) => {
    if (known.has(client)) return;
    known.add(client);
    // The parameters of all overloads are passed on unchanged.
    const send = client.query.bind(client) as (...parameters: unknown[]) => unknown;
    const record = (...parameters: unknown[]) => {
      const statement = statementOf(parameters);
      for (const listener of told) listener(statement);
      return send(...parameters);
    };
    Object.assign(client, { query: record });
  });
  return told;
}

function startRecording(pool: pg.Pool): StatementRecorder {
  let sink: RecordedStatement[] | undefined;
  watchStatements(pool, (statement) => void sink?.push(statement));
  return {
    async during<Result>(work: () => Promise<Result>): Promise<Recording<Result>> {
      if (sink !== undefined) throw new Error("One recording at a time: they could not tell their statements apart");
      const recorded: RecordedStatement[] = [];
      sink = recorded;
      try {
        const result = await work();
        return {
          result,
          statements: recorded.filter(({ text }) => !transactionControl.test(text)),
          transactions: recorded.filter(({ text }) => transactionControl.test(text)).map(({ text }) => text),
        };
      } finally {
        sink = undefined;
      }
    },
  };
}

function statementOf([statement, given]: readonly unknown[]): RecordedStatement {
  if (typeof statement === "string") return { text: statement, values: Array.isArray(given) ? given : [] };
  // All other queries on a pool are a `QueryConfig` of pg.
  const { text, values } = statement as pg.QueryConfig;
  return { text, values: Array.isArray(given) ? given : (values ?? []) };
}

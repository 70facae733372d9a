import { AsyncLocalStorage } from "node:async_hooks";

/** What was sent for a piece of work, and what it got of statements that were sent for others. */
export interface StatementCount {
  statements: number;
  sharedStatements: number;
}

const counting = new AsyncLocalStorage<StatementCount>();

/** BEGIN and the like are no work of their own. */
const transactionControl = /^(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|SET TRANSACTION)\b/i;

/**
 * Returns what `work` returns, how many SQL statements were sent for it, and how many of others it had a part in:
 * requests of one moment share statements. Under load a statement may also count for another request that asks for the
 * count at the same time, because connections are waited for.
 */
export async function countStatements<Result>(
  work: () => Promise<Result>,
): Promise<Readonly<StatementCount> & { readonly result: Result }> {
  const count = { statements: 0, sharedStatements: 0 };
  const result = await counting.run(count, work);
  return { result, ...count };
}

/** Returns the count of the present work, if somebody counts. */
export function currentCount(): StatementCount | undefined {
  return counting.getStore();
}

/** Counts a statement that is being sent, if somebody counts. */
export function noteStatement(text: string): void {
  const count = counting.getStore();
  if (count !== undefined && !transactionControl.test(text)) count.statements += 1;
}

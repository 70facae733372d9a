/** When batches go out: at the end of a turn of the event loop, and only so many at a time. */
export interface Turns {
  /** Calls `dispatch` when it is a batch's turn. For a DataLoader's `batchScheduleFn`. */
  readonly schedule: (dispatch: () => void) => void;
  /** Does the work of a batch that was dispatched. */
  run<Result>(work: () => Promise<Result>): Promise<Result>;
}

/**
 * Turns for `most` batches at a time. Those that come while as many are under way wait for one to end, and grow meanwhile: the busier the database,
 * the fewer statements it gets. Nobody waits where nothing is under way.
 */
export function createTurns(most: number): Turns {
  const waiting: (() => void)[] = [];
  let underWay = 0;

  function next(): void {
    while (underWay < most) {
      const dispatch = waiting.shift();
      if (!dispatch) return;
      underWay += 1;
      dispatch();
    }
  }

  return {
    schedule(dispatch) {
      waiting.push(dispatch);
      setImmediate(next);
    },
    async run(work) {
      try {
        return await work();
      } finally {
        underWay -= 1;
        next();
      }
    },
  };
}

/** How long a start waits for a server that does not answer. */
export interface Patience {
  readonly totalMilliseconds: number;
  /** The time limit of one attempt. */
  readonly attemptMilliseconds: number;
  /** The pause between the first two attempts. Each later pause is twice as long. */
  readonly firstPauseMilliseconds: number;
  readonly maxPauseMilliseconds: number;
}

/** The patience of every start: a minute. */
export const startPatience: Patience = {
  totalMilliseconds: 60_000,
  attemptMilliseconds: 5_000,
  firstPauseMilliseconds: 250,
  maxPauseMilliseconds: 5_000,
};

/** What to make of the failures of an attempt. */
export interface Failures {
  /** Returns the error to throw if the same attempt will fail until somebody changes something. */
  lasting(error: unknown): Error | undefined;
  /** Called for the first failure that may pass. */
  waiting(error: unknown): void;
  /** Returns the error to throw after `seconds` of failures. */
  exhausted(error: unknown, seconds: number): Error;
}

/**
 * Returns the result of `attempt`, which is called again, with growing pauses, while its failures may pass by
 * themselves. `deadline` is a time of `performance.now()`. Throws what `failures` returns.
 */
export async function withBackOff<Result>(
  attempt: () => Promise<Result>,
  failures: Failures,
  { deadline, ...patience }: Patience & { readonly deadline: number },
): Promise<Result> {
  let pause = patience.firstPauseMilliseconds;
  for (let attempts = 1; ; attempts++) {
    try {
      return await attempt();
    } catch (error) {
      const lasting = failures.lasting(error);
      if (lasting !== undefined) throw lasting;
      if (performance.now() + pause > deadline) {
        throw failures.exhausted(error, Math.round(patience.totalMilliseconds / 1000));
      }
      if (attempts === 1) failures.waiting(error);
    }
    await new Promise((wake) => setTimeout(wake, pause));
    pause = Math.min(pause * 2, patience.maxPauseMilliseconds);
  }
}

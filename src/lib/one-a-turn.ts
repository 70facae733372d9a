import pLimit from "p-limit";

/** A new connection takes three turns of the event loop: one accepts it, one reads it, one answers it. */
const turnsBetween = 3;

/**
 * Returns a concurrency limiter for synchronous work of several milliseconds. Its promises resolve one at a time, some
 * turns of the event loop apart, so that short requests are served between two long pieces of work.
 */
export function createOneATurn(): () => Promise<void> {
  const limit = pLimit(1);
  return () => limit(waitTurns);
}

async function waitTurns(): Promise<void> {
  for (let turn = 0; turn < turnsBetween; turn += 1) await new Promise<void>((resolve) => void setImmediate(resolve));
}

import pLimit from "p-limit";

/** A new connection is accepted in one turn of the event loop, read in the next, and answered by what that sets off. */
const turnsBetween = 3;

/**
 * Lets work through one piece at a time, some turns of the event loop apart: between two pieces that take milliseconds each, everybody else's
 * small ones are done. Resolves when it is the caller's turn.
 */
export function createOneATurn(): () => Promise<void> {
  const limit = pLimit(1);
  return () => limit(waitTurns);
}

async function waitTurns(): Promise<void> {
  for (let turn = 0; turn < turnsBetween; turn += 1) await new Promise<void>((resolve) => void setImmediate(resolve));
}

/**
 * Lets work through one piece a turn of the event loop: between two pieces that take milliseconds each, everybody else's small ones are done.
 * Resolves when it is the caller's turn.
 */
export function createOneATurn(): () => Promise<void> {
  let last = Promise.resolve();
  return () => {
    last = last.then(() => new Promise<void>((resolve) => void setImmediate(resolve)));
    return last;
  };
}

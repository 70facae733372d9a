import { Worker } from "node:worker_threads";
import { Unavailable } from "../../errors.ts";
import type { RenderingAllowance } from "../../lib/response-budget.ts";
import { charactersOf, type Result, type ResultOf, type TextTask } from "./tasks.ts";

/** Renders long texts in a worker thread. */
export interface RenderingThread {
  /**
   * Performs a task. It takes one task of each viewer in turn, because a text of 64 KB can take a quarter of a second
   * and a page can have a hundred of them. Throws a `DomainError` if `allowance` is used up when the task's turn comes,
   * and {@link Unavailable} if too many texts are waiting.
   */
  run(task: TextTask, viewer: object, allowance: RenderingAllowance): Promise<ResultOf<Result>>;
}

interface Job {
  readonly task: TextTask;
  readonly allowance: RenderingAllowance;
  readonly resolve: (result: ResultOf<Result>) => void;
  readonly reject: (error: Error) => void;
}

/**
 * The maximum number of characters that wait for the thread: some minutes of its work, if the texts are the slowest
 * possible.
 */
const maximumWaitingCharacters = 67_108_864;

/** Returns a rendering thread. The thread starts with the first task, and again after it has failed. */
export function createRenderingThread(): RenderingThread {
  const waiting = new Map<object, Job[]>();
  let waitingCharacters = 0;
  let thread: Worker | undefined;
  let underWay: { readonly job: Job; readonly began: number } | undefined;

  /**
   * Returns the next job whose response may still have a text rendered. Rejects the jobs of other responses on the way.
   */
  function nextJob(): Job | undefined {
    for (const [viewer, jobs] of waiting) {
      // The viewer moves behind the other viewers.
      waiting.delete(viewer);
      const job = jobs.shift();
      if (!job) continue;
      if (jobs.length > 0) waiting.set(viewer, jobs);
      waitingCharacters -= charactersOf(job.task);
      const refusal = job.allowance.refusal();
      if (!refusal) return job;
      job.reject(refusal);
    }
    return undefined;
  }

  function startNext(): void {
    if (underWay) return;
    const job = nextJob();
    if (!job) return;
    underWay = { job, began: performance.now() };
    thread ??= startThread();
    thread.postMessage(job.task);
  }

  function finish(settle: (job: Job) => void): void {
    if (underWay) {
      const { job, began } = underWay;
      job.allowance.takeMilliseconds(performance.now() - began);
      settle(job);
    }
    underWay = undefined;
    startNext();
  }

  function startThread(): Worker {
    const started = new Worker(new URL("./thread.ts", import.meta.url));
    started.on("message", (result: ResultOf<Result>) => finish((job) => job.resolve(result)));
    // The thread has run out of memory or could not start. Its job fails, and the waiting jobs get another thread.
    started.once("error", (error: Error) => {
      thread = undefined;
      finish((job) => job.reject(error));
    });
    // Only requests keep the process alive, not the thread.
    started.unref();
    return started;
  }

  return {
    run(task, viewer, allowance) {
      if (waitingCharacters + charactersOf(task) > maximumWaitingCharacters)
        return Promise.reject(
          new Unavailable({}, "Too many long texts are waiting to be rendered. Try again in a few seconds."),
        );
      return new Promise((resolve, reject) => {
        const jobs = waiting.get(viewer) ?? [];
        jobs.push({ task, allowance, resolve, reject });
        waiting.set(viewer, jobs);
        waitingCharacters += charactersOf(task);
        startNext();
      });
    },
  };
}

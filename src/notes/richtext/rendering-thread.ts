import { Worker } from "node:worker_threads";
import { Unavailable } from "../../errors.ts";
import type { RenderingAllowance } from "../../lib/response-budget.ts";
import type { Result, ResultOf, TextTask } from "./tasks.ts";

/** Renders long texts away from the main thread. */
export interface RenderingThread {
  /**
   * Takes one task of each viewer in turn: 64 KB can be made to take a quarter of a second, and a page can have a hundred such
   * texts.
   *
   * @throws {DomainError} if `allowance` is used up when it is the task's turn, {@link Unavailable} if too much is waiting.
   */
  run(task: TextTask, asker: object, allowance: RenderingAllowance): Promise<ResultOf<Result>>;
}

interface Job {
  readonly task: TextTask;
  readonly allowance: RenderingAllowance;
  readonly resolve: (result: ResultOf<Result>) => void;
  readonly reject: (error: Error) => void;
}

/** How many characters may wait for the thread: some minutes of its work, of texts made to take long. */
const maximumWaitingCharacters = 67_108_864;

/** The thread is started with the first task, and again where it has ended. */
export function createRenderingThread(): RenderingThread {
  const waiting = new Map<object, Job[]>();
  let waitingCharacters = 0;
  let thread: Worker | undefined;
  let underWay: { readonly job: Job; readonly began: number } | undefined;

  /** The next job whose response may still have something rendered. Those of others are refused. */
  function nextJob(): Job | undefined {
    for (const [asker, jobs] of waiting) {
      // It goes behind the other viewers, if there are any.
      waiting.delete(asker);
      const job = jobs.shift();
      if (!job) continue;
      if (jobs.length > 0) waiting.set(asker, jobs);
      waitingCharacters -= job.task.text.length;
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
    // It has run out of memory, or could not start. The text it had fails, and those that wait get another thread.
    started.once("error", (error: Error) => {
      thread = undefined;
      finish((job) => job.reject(error));
    });
    // Requests keep the process alive, not the thread that works for them.
    started.unref();
    return started;
  }

  return {
    run(task, asker, allowance) {
      if (waitingCharacters + task.text.length > maximumWaitingCharacters)
        return Promise.reject(
          new Unavailable({}, "Too many long texts are waiting to be rendered. Try again in a few seconds."),
        );
      return new Promise((resolve, reject) => {
        const jobs = waiting.get(asker) ?? [];
        jobs.push({ task, allowance, resolve, reject });
        waiting.set(asker, jobs);
        waitingCharacters += task.text.length;
        startNext();
      });
    },
  };
}

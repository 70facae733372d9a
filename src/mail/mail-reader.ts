import { Worker } from "node:worker_threads";
import pLimit from "p-limit";
import { errorCodeOf } from "../lib/error-code.ts";
import type { MailReading, MailTask } from "./read-mail.ts";

/** Reads mails in a worker thread. */
export interface MailReader {
  /** Returns what a mail says, or why it cannot be read. The bytes are the thread's until they come back. */
  read(task: MailTask): Promise<MailReading>;
}

/** The memory of the thread beside the bytes of the mail. A mail that needs more ends the thread, and nothing else. */
const resourceLimits = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 32 };

/** How long reading a mail may take. The largest takes some seconds. */
const readMilliseconds = 20_000;

const tooCostly = "The mail cannot be read: it has too many parts, or is built so that reading it takes too long.";

/**
 * Returns a reader. Its thread starts with the first mail and reads one at a time: a mail can take seconds, in which
 * other requests must not wait, and can be built to use up memory.
 */
export function createMailReader(): MailReader {
  const limit = pLimit(1);
  let thread: Worker | undefined;

  function startThread(): Worker {
    const started = new Worker(new URL("./mail-thread.ts", import.meta.url), { resourceLimits });
    // Also between two mails, when nobody else listens.
    started.on("error", () => {
      if (thread === started) thread = undefined;
    });
    // Only requests keep the process alive, not the thread.
    started.unref();
    return started;
  }

  async function read(task: MailTask): Promise<MailReading> {
    thread ??= startThread();
    const used = thread;
    const outcome = await readingBy(used, task);
    if (outcome === "late") {
      thread = undefined;
      await used.terminate();
      return { problem: tooCostly };
    }
    if (!(outcome instanceof Error)) return outcome;
    if (errorCodeOf(outcome) === "ERR_WORKER_OUT_OF_MEMORY") return { problem: tooCostly };
    throw outcome;
  }

  return { read: (task) => limit(() => read(task)) };
}

/** Resolves with what the thread says of a mail, with the error that ends the thread, or when the time is up. */
function readingBy(thread: Worker, { bytes, authservId }: MailTask): Promise<MailReading | Error | "late"> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => settle("late"), readMilliseconds);
    const onMessage = (reading: MailReading) => settle(reading);
    const onError = (error: Error) => settle(error);
    function settle(outcome: MailReading | Error | "late"): void {
      clearTimeout(timer);
      thread.off("message", onMessage);
      if (!(outcome instanceof Error)) thread.off("error", onError);
      resolve(outcome);
    }
    thread.on("message", onMessage);
    thread.on("error", onError);
    thread.postMessage({ bytes, authservId } satisfies MailTask, [bytes.buffer]);
  });
}

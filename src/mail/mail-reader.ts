import { Worker } from "node:worker_threads";
import pLimit from "p-limit";
import { errorCodeOf } from "../lib/error-code.ts";
import { Unavailable } from "../errors.ts";
import type { ThreadTask } from "./mail-thread.ts";
import type { MailContent, MailHead, MailTask, UnreadableMail } from "./read-mail.ts";

/** Reads mails in worker threads. The bytes of a mail are the thread's until they come back. */
export interface MailReader {
  /** Returns what the header fields of a mail say, or why they cannot be read. Throws {@link Unavailable}. */
  readHead(task: MailTask): Promise<MailHead | UnreadableMail>;
  /**
   * Returns what the body of a mail says, or why it cannot be read. Throws {@link Unavailable} if too many wait. For
   * mails that are taken only: it can take seconds.
   */
  readContent(bytes: MailTask["bytes"]): Promise<MailContent | UnreadableMail>;
}

/** The memory of the thread beside the bytes of the mail. A mail that needs more ends the thread, and nothing else. */
const resourceLimits = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 32 };

/** How long reading a mail may take. The largest takes some seconds. */
const readMilliseconds = 20_000;

const tooManyMails = "Too many mails wait to be read: try again later.";
const tooCostly = "The mail cannot be read: it has too many parts, or is built so that reading it takes too long.";

/** The number of mails that wait for a thread. The caller of one more is told to come again. */
const defaultMaxWaiting = 100;

/**
 * Returns a reader. Header fields have a thread of their own, so that no mail waits for the body of another one until
 * its sender is proven. Each thread starts with the first mail and reads one at a time: a mail can take seconds, in
 * which other requests must not wait, and can be built to use up memory.
 */
export function createMailReader({ maxWaiting = defaultMaxWaiting }: { maxWaiting?: number } = {}): MailReader {
  const heads = createThread<MailHead>(maxWaiting);
  const contents = createThread<MailContent>(maxWaiting);
  return {
    readHead: ({ bytes, authservId }) => heads({ part: "head", bytes, authservId }),
    readContent: (bytes) => contents({ part: "content", bytes }),
  };
}

/** Returns a function that has one thread do its tasks, one after the other. */
function createThread<Reading>(maxWaiting: number): (task: ThreadTask) => Promise<Reading | UnreadableMail> {
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

  async function read(task: ThreadTask): Promise<Reading | UnreadableMail> {
    thread ??= startThread();
    const used = thread;
    const outcome = await readingBy<Reading>(used, task);
    if (outcome === "late") {
      thread = undefined;
      await used.terminate();
      return { problem: tooCostly };
    }
    if (!(outcome instanceof Error)) return outcome;
    if (errorCodeOf(outcome) === "ERR_WORKER_OUT_OF_MEMORY") return { problem: tooCostly };
    throw outcome;
  }

  return async (task) => {
    // Those that wait have their bytes in memory.
    if (limit.activeCount + limit.pendingCount > maxWaiting) throw new Unavailable(undefined, tooManyMails);
    return limit(() => read(task));
  };
}

/** Resolves with what the thread says of a mail, with the error that ends the thread, or when the time is up. */
function readingBy<Reading>(thread: Worker, task: ThreadTask): Promise<Reading | UnreadableMail | Error | "late"> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => settle("late"), readMilliseconds);
    const onMessage = (reading: Reading | UnreadableMail) => settle(reading);
    const onError = (error: Error) => settle(error);
    function settle(outcome: Reading | UnreadableMail | Error | "late"): void {
      clearTimeout(timer);
      thread.off("message", onMessage);
      if (!(outcome instanceof Error)) thread.off("error", onError);
      resolve(outcome);
    }
    thread.on("message", onMessage);
    thread.on("error", onError);
    thread.postMessage(task, [task.bytes.buffer]);
  });
}

import { setImmediate as nextTurn } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { References } from "./model.ts";
import { type KnownReferences, perform, type Result, type ResultOf, type TextTask } from "./tasks.ts";

/** Up to this many characters a text is rendered where it is asked for: some milliseconds, whatever is in it. */
export const longestAtOnce = 2_048;

/** How many characters are rendered before other requests have their turn. */
const charactersPerTurn = 4_096;
/** What a text takes however short it is, in characters: there are pages of hundreds of words. */
const charactersOfAnyText = 256;

const nothingKnown: KnownReferences = { images: new Map(), people: new Map(), records: new Map() };

/** The things that each of the texts names. They are told together, so that whoever loads them loads those of all texts at once. */
export function referencesInAll(texts: readonly string[], asker: object): Promise<readonly References[]> {
  return Promise.all(texts.map((text) => render({ wanted: "references", text, known: nothingKnown }, asker)));
}

/**
 * Does a task without keeping the process from its other requests: short texts a few at a time, long ones in a thread, which takes one of each
 * `asker` in turn. 64 KB can be made to take a quarter of a second, and a page has a hundred of them.
 */
export function render<Wanted extends Result>(task: TextTask<Wanted>, asker: object): Promise<ResultOf<Wanted>> {
  return task.text.length > longestAtOnce ? inThread(task, asker) : inTurn(task);
}

let lastInTurn: Promise<unknown> = Promise.resolve();
let charactersInTurn = 0;

function inTurn<Wanted extends Result>(task: TextTask<Wanted>): Promise<ResultOf<Wanted>> {
  const done = lastInTurn.then(async () => {
    const characters = task.text.length + charactersOfAnyText;
    charactersInTurn += characters;
    if (charactersInTurn > charactersPerTurn) {
      await nextTurn();
      charactersInTurn = characters;
    }
    return perform(task);
  });
  lastInTurn = done.catch(() => undefined);
  return done;
}

interface Job {
  readonly task: TextTask;
  readonly resolve: (result: ResultOf<Result>) => void;
  readonly reject: (error: Error) => void;
}

const waiting = new Map<object, Job[]>();
let thread: Worker | undefined;
let underWay: Job | undefined;

function inThread<Wanted extends Result>(task: TextTask<Wanted>, asker: object): Promise<ResultOf<Wanted>> {
  return new Promise((resolve, reject) => {
    // A task's result is of the kind that it wants.
    const job: Job = { task, resolve: resolve as Job["resolve"], reject };
    waiting.set(asker, [...(waiting.get(asker) ?? []), job]);
    startNext();
  });
}

function startNext(): void {
  if (underWay) return;
  const [next] = waiting;
  if (!next) return;
  const [asker, [job, ...others]] = next;
  // Behind the other askers, if there are more.
  waiting.delete(asker);
  if (others.length > 0) waiting.set(asker, others);
  underWay = job;
  thread ??= startThread();
  thread.postMessage(job?.task);
}

function startThread(): Worker {
  const started = new Worker(new URL("./thread.ts", import.meta.url));
  const finish = (settle: (job: Job) => void) => {
    if (underWay) settle(underWay);
    underWay = undefined;
    startNext();
  };
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

import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { RenderingAllowance, ResponseBudget } from "../../lib/response-budget.ts";
import { allowanceOf, type Viewer } from "../../viewer.ts";
import type { References } from "./model.ts";
import { createRenderingThread } from "./rendering-thread.ts";
import { createRenderingTurns } from "./rendering-turns.ts";
import type { KnownReferences, Result, ResultOf, TextTask } from "./tasks.ts";

declare module "../../services.ts" {
  interface Services {
    readonly texts: TextRenderer;
  }
}

/** Makes something of texts without keeping the process from its other requests. */
export interface TextRenderer {
  /**
   * Does a task for `viewer`. Short texts are rendered on the main thread, a few at a time; a long one is rendered in a worker
   * thread, which takes one of each viewer in turn. Time and size are charged to the response.
   *
   * @throws {TooExpensive} if the response has more texts rendered than it may, {@link AnswerTooLarge}
   */
  render<Wanted extends Result>(task: TextTask<Wanted>, viewer: Viewer): Promise<ResultOf<Wanted>>;
  /**
   * Returns the references of each of the texts. They are returned together, so that a caller loads the references of all texts
   * at once. @throws {TooExpensive}
   */
  referencesOf(viewer: Viewer, texts: readonly string[]): Promise<readonly References[]>;
}

/** A text of up to this many characters is rendered on the main thread: this takes some milliseconds, whatever it contains. */
export const longestAtOnce = 2_048;

/** How many characters of rendered texts are cached, and how long a cached text may be. The key is the input. */
const cachedCharacters = 8_000_000;
const longestCached = 400_000;
/** What a result takes beside its characters. */
const resultOverhead = 100;

const nothingKnown: KnownReferences = { images: new Map(), people: new Map(), records: new Map() };

export function createTextRenderer({ budget }: { readonly budget: ResponseBudget }): TextRenderer {
  const responseOf = (viewer: Viewer) => allowanceOf(viewer, budget);
  const thread = createRenderingThread();
  const turns = createRenderingTurns();
  const results = new LRUCache<string, ResultOf<Result>>({
    maxSize: cachedCharacters,
    maxEntrySize: longestCached,
    sizeCalculation: (result) => (typeof result === "string" ? result : JSON.stringify(result)).length + resultOverhead,
  });
  /** The renderings under way for each response: one text is rendered once for a response, even if several fields select it. */
  const underWay = new WeakMap<RenderingAllowance, Map<string, Promise<ResultOf<Result>>>>();

  function make(task: TextTask, name: string, viewer: Viewer): Promise<ResultOf<Result>> {
    const allowance = responseOf(viewer).rendering;
    const ofResponse = underWay.get(allowance) ?? new Map<string, Promise<ResultOf<Result>>>();
    underWay.set(allowance, ofResponse);
    const known = ofResponse.get(name);
    if (known) return known;
    allowance.takeCharacters(task.text.length);
    const isLong = task.text.length > longestAtOnce;
    const made = (isLong ? thread.run(task, viewer, allowance) : turns.run(task, allowance))
      .then((result) => {
        results.set(name, result);
        return result;
      })
      .finally(() => ofResponse.delete(name));
    ofResponse.set(name, made);
    return made;
  }

  async function render<Wanted extends Result>(task: TextTask<Wanted>, viewer: Viewer): Promise<ResultOf<Wanted>> {
    const name = taskKey(task);
    const made = results.get(name) ?? (await make(task, name, viewer));
    if (typeof made === "string") responseOf(viewer).charge(Buffer.byteLength(made));
    return made as ResultOf<Wanted>; // what a task makes is a part of its name
  }

  return {
    render,
    referencesOf: (viewer, texts) =>
      Promise.all(texts.map((text) => render({ wanted: "references", text, known: nothingKnown }, viewer))),
  };
}

/** Returns the same name for tasks with the same result. */
function taskKey({ wanted, text, known: { images, people, records } }: TextTask): string {
  const known = JSON.stringify([[...images], [...people], [...records]]);
  return createHash("sha256").update(`${wanted} ${known.length} ${known}`).update(text).digest("base64url");
}

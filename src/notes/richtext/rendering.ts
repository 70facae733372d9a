import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { RenderingAllowance, ResponseBudget } from "../../lib/response-budget.ts";
import { allowanceOf, type Viewer } from "../../viewer.ts";
import type { References } from "./model.ts";
import { createRenderingThread } from "./rendering-thread.ts";
import { createMainThreadRenderer } from "./rendering-turns.ts";
import type { TextChange } from "./changes.ts";
import { charactersOf, type KnownReferences, type Result, type ResultOf, type TextTask } from "./tasks.ts";

declare module "../../services.ts" {
  interface Services {
    readonly texts: TextRenderer;
  }
}

/** Makes something of texts without keeping the process from its other requests. */
export interface TextRenderer {
  /**
   * Returns the result of a task for `viewer`. Short texts are rendered on the main thread, a few at a time; long ones
   * in a worker thread, which takes one of each viewer in turn. Time and size are charged to the response. Throws
   * `TooExpensive` if the response has used up its rendering budget, and `AnswerTooLarge` if it becomes too large.
   */
  render<Wanted extends Result>(task: TextTask<Wanted>, viewer: Viewer): Promise<ResultOf<Wanted>>;
  /** As `render`: returns a text without its markup, with its references as they were written. */
  renderPlain(text: string, viewer: Viewer): Promise<string>;
  /**
   * Returns the references of each of the texts, so that a caller can load those of all texts at once. Throws
   * `TooExpensive` as `render` does.
   */
  referencesOf(viewer: Viewer, texts: readonly string[]): Promise<readonly References[]>;
  /** Returns what leads from the text `before` to `after`, by words. Throws as `render` does. */
  changesBetween(viewer: Viewer, before: string, after: string): Promise<readonly TextChange[]>;
}

/**
 * The maximum length of a text that is rendered on the main thread, in characters. It takes some milliseconds, whatever
 * it contains.
 */
export const maxMainThreadCharacters = 2_048;
/** The same for two texts that are compared, whose time grows with the square of their length. */
const maxComparedCharacters = 512;

/** The size of the cache of rendered texts, and the maximum size of one of them, in characters. */
const textCacheSize = 8_000_000;
const maxCachedTextSize = 400_000;
/** The memory of a result beside its characters, as a number of characters. */
const resultOverhead = 100;

const nothingKnown: KnownReferences = { images: new Map(), people: new Map(), records: new Map() };

export function createTextRenderer({ budget }: { readonly budget: ResponseBudget }): TextRenderer {
  const responseOf = (viewer: Viewer) => allowanceOf(viewer, budget);
  const thread = createRenderingThread();
  const mainThread = createMainThreadRenderer();
  const results = new LRUCache<string, ResultOf<Result>>({
    maxSize: textCacheSize,
    maxEntrySize: maxCachedTextSize,
    sizeCalculation: (result) => (typeof result === "string" ? result : JSON.stringify(result)).length + resultOverhead,
  });
  /** The renderings under way for each response. A response renders a text once, even if several fields select it. */
  const underWay = new WeakMap<RenderingAllowance, Map<string, Promise<ResultOf<Result>>>>();

  function make(task: TextTask, name: string, viewer: Viewer): Promise<ResultOf<Result>> {
    const allowance = responseOf(viewer).rendering;
    const ofResponse = underWay.get(allowance) ?? new Map<string, Promise<ResultOf<Result>>>();
    underWay.set(allowance, ofResponse);
    const known = ofResponse.get(name);
    if (known) return known;
    allowance.takeCharacters(charactersOf(task));
    const isLong = charactersOf(task) > (task.wanted === "changes" ? maxComparedCharacters : maxMainThreadCharacters);
    const made = (isLong ? thread.run(task, viewer, allowance) : mainThread.run(task, allowance))
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
    return made as ResultOf<Wanted>; // the name of a task includes the kind of its result
  }

  return {
    render,
    async changesBetween(viewer, before, after) {
      const changes = await render({ wanted: "changes", text: after, before, known: nothingKnown }, viewer);
      responseOf(viewer).charge(Buffer.byteLength(before) + Buffer.byteLength(after));
      return changes;
    },
    renderPlain: (text, viewer) => render({ wanted: "plain", text, known: nothingKnown }, viewer),
    referencesOf: (viewer, texts) =>
      Promise.all(texts.map((text) => render({ wanted: "references", text, known: nothingKnown }, viewer))),
  };
}

/** Returns the cache key of a task: tasks with the same key have the same result. */
function taskKey({ wanted, text, known: { images, people, records }, before = "" }: TextTask): string {
  const known = JSON.stringify([[...images], [...people], [...records]]);
  const head = `${wanted} ${known.length} ${before.length} ${known}${before}`;
  return createHash("sha256").update(head).update(text).digest("base64url");
}

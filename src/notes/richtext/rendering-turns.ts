import { setImmediate as nextTurn } from "node:timers/promises";
import pLimit from "p-limit";
import type { RenderingAllowance } from "../../lib/response-budget.ts";
import { charactersOf, createTaskPerformer, type Result, type ResultOf, type TextTask } from "./tasks.ts";

/** Renders short texts on the main thread. */
export interface MainThreadRenderer {
  /** Performs a task. Throws a `DomainError` if `allowance` is used up. */
  run(task: TextTask, allowance: RenderingAllowance): Promise<ResultOf<Result>>;
}

/** The number of characters that are rendered in one turn of the event loop. */
const charactersPerTurn = 4_096;
/** The fixed cost of a text in characters. A page can have hundreds of very short texts. */
const overheadCharacters = 256;

/**
 * Returns a renderer that renders one text after another, a few in each turn of the event loop, so that other requests
 * do not wait.
 */
export function createMainThreadRenderer(): MainThreadRenderer {
  const limit = pLimit(1);
  let charactersInTurn = 0;
  const perform = createTaskPerformer();

  async function waitForTurn(task: TextTask): Promise<void> {
    const characters = charactersOf(task) + overheadCharacters;
    charactersInTurn += characters;
    if (charactersInTurn <= charactersPerTurn) return;
    await nextTurn();
    charactersInTurn = characters;
  }

  return {
    run: (task, allowance) =>
      limit(async () => {
        await waitForTurn(task);
        const refusal = allowance.refusal();
        if (refusal) throw refusal;
        const began = performance.now();
        const result = perform(task);
        allowance.takeMilliseconds(performance.now() - began);
        return result;
      }),
  };
}

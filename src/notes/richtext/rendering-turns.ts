import { setImmediate as nextTurn } from "node:timers/promises";
import pLimit from "p-limit";
import type { RenderingAllowance } from "../../lib/response-budget.ts";
import { createTaskPerformer, type Result, type ResultOf, type TextTask } from "./tasks.ts";

/** Renders short texts on the main thread. */
export interface RenderingTurns {
  /** @throws {DomainError} where `allowance` has none left. */
  run(task: TextTask, allowance: RenderingAllowance): Promise<ResultOf<Result>>;
}

/** How many characters are rendered before other requests have their turn. */
const charactersPerTurn = 4_096;
/** What a text takes however short it is, in characters: there are pages of hundreds of words. */
const charactersOfAnyText = 256;

/** Renders one text after another, and a few in each turn of the event loop. */
export function createRenderingTurns(): RenderingTurns {
  const limit = pLimit(1);
  let charactersInTurn = 0;
  const perform = createTaskPerformer();

  async function perhapsNextTurn(task: TextTask): Promise<void> {
    const characters = task.text.length + charactersOfAnyText;
    charactersInTurn += characters;
    if (charactersInTurn <= charactersPerTurn) return;
    await nextTurn();
    charactersInTurn = characters;
  }

  return {
    run: (task, allowance) =>
      limit(async () => {
        await perhapsNextTurn(task);
        const refusal = allowance.refusal();
        if (refusal) throw refusal;
        const began = performance.now();
        const result = perform(task);
        allowance.takeMilliseconds(performance.now() - began);
        return result;
      }),
  };
}

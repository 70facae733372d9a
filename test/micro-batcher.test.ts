import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { createMicroBatcher, type MicroBatcherOptions } from "../src/lib/micro-batcher.ts";

/** A batcher whose batches wait to be answered, each question by itself in capitals. */
function startBatcher(given: Pick<Partial<MicroBatcherOptions<string, string>>, "maxBatchSize" | "maxBatchesAtOnce"> = {}) {
  const batches: { readonly questions: readonly string[]; readonly release: PromiseWithResolvers<void> }[] = [];
  const batcher = createMicroBatcher<string, string>({
    nameOf: (question) => question,
    maxBatchSize: 10,
    ...given,
    async answer(questions) {
      const release = Promise.withResolvers<void>();
      batches.push({ questions, release });
      await release.promise;
      return questions.map((question) => (question === "wrong" ? new Error("No answer.") : question.toUpperCase()));
    },
  });
  return { ask: (question: string) => batcher.ask(question), batches, asked: () => batches.map(({ questions }) => questions) };
}

/** What was asked has gone out by then, where it may. */
async function settle(): Promise<void> {
  await setImmediate();
  await setImmediate();
}

test("what is asked in one moment is answered together, equal questions as one, and each failure alone", async () => {
  const { ask, batches, asked } = startBatcher();
  const answers = Promise.allSettled([ask("a"), ask("wrong"), ask("a"), ask("b")]);
  await settle();
  expect(asked()).toEqual([["a", "wrong", "b"]]);
  batches[0]!.release.resolve();
  expect((await answers).map((one) => (one.status === "fulfilled" ? one.value : one.reason.message))).toEqual([
    "A",
    "No answer.",
    "A",
    "B",
  ]);
});

test("a question that comes while a batch is answered begins another one", async () => {
  const { ask, batches, asked } = startBatcher();
  const first = ask("a");
  await settle();
  const second = ask("a");
  await settle();
  expect(asked()).toEqual([["a"], ["a"]]);
  for (const { release } of batches) release.resolve();
  expect(await Promise.all([first, second])).toEqual(["A", "A"]);
});

test("a full batch is followed by another", async () => {
  const { ask, batches, asked } = startBatcher({ maxBatchSize: 2 });
  const answers = Promise.all(["a", "b", "c"].map(ask));
  await settle();
  expect(asked()).toEqual([["a", "b"], ["c"]]);
  for (const { release } of batches) release.resolve();
  expect(await answers).toEqual(["A", "B", "C"]);
});

test("where batches are answered one at a time, those that wait grow until they are full", async () => {
  const { ask, batches, asked } = startBatcher({ maxBatchSize: 3, maxBatchesAtOnce: 1 });
  const answers = [ask("a")];
  await settle();
  for (const question of ["b", "c", "d", "e"]) {
    answers.push(ask(question));
    await settle();
  }
  expect(asked()).toEqual([["a"]]);
  batches[0]!.release.resolve();
  await settle();
  expect(asked()).toEqual([["a"], ["b", "c", "d"]]);
  answers.push(ask("f"));
  batches[1]!.release.resolve();
  await settle();
  expect(asked()).toEqual([["a"], ["b", "c", "d"], ["e", "f"]]);
  batches[2]!.release.resolve();
  expect(await Promise.all(answers)).toEqual(["A", "B", "C", "D", "E", "F"]);
});

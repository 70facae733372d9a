import pLimit from "p-limit";
import { asError } from "../errors.ts";
import { currentCount, type StatementCount } from "./statement-count.ts";

/** Collects the questions of one turn of the event loop. */
export interface MicroBatcher<Question, Answer> {
  /**
   * Returns the answer to `question`. Throws the error of its batch, or the error that the batch has in place of its
   * answer.
   */
  ask(question: Question): Promise<Answer>;
}

export interface MicroBatcherOptions<Question, Answer> {
  /** Questions with the same name count as one question. */
  readonly nameOf: (question: Question) => string;
  /** The maximum number of questions in a batch. */
  readonly maxBatchSize: number;
  /**
   * The number of batches that are answered at the same time. Default: no limit. Further questions wait for a batch to
   * end, and their batch grows meanwhile: the busier the database is, the fewer statements it gets.
   */
  readonly maxBatchesAtOnce?: number;
  /**
   * Returns answers in the order of the questions. An error in place of an answer is thrown to the caller of that
   * question.
   */
  readonly answer: (questions: readonly Question[]) => Promise<readonly (Answer | Error)[]>;
}

interface Asked<Question, Answer> {
  readonly question: Question;
  readonly answer: PromiseWithResolvers<Answer>;
}

/**
 * Collects questions until the event loop comes round and answers them together, equal ones as one. Each question is
 * answered by work that began after it was asked. No answer is cached.
 */
export function createMicroBatcher<Question, Answer>(
  options: MicroBatcherOptions<Question, Answer>,
): MicroBatcher<Question, Answer> {
  const { nameOf, maxBatchSize, maxBatchesAtOnce, answer } = options;
  const limit = maxBatchesAtOnce === undefined ? undefined : pLimit(maxBatchesAtOnce);
  let open: Map<string, Asked<Question, Answer>> | undefined;
  /** For whom the open batch counts, which is who began it, and who else already has it as a shared one. */
  let countedFor: (StatementCount | undefined)[] = [];

  /** Says to whom it counts that a batch which counts for another answers them too. */
  function noteShared(): void {
    const count = currentCount();
    if (count === undefined || countedFor.includes(count)) return;
    count.sharedStatements += 1;
    countedFor.push(count);
  }

  async function dispatch(batch: ReadonlyMap<string, Asked<Question, Answer>>): Promise<void> {
    if (open === batch) open = undefined;
    const asked = [...batch.values()];
    try {
      const answers = await answer(asked.map(({ question }) => question));
      asked.forEach((one, index) => {
        const found = answers[index];
        if (found === undefined || found instanceof Error) one.answer.reject(asError(found));
        else one.answer.resolve(found);
      });
    } catch (error) {
      for (const one of asked) one.answer.reject(asError(error));
    }
  }

  return {
    ask(question) {
      const name = nameOf(question);
      const known = open?.get(name);
      if (known) {
        noteShared();
        return known.answer.promise;
      }
      const batch = open && open.size < maxBatchSize ? open : new Map<string, Asked<Question, Answer>>();
      if (batch === open) noteShared();
      else {
        setImmediate(() => void (limit ? limit(dispatch, batch) : dispatch(batch)));
        countedFor = [currentCount()];
      }
      open = batch;
      const asked = { question, answer: Promise.withResolvers<Answer>() };
      batch.set(name, asked);
      return asked.answer.promise;
    },
  };
}

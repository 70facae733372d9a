import type { LRUCache } from "lru-cache";
import type { LimitFunction } from "p-limit";
import { AnswerTooLarge, asError } from "../../errors.ts";
import type { Database } from "../../database/database.ts";
import { errorCodeOf } from "../../lib/error-code.ts";
import { createMicroBatcher } from "../../lib/micro-batcher.ts";
import type { ResponseAllowance } from "../../lib/response-budget.ts";
import type { StatementResult } from "../model/result.ts";
import type { StatementTexts } from "./statement-texts.ts";
import { isUnavailable } from "../../database/unavailable.ts";

/** The values of a statement's parameters, in their order. */
export type ParamValues = readonly string[];

/**
 * As {@link StatementResult}, with its size. `json` is null if the size exceeds the maximum. Both are null if there is
 * no row.
 */
interface SizedResult extends StatementResult {
  readonly bytes: number | null;
}

/** Runs a statement. The size of a result is charged to its `response`. */
export interface Batch {
  /**
   * Runs it together with what others ask in the same moment. Throws {@link AnswerTooLarge} and {@link Unavailable}.
   */
  one(values: ParamValues, response: ResponseAllowance): Promise<StatementResult>;
  /** Runs it for all `questions` of one caller by one statement. Throws as {@link Batch.one}. */
  all(questions: readonly ParamValues[], response: ResponseAllowance): Promise<readonly StatementResult[]>;
}

/** Results up to this many bytes share a statement with others, and no memory is reserved for them in advance. */
const maxSmallBytes = 262_144;
/** A statement that may read more rows counts as large until the size of its results is known. */
const maxLightRows = 64;
/** How often a result is requested that grows each time. */
const maxAttempts = 3;
/** What is reserved for a large result, as a multiple of the last ones. A larger result has to be requested again. */
const reservedShare = 1.25;
/**
 * How much of the size of a large result is kept when the next one is smaller. The one after that may be as large
 * again.
 */
const keptShare = 0.9;
/** What batches share: the database, the memory of sizes, and the connections for large results. */
export interface BatchDependencies {
  readonly database: Database;
  /** The maximum size of a result, in bytes. */
  readonly maximumBytes: number;
  /** The values of {@link StatementTexts.sharedParams}. It is called each time a statement is sent. */
  readonly sharedParams: () => Readonly<Record<string, string>>;
  /** Limits how many large results are read at a time, so that connections are left for small ones. */
  readonly largeResults: LimitFunction;
  /** The sizes of the last results, in bytes, by the text of their statement. */
  readonly sizes: LRUCache<string, number>;
}

/** A statement, how many rows it probably reads at most, and how many questions are sent together. */
export interface BatchedStatement {
  readonly texts: StatementTexts;
  readonly weight: number;
  readonly maxBatchSize: number;
}

/**
 * Returns a batch, which sends equal statements of one moment as one. A large result has a statement of its own, which
 * waits until there is memory for it.
 */
export function createBatch(
  { database, maximumBytes, sharedParams, largeResults, sizes }: BatchDependencies,
  { texts: statement, weight, maxBatchSize }: BatchedStatement,
): Batch {
  const { constants, params } = statement;
  const given = (): readonly unknown[] => {
    if (statement.sharedParams.length === 0) return constants;
    const values = sharedParams();
    return [...constants, ...statement.sharedParams.map((name) => values[name])];
  };

  async function single(values: ParamValues, allowedBytes: number): Promise<SizedResult> {
    const text = statement.single;
    try {
      const [row] = await database.query<SizedResult>({ text, values: [...given(), ...values, allowedBytes] });
      return row ?? { json: null, bytes: null };
    } catch (error) {
      if (isStoppedForSize(error)) throw new AnswerTooLarge(maximumBytes);
      throw error;
    }
  }

  async function many(questions: readonly ParamValues[]): Promise<readonly SizedResult[]> {
    const columns = params.map((_, index) => questions.map((values) => values[index]));
    const rows = await database.query<SizedResult & { place: number }>({
      text: statement.many,
      values: [...given(), ...columns, maxSmallBytes],
    });
    const results: SizedResult[] = questions.map(() => ({ json: null, bytes: null }));
    for (const row of rows) results[row.place - 1] = row;
    return results;
  }

  /** If the common statement fails, each question is sent by itself, so that only the failing one fails. */
  async function small(questions: readonly ParamValues[]): Promise<readonly (SizedResult | Error)[]> {
    if (questions.length > 1) {
      try {
        return await many(questions);
      } catch (error) {
        if (isUnavailable(error)) throw error;
      }
    }
    return Promise.all(questions.map((values) => single(values, maxSmallBytes).catch(asError)));
  }

  /** Returns a result that has, or last had, `bytes`. */
  async function large(values: ParamValues, bytes: number, response: ResponseAllowance): Promise<StatementResult> {
    let expected = bytes;
    for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
      await response.reserve(expected);
      const reserved = expected;
      const result = await largeResults(() => single(values, reserved)).catch((error: unknown) => {
        response.charge(-reserved);
        throw error;
      });
      const size = sizeOf(result);
      response.charge((isTooLarge(result) ? 0 : size) - reserved);
      rememberSize(size);
      if (!isTooLarge(result)) return result;
      expected = size;
    }
    throw new AnswerTooLarge(maximumBytes, expected);
  }

  /** Returns the size of the statement's last results, in bytes. Undefined if it is not known and may be large. */
  function likelySize(): number | undefined {
    return sizes.get(statement.single) ?? (weight > maxLightRows ? undefined : 0);
  }

  function rememberSize(bytes: number): void {
    const kept = bytes > maxSmallBytes ? Math.floor((sizes.get(statement.single) ?? 0) * keptShare) : 0;
    if (bytes > maxSmallBytes || weight > maxLightRows) sizes.set(statement.single, Math.max(bytes, kept));
    // Otherwise all tickets would be read one at a time because of one with long notes.
    else sizes.delete(statement.single);
  }

  /** Charges a small result and returns it; requests a large one again when there is memory for it. */
  async function admitted(values: ParamValues, result: SizedResult, response: ResponseAllowance): Promise<StatementResult> {
    const size = sizeOf(result);
    rememberSize(size);
    if (isTooLarge(result)) return large(values, size, response);
    response.charge(size);
    return result;
  }

  const batcher = createMicroBatcher<ParamValues, SizedResult>({
    nameOf: (values) => JSON.stringify(values),
    maxBatchSize,
    answer: small,
  });

  return {
    async one(values, response) {
      const size = likelySize();
      if (size !== undefined && size > maxSmallBytes) {
        const expected = Math.min(Math.ceil(size * reservedShare), response.remainingBytes);
        return large(values, expected, response);
      }
      await response.admit();
      // A statement of unknown size may be large, so few of these run at a time.
      const result = size === undefined ? largeResults(() => batcher.ask(values)) : batcher.ask(values);
      return admitted(values, await result, response);
    },
    async all(questions, response) {
      await response.admit();
      const different = [...new Map(questions.map((values) => [JSON.stringify(values), values])).values()];
      const found = await small(different);
      const results = new Map<string, StatementResult>();
      for (const [index, values] of different.entries()) {
        const result = found[index];
        if (!result || result instanceof Error) throw asError(result);
        results.set(JSON.stringify(values), await admitted(values, result, response));
      }
      return questions.map((values) => results.get(JSON.stringify(values)) ?? { json: null });
    },
  };
}

/** Whether the statement stopped because its result was too large: see within_bytes in prisma/migrations. */
function isStoppedForSize(error: unknown): boolean {
  return errorCodeOf(error) === "54000";
}

function isTooLarge({ json, bytes }: SizedResult): boolean {
  return json === null && bytes !== null;
}

function sizeOf({ bytes }: SizedResult): number {
  return bytes ?? 0;
}

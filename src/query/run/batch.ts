import { LRUCache } from "lru-cache";
import pLimit from "p-limit";
import { AnswerTooLarge, asError } from "../../errors.ts";
import type { Database } from "../../database/database.ts";
import { errorCodeOf } from "../../lib/error-code.ts";
import { createMicroBatcher } from "../../lib/micro-batcher.ts";
import type { ResponseAllowance } from "../../lib/response-budget.ts";
import { isParam, type Param, type Sql } from "../../database/sql.ts";
import { isUnavailable } from "../../database/unavailable.ts";

/** The texts of a statement: for one set of values of its parameters, and for many. */
export interface StatementTexts {
  /**
   * Takes {@link constants}, a text for each of {@link sharedParams} and for each of {@link params}, and the maximum of bytes.
   * Returns one row or none: `bytes`, and the text `json`, which is null if it is too long.
   */
  readonly single: string;
  /**
   * As `single`, with an array of texts for each of {@link params}. Returns such rows with their `place`, from 1. Written at
   * first use.
   */
  readonly many: string;
  readonly constants: readonly unknown[];
  /** The names of the parameters that have the same value for all callers. They get it when the statement is sent. */
  readonly sharedParams: readonly string[];
  readonly params: readonly Param[];
}

/** Writes the texts of a statement that selects one column, `json`, of type text. */
export function writeTexts({ strings, values }: Sql, isShared: (name: string) => boolean): StatementTexts {
  const constants = values.filter((value) => !isParam(value));
  const named = distinct(values.filter((value) => isParam(value)));
  const isOwn = ({ name }: Param): boolean => name === undefined || !isShared(name);
  const params = named.filter(isOwn);
  const sharedParams = named.filter((one) => !isOwn(one));
  const filled = constants.length + sharedParams.length;
  const write = (paramText: (place: number) => string): string => {
    let count = 0;
    const textOfValue = (value: unknown): string => {
      if (!isParam(value)) return `$${++count}`;
      return isOwn(value) ? paramText(paramIndex(params, value)) : `$${constants.length + paramIndex(sharedParams, value) + 1}`;
    };
    return strings.reduce((text, part, index) => `${text}${textOfValue(values[index - 1])}${part}`);
  };
  const arrays = params.map((_, index) => `$${filled + index + 1}::text[]`);
  const names = params.map((_, index) => `v${index + 1}`);
  const limit = `$${filled + params.length + 1}::integer`;
  // A text that is too long is not sent. Because of OFFSET 0 the planner does not compute the text once for each time that it
  // is named here.
  const limited = (statement: string): string =>
    `SELECT CASE WHEN octet_length(read.json) <= ${limit} THEN read.json END AS json,` +
    ` octet_length(read.json) AS bytes FROM (${statement} OFFSET 0) read`;
  // Each row of a batch is read by the same indexes as a single one. A batch saves round trips.
  const writeMany = (): string =>
    `SELECT batch.place::integer AS place, answer.json, answer.bytes FROM unnest(${arrays.join(", ")}) WITH ORDINALITY AS batch(${[...names, "place"].join(", ")})` +
    ` CROSS JOIN LATERAL (${limited(write((place) => `batch.v${place + 1}`))}) answer`;
  let many: string | undefined;
  return {
    single: limited(write((place) => `$${filled + place + 1}`)),
    get many() {
      return (many ??= writeMany());
    },
    constants,
    sharedParams: sharedParams.map(({ name }) => name ?? ""),
    params,
  };
}

/** Returns each parameter once: those of one name are the same, and so is one object in several places. */
function distinct(params: readonly Param[]): readonly Param[] {
  return params.filter((one, index) => paramIndex(params, one) === index);
}

function paramIndex(params: readonly Param[], param: Param): number {
  return params.findIndex((one) => (param.name === undefined ? one === param : one.name === param.name));
}

/** The values of a statement's parameters, in their order. */
export type ParamValues = readonly string[];

/** The result of a statement. Callers that asked together share the object. */
export interface StatementResult {
  /** JSON, or null if there is no row. */
  readonly json: string | null;
}

/** As {@link StatementResult}, with its size. `json` is null if the size exceeds the maximum. Both are null if there is no row. */
interface SizedResult extends StatementResult {
  readonly bytes: number | null;
}

/** Runs a statement. The size of a result is charged to its `response`. */
export interface Batch {
  /** Runs it together with what others ask in the same moment. Throws {@link AnswerTooLarge} and {@link Unavailable}. */
  one(values: ParamValues, response: ResponseAllowance): Promise<StatementResult>;
  /** Runs it for all `questions` of one caller by one statement. Throws as {@link Batch.one}. */
  all(questions: readonly ParamValues[], response: ResponseAllowance): Promise<readonly StatementResult[]>;
}

/** Sends statements. */
export interface StatementRunner {
  /**
   * Returns the batch of `statement`, which probably reads at most `weight` rows. It sends at most `maxBatchSize` questions
   * together.
   */
  batchOf(statement: StatementTexts, weight: number, maxBatchSize: number): Batch;
}

export interface StatementRunnerDependencies {
  readonly database: Database;
  /** The maximum size of a result, in bytes. */
  readonly maximumBytes: number;
  /** The values of {@link StatementTexts.sharedParams}. It is called each time a statement is sent. */
  readonly sharedParams: () => Readonly<Record<string, string>>;
}

/** Results up to this many bytes share a statement with others, and no memory is reserved for them in advance. */
const maxSmallBytes = 262_144;
/** A statement that may read more rows counts as large until the size of its results is known. */
const maxLightRows = 64;
/** How often a result is requested that grows each time. */
const maxAttempts = 3;
/** How many sizes of results are cached, by the text of their statement. */
const sizeCacheSize = 2_000;

/**
 * Returns a runner that sends equal statements of one moment as one. A large result has a statement of its own, which waits
 * until there is memory for it. Few of these run at a time, so that connections are left for small results.
 */
export function createStatementRunner({ database, maximumBytes, sharedParams }: StatementRunnerDependencies): StatementRunner {
  const largeResults = pLimit(database.kind === "embedded" ? 1 : 4);
  const sizes = new LRUCache<string, number>({ max: sizeCacheSize });

  return {
    batchOf(statement, weight, maxBatchSize) {
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

      /** Returns the last size of the statement's results, in bytes. Undefined if it is not known and may be large. */
      function likelySize(): number | undefined {
        return sizes.get(statement.single) ?? (weight > maxLightRows ? undefined : 0);
      }

      function rememberSize(bytes: number): void {
        if (bytes > maxSmallBytes || weight > maxLightRows) sizes.set(statement.single, bytes);
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
          if (size !== undefined && size > maxSmallBytes)
            return large(values, Math.min(size, response.remainingBytes), response);
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

import { LRUCache } from "lru-cache";
import pLimit from "p-limit";
import { AnswerTooLarge, asError } from "../errors.ts";
import type { Database } from "../platform/database.ts";
import { errorCodeOf } from "../platform/error-code.ts";
import { createMicroBatcher } from "../platform/micro-batcher.ts";
import type { ResponseAllowance } from "../platform/response-budget.ts";
import { isSlot, type Slot, type Sql } from "../platform/sql.ts";
import { isUnavailable } from "../platform/unavailable.ts";

/** A statement that was written out: for one set of values of its slots, and for many. */
export interface WrittenStatement {
  /**
   * Takes {@link constants}, a text for each of {@link ambient} and one for each slot, and how many bytes the answer may have; answers with one
   * row, or none: the text `json`, null where it is too long, and how many `bytes` it has.
   */
  readonly single: string;
  /** Takes the same, but an array of texts for each slot; answers with such rows and their `place`, from 1. Written when it is first sent. */
  readonly many: string;
  readonly constants: readonly unknown[];
  /** The names of the slots that are filled when the statement is sent, alike for all who ask. */
  readonly ambient: readonly string[];
  readonly slots: readonly Slot[];
}

/** Writes out a statement whose one column is called `json`, and is a text. */
export function writeStatement({ strings, values }: Sql, isAmbient: (name: string) => boolean): WrittenStatement {
  const constants = values.filter((value) => !isSlot(value));
  const named = distinct(values.filter((value) => isSlot(value)));
  const ofAsker = ({ name }: Slot): boolean => name === undefined || !isAmbient(name);
  const slots = named.filter(ofAsker);
  const ambient = named.filter((one) => !ofAsker(one));
  const filled = constants.length + ambient.length;
  const write = (ofSlot: (place: number) => string): string => {
    let written = 0;
    const placeholder = (value: unknown): string => {
      if (!isSlot(value)) return `$${++written}`;
      return ofAsker(value) ? ofSlot(slotIndex(slots, value)) : `$${constants.length + slotIndex(ambient, value) + 1}`;
    };
    return strings.reduce((text, part, index) => `${text}${placeholder(values[index - 1])}${part}`);
  };
  const arrays = slots.map((_, index) => `$${filled + index + 1}::text[]`);
  const names = slots.map((_, index) => `v${index + 1}`);
  const limit = `$${filled + slots.length + 1}::integer`;
  // A text that is too long stays where it is. OFFSET 0 keeps the planner from writing the text once for each time that it is named here.
  const limited = (statement: string): string =>
    `SELECT CASE WHEN octet_length(read.json) <= ${limit} THEN read.json END AS json,` +
    ` octet_length(read.json) AS bytes FROM (${statement} OFFSET 0) read`;
  // The rows of a batch are read one after another by the same indexes as a single one: what it saves is the way there and back.
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
    ambient: ambient.map(({ name }) => name ?? ""),
    slots,
  };
}

/** A named slot is one wherever it stands, and so is a value that stands in several places. */
function distinct(slots: readonly Slot[]): readonly Slot[] {
  return slots.filter((one, index) => slotIndex(slots, one) === index);
}

function slotIndex(slots: readonly Slot[], wanted: Slot): number {
  return slots.findIndex((slot) => (wanted.name === undefined ? slot === wanted : slot.name === wanted.name));
}

/** The values of a statement's slots, in their order. */
export type SlotValues = readonly string[];

/** What a statement answers with: one object for all who have asked it together. */
export interface Answer {
  /** A text in JSON; null where there is no row. */
  readonly json: string | null;
}

/** As {@link Answer}, and how many bytes it has; without the text where those are more than were allowed. Both null where there is no row. */
interface LimitedAnswer extends Answer {
  readonly bytes: number | null;
}

/** Asks a statement. What is answered is charged to the `response` that it is for. */
export interface Batch {
  /** Together with what others ask in the same moment. @throws {AnswerTooLarge}, {@link Unavailable} */
  one(values: SlotValues, response: ResponseAllowance): Promise<Answer>;
  /** All that somebody asks at once, by one statement however many they are. @throws as {@link Batch.one} */
  all(questions: readonly SlotValues[], response: ResponseAllowance): Promise<readonly Answer[]>;
}

/** Sends written statements. */
export interface StatementRunner {
  /** How to ask `statement`, which is likely to read `weight` rows at most, no more than `maxBatchSize` questions together. */
  batchOf(statement: WrittenStatement, weight: number, maxBatchSize: number): Batch;
}

export interface StatementRunnerDependencies {
  readonly database: Database;
  /** The largest answer. */
  readonly maximumBytes: number;
  /** The values of {@link WrittenStatement.ambient}, asked each time a statement is sent. */
  readonly ambient: () => Readonly<Record<string, string>>;
}

/** Answers up to this many bytes go as they come: with others in one statement, and without room reserved for them. */
const smallAnswerBytes = 262_144;
/** Statements that may read more rows than this are taken for large until it is known what they answer with. */
const lightRows = 64;
/** How often an answer is asked for again that has grown since its size was told. */
const sizeAttempts = 3;
/** How many sizes of answers are known, by the text of their statement. */
const knownSizes = 2_000;

/**
 * Sends statements for whoever asks. Equal statements of one moment go out as one. An answer that is not small is asked for by itself, once there is
 * room for it, and only so many at a time: the connections are for the small ones too.
 */
export function createStatementRunner({ database, maximumBytes, ambient }: StatementRunnerDependencies): StatementRunner {
  const largeAnswers = pLimit(database.kind === "embedded" ? 1 : 4);
  const sizes = new LRUCache<string, number>({ max: knownSizes });

  return {
    batchOf(statement, weight, maxBatchSize) {
      const { constants, slots } = statement;
      const given = (): readonly unknown[] => {
        if (statement.ambient.length === 0) return constants;
        const values = ambient();
        return [...constants, ...statement.ambient.map((name) => values[name])];
      };

      async function single(values: SlotValues, allowedBytes: number): Promise<LimitedAnswer> {
        const text = statement.single;
        try {
          const [row] = await database.query<LimitedAnswer>({ text, values: [...given(), ...values, allowedBytes] });
          return row ?? { json: null, bytes: null };
        } catch (error) {
          if (isStoppedForSize(error)) throw new AnswerTooLarge(maximumBytes);
          throw error;
        }
      }

      async function many(questions: readonly SlotValues[]): Promise<readonly LimitedAnswer[]> {
        const columns = slots.map((_, index) => questions.map((values) => values[index]));
        const rows = await database.query<LimitedAnswer & { place: number }>({
          text: statement.many,
          values: [...given(), ...columns, smallAnswerBytes],
        });
        const answers: LimitedAnswer[] = questions.map(() => ({ json: null, bytes: null }));
        for (const row of rows) answers[row.place - 1] = row;
        return answers;
      }

      /** Where one of many fails, each is asked by itself, so that it fails alone. */
      async function small(questions: readonly SlotValues[]): Promise<readonly (LimitedAnswer | Error)[]> {
        if (questions.length > 1) {
          try {
            return await many(questions);
          } catch (error) {
            if (isUnavailable(error)) throw error;
          }
        }
        return Promise.all(questions.map((values) => single(values, smallAnswerBytes).catch(asError)));
      }

      /** The answer that has `bytes`, or had them when it was asked for last. */
      async function large(values: SlotValues, bytes: number, response: ResponseAllowance): Promise<Answer> {
        let expected = bytes;
        for (let attempt = 1; attempt <= sizeAttempts; attempt += 1) {
          await response.reserve(expected);
          const reserved = expected;
          const answer = await largeAnswers(() => single(values, reserved)).catch((error: unknown) => {
            response.charge(-reserved);
            throw error;
          });
          const size = sizeOf(answer);
          response.charge((isTooLarge(answer) ? 0 : size) - reserved);
          rememberSize(size);
          if (!isTooLarge(answer)) return answer;
          expected = size;
        }
        throw new AnswerTooLarge(maximumBytes, expected);
      }

      /** What the statement answered with last, in bytes. Undefined where that is not known, and may be much. */
      function likelySize(): number | undefined {
        return sizes.get(statement.single) ?? (weight > lightRows ? undefined : 0);
      }

      function rememberSize(bytes: number): void {
        if (bytes > smallAnswerBytes || weight > lightRows) sizes.set(statement.single, bytes);
        // Or one ticket with long notes would have all others read one at a time.
        else sizes.delete(statement.single);
      }

      /** A small answer as it came, charged; a larger one once there is room for it. */
      async function admitted(values: SlotValues, answer: LimitedAnswer, response: ResponseAllowance): Promise<Answer> {
        const size = sizeOf(answer);
        rememberSize(size);
        if (isTooLarge(answer)) return large(values, size, response);
        response.charge(size);
        return answer;
      }

      const batcher = createMicroBatcher<SlotValues, LimitedAnswer>({
        nameOf: (values) => JSON.stringify(values),
        maxBatchSize,
        answer: small,
      });

      return {
        async one(values, response) {
          const size = likelySize();
          if (size !== undefined && size > smallAnswerBytes)
            return large(values, Math.min(size, response.remainingBytes), response);
          await response.admit();
          // What may be large is found out one at a time.
          const answer = size === undefined ? largeAnswers(() => batcher.ask(values)) : batcher.ask(values);
          return admitted(values, await answer, response);
        },
        async all(questions, response) {
          await response.admit();
          const different = [...new Map(questions.map((values) => [JSON.stringify(values), values])).values()];
          const found = await small(different);
          const answers = new Map<string, Answer>();
          for (const [index, values] of different.entries()) {
            const answer = found[index];
            if (!answer || answer instanceof Error) throw asError(answer);
            answers.set(JSON.stringify(values), await admitted(values, answer, response));
          }
          return questions.map((values) => answers.get(JSON.stringify(values)) ?? { json: null });
        },
      };
    },
  };
}

/** Whether the statement has ended itself: see within_bytes in prisma/migrations. */
function isStoppedForSize(error: unknown): boolean {
  return errorCodeOf(error) === "54000";
}

function isTooLarge({ json, bytes }: LimitedAnswer): boolean {
  return json === null && bytes !== null;
}

function sizeOf({ bytes }: LimitedAnswer): number {
  return bytes ?? 0;
}

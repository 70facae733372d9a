import DataLoader from "dataloader";
import { asError } from "../errors.ts";
import type { Database } from "../platform/database.ts";
import { isSlot, type Slot, type Sql } from "../platform/sql.ts";
import { isUnavailable } from "../platform/unavailable.ts";

/** A statement that was written out: for one set of values of its slots, and for many. */
export interface WrittenStatement {
  /** Takes {@link constants}, a text for each of {@link ambient} and one for each slot; answers with one row `json`, or none. */
  readonly single: string;
  /** Takes the same, but an array of texts for each slot; answers with rows of `place`, from 1, and `json`. */
  readonly many: string;
  readonly constants: readonly unknown[];
  /** The names of the slots that are filled when the statement is sent, alike for all who ask. */
  readonly ambient: readonly string[];
  readonly slots: readonly Slot[];
}

/** Writes out a statement whose one column is called `json`. */
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
      return ofAsker(value) ? ofSlot(placeOf(slots, value)) : `$${constants.length + placeOf(ambient, value) + 1}`;
    };
    return strings.reduce((text, part, index) => `${text}${placeholder(values[index - 1])}${part}`);
  };
  const arrays = slots.map((_, index) => `$${filled + index + 1}::text[]`);
  const names = slots.map((_, index) => `v${index + 1}`);
  return {
    single: write((place) => `$${filled + place + 1}`),
    // The rows of a batch are read one after another by the same indexes as a single one: what it saves is the way there and back.
    many:
      `SELECT batch.place::integer AS place, read.json FROM unnest(${arrays.join(", ")}) WITH ORDINALITY AS batch(${[...names, "place"].join(", ")})` +
      ` CROSS JOIN LATERAL (${write((place) => `batch.v${place + 1}`)}) read`,
    constants,
    ambient: ambient.map(({ name }) => name ?? ""),
    slots,
  };
}

/** A named slot is one wherever it stands, and so is a value that stands in several places. */
function distinct(slots: readonly Slot[]): readonly Slot[] {
  return slots.filter((one, index) => placeOf(slots, one) === index);
}

function placeOf(slots: readonly Slot[], wanted: Slot): number {
  return slots.findIndex((slot) => (wanted.name === undefined ? slot === wanted : slot.name === wanted.name));
}

/** The values of a statement's slots, in their order. */
export type SlotValues = readonly string[];

/** What a statement answers with: one object for all who have asked it together. */
export interface Answer {
  /** Null where there is no row. */
  readonly json: unknown;
}

/** Asks a statement. */
export interface Batch {
  /** Together with what others ask in the same moment. */
  one(values: SlotValues): Promise<Answer>;
  /** All that somebody asks at once, by one statement however many they are. */
  all(questions: readonly SlotValues[]): Promise<readonly Answer[]>;
}

/** How a batch is sent. */
export interface BatchOptions {
  readonly database: Database;
  /** The values of {@link WrittenStatement.ambient}, asked each time a statement is sent. */
  readonly ambient: () => Readonly<Record<string, string>>;
  /** How many questions go out as one at most. */
  readonly most: number;
}

/**
 * Sends `statement` for whoever asks. What is asked until the event loop comes round goes out as one, and equal questions as one of those: each is
 * answered by a statement that was sent after it was asked. Where one of many fails, each is asked by itself, so that it fails alone.
 */
export function batchOf(statement: WrittenStatement, { database, ambient, most }: BatchOptions): Batch {
  const { constants, slots } = statement;
  const given = (): readonly unknown[] => {
    if (statement.ambient.length === 0) return constants;
    const values = ambient();
    return [...constants, ...statement.ambient.map((name) => values[name])];
  };

  async function single(values: SlotValues): Promise<Answer> {
    const [row] = await database.query<{ json: unknown }>({ text: statement.single, values: [...given(), ...values] });
    return row ?? { json: null };
  }

  async function many(questions: readonly SlotValues[]): Promise<readonly Answer[]> {
    const columns = slots.map((_, index) => questions.map((values) => values[index]));
    const rows = await database.query<{ place: number; json: unknown }>({
      text: statement.many,
      values: [...given(), ...columns],
    });
    const answers: Answer[] = questions.map(() => ({ json: null }));
    for (const row of rows) answers[row.place - 1] = row;
    return answers;
  }

  async function answer(questions: readonly SlotValues[]): Promise<readonly (Answer | Error)[]> {
    if (questions.length > 1) {
      try {
        return await many(questions);
      } catch (error) {
        if (isUnavailable(error)) throw error;
      }
    }
    return Promise.all(questions.map((values) => single(values).catch(asError)));
  }

  async function answerDistinct(asked: readonly SlotValues[]): Promise<readonly (Answer | Error | undefined)[]> {
    const places = new Map<string, number>();
    const questions: SlotValues[] = [];
    const placeOfEach = asked.map((values) => {
      const name = JSON.stringify(values);
      const known = places.get(name);
      if (known !== undefined) return known;
      places.set(name, questions.length);
      return questions.push(values) - 1;
    });
    const answers = await answer(questions);
    return placeOfEach.map((place) => answers[place]);
  }

  const loader: DataLoader<SlotValues, Answer, string> = new DataLoader(
    (asked: readonly SlotValues[]) => {
      // Whoever asks from now on is answered by another statement, which may see what was written meanwhile.
      loader.clearAll();
      return answer(asked);
    },
    // Equal questions are one of those that a statement takes at most.
    {
      cacheKeyFn: (values) => JSON.stringify(values),
      maxBatchSize: most,
      batchScheduleFn: (dispatch) => setImmediate(dispatch),
    },
  );
  return {
    one: (values) => loader.load(values),
    async all(questions) {
      const answers = await answerDistinct(questions);
      return answers.map((answered) => {
        if (!answered || answered instanceof Error) throw asError(answered);
        return answered;
      });
    },
  };
}

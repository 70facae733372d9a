import { isParam, type Param, type Sql } from "../../database/sql.ts";

/** The texts of a statement: for one set of values of its parameters, and for many. */
export interface StatementTexts {
  /**
   * Takes {@link constants}, a text for each of {@link sharedParams} and for each of {@link params}, and the maximum of
   * bytes. Returns one row or none: `bytes`, and the text `json`, which is null if it is too long.
   */
  readonly single: string;
  /**
   * As `single`, with an array of texts for each of {@link params}. Returns such rows with their `place`, from 1.
   * Written at first use.
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
  // A text that is too long is not sent. Because of OFFSET 0 the planner does not compute the text once for each time
  // that it is named here.
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

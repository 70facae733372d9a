import type { ErrorObject } from "ajv";

/** The parts of a value's schema that sentences speak of. */
interface ValueSchema {
  readonly type?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
}

/** What a value of each type must be. */
const typeRules: Readonly<Record<string, string>> = {
  object: "must be a JSON object",
  array: "must be a list",
  string: "must be a text",
  boolean: "must be true or false",
};

const uuidRule = "must be a UUID, such as 019ea5c6-0b92-780d-81d5-3774e154484e";

/** What a value must be, by the keyword of the schema that it does not meet. `schema` is the schema of the value. */
const rules: Readonly<Record<string, (schema: ValueSchema) => string | undefined>> = {
  required: () => "is missing",
  type: (schema) => (schema.type === "integer" ? wholeNumberRule(schema) : typeRules[String(schema.type)]),
  minimum: wholeNumberRule,
  maximum: wholeNumberRule,
  format: (schema) => (schema.type === "integer" ? wholeNumberRule(schema) : uuidRule),
  enum: ({ enum: values = [] }) => `must be one of ${values.join(", ")}`,
  maxLength: ({ maxLength }) => `must have at most ${maxLength} characters`,
};

function wholeNumberRule({ minimum = 0, maximum }: ValueSchema): string {
  const range = maximum === undefined ? "below 2^63" : `from ${minimum} to ${maximum}`;
  return `must be a whole number ${range}, in decimal digits`;
}

/**
 * Returns the sentence for a value of a request that its schema refuses, for the person who sent it: the validator's
 * own message names keywords of the schema. `httpPart` is Fastify's name of the part of the request.
 */
export function validationSentence({ instancePath, keyword, params, parentSchema }: ErrorObject, httpPart: string): string {
  const missing: unknown = keyword === "required" ? params["missingProperty"] : undefined;
  const names = [...instancePath.split("/").slice(1), ...(typeof missing === "string" ? [missing] : [])];
  const schema = (parentSchema ?? {}) as ValueSchema; // of a document that is a file of this code base
  const rule = rules[keyword]?.(schema) ?? "cannot be used";
  return `${subjectOf(names, httpPart)} ${rule}.`;
}

function subjectOf([name, ...places]: readonly string[], httpPart: string): string {
  if (name === undefined) return "The body";
  if (httpPart === "params") return `The ${name.replaceAll("_", "-")} in the path`;
  if (httpPart === "querystring") return `The parameter ${name}`;
  return places.length === 0 ? `The field ${name}` : `Each value of the field ${name}`;
}

/** How many sentences the summary repeats. The list of problems has them all. */
const maxSummarised = 2;

/** Returns what is told of all problems of a request together. A problem that several values have is told once. */
export function validationSummary(sentences: readonly string[]): string {
  const different = [...new Set(sentences)];
  if (different.length <= maxSummarised) return different.join(" ");
  return `The request has ${different.length} values that cannot be used: errors says which, and what they must be.`;
}

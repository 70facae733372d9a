import { expect } from "vitest";
import { sendText, type TestApp } from "./app.ts";

/** The result of a mutation: the fields of its payload, or those of its error. */
export interface MutationResult {
  readonly __typename: string;
  readonly [field: string]: unknown;
}

/**
 * Sends a mutation with one input, and returns its result: what `selection` selects of its union, or the code, the
 * message and the fields of an error. Fails if the response has `errors`.
 */
export async function mutate(app: TestApp, key: string, name: string, input: object, selection = ""): Promise<MutationResult> {
  const type = `${name[0]?.toUpperCase()}${name.slice(1)}Input`;
  const text = `mutation ($input: ${type}!) { result: ${name}(input: $input) {
    __typename ... on Error { code message } ... on InvalidInputError { fields { path } } ${selection}
  } }`;
  const { data, errors } = await sendText<{ result: MutationResult }>(app.url, key, text, { input });
  expect(errors).toEqual([]);
  return data.result;
}

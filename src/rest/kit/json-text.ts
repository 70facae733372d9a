import { UnsupportedAsJson } from "../../query/model/unsupported-as-json.ts";
import { jsonOf } from "../../query/model/result.ts";

/** A response body that is already JSON text. */
export interface JsonText {
  readonly [textMark]: string;
}

const textMark = Symbol("text");

export function asJson(text: string): JsonText {
  return { [textMark]: text };
}

/** Returns the text of a {@link JsonText}, or undefined for any other body. */
export function jsonIn(body: unknown): string | undefined {
  return typeof body === "object" && body !== null && textMark in body ? (body as JsonText)[textMark] : undefined;
}

/**
 * Returns the JSON of `found`, a row or a page that was read as JSON, with the values computed for `context`. Throws a
 * `DomainError` of a computed value. Other errors are mistakes in the code.
 */
export async function renderJson(found: object, context: object): Promise<string> {
  const json = jsonOf(found);
  if (!json) throw new Error("An API that sends JSON has read a row or a page without its JSON.");
  return json.text(context);
}

/**
 * Returns the result of `read`, which reads rows as JSON. Throws the `DomainError` with which a policy has refused a
 * part of the selection.
 */
export async function inJson<Found>(read: () => Promise<Found>): Promise<Found> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof UnsupportedAsJson && error.cause instanceof Error) throw error.cause;
    throw error;
  }
}

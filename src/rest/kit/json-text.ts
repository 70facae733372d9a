import { UnsupportedAsJson } from "../../query/model/unsupported-as-json.ts";
import { jsonOf } from "../../query/model/result.ts";

/** An answer's body that is JSON already. */
export interface JsonText {
  readonly [textMark]: string;
}

const textMark = Symbol("text");

export function asJson(text: string): JsonText {
  return { [textMark]: text };
}

/** The text of a body that is JSON already; undefined of any other. */
export function jsonIn(body: unknown): string | undefined {
  return typeof body === "object" && body !== null && textMark in body ? (body as JsonText)[textMark] : undefined;
}

/**
 * Returns the JSON with which `found`, a row or a page, was read, completed for `context`.
 *
 * @throws {DomainError} what a policy has refused. Other errors are mistakes in the code.
 */
export async function renderJson(found: object, context: object): Promise<string> {
  const json = jsonOf(found);
  if (!json) throw new Error("A face that shows JSON has read something without it.");
  return json.text(context);
}

/** What `read` finds with its JSON. @throws {DomainError} what a policy has refused of it. */
export async function inJson<Found>(read: () => Promise<Found>): Promise<Found> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof UnsupportedAsJson && error.cause instanceof Error) throw error.cause;
    throw error;
  }
}

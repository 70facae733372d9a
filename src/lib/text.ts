import { type FieldProblem, InvalidInput } from "../errors.ts";

/** What is wrong with the fields of one input, collected so that a caller learns all of it at once. */
export interface Issues {
  add(path: string, message: string): void;
  /** @throws {InvalidInput} where anything was added. */
  throwIfAny(): void;
}

export function createIssues(): Issues {
  const fields: FieldProblem[] = [];
  return {
    add: (path, message) => void fields.push({ path: [path], message }),
    throwIfAny() {
      if (fields.length > 0) throw new InvalidInput(fields);
    },
  };
}

/**
 * Why `value` cannot be kept as it is, or undefined. PostgreSQL's text holds no NUL, and a lone surrogate has no UTF-8: the driver
 * would write U+FFFD in its place without a word.
 */
export function unstorable(value: string): string | undefined {
  if (value.includes("\0")) return "must not contain the character NUL";
  if (!value.isWellFormed()) return "must be well-formed Unicode, without lone surrogates";
  return undefined;
}

/** Length as UTF-8, in bytes. */
export function byteLength(value: string): number {
  return Buffer.byteLength(value, "utf8");
}

/** Length in Unicode code points, not in UTF-16 units. */
export function codePointLength(value: string): number {
  let length = 0;
  for (const _ of value) length += 1;
  return length;
}

// Fatal: bytes that are not UTF-8 are refused, and not silently read as U+FFFD. A BOM is no part of JSON.
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** `bytes` as text; undefined where they are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

const htmlEntities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** `text` as it can stand in HTML, in an attribute between double quotes as well. */
export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"]/g, (character) => htmlEntities[character] ?? "");
}

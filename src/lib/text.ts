import { type FieldProblem, InvalidInput } from "../errors.ts";

/** Collects the problems of the fields of one input, so that a caller is told all of them at once. */
export interface Issues {
  add(path: string, message: string): void;
  /** Throws {@link InvalidInput} with the collected problems if there are any. */
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
 * Returns why `value` cannot be stored unchanged, or undefined if it can. PostgreSQL's text cannot contain NUL. A lone
 * surrogate has no UTF-8 encoding, so the driver would silently replace it by U+FFFD.
 */
export function unstorable(value: string): string | undefined {
  if (value.includes("\0")) return "must not contain the character NUL";
  if (!value.isWellFormed()) return "must be well-formed Unicode, without lone surrogates";
  return undefined;
}

/** Returns the length in UTF-8, in bytes. */
export function byteLength(value: string): number {
  return Buffer.byteLength(value, "utf8");
}

/** Returns the length in Unicode code points, not in UTF-16 units. */
export function codePointLength(value: string): number {
  let length = 0;
  for (const _ of value) length += 1;
  return length;
}

// `fatal` refuses bytes that are not UTF-8; otherwise they would silently become U+FFFD. `ignoreBOM` keeps a BOM in the
// text, because JSON has none (RFC 8259, section 8.1).
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Returns `bytes` decoded as UTF-8, or undefined if they are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

const htmlEntities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Returns `text` escaped for HTML, for text as well as for attributes in double quotes. */
export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"]/g, (character) => htmlEntities[character] ?? "");
}

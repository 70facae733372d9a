import { posix } from "node:path";
import { lookup } from "mime-types";
import { invalid } from "../errors.ts";
import { byteLength, unstorable } from "../lib/text.ts";

/** The maximum length of a name in file systems. A file with a longer one could not be saved under its name. */
const maximumBytes = 255;

const controlCharacter = /\p{Cc}/u;

/**
 * Embeddings, overrides and isolates: "invoice" U+202E "gpj.exe" displays as "invoiceexe.jpg". The marks that
 * right-to-left names need (U+200E, U+200F, U+061C) affect only their neighbours and are allowed.
 */
const directionOverride = /[\u202a-\u202e\u2066-\u2069]/;

/**
 * Returns the name of an attachment unchanged. Throws {@link InvalidInput} with the field `filename` if it is not
 * valid.
 *
 * A name is data: it is stored in a row, is returned in JSON and in Content-Disposition, and never becomes a path. So
 * spaces, dots, quotes, `%`, every script, and names such as `CON` or `nul.txt` are allowed. Names are not normalised.
 * Clients build the key (note, filename) from their own copy of the name, and to them, as to most file systems,
 * Unicode's composed and decomposed forms are two names.
 *
 * Names that could not be returned unchanged are refused:
 * - empty ones, and those of more than 255 bytes of UTF-8;
 * - those with control characters (headers cannot contain them, and PostgreSQL cannot store NUL) or lone surrogates
 *   (UTF-8 cannot encode them);
 * - those with `/` or `\`: the name is one segment of `/v2/tickets/note-attachments/{note-id}/{filename}`, where
 *   proxies decode or refuse `%2F`, and programs that save a download cut the name at either;
 * - `.` and `..`: clients and proxies remove them from a URL, however they are encoded;
 * - those with characters that reverse the direction of text, because they make an extension look like another one.
 */
export function parseFilename(name: string): string {
  const problem = filenameProblem(name);
  if (problem !== undefined) throw invalid("filename", `The filename ${problem}.`);
  return name;
}

function filenameProblem(name: string): string | undefined {
  if (name === "") return "must not be empty";
  if (unstorable(name) !== undefined) return unstorable(name);
  if (controlCharacter.test(name)) return "must not contain control characters";
  if (byteLength(name) > maximumBytes) return `must have at most ${maximumBytes} bytes as UTF-8`;
  if (/[/\\]/.test(name)) return "must not contain / or \\";
  if (name === "." || name === "..") return 'must not be "." or ".."';
  if (directionOverride.test(name)) return "must not contain characters that reverse the direction of text";
  return undefined;
}

/**
 * Returns the MIME type of a file's extension without parameters, or `application/octet-stream` if the extension is
 * missing or unknown. `png` and `.png` have no extension. An upload must declare this type, and the download is served
 * with it.
 */
export function contentTypeOf(filename: string): string {
  const extension = posix.extname(filename);
  return (extension !== "" && lookup(extension)) || "application/octet-stream";
}

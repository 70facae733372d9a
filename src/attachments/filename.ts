import { posix } from "node:path";
import { lookup } from "mime-types";
import { invalid } from "../errors.ts";
import { byteLength, unstorable } from "../lib/text.ts";

// What file systems take as one name: a longer one could not be saved under its own name anywhere.
const maximumBytes = 255;

const controlCharacter = /\p{Cc}/u;

// Embeddings, overrides and isolates: "invoice" U+202E "gpj.exe" displays as "invoiceexe.jpg". The marks that right-to-left names
// need (U+200E, U+200F, U+061C) order only their neighbours and stay allowed.
const directionOverride = /[\u202a-\u202e\u2066-\u2069]/;

/**
 * Checks the name of an attachment, and returns it as it was sent.
 *
 * A name is data: it is kept in a row and given back in JSON and in Content-Disposition, and never becomes a path. So whatever can
 * come back under its own name is taken, with spaces, dots, quotes, `%` and every script, and `CON` or `nul.txt` too. It is not
 * normalised: (note, filename) is a key that clients put together from their own copy of the name, and Unicode's composed and
 * decomposed spellings are two names to them as they are to most file systems.
 *
 * Refused is what could not come back whole:
 * - empty, or longer than 255 bytes of UTF-8;
 * - control characters (they have no place in headers, and NUL none in PostgreSQL) and lone surrogates (they have no UTF-8);
 * - `/` and `\`: the name is one segment of `/v2/tickets/note-attachments/{note-id}/{filename}`, where proxies decode or refuse
 *   `%2F`, and programs that save a download cut the name at either;
 * - `.` and `..`: clients and proxies remove them from a URL before it is sent, in any spelling;
 * - characters that turn the direction of the text around, for they make an extension look like another.
 *
 * @throws {InvalidInput} of the field `filename`.
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
 * The MIME type of a file by its extension, without parameters; `application/octet-stream` where there is no extension or none that
 * is known. What stands before the first dot of a name is no extension (`png` and `.png` have none). It is the type that an upload
 * has to declare and that a download is served with.
 */
export function contentTypeOf(filename: string): string {
  const extension = posix.extname(filename);
  return (extension !== "" && lookup(extension)) || "application/octet-stream";
}

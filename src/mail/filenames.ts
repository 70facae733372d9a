import { extension } from "mime-types";
import { allowedExtensions, extensionOf } from "../attachments/extensions.ts";
import { isMediaType } from "../attachments/input.ts";
import { contentTypeOf, parseFilename } from "../attachments/filename.ts";
import { byteLength } from "../lib/text.ts";
import { attempt, InvalidInput } from "../errors.ts";

const maxNameBytes = 255;

/**
 * Returns a filename that attachments may have, made of the one that a mail gives: the last segment of a path, without
 * control characters and without those that reverse the direction of text.
 */
export function filenameOf(given: string | null, mimeType: string): string {
  const segment = (given ?? "").split(/[/\\]/).at(-1) ?? "";
  const shown = segment
    .replaceAll(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, "")
    .toWellFormed()
    .trim();
  const ending = extension(mimeType);
  const name = /^\.{0,2}$/.test(shown) ? `attachment${ending === false ? "" : `.${ending}`}` : shown;
  const fitting = withinBytes(name);
  return attempt(() => parseFilename(fitting), InvalidInput) instanceof InvalidInput ? "attachment" : fitting;
}

/** Returns a filename within the bytes that it may have. Its extension stays. */
function withinBytes(name: string): string {
  if (byteLength(name) <= maxNameBytes) return name;
  const kind = extensionOf(name);
  const ending = allowedExtensions.has(kind) ? name.slice(-kind.length - 1) : "";
  const stem = [...name.slice(0, name.length - ending.length)];
  let bytes = byteLength(stem.join("")) + byteLength(ending);
  while (bytes > maxNameBytes) bytes -= byteLength(stem.pop() ?? "");
  return `${stem.join("")}${ending}`;
}

/** Returns whether files with this name are taken. */
export function isTaken(filename: string): boolean {
  return allowedExtensions.has(extensionOf(filename));
}

/** Returns the media type of a file: that of the mail, or that of its name. */
export function mediaTypeOf(mimeType: string, filename: string): string {
  return isMediaType(mimeType) ? mimeType.toLowerCase() : contentTypeOf(filename);
}

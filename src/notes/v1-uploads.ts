import type { Issues } from "../lib/text.ts";
import { type Body, readTruth } from "../rest/v1/kit/body.ts";
import type { NoteUpload } from "./input.ts";

/**
 * Returns the uploads in all of `fields` together. Clients of this API family send the uploads of a text field in a
 * field named after it. Adds each field that is not a list of `{key, filesize?, inline?}` to `issues`.
 */
export function readUploads(body: Body, fields: readonly string[], issues: Issues): readonly NoteUpload[] {
  return fields.flatMap((field) => {
    const uploads = readList(body[field]);
    if (uploads === undefined) issues.add(field, `${fieldLabel(field)} is invalid`);
    return uploads ?? [];
  });
}

function readList(attachments: unknown): readonly NoteUpload[] | undefined {
  // The Ruby SDK sends an empty text for an empty list.
  if (attachments === undefined || attachments === null || attachments === "") return [];
  if (!Array.isArray(attachments)) return undefined;
  const uploads = attachments.map(readUpload);
  const read = uploads.filter((upload) => upload !== undefined);
  return read.length === uploads.length ? read : undefined;
}

function readUpload(attachment: unknown): NoteUpload | undefined {
  if (typeof attachment !== "object" || attachment === null || !("key" in attachment) || typeof attachment.key !== "string")
    return undefined;
  const inline = "inline" in attachment ? readTruth(attachment.inline) : false;
  return inline === undefined ? undefined : { key: attachment.key, inline };
}

/** Returns a field's name as the beginning of a sentence: `Note attachments`. */
function fieldLabel(field: string): string {
  const words = field.replaceAll("_", " ");
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}`;
}

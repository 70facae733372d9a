import type { Issues } from "../lib/text.ts";
import { type Body, readTruth } from "../rest/v1/kit/body.ts";
import type { NoteUpload } from "./input.ts";

/**
 * The files that a body names under any of `fields`, which add up: clients of the family write those of a text beside it, in a field named after it.
 * Adds to `issues` each field that is no list of `{key, filesize?, inline?}`.
 */
export function readUploads(body: Body, fields: readonly string[], issues: Issues): readonly NoteUpload[] {
  return fields.flatMap((field) => {
    const uploads = readList(body[field]);
    if (uploads === undefined) issues.add(field, `${fieldLabel(field)} is invalid`);
    return uploads ?? [];
  });
}

function readList(attachments: unknown): readonly NoteUpload[] | undefined {
  // The Ruby SDK sends nothing as an empty text.
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

/** A field as sentences about it begin: `Note attachments`. */
function fieldLabel(field: string): string {
  const words = field.replaceAll("_", " ");
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}`;
}

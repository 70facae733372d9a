import type { Ordering, Page } from "../query/model/page.ts";
import { invalid } from "../errors.ts";
import type { Retryable } from "../lib/idempotency-key.ts";
import { createIssues } from "../lib/text.ts";
import { contentTypeOf, parseFilename } from "./filename.ts";

export interface RequestUploadInput extends Retryable {
  readonly noteId: string;
  readonly filename: string;
  /** Default: the MIME type of the filename's extension. */
  readonly contentType?: string | undefined;
  /** In bytes, if the client knows it. A file that is too large is then refused before it is sent. */
  readonly size?: number | undefined;
  /** Whether it is an image that is shown in the note's text. */
  readonly inline?: boolean | undefined;
}

/** An attachment by its id, or by its name among those of its note. */
export type AttachmentReference = { readonly id: string } | { readonly noteId: string; readonly filename: string };

export interface DeleteAttachmentInput extends Retryable {
  readonly attachment: AttachmentReference;
}

/**
 * Returns which attachment is named. Throws {@link InvalidInput} unless it is named by its id alone, or by its note and
 * filename.
 */
export function readAttachmentReference({
  id,
  noteId,
  filename,
}: Readonly<Record<"id" | "noteId" | "filename", string | undefined>>): AttachmentReference {
  if (id !== undefined && noteId === undefined && filename === undefined) return { id };
  if (id === undefined && noteId !== undefined && filename !== undefined) return { noteId, filename };
  throw invalid("id", "Name the attachment by its id, or by its note and its filename: give `id`, or `noteId` and `filename`.");
}

/**
 * Which attachments are read. `ready`: those whose bytes have arrived. `awaited`: also those whose upload may still
 * arrive, and those that are redacted.
 */
export type AttachmentReach = "ready" | "awaited";

/** A page of a note's attachments. */
export interface AttachmentRead {
  readonly reach: AttachmentReach;
  readonly ordering: Ordering;
  readonly page: Page;
}

/** The name of the attachment that is the mail as which a note was received. */
export const originalFilename = "original.eml";

/** A media type (RFC 9110, section 8.3.1) without parameters, which an upload would have to repeat exactly. */
const mediaTypePattern = /^[a-z0-9!#$&^_.+-]{1,127}\/[a-z0-9!#$&^_.+-]{1,127}$/i;

/** Returns whether `text` is a media type without parameters. */
export function isMediaType(text: string): boolean {
  return mediaTypePattern.test(text);
}

/** Returns the filename and the content type of an upload. Throws {@link InvalidInput} if a field is not valid. */
export function parseUpload(
  input: RequestUploadInput,
  limits: { maximumBytes: number },
): { filename: string; contentType: string } {
  const filename = parseFilename(input.filename);
  const issues = createIssues();
  if (input.contentType !== undefined && !isMediaType(input.contentType)) {
    issues.add("contentType", "The content type must be a media type without parameters, such as image/png.");
  }
  if (input.size !== undefined && (input.size < 0 || input.size > limits.maximumBytes)) {
    issues.add("size", `The size must be 0 to ${limits.maximumBytes} bytes.`);
  }
  issues.throwIfAny();
  return { filename, contentType: input.contentType?.toLowerCase() ?? contentTypeOf(filename) };
}

import type { Retryable } from "../lib/idempotency-key.ts";
import type { Ordering, Page } from "../query/model/page.ts";

/** A page of the edits of a note. */
export interface EditRead {
  readonly ordering: Ordering;
  readonly page: Page;
}

/** By version, the newest first. An edit has the version that the note had before it. */
export const newestEditFirst: Ordering = [{ field: "version", type: "integer", direction: "DESC" }];

export interface RestoreNoteInput extends Retryable {
  readonly id: string;
  /** The edit whose state is restored. */
  readonly editId: string;
  /** The versions that the caller accepts. Absent: any version. */
  readonly expectedVersions?: readonly number[] | undefined;
}

import type { Token } from "markdown-it";
import type { TicketKind } from "#generated/prisma/client.ts";

/** A parsed text of a note, from which `referencesIn`, `renderHtml` and `renderPlain` make their results. */
export interface RichText {
  readonly tokens: readonly Token[];
}

/** The dialect's names of the kinds of records, and the kind of ticket that each stands for. */
export const recordKinds = {
  request: "REQUEST",
  problem: "PROBLEM",
  workflow: "WORKFLOW",
  task: "TASK",
  project_task: "PROJECT_TASK",
  project: "PROJECT",
  release: "RELEASE",
  risk: "RISK",
} as const satisfies { readonly [Kind in TicketKind as Lowercase<Kind>]: Kind };

export type RecordSpelling = keyof typeof recordKinds;

export interface RecordReference {
  readonly kind: TicketKind;
  readonly number: number;
}

/** The references in a text, each once, in the order of first mention. */
export interface References {
  /** The keys of inline attachments. */
  readonly images: readonly string[];
  /** The numbers of mentioned people. */
  readonly people: readonly number[];
  readonly records: readonly RecordReference[];
}

export interface ResolvedImage {
  /** Absolute, http or https. */
  readonly url: string;
  readonly name: string;
}

export interface ResolvedPerson {
  readonly name: string;
}

export interface ResolvedRecord {
  /** Absolute, http or https; absent if there is no page to link to. */
  readonly url?: string | undefined;
  readonly subject?: string | undefined;
}

/**
 * Looks up the references of a text for one reader. A reference whose function is absent or returns undefined (it is
 * missing, or the reader may not see it) is shown as it is written in the text.
 */
export interface ResolvedReferences {
  readonly image?: ((key: string) => ResolvedImage | undefined) | undefined;
  readonly person?: ((number: number) => ResolvedPerson | undefined) | undefined;
  readonly record?: ((kind: TicketKind, number: number) => ResolvedRecord | undefined) | undefined;
}

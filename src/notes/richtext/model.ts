import type { Token } from "markdown-it";
import type { TicketKind } from "#generated/prisma/client.ts";

/** A note's text, read once: {@link referencesIn}, {@link renderHtml} and {@link renderPlain} all work on it. */
export interface RichText {
  readonly tokens: readonly Token[];
}

/** How the dialect spells the kinds of records, and which kind each is. */
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

/** The things that a text names: each once, in the order of their first mention. */
export interface References {
  /** The keys of attachments that are shown inline. */
  readonly images: readonly string[];
  /** The numbers of people who are mentioned. */
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
  /** Absolute, http or https; absent where there is no page to link to. */
  readonly url?: string | undefined;
  readonly subject?: string | undefined;
}

/**
 * What is known about the things that a text names, for one reader. Whatever is absent or answers `undefined` (missing, or not to be
 * seen by this reader) is shown as the text itself names it.
 */
export interface ResolvedReferences {
  readonly image?: ((key: string) => ResolvedImage | undefined) | undefined;
  readonly person?: ((number: number) => ResolvedPerson | undefined) | undefined;
  readonly record?: ((kind: TicketKind, number: number) => ResolvedRecord | undefined) | undefined;
}

import type { TicketKind } from "#generated/prisma/client.ts";
import { changesBetween, type TextChange } from "./changes.ts";
import { renderHtml } from "./html.ts";
import type { References, ResolvedImage, ResolvedPerson, ResolvedRecord, ResolvedReferences, RichText } from "./model.ts";
import { parseRichText } from "./parse.ts";
import { renderPlain } from "./plain.ts";
import { referencesIn } from "./references.ts";

/** The loaded references of a text, as data that can be sent to another thread. */
export interface KnownReferences {
  readonly images: ReadonlyMap<string, ResolvedImage>;
  readonly people: ReadonlyMap<number, ResolvedPerson>;
  /** By {@link recordKey}. */
  readonly records: ReadonlyMap<string, ResolvedRecord>;
}

/** The results that can be made from a text, by name. */
interface Results {
  readonly references: References;
  readonly html: string;
  readonly plain: string;
  /** What leads from the text before to the text. */
  readonly changes: readonly TextChange[];
}

export type Result = keyof Results;

/** A text, and the result to make from it. */
export interface TextTask<Wanted extends Result = Result> {
  readonly wanted: Wanted;
  readonly text: string;
  readonly known: KnownReferences;
  /** The earlier text, for a task that compares two texts. */
  readonly before?: string;
}

export type ResultOf<Wanted extends Result> = Results[Wanted];

/** Returns the number of characters that a task works on. */
export function charactersOf({ text, before = "" }: TextTask): number {
  return text.length + before.length;
}

/** Performs a task synchronously. */
export type PerformTask = <Wanted extends Result>(task: TextTask<Wanted>) => ResultOf<Wanted>;

/**
 * Returns a function that performs tasks. It keeps only the last parsed text, from which other results may be made
 * next. A parsed long text is a hundred times as large as the text, so those of a whole page must not be kept while
 * their references are loaded.
 */
export function createTaskPerformer(): PerformTask {
  let last: { readonly text: string; readonly tokens: RichText } | undefined;

  function parsed(text: string): RichText {
    if (last?.text !== text) last = { text, tokens: parseRichText(text) };
    return last.tokens;
  }

  const performers: { readonly [Wanted in Result]: (task: TextTask) => Results[Wanted] } = {
    references: ({ text }) => referencesIn(parsed(text)),
    html: ({ text, known }) => renderHtml(parsed(text), resolvedBy(known)),
    plain: ({ text, known }) => renderPlain(parsed(text), resolvedBy(known)),
    changes: ({ before = "", text }) => changesBetween(before, text),
  };
  return (task) => performers[task.wanted](task);
}

export function recordKey(kind: TicketKind, number: number): string {
  return `${kind} ${number}`;
}

function resolvedBy({ images, people, records }: KnownReferences): ResolvedReferences {
  return {
    image: (key) => images.get(key),
    person: (number) => people.get(number),
    record: (kind, number) => records.get(recordKey(kind, number)),
  };
}

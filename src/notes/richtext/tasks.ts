import type { TicketKind } from "#generated/prisma/client.ts";
import { renderHtml } from "./html.ts";
import type { References, ResolvedImage, ResolvedPerson, ResolvedRecord, ResolvedReferences, RichText } from "./model.ts";
import { parseRichText } from "./parse.ts";
import { renderPlain } from "./plain.ts";
import { referencesIn } from "./references.ts";

/** What is known about the things that a text names, as data, which can go to another thread. */
export interface KnownReferences {
  readonly images: ReadonlyMap<string, ResolvedImage>;
  readonly people: ReadonlyMap<number, ResolvedPerson>;
  /** By {@link recordKey}. */
  readonly records: ReadonlyMap<string, ResolvedRecord>;
}

/** What can be made of a text. */
interface Results {
  readonly references: References;
  readonly html: string;
  readonly plain: string;
}

export type Result = keyof Results;

/** A text, and the form to render it in. */
export interface TextTask<Wanted extends Result = Result> {
  readonly wanted: Wanted;
  readonly text: string;
  readonly known: KnownReferences;
}

export type ResultOf<Wanted extends Result> = Results[Wanted];

/** Does a task at once. */
export type PerformTask = <Wanted extends Result>(task: TextTask<Wanted>) => ResultOf<Wanted>;

/**
 * Does tasks one after another. What was parsed last is kept, for what else is made of that text, and nothing before it: what parsing makes of a long
 * text is a hundred times its size, and those of a page would be kept for as long as their references are loaded.
 */
export function createTaskPerformer(): PerformTask {
  let last: { readonly text: string; readonly tokens: RichText } | undefined;

  function parsed(text: string): RichText {
    if (last?.text !== text) last = { text, tokens: parseRichText(text) };
    return last.tokens;
  }

  const performers: { readonly [Wanted in Result]: (text: string, known: KnownReferences) => Results[Wanted] } = {
    references: (text) => referencesIn(parsed(text)),
    html: (text, known) => renderHtml(parsed(text), resolvedBy(known)),
    plain: (text, known) => renderPlain(parsed(text), resolvedBy(known)),
  };
  return ({ wanted, text, known }) => performers[wanted](text, known);
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

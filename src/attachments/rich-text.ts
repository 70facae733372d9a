import type { ResolvedReferences, RichText } from "../notes/richtext/model.ts";
import { parseRichText } from "../notes/richtext/parse.ts";
import { referencesIn } from "../notes/richtext/references.ts";
import type { Note } from "../notes/service.ts";
import type { Person } from "../people/service.ts";
import type { Ticket } from "../tickets/service.ts";
import type { Attachment } from "./service.ts";

/** A note's text with what it names, as one reader may see it. */
export interface ReadText {
  readonly text: RichText;
  readonly resolved: ResolvedReferences;
}

/** How the things that a text names are loaded, one by one: whoever gives these loads what is asked for in the same turn together. */
export interface TextLoads {
  readonly person: (number: number) => Promise<Person | null>;
  readonly ticket: (number: number) => Promise<Ticket | null>;
  /** The note's attachments whose bytes are there. */
  readonly attachments: (note: Note) => Promise<readonly Attachment[]>;
  /** Where an attachment's bytes are read. */
  readonly url: (attachment: Attachment) => Promise<string | undefined>;
}

/** Numbers beyond the database's are nobody's. */
const largestNumber = 2_147_483_647;

/**
 * Reads a note's text and loads what it names: the images among its attachments, people, records. What the reader may not see is not resolved,
 * and stands in the text as it was written there.
 */
export async function readText(note: Note, loads: TextLoads): Promise<ReadText> {
  const text = parsed(note);
  const { images, people, records } = referencesIn(text);
  const [urls, names, tickets] = await Promise.all([
    images.length === 0 ? new Map<string, never>() : imagesOf(note, images, loads),
    Promise.all(people.filter(isNumber).map(async (number) => [number, await loads.person(number)] as const)),
    Promise.all(records.filter(({ number }) => isNumber(number)).map(({ number }) => loads.ticket(number))),
  ]);
  const nameOf = new Map(names);
  const ticketOf = new Map(tickets.map((ticket) => [`${ticket?.kind} ${ticket?.number}`, ticket]));
  return {
    text,
    resolved: {
      image: (key) => urls.get(key),
      person: (number) => nameOf.get(number) ?? undefined,
      record: (kind, number) => {
        const ticket = ticketOf.get(`${kind} ${number}`);
        return ticket ? { subject: ticket.subject } : undefined;
      },
    },
  };
}

async function imagesOf(
  note: Note,
  keys: readonly string[],
  loads: TextLoads,
): Promise<Map<string, { url: string; name: string }>> {
  const images = new Map<string, { url: string; name: string }>();
  for (const attachment of await loads.attachments(note)) {
    if (attachment.key === null || !keys.includes(attachment.key)) continue;
    const url = await loads.url(attachment);
    if (url !== undefined) images.set(attachment.key, { url, name: attachment.filename });
  }
  return images;
}

function isNumber(number: number): boolean {
  return number <= largestNumber;
}

const known = new WeakMap<Note, RichText>();

/** A text is read once, for all the ways in which a query asks for it. */
function parsed(note: Note): RichText {
  const read = known.get(note) ?? parseRichText(note.text);
  known.set(note, read);
  return read;
}

import type { References } from "../notes/richtext/model.ts";
import { type KnownReferences, recordKey } from "../notes/richtext/tasks.ts";
import type { Note } from "../notes/service.ts";
import type { Person } from "../people/service.ts";
import type { Ticket } from "../tickets/service.ts";
import type { Attachment } from "./service.ts";

/** Loads the things that a text refers to, one by one. Implementations batch the loads of one turn of the event loop. */
export interface TextLoads {
  readonly person: (number: number) => Promise<Person | null>;
  readonly ticket: (number: number) => Promise<Ticket | null>;
  /** The note's attachments whose files have arrived. */
  readonly attachments: (note: Note) => Promise<readonly Attachment[]>;
  /** Where an attachment's bytes are read. */
  readonly url: (attachment: Attachment) => Promise<string | undefined>;
}

/** The largest number that the database can hold. No row has a larger one. */
const largestNumber = 2_147_483_647;

/**
 * Loads what a note's text refers to: images among its attachments, people and records. What the reader may not see is not
 * loaded, and the text shows it as it was written.
 */
export async function loadReferences(
  note: Note,
  { images, people, records }: References,
  loads: TextLoads,
): Promise<KnownReferences> {
  const [urls, names, tickets] = await Promise.all([
    images.length === 0 ? new Map<string, never>() : imagesOf(note, images, loads),
    Promise.all(people.filter(isNumber).map((number) => loads.person(number))),
    Promise.all(records.filter(({ number }) => isNumber(number)).map(({ number }) => loads.ticket(number))),
  ]);
  // Only what is shown of a record is passed on: there may be hundreds, and they may go to another thread.
  return {
    images: urls,
    people: new Map(names.flatMap((person) => (person ? [[person.number, { name: person.name }]] : []))),
    records: new Map(
      tickets.flatMap((ticket) => (ticket ? [[recordKey(ticket.kind, ticket.number), { subject: ticket.subject }]] : [])),
    ),
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

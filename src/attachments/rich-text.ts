import type { References } from "../notes/richtext/model.ts";
import { type KnownReferences, recordKey } from "../notes/richtext/tasks.ts";
import type { Note } from "../notes/service.ts";
import type { Person } from "../people/service.ts";
import type { Ticket } from "../tickets/service.ts";
import type { Attachment } from "./service.ts";

/**
 * Loads the objects to which a text refers, one by one. Implementations batch the loads of one turn of the event loop.
 */
export interface TextLoads {
  readonly person: (number: number) => Promise<Person | null>;
  readonly ticket: (number: number) => Promise<Ticket | null>;
  /** The note's attachments whose files have arrived. */
  readonly attachments: (note: Pick<Note, "id">) => Promise<readonly Attachment[]>;
  /** Returns the URL from which an attachment's bytes are read. */
  readonly url: (attachment: Attachment) => Promise<string | undefined>;
}

/** The maximum of a column of type integer. No row has a larger number. */
const maxRowNumber = 2_147_483_647;

/**
 * Returns the images, people and records to which a note's text refers. Images are attachments of the note. Objects
 * that the reader may not see are left out; the text shows their references as they were written.
 */
export async function loadReferences(
  note: Pick<Note, "id">,
  { images, people, records }: References,
  loads: TextLoads,
): Promise<KnownReferences> {
  const [urls, names, tickets] = await Promise.all([
    images.length === 0 ? new Map<string, never>() : imagesOf(note, images, loads),
    Promise.all(people.filter(isNumber).map((number) => loads.person(number))),
    Promise.all(records.filter(({ number }) => isNumber(number)).map(({ number }) => loads.ticket(number))),
  ]);
  // Only the shown fields of a record are returned, because there may be hundreds and they may be sent to another
  // thread.
  return {
    images: urls,
    people: new Map(names.flatMap((person) => (person ? [[person.number, { name: person.name }]] : []))),
    records: new Map(
      tickets.flatMap((ticket) => (ticket ? [[recordKey(ticket.kind, ticket.number), { subject: ticket.subject }]] : [])),
    ),
  };
}

async function imagesOf(
  note: Pick<Note, "id">,
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
  return number <= maxRowNumber;
}

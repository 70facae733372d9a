import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { accountRecordOf, readRoles, type SideFiles, v2People, v2Tickets } from "./folder-source.ts";
import { type ReadValue, UnusableSource } from "./json-files.ts";
import { type AttachmentRecord, noteOfV1, noteOfV2, personOfV1, roleOfName, ticketOfV1, UnusableRecord } from "./records.ts";
import {
  legacyAccountShape,
  ticketKinds,
  v1Collections,
  v1NoteShape,
  v1PersonShape,
  v1TicketShape,
  type V2AttachmentRecord,
  v2AttachmentShape,
  v2NoteShape,
} from "./shapes.ts";
import { readingOf, type TransferSource } from "./source.ts";

/** A legacy API, with the credential of an administrator there. */
export interface LegacyApi {
  /** The base URL, without /v1 or /v2. */
  readonly url: string;
  readonly key: string;
  /** The slug of the account. Undefined: that of the credential. */
  readonly account: string | undefined;
}

const maxRequests = 5;
const v1PageSize = 100;
const v2PageSize = 1000;

/**
 * Requests a URL, and again if the server asks to wait or has failed. Throws {@link UnusableSource} if it refuses or
 * does not answer.
 */
async function request(url: string, headers: Readonly<Record<string, string>>): Promise<Response> {
  for (let attempt = 1; ; attempt += 1) {
    const response = await fetch(url, { headers }).catch((error: unknown) => {
      if (attempt >= maxRequests) throw new UnusableSource(`${url} cannot be reached: ${reasonOfFailure(error)}`);
      return undefined;
    });
    if (response && response.status !== 429 && response.status < 500) return response;
    if (attempt >= maxRequests) throw new UnusableSource(`${url} answers ${response?.status}.`);
    await response?.body?.cancel();
    await sleep(Number(response?.headers.get("retry-after") ?? 2 ** attempt / 4) * 1000);
  }
}

function reasonOfFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}

/** Returns the parts of a source that download files from their signed URLs, which need no credential. */
const downloads: Pick<TransferSource, "openBytes" | "checkBytes"> = {
  async openBytes(attachment) {
    const url = urlOf(attachment);
    const response = await request(url, {});
    if (!response.ok || response.body === null) throw new UnusableRecord(`its file cannot be read: ${response.status}`);
    return Readable.from(response.body);
  },
  checkBytes: async (attachment) => void urlOf(attachment),
};

function urlOf({ url }: AttachmentRecord): string {
  if (url === undefined || !URL.canParse(url)) throw new UnusableRecord("it has no URL of its file");
  return url;
}

/** Returns the source that reads the /v1 of another server. */
export async function openV1Api(api: LegacyApi, side: SideFiles): Promise<TransferSource> {
  const headers = {
    authorization: `Bearer ${api.key}`,
    ...(api.account === undefined ? {} : { "x-xurrent-account": api.account }),
  };
  const base = `${api.url.replace(/\/$/, "")}/v1`;
  const roles = await readRoles(side.people);

  async function get(url: string): Promise<{ readonly body: unknown; readonly headers: Headers }> {
    const response = await request(url, headers);
    if (!response.ok) throw new UnusableSource(`${url} answers ${response.status}: ${await response.text()}`);
    return { body: await response.json(), headers: response.headers };
  }

  /** Yields the records of a collection by their ids, so that those that are added meanwhile come last. */
  async function* list(path: string): AsyncGenerator<ReadValue> {
    let url: string | undefined = `${base}/${path}?per_page=${v1PageSize}&sort=id`;
    while (url !== undefined) {
      const page: Awaited<ReturnType<typeof get>> = await get(url);
      if (!Array.isArray(page.body)) throw new UnusableSource(`${url} answers with no list.`);
      for (const value of page.body as unknown[]) yield { at: `/v1/${path}`, value }; // Array.isArray makes it any[]
      url = nextIn(page.headers.get("link"));
    }
  }

  async function extentOf(path: string): Promise<{ readonly count: number; readonly number: number }> {
    const { body, headers: given } = await get(`${base}/${path}?per_page=1&sort=-id`);
    const [last] = Array.isArray(body) ? (body as unknown[]) : []; // as above
    const number = typeof last === "object" && last !== null && "id" in last ? Number(last.id) : 0;
    return { count: Number(given.get("x-pagination-total-entries") ?? 0), number };
  }

  return {
    async extents() {
      const people = await extentOf("people");
      const notes = await extentOf("notes");
      let tickets = { count: 0, number: 0 };
      for (const kind of ticketKinds) {
        const { count, number } = await extentOf(v1Collections[kind]);
        tickets = { count: tickets.count + count, number: Math.max(tickets.number, number) };
      }
      return {
        counts: { people: people.count, tickets: tickets.count, notes: notes.count },
        // The numbers of files and emails are known only when all notes are read. Theirs are seldom referred to.
        numbers: { people: people.number, tickets: tickets.number, notes: notes.number, attachments: 0, inbound_emails: 0 },
      };
    },
    async *accounts() {
      const { body } = await get(`${base}/account`);
      yield readingOf({ at: "/v1/account", value: body }, legacyAccountShape, accountRecordOf);
    },
    async *people() {
      for await (const value of list("people")) {
        yield readingOf(value, v1PersonShape, (person) => {
          const record = personOfV1(person);
          return { ...record, role: roleOfName(roles.get(record.reference)) };
        });
      }
    },
    async *tickets() {
      for (const kind of ticketKinds) {
        for await (const value of list(v1Collections[kind]))
          yield readingOf(value, v1TicketShape, (ticket) => ticketOfV1(kind, ticket));
      }
    },
    async *notes() {
      for await (const value of list("notes")) yield readingOf(value, v1NoteShape, noteOfV1);
    },
    ...downloads,
  };
}

/** Returns the URL of the link `next` (RFC 8288), if there is one. */
function nextIn(link: string | null): string | undefined {
  return /<([^>]+)>\s*;\s*rel="?next"?/.exec(link ?? "")?.[1];
}

/** Returns the source that reads the /v2 of another server, for the tickets and people of CSV files. */
export async function openV2Api(api: LegacyApi, side: SideFiles): Promise<TransferSource> {
  const base = `${api.url.replace(/\/$/, "")}/v2/tickets`;
  const headers = { "x-api-key": api.key };

  /** Yields the records of a list. One that cannot be read at all is read as a problem. */
  async function* list(path: string, filter: string): AsyncGenerator<ReadValue | { at: string; problem: string }> {
    for (let offset = 0; ; offset += v2PageSize) {
      const url = `${base}/${path}?${filter}&limit=${v2PageSize}&offset=${offset}`;
      const response = await request(url, headers);
      if (response.status === 404) {
        yield { at: `/v2/tickets/${path}?${filter}`, problem: "the API has none of that id" };
        return;
      }
      if (!response.ok) throw new UnusableSource(`${url} answers ${response.status}: ${await response.text()}`);
      const page: unknown = await response.json();
      const result = typeof page === "object" && page !== null && "result" in page ? page.result : undefined;
      if (!Array.isArray(result)) throw new UnusableSource(`${url} answers with no list.`);
      for (const value of result as unknown[]) yield { at: `/v2/tickets/${path}?${filter}`, value }; // as above
      if (result.length < v2PageSize) return;
    }
  }

  async function attachmentsOf(noteId: string): Promise<readonly V2AttachmentRecord[]> {
    const found: V2AttachmentRecord[] = [];
    for await (const value of list("note-attachments", `note_id=${noteId}`)) {
      const reading = "problem" in value ? undefined : readingOf(value, v2AttachmentShape, (attachment) => attachment);
      if (reading?.item) found.push(reading.item);
    }
    return found;
  }

  async function* notesOf(ticketId: string): ReturnType<TransferSource["notes"]> {
    for await (const value of list("notes", `ticket_id=${ticketId}`)) {
      if ("problem" in value) {
        yield { ...value, id: ticketId };
        continue;
      }
      const reading = readingOf(value, v2NoteShape, (note) => note);
      if (reading.item === undefined) yield reading;
      else yield { ...reading, item: noteOfV2(reading.item, await attachmentsOf(reading.item.id)) };
    }
  }

  const ticketIds = async (): Promise<string[]> => {
    const ids: string[] = [];
    for await (const { item } of v2Tickets(side.tickets)) if (item?.id !== undefined) ids.push(item.id);
    return ids;
  };

  return {
    async extents() {
      let people = 0;
      if (side.people !== undefined) for await (const _ of v2People(side.people)) people += 1;
      const tickets = await ticketIds();
      let notes = 0;
      for (const id of tickets) notes += await totalOnV2(`${base}/notes?ticket_id=${id}&limit=0`, headers);
      return {
        counts: { people, tickets: tickets.length, notes },
        numbers: { people: 0, tickets: 0, notes: 0, attachments: 0, inbound_emails: 0 },
      };
    },
    async *accounts(): ReturnType<TransferSource["accounts"]> {
      // /v2 names no account: it is that of --account.
    },
    async *people() {
      if (side.people !== undefined) yield* v2People(side.people);
    },
    tickets: () => v2Tickets(side.tickets),
    async *notes() {
      for (const id of await ticketIds()) yield* notesOf(id);
    },
    ...downloads,
  };
}

async function totalOnV2(url: string, headers: Readonly<Record<string, string>>): Promise<number> {
  const response = await request(url, headers);
  if (response.status === 404) return 0;
  if (!response.ok) throw new UnusableSource(`${url} answers ${response.status}: ${await response.text()}`);
  const page: unknown = await response.json();
  return typeof page === "object" && page !== null && "total" in page ? Number(page.total) : 0;
}

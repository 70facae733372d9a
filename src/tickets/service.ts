import type { Ticket } from "#generated/prisma/client.ts";
import { NotFound } from "../errors.ts";
import type { Database } from "../database/database.ts";
import { type AccountCondition, sql } from "../database/sql.ts";
import { selectList } from "../database/table.ts";
import type { KeyClaim } from "../idempotency/claim.ts";
import type { Idempotency } from "../idempotency/service.ts";
import type { Reads } from "../query/reads.ts";
import type { Total } from "../query/model/page.ts";
import type { CountedSlice, PageSelection, Selection } from "../query/model/selection.ts";
import { authorize, type Viewer, withScopes } from "../viewer.ts";
import type { AddTicketInput, TicketFilter, TicketRead } from "./input.ts";
import { ticketById, ticketByNumber, ticketsOfAccount } from "./relations.ts";
import { ticketsTable } from "./table.ts";
import type { TicketWrite, TicketWriting } from "./writing.ts";

export type { Ticket, TicketKind, TicketStatus } from "#generated/prisma/client.ts";

declare module "../services.ts" {
  interface Services {
    readonly tickets: Tickets;
  }
}

export interface Tickets {
  /**
   * Returns tickets in the order of `ids` with the selected fields, or null for one that is missing or that the viewer
   * may not see.
   */
  byIds(viewer: Viewer, ids: readonly string[], selection?: Selection): Promise<(Ticket | null)[]>;
  byNumbers(viewer: Viewer, numbers: readonly number[], selection?: Selection): Promise<(Ticket | null)[]>;
  list(viewer: Viewer, read: TicketRead, selection?: PageSelection): Promise<CountedSlice<Ticket>>;
  /** Returns the number of them, or one more than `maxTotal` if there are more, however many are read for it. */
  count(viewer: Viewer, filter: TicketFilter): Promise<number>;
  total(viewer: Viewer, filter: TicketFilter): Promise<Total>;
  /**
   * @throws {InvalidInput}, {@link Forbidden} where a customer opens it for someone else, {@link NotFound} where the
   * requester is no member.
   */
  add(viewer: Viewer, input: AddTicketInput): Promise<Ticket>;
  /**
   * Sends a write by itself, under the claim of a key. Returns the written ticket, or undefined if the write had no
   * effect.
   */
  send(write: TicketWrite, key: KeyClaim): Promise<Ticket | undefined>;
}

const ticketColumns = selectList(ticketsTable, "t");

export interface TicketsDependencies {
  readonly database: Database;
  readonly reads: Reads;
  readonly writing: TicketWriting;
  readonly idempotency: Idempotency;
  /** Returns the condition for the notes by which the viewer may find tickets. Undefined: none. */
  readonly findableNotes: (viewer: Viewer) => AccountCondition | undefined;
}

export function createTickets({ database, reads, writing, idempotency, findableNotes }: TicketsDependencies): Tickets {
  const notesOf = (viewer: Viewer, { query }: TicketFilter) => (query ? findableNotes(viewer) : undefined);

  async function send({ parts, ticketId }: TicketWrite, key: KeyClaim): Promise<Ticket | undefined> {
    const [written] = await database.query<Ticket>(
      sql`WITH ${parts(key.condition)}${key.kept("written", [ticketId])} SELECT ${ticketColumns} FROM written t`,
    );
    return written;
  }

  /** Returns `ticket`. Throws {@link NotFound} if there is none. */
  function required(ticket: Ticket | null | undefined): Ticket {
    if (!ticket) throw new NotFound("ticket");
    return ticket;
  }

  return {
    byIds: (viewer, ids, selection) => reads.byKeys(viewer, ticketById, ids, selection),
    byNumbers: (viewer, numbers, selection) => reads.byKeys(viewer, ticketByNumber, numbers, selection),
    list: (viewer, read, selection) =>
      reads.page(viewer, ticketsOfAccount, { ...read, notes: notesOf(viewer, read.filter) }, selection),
    count: (viewer, filter) => reads.count(viewer, ticketsOfAccount, { filter, notes: notesOf(viewer, filter) }),
    total: (viewer, filter) => reads.total(viewer, ticketsOfAccount, { filter, notes: notesOf(viewer, filter) }),

    send,
    async add(viewer, input) {
      const write = await writing.opening(viewer, input);
      const opener = authorize(viewer);
      return idempotency.once(opener, input.idempotencyKey, {
        // A new ticket is always written, unless the key is refused.
        write: async (key) => required(await send(write, key)),
        replay: async (ids) => required((await reads.byKeys(withScopes(opener, "tickets:read"), ticketById, ids))[0]),
      });
    },
  };
}

import type { Ticket } from "#generated/prisma/client.ts";
import { NotFound } from "../errors.ts";
import type { Database } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import { selectList } from "../database/table.ts";
import type { Reads } from "../query/reads.ts";
import type { Total } from "../query/model/page.ts";
import type { CountedSlice, PageSelection, Selection } from "../query/model/selection.ts";
import type { Viewer } from "../viewer.ts";
import { type AddTicketInput, type TicketFilter, type TicketRead, type UpdateTicketInput } from "./input.ts";
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
   * Changes a ticket. Nothing is written if all fields have the given values already. Throws {@link NotFound} if the
   * viewer may not see the ticket or the new requester is not a member, `Forbidden` if they may not change it, and
   * `InvalidInput` if a field is not valid.
   */
  update(viewer: Viewer, input: UpdateTicketInput): Promise<Ticket>;
}

const ticketColumns = selectList(ticketsTable, "t");

export function createTickets({
  database,
  reads,
  writing,
}: {
  database: Database;
  reads: Reads;
  writing: TicketWriting;
}): Tickets {
  /** Returns the written ticket. Throws {@link NotFound} if it has been deleted meanwhile or is no longer visible. */
  async function write({ parts }: TicketWrite): Promise<Ticket> {
    const [written] = await database.query<Ticket>(sql`WITH ${parts(sql`true`)} SELECT ${ticketColumns} FROM written t`);
    if (!written) throw new NotFound("ticket");
    return written;
  }

  return {
    byIds: (viewer, ids, selection) => reads.byKeys(viewer, ticketById, ids, selection),
    byNumbers: (viewer, numbers, selection) => reads.byKeys(viewer, ticketByNumber, numbers, selection),
    list: (viewer, read, selection) => reads.page(viewer, ticketsOfAccount, read, selection),
    count: (viewer, filter) => reads.count(viewer, ticketsOfAccount, { filter }),
    total: (viewer, filter) => reads.total(viewer, ticketsOfAccount, { filter }),
    add: async (viewer, input) => write(await writing.opening(viewer, input)),

    async update(viewer, input) {
      const { ticket, write: change } = await writing.change(viewer, input);
      return change ? write(change) : ticket;
    },
  };
}

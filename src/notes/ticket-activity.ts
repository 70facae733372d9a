import type { Ticket } from "#generated/prisma/client.ts";
import { column, join, param, raw, sql, type Sql, whereOfOne, whereSql } from "../database/sql.ts";
import { defineEntity, type Entity } from "../query/model/entity.ts";
import { noInstant } from "../query/model/page.ts";
import type { ManyRelation, OneRelation } from "../query/model/relation.ts";
import type { TicketRead } from "../tickets/input.ts";
import { visibleTickets } from "../tickets/policy.ts";
import { ticketEntity, ticketRows } from "../tickets/relations.ts";
import type { Viewer } from "../viewer.ts";
import { findableNotes, seesInternalNotes } from "./policy.ts";

// What the table note_counts, which triggers keep, says of a ticket's notes. It has one set of columns for viewers who
// see internal notes and one for those who do not.

/** How many notes a ticket has, of those that the viewer may see, and when the last one was added. */
export interface TicketActivity {
  /** The id of the ticket. */
  readonly id: string;
  readonly noteCount: number;
  readonly lastNoteAt: Date | null;
}

const activityEntity = defineEntity<TicketActivity>({
  alias: "ta",
  fields: { id: "id", noteCount: "noteCount", lastNoteAt: "lastNoteAt" },
  revive: { lastNoteAt: "instant" },
});

/** The activity on the ticket for which `term` holds, which names it as `c.ticket_id`. */
function activityWhere(term: Sql): OneRelation<TicketActivity> {
  return {
    target: activityEntity,
    from: (viewer) => sql`(
      SELECT c.ticket_id AS id, ${noteCountFor(viewer)} AS note_count, nullif(${lastNoteAtFor(viewer)}, ${noInstant}) AS last_note_at
      FROM note_counts c WHERE ${whereOfOne("c", visibleTickets(viewer))} AND ${term}
    ) ta`,
  };
}

export const activityOfTicket = activityWhere(sql`c.ticket_id = t.id`);
export const activityByTicketId = activityWhere(sql`c.ticket_id = ${param("key")}::uuid`);

function noteCountFor(viewer: Viewer): Sql {
  return raw(seesInternalNotes(viewer) ? "c.public_notes + c.internal_notes" : "c.public_notes");
}

function lastNoteAtFor(viewer: Viewer): Sql {
  return raw(seesInternalNotes(viewer) ? "c.last_note_at" : "c.last_public_note_at");
}

// A type only, which is another here.
const { row: _row, ...storedTicket } = ticketEntity;

/** A ticket with the time of the last note that the viewer may see. */
type TicketByLastNote = Ticket & Pick<TicketActivity, "lastNoteAt">;

const ofCounts: ReadonlySet<string> = new Set(["id", "accountId", "requesterId"]);
/** The other columns of a ticket. */
const otherColumns = join(
  ticketEntity.fields.filter((field) => !ofCounts.has(field)).map((field) => column("t", field)),
  ", ",
);

/** The tickets of an account by the last of the notes that the viewer may see. */
export interface TicketsByLastNote {
  /** For viewers who see internal notes. */
  readonly all: ManyRelation<TicketByLastNote, TicketRead>;
  /** For viewers who see public notes only. */
  readonly public: ManyRelation<TicketByLastNote, TicketRead>;
}

export const ticketsByLastNote: TicketsByLastNote = {
  all: byLastNote(["accountId", "requesterId", "lastPublicNoteAt", "id"]),
  public: byLastNote(["accountId", "requesterId", "lastNoteAt", "id"]),
};

/** `indexOfRequester`: the fields of the index of note_counts that begins with the account and the requester. */
function byLastNote(indexOfRequester: readonly string[]): ManyRelation<TicketByLastNote, TicketRead> {
  const target: Entity<TicketByLastNote> = {
    ...storedTicket,
    fields: [...ticketEntity.fields, "lastNoteAt"],
    revive: (field) => (field === "lastNoteAt" ? presentInstant : ticketEntity.revive(field)),
    indexes: [["accountId", "lastNoteAt", "id"], indexOfRequester],
  };
  return {
    target,
    from: (viewer, { filter }) => {
      const { accountId } = visibleTickets(viewer);
      const rows = ticketRows(viewer, { filter, notes: findableNotes(viewer) }, ticketsWithLastNote(viewer));
      return {
        ...rows,
        areFew: rows.areFew === true || filter.fields?.number !== undefined,
        indexed: {
          from: sql`${countsOfTickets(viewer)} WHERE ${whereSql("t", { accountId })}`,
          completed: (read) => completedTickets(viewer, read),
        },
      };
    },
  };
}

function presentInstant(value: string): Date | null {
  return value === noInstant ? null : new Date(value);
}

/** The columns that an index of note_counts has, as those of a ticket. */
function countedColumns(viewer: Viewer): Sql {
  return sql`c.ticket_id AS id, c.account_id, c.requester_id, ${lastNoteAtFor(viewer)} AS last_note_at, c.last_public_note_at`;
}

/** Returns the rows of note_counts of the account as tickets `t`, with the columns of its indexes only. */
function countsOfTickets(viewer: Viewer): Sql {
  const { accountId } = visibleTickets(viewer);
  return sql`(SELECT ${countedColumns(viewer)} FROM note_counts c WHERE ${whereSql("c", { accountId })}) t`;
}

/**
 * Returns a statement that adds the columns of tickets to the rows of {@link countsOfTickets} that `read` selects.
 * OFFSET 0: each ticket is looked up by its id, so the order stays. The policy holds for the ticket itself too.
 */
function completedTickets(viewer: Viewer, read: Sql): Sql {
  return sql`
    SELECT c.*, t.* FROM (${read}) c CROSS JOIN LATERAL (
      SELECT ${otherColumns} FROM tickets t WHERE ${whereOfOne("t", visibleTickets(viewer))} AND t.id = c.id OFFSET 0
    ) t`;
}

/** Returns the tickets of the account as `t`, with the times of their last notes. */
function ticketsWithLastNote(viewer: Viewer): Sql {
  const { accountId } = visibleTickets(viewer);
  return sql`(
    SELECT ${countedColumns(viewer)}, ${otherColumns}
    FROM note_counts c JOIN tickets t ON t.account_id = c.account_id AND t.id = c.ticket_id
    WHERE ${whereSql("c", { accountId })}
  ) t`;
}

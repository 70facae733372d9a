import type { TicketKind, TicketStatus } from "#generated/prisma/client.ts";
import type { FieldFilter, InstantRange } from "../query/model/field-filter.ts";
import { noInstant, type Ordering, type OrderKey, type Page, tiesById, tiesByNumber } from "../query/model/page.ts";
import type { AccountCondition } from "../database/sql.ts";
import type { Retryable } from "../lib/idempotency-key.ts";
import type { SearchQuery } from "../search/input.ts";
import { codePointLength, createIssues, unstorable } from "../lib/text.ts";

export interface AddTicketInput extends Retryable {
  readonly kind: TicketKind;
  readonly subject: string;
  readonly status: TicketStatus;
  readonly requesterId?: string | undefined;
}

/** The status of a new ticket, unless staff give it another one. */
export const statusOfNewTickets = "PENDING" satisfies TicketStatus;

/** Absent fields stay unchanged. */
export interface UpdateTicketInput extends Retryable {
  readonly id: string;
  /** The version that the ticket must have. Absent: any version. */
  readonly expectedVersion?: number | undefined;
  readonly subject?: string | undefined;
  readonly status?: TicketStatus | undefined;
  /** Null removes the requester. */
  readonly requesterId?: string | null | undefined;
}

export interface TicketFilter {
  readonly ids?: readonly string[] | undefined;
  readonly kinds?: readonly TicketKind[] | undefined;
  readonly statuses?: readonly TicketStatus[] | undefined;
  readonly requesterId?: string | undefined;
  readonly createdAt?: InstantRange | undefined;
  readonly updatedAt?: InstantRange | undefined;
  readonly fields?: TicketFieldFilters | undefined;
  /** Tickets whose subject matches, and those with a note that matches and that the viewer may see. */
  readonly query?: SearchQuery | undefined;
}

/** A page of tickets. */
export interface TicketRead {
  readonly filter: TicketFilter;
  readonly ordering: Ordering;
  readonly page: Page;
}

/** A read of tickets with the policy of notes, which the tickets do not know. */
export interface SearchedTicketRead extends TicketRead {
  /** The condition for the notes by which the viewer may find their tickets. Undefined: none. */
  readonly notes?: AccountCondition | undefined;
}

/** The conditions on single fields. All of them must hold. */
export interface TicketFieldFilters {
  readonly number?: readonly FieldFilter<number>[];
  readonly status?: readonly FieldFilter<TicketStatus>[];
  readonly createdAt?: readonly FieldFilter<Date>[];
  readonly updatedAt?: readonly FieldFilter<Date>[];
}

const maxSubjectLength = 255;

/** Throws {@link InvalidInput} if the subject is not valid. */
export function checkTicket({ subject }: { readonly subject?: string | undefined }): void {
  if (subject === undefined) return;
  const issues = createIssues();
  const problem = unstorable(subject);
  if (problem) issues.add("subject", `The subject ${problem}.`);
  if (subject.trim() === "") issues.add("subject", "The subject must not be blank.");
  if (codePointLength(subject) > maxSubjectLength)
    issues.add("subject", `The subject must have at most ${maxSubjectLength} characters.`);
  issues.throwIfAny();
}

/** Every status. A missing one does not compile. */
const allStatuses: Readonly<Record<TicketStatus, true>> = {
  PREPARED: true,
  PENDING: true,
  IN_PROGRESS: true,
  OUTSOURCED: true,
  CLOSED: true,
  CANCELLED: true,
};

/** The orders in which tickets can be read. */
export const ticketOrderings = {
  CREATED_AT: { field: "createdAt", type: "timestamptz", ties: tiesById },
  UPDATED_AT: { field: "updatedAt", type: "timestamptz", ties: tiesById },
  NUMBER: { field: "number", type: "integer" },
  /** Of the notes that the viewer may see. It is an order of `ticketsByLastNote` of the notes' service only. */
  LAST_NOTE_AT: { field: "lastNoteAt", type: "timestamptz", missing: noInstant, ties: tiesById },
  STATUS: { field: "status", type: '"TicketStatus"', values: Object.keys(allStatuses), ties: tiesByNumber },
} as const satisfies Record<string, Omit<OrderKey, "direction">>;

import type { TicketKind, TicketStatus } from "#generated/prisma/client.ts";
import type { InstantRange } from "../platform/instants.ts";
import type { Ordering } from "../platform/keyset.ts";
import { codePointLength, findings, unstorable } from "../platform/text.ts";

export interface AddTicketInput {
  readonly kind: TicketKind;
  readonly subject: string;
  readonly status: TicketStatus;
  readonly requesterId?: string | undefined;
}

export interface TicketFilter {
  readonly ids?: readonly string[] | undefined;
  readonly kinds?: readonly TicketKind[] | undefined;
  readonly statuses?: readonly TicketStatus[] | undefined;
  readonly requesterId?: string | undefined;
  readonly createdAt?: InstantRange | undefined;
  readonly updatedAt?: InstantRange | undefined;
}

const subjectLimit = 255;

/** @throws {InvalidInput} with every field that cannot be used. */
export function checkTicket(input: AddTicketInput): void {
  const found = findings();
  const problem = unstorable(input.subject);
  if (problem) found.add("subject", `The subject ${problem}.`);
  if (input.subject.trim() === "") found.add("subject", "The subject must not be blank.");
  if (codePointLength(input.subject) > subjectLimit) found.add("subject", `The subject must have at most ${subjectLimit} characters.`);
  found.settle();
}

/** The orders that tickets can be read in. */
export const ticketOrderings = {
  CREATED_AT: { field: "createdAt", type: "timestamptz", unique: false },
  UPDATED_AT: { field: "updatedAt", type: "timestamptz", unique: false },
  NUMBER: { field: "number", type: "integer", unique: true },
} as const satisfies Record<string, Omit<Ordering, "direction">>;

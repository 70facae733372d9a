import type { Ticket } from "#generated/prisma/client.ts";
import { Changed } from "../errors.ts";

/** The ticket is in none of the versions that the caller expects. */
export class TicketChanged extends Changed<Ticket> {
  constructor(current: Ticket) {
    super("ticket", current);
    this.name = "TicketChanged";
  }
}

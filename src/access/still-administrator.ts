import { sql, type Sql } from "../database/sql.ts";
import type { Actor } from "./audit.ts";

/**
 * Returns the condition that the actor is an administrator of their account in the moment of the statement. A
 * credential is known for up to a second, in which its person may have been removed: what cannot be taken back, or
 * would give them a credential of another person, is not left to what is known. True for the operator.
 */
export function isStillAdministrator(actor: Actor): Sql {
  if (!actor.person) return sql`true`;
  return sql`EXISTS (
    SELECT FROM memberships acting WHERE acting.account_id = ${actor.account.id}::uuid AND acting.person_id = ${actor.person.id}::uuid
      AND acting.role = 'ADMINISTRATOR' AND acting.ended_at IS NULL)`;
}

/** The message to somebody who was an administrator when their request came. */
export const noLongerAdministrator = "You are no longer an administrator of the account.";

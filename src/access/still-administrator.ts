import type { Database } from "../database/database.ts";
import { sql, type Sql } from "../database/sql.ts";
import { Forbidden } from "../errors.ts";
import type { Actor } from "./audit.ts";

/**
 * Returns the condition that the actor is an administrator of their account when the statement runs. True for the
 * operator. A credential is cached for up to a second, and its person may be removed in that time. Without this
 * condition they could use it to come back, to create a credential of another person, or to redact.
 */
export function isStillAdministrator(actor: Actor): Sql {
  if (!actor.person) return sql`true`;
  return sql`EXISTS (
    SELECT FROM memberships acting WHERE acting.account_id = ${actor.account.id}::uuid AND acting.person_id = ${actor.person.id}::uuid
      AND acting.role = 'ADMINISTRATOR' AND acting.ended_at IS NULL)`;
}

/**
 * Throws {@link Forbidden} if {@link isStillAdministrator} does not hold. Call it if a statement with that condition
 * has written nothing.
 */
export async function requireStillAdministrator(database: Database, actor: Actor): Promise<void> {
  const [acting] = await database.query<{ isAllowed: boolean }>(sql`SELECT ${isStillAdministrator(actor)} AS "isAllowed"`);
  if (acting?.isAllowed !== true) throw new Forbidden("You are no longer an administrator of the account.");
}

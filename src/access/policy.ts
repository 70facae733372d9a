import { Forbidden } from "../errors.ts";
import type { AccountCondition } from "../database/sql.ts";
import { authorize, type PersonViewer, type Viewer } from "../viewer.ts";

/**
 * Returns the viewer as an administrator, who may manage the credentials of the account and read its audit. Throws
 * `Unauthenticated` if the viewer is anonymous, and {@link Forbidden} if they are not an administrator.
 */
export function administratorOf(viewer: Viewer): PersonViewer {
  const person = authorize(viewer, "admin");
  if (person.role !== "ADMINISTRATOR") throw new Forbidden("This is for administrators of the account.");
  return person;
}

/**
 * Returns the condition for the rows that an administrator may read and change: those of the account in which they act.
 * Throws as {@link administratorOf}.
 */
export function administeredRows(viewer: Viewer): AccountCondition {
  return { accountId: administratorOf(viewer).account.id };
}

/**
 * Returns the viewer as an administrator who may add, change and remove the people of the account. Throws
 * `Unauthenticated` if the viewer is anonymous, and {@link Forbidden} if they are not an administrator or the
 * credential lacks the scope.
 */
export function managerOfPeople(viewer: Viewer): PersonViewer {
  const person = authorize(viewer, "people:manage");
  if (person.role !== "ADMINISTRATOR") throw new Forbidden("This is for administrators of the account.");
  return person;
}

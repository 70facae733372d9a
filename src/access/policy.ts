import { Forbidden } from "../errors.ts";
import type { Condition } from "../database/sql.ts";
import { authorize, type PersonViewer, type Viewer } from "../viewer.ts";

/** Who looks after the keys of an account, and reads its audit. @throws {Forbidden} */
export function administratorOf(viewer: Viewer): PersonViewer {
  const person = authorize(viewer, "admin");
  if (person.role !== "ADMINISTRATOR") throw new Forbidden("This is for administrators of the account.");
  return person;
}

/** What an administrator looks after: the credentials and the audit of the account they act in. As a condition over rows. */
export function administeredRows(viewer: Viewer): Condition {
  return { accountId: administratorOf(viewer).account.id };
}

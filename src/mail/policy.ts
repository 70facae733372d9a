import { authorize, isStaff, type PersonViewer, type Role, scopesOf, type Viewer } from "../viewer.ts";

/**
 * Returns the viewer as one who hands over mails. Throws as {@link authorize} if the credential lacks the scope, which
 * only those of administrators can have.
 */
export function mailReceiver(viewer: Viewer): PersonViewer {
  return authorize(viewer, "mail:write");
}

/**
 * Returns the sender of a mail as a viewer: a member of the account of `receiver` with all that their role allows, and
 * with the scope of the receiver, by whose credential they act.
 */
export function authorOfMail(
  receiver: PersonViewer,
  { person, role }: { readonly person: PersonViewer["person"]; readonly role: Role },
): PersonViewer {
  return { ...receiver, person, role, scopes: new Set([...scopesOf(role), "mail:write"]) };
}

/** Returns whether a mail of this author becomes a public note. What staff write by mail is for staff. */
export function isPublicMail(author: PersonViewer): boolean {
  return !isStaff(author);
}

/** Returns whether the viewer may see the address of the sender of a mail: a customer only their own. */
export function maySeeSender(viewer: Viewer, mail: { readonly authorNumber: number }): boolean {
  return viewer.kind === "person" && (isStaff(viewer) || viewer.person.number === mail.authorNumber);
}

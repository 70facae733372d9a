import { byteLength } from "../lib/text.ts";
import { maximumTextBytes } from "../notes/input.ts";
import type { MailAddress } from "./headers.ts";
import type { MailContent } from "./read-mail.ts";

/** How the sender of a mail is proven. */
export interface MailTrust {
  /** The mail server whose `Authentication-Results` count. */
  readonly authservId: string | undefined;
  /** Without such a server: the addresses, and the domains as `@domain`, that are believed. */
  readonly senders: readonly string[];
}

/** Returns whether a sender is believed without proof. */
export function isTrustedSender({ senders }: MailTrust, { address, domain }: MailAddress): boolean {
  const names = new Set([address.toLowerCase(), `@${domain}`]);
  return senders.some((sender) => names.has(sender.toLowerCase()));
}

/** The number of files that a note names as left out. */
const maxNamed = 20;

/**
 * Returns the text of the note of a mail, cut at a character so that it fits. The names of files that are not taken are
 * at its end.
 */
export function textOfNote({ text, leftOut }: Pick<MailContent, "text" | "leftOut">): string {
  if (leftOut.length === 0) return cutTo(text, maximumTextBytes);
  const named = leftOut.slice(0, maxNamed).join(", ");
  const others = leftOut.length > maxNamed ? ` and ${leftOut.length - maxNamed} more` : "";
  const ending = `Not attached, because such files are not taken: ${named}${others}`;
  const own = cutTo(text, maximumTextBytes - byteLength(ending) - 2);
  return own === "" ? ending : `${own}\n\n${ending}`;
}

function cutTo(text: string, bytes: number): string {
  if (byteLength(text) <= bytes) return text;
  // A cut within a character leaves its beginning, which the decoder leaves out while it waits for the rest.
  return new TextDecoder().decode(Buffer.from(text).subarray(0, bytes), { stream: true });
}

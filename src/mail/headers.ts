import { domainToASCII } from "node:url";
import { addressParser } from "postal-mime";

/** A header field of a mail: its name in lower case, and its unfolded value. */
export interface MailHeader {
  readonly key: string;
  readonly value: string;
}

/** Returns the values of the header fields with that name, from the top of the mail down. */
export function headerValues(headers: readonly MailHeader[], name: string): string[] {
  return headers.filter(({ key }) => key === name).map(({ value }) => value);
}

/** A mail address, its domain in lower case and in ASCII. */
export interface MailAddress {
  readonly address: string;
  readonly domain: string;
}

const addressShape = /^[^\s@<>()"',;:\\]{1,64}@([^\s@<>()"',;:\\]{1,255})$/;

/** Returns the address in `text`, or undefined if it is none that a member of an account could have. */
function readAddress(text: string): MailAddress | undefined {
  const [, domain = ""] = addressShape.exec(text) ?? [];
  const ascii = domainOf(domain);
  if (ascii === "") return undefined;
  return { address: `${text.slice(0, -domain.length)}${ascii}`, domain: ascii };
}

/** Returns a domain in lower case and in ASCII, or an empty text if it is none. */
export function domainOf(text: string): string {
  return domainToASCII(text.replace(/\.$/, "")).toLowerCase();
}

/** Control characters other than a tab. The parsers leave them out, and what is left could name another thing. */
const invisibleCharacter = /[^\P{Cc}\t]/u;

/**
 * Returns the one address in From, or undefined. A mail with several is refused as a whole: programs differ in which of
 * them they show and check, and whoever spoofs a sender lives from that difference.
 */
export function senderOf(headers: readonly MailHeader[]): MailAddress | undefined {
  const [from, ...others] = headerValues(headers, "from");
  if (from === undefined || others.length > 0) return undefined;
  if (invisibleCharacter.test(from)) return undefined;
  if ((from.replaceAll(/"(?:[^"\\]|\\.)*"/g, "").match(/</g) ?? []).length > 1) return undefined;
  const addresses = addressParser(from);
  const [only] = addresses;
  if (addresses.length !== 1 || only?.address === undefined) return undefined;
  return readAddress(only.address);
}

/** The header fields that name recipients. Those that name the recipient of this copy of the mail come first. */
const recipientFields = [
  ["delivered-to", "x-original-to"],
  ["to", "cc"],
] as const;

const ticketAddress = /^ticket\+(\d{1,15})@/i;
const ticketInSubject = /\[#(\d{1,15})\]/;

/** The ticket that a mail names: by its number, or by the ids of earlier mails; or why it names none. */
export type NamedTicket =
  | { readonly number: number }
  | { readonly messageIds: readonly string[] }
  | { readonly problem: string };

/**
 * Returns the ticket that a mail names: in the address of a recipient, `ticket+<number>@…`, else in the decoded
 * subject, `[#<number>]`, else by the mails that it replies to. A field with control characters names none.
 */
export function ticketNamedIn(headers: readonly MailHeader[], subject: string): NamedTicket {
  for (const names of recipientFields) {
    const numbers = new Set(names.flatMap((name) => numbersIn(headerValues(headers, name))));
    const [number] = numbers;
    if (numbers.size > 1)
      return { problem: `The mail is addressed to several tickets: ${[...numbers].join(", ")}. Send one mail to each.` };
    if (number !== undefined) return { number };
  }
  const inSubject = invisibleCharacter.test(subject) ? undefined : ticketInSubject.exec(subject)?.[1];
  if (inSubject !== undefined) return { number: Number(inSubject) };
  const messageIds = mailsRepliedTo(headers);
  if (messageIds.length > 0) return { messageIds };
  return {
    problem:
      "The mail names no ticket: neither as a recipient ticket+<number>@…, nor in the subject as [#<number>], nor by a reply to a known mail.",
  };
}

function numbersIn(recipients: readonly string[]): number[] {
  return recipients
    .filter((value) => !invisibleCharacter.test(value))
    .flatMap((value) => addressParser(value, { flatten: true }))
    .flatMap(({ address = "" }) => ticketAddress.exec(address)?.[1] ?? [])
    .map(Number);
}

/** Control characters are in no id (RFC 5322, section 3.6.4), and PostgreSQL stores no NUL. */
const messageIdShape = /<[^<>\s\p{Cc}]{1,500}>/gu;
/** A thread can be long. Its newest mails are enough to find the ticket. */
const maxReferences = 50;

/** Returns the ids of the mails that a mail replies to, the nearest first. */
function mailsRepliedTo(headers: readonly MailHeader[]): string[] {
  const idsIn = (name: string) => headerValues(headers, name).flatMap((value) => value.match(messageIdShape) ?? []);
  return [...new Set([...idsIn("in-reply-to"), ...idsIn("references").toReversed()])].slice(0, maxReferences);
}

/** Returns the id of a mail. `digest` stands in for an id that is missing, malformed or longer than any real one. */
export function messageIdOf(headers: readonly MailHeader[], digest: string): string {
  const [sent = ""] = headerValues(headers, "message-id");
  return sent.match(messageIdShape)?.[0] ?? `<${digest}@sha256.invalid>`;
}

/**
 * Returns whether a program sent the mail by itself (RFC 3834), to a list or as a bounce. To take such a mail, or to
 * answer it, makes loops.
 */
export function isAutomatic(headers: readonly MailHeader[]): boolean {
  const first = (name: string) => (headerValues(headers, name)[0] ?? "").trim().toLowerCase();
  const submitted = first("auto-submitted").replace(/[;(\s].*$/s, "");
  if (submitted !== "" && submitted !== "no") return true;
  if (["bulk", "junk", "list"].includes(first("precedence"))) return true;
  if (headerValues(headers, "list-id").length > 0) return true;
  return first("return-path").replaceAll(/\s/g, "") === "<>" || first("content-type").startsWith("multipart/report");
}

import { createHash } from "node:crypto";
import PostalMime, { type Attachment as MailPart, decodeWords, type Email } from "postal-mime";
import { asError } from "../errors.ts";
import { filenameOf, isTaken, mediaTypeOf } from "./filenames.ts";
import { hasPassedDmarc } from "./authentication-results.ts";
import {
  isAutomatic,
  type MailAddress,
  messageIdOf,
  type NamedTicket,
  senderOf,
  ticketNamedIn,
  headerValues,
} from "./headers.ts";
import { textOfHtml } from "./html-text.ts";
import { quotedLines, withoutQuotations } from "./quotations.ts";

/** A mail to read. */
export interface MailTask {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The mail server whose `Authentication-Results` count. */
  readonly authservId: string | undefined;
}

/** A file of a mail. */
export interface MailFile {
  readonly filename: string;
  readonly contentType: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** What the header fields of a mail say. They decide whether it is taken. */
export interface MailHead {
  /** The mail as it was received. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** SHA-256 of the mail, in hexadecimal. */
  readonly digest: string;
  readonly isAutomatic: boolean;
  readonly messageId: string;
  readonly subject: string;
  /** The address in From. Undefined if there is none, or more than one. */
  readonly sender: MailAddress | undefined;
  /** Whether the mail server says that the mail comes from the domain of the sender. */
  readonly hasPassedDmarc: boolean;
  readonly ticket: NamedTicket;
}

/** What the body of a mail says. */
export interface MailContent {
  /** The mail as it was received. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** What the sender wrote. It can be empty. */
  readonly text: string;
  readonly files: readonly MailFile[];
  /** The names of files that are not taken. */
  readonly leftOut: readonly string[];
  /** Whether the mail answers another one, or has one in it, and so may quote what others wrote. */
  readonly mayQuote: boolean;
}

/** Why a mail cannot be read. */
export interface UnreadableMail {
  readonly problem: string;
}

/** The number of files that one mail may bring. A note claims one more: the mail itself. */
const maxFiles = 99;

const limits = { maxNestingDepth: 50, maxHeadersSize: 1_048_576, forceRfc822Attachments: true } as const;

/** The number of characters of a text that are looked at. It is several times the longest note. */
const maxReadCharacters = 262_144;
const maxSubjectCharacters = 998;

/** The size of the header fields at the top of a mail. Common mail servers take no more. */
const maxHeadBytes = 262_144;
/**
 * The number of lines of a mail. The largest mail has fewer, if its files are encoded in lines of 76 characters. The
 * parser keeps an object for each line.
 */
const maxLines = 1_000_000;

/** Returns what the header fields of a mail say. The parser is given nothing else of it. */
export async function readHead({ bytes, authservId }: MailTask): Promise<MailHead | UnreadableMail> {
  const end = endOfHead(bytes);
  if (end === undefined) return { problem: `The mail cannot be read: its header has more than ${maxHeadBytes} bytes.` };
  const parsed = await parseMail(bytes.slice(0, end));
  if (parsed instanceof Error) return unreadable(parsed);
  const { headers } = parsed;
  const digest = createHash("sha256").update(bytes).digest("hex");
  const sender = senderOf(headers);
  const sentSubject = decodeWords(headerValues(headers, "subject")[0] ?? "");
  const subject = cleanLine(sentSubject).slice(0, maxSubjectCharacters).toWellFormed();
  return {
    bytes,
    digest,
    isAutomatic: isAutomatic(headers),
    messageId: messageIdOf(headers, digest),
    subject,
    sender,
    hasPassedDmarc: authservId !== undefined && sender !== undefined && hasPassedDmarc(headers, authservId, sender.domain),
    ticket: ticketNamedIn(headers, sentSubject),
  };
}

/** Returns what the body of a mail says. Nothing of it is executed, loaded or unpacked. */
export async function readContent(bytes: Uint8Array<ArrayBuffer>): Promise<MailContent | UnreadableMail> {
  if (hasMoreLinesThan(bytes, maxLines)) return { problem: `The mail cannot be read: it has more than ${maxLines} lines.` };
  const parsed = await parseMail(bytes);
  if (parsed instanceof Error) return unreadable(parsed);
  const text = textOfMail(parsed);
  return { bytes, text: withoutQuotations(text), mayQuote: mayQuote(parsed, text), ...filesOf(parsed.attachments) };
}

/** RFC 5322, section 3.6.4, for answers. Mails that are forwarded need not say so, nor all answers. */
function mayQuote({ headers, html = "", text: plain = "", attachments }: Email, text: string): boolean {
  if (plain.length > maxReadCharacters) return true;
  const isAnswer = ["in-reply-to", "references"].some((name) => headerValues(headers, name).length > 0);
  const hasMail = attachments.some(({ mimeType }) => mimeType.toLowerCase() === "message/rfc822");
  return isAnswer || hasMail || /<blockquote\b/i.test(html) || quotedLines(text.split("\n")).includes("QUOTED");
}

function unreadable({ message }: Error): UnreadableMail {
  return { problem: `The mail cannot be read: ${message}` };
}

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/**
 * Returns the place after the first empty line, which ends the header (RFC 5322, section 2.1), or after the mail if it
 * has none; undefined if the header is too large. As for the parser, a line with carriage returns only is empty.
 */
function endOfHead(bytes: Uint8Array): number | undefined {
  let isEmpty = true;
  const end = Math.min(bytes.length, maxHeadBytes);
  for (let at = 0; at < end; at += 1) {
    const byte = bytes[at];
    if (byte === lineFeed && isEmpty) return at + 1;
    if (byte === lineFeed) isEmpty = true;
    else if (byte !== carriageReturn) isEmpty = false;
  }
  return bytes.length > maxHeadBytes ? undefined : bytes.length;
}

function hasMoreLinesThan(bytes: Uint8Array, most: number): boolean {
  let lines = 0;
  for (let at = bytes.indexOf(lineFeed); at !== -1; at = bytes.indexOf(lineFeed, at + 1)) {
    lines += 1;
    if (lines > most) return true;
  }
  return false;
}

async function parseMail({ buffer }: Uint8Array<ArrayBuffer>): Promise<Email | Error> {
  try {
    // The buffer has nothing but the mail in it, and is not copied.
    return await PostalMime.parse(buffer, limits);
  } catch (error) {
    // The parser refuses a mail that is nested too deeply or has too many headers. Whatever else it trips over is in
    // the mail as well.
    return asError(error);
  }
}

/** Returns the plain text of a mail, or that of its HTML. */
function textOfMail({ text = "", html = "" }: Email): string {
  const plain = clean(text.slice(0, maxReadCharacters));
  return plain.trim() === "" ? clean(textOfHtml(html.slice(0, maxReadCharacters * 2))) : plain;
}

/** Returns a text that can be stored, with line breaks as notes have them. */
function clean(text: string): string {
  return (
    text
      .replaceAll(/\r\n?/g, "\n")
      .replaceAll("\u00a0", " ")
      // oxlint-disable-next-line no-control-regex -- control characters but tab and line break show nothing
      .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g, "")
      .toWellFormed()
  );
}

function cleanLine(text: string): string {
  return clean(text).replaceAll(/\s+/g, " ").trim();
}

function filesOf(parts: readonly MailPart[]): Pick<MailContent, "files" | "leftOut"> {
  const files: MailFile[] = [];
  const leftOut: string[] = [];
  for (const { filename: given, mimeType, content } of parts) {
    const filename = filenameOf(given, mimeType);
    if (!isTaken(filename) || files.length >= maxFiles) leftOut.push(filename);
    else files.push({ filename, contentType: mediaTypeOf(mimeType, filename), bytes: bytesOfPart(content) });
  }
  return { files, leftOut };
}

/** Returns bytes that have their buffer to themselves, so that it can be handed to another thread. */
function bytesOfPart(content: MailPart["content"]): Uint8Array<ArrayBuffer> {
  return typeof content === "string" ? new TextEncoder().encode(content) : new Uint8Array(content);
}

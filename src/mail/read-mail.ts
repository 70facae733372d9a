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
import { withoutQuotations } from "./quotations.ts";

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

/** What a mail says. */
export interface ReadMail {
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
  /** What the sender wrote. */
  readonly text: string;
  readonly files: readonly MailFile[];
  /** The names of files that are not taken. */
  readonly leftOut: readonly string[];
}

/** A mail that was read, or why it cannot be read. */
export type MailReading = ReadMail | { readonly problem: string };

/** The number of files that one mail may bring. A note claims one more: the mail itself. */
const maxFiles = 99;

const limits = { maxNestingDepth: 50, maxHeadersSize: 1_048_576, forceRfc822Attachments: true } as const;

/** The number of characters of a text that are looked at. It is several times the longest note. */
const maxReadCharacters = 262_144;
const maxSubjectCharacters = 998;

/** Returns what a mail says. Nothing of it is executed, loaded or unpacked. */
export async function readMail({ bytes, authservId }: MailTask): Promise<MailReading> {
  const parsed = await parseMail(bytes);
  if (parsed instanceof Error) return { problem: `The mail cannot be read: ${parsed.message}` };
  const { headers } = parsed;
  const digest = createHash("sha256").update(bytes).digest("hex");
  const sender = senderOf(headers);
  const subject = cleanLine(decodeWords(headerValues(headers, "subject")[0] ?? ""))
    .slice(0, maxSubjectCharacters)
    .toWellFormed();
  return {
    bytes,
    digest,
    isAutomatic: isAutomatic(headers),
    messageId: messageIdOf(headers, digest),
    subject,
    sender,
    hasPassedDmarc: authservId !== undefined && sender !== undefined && hasPassedDmarc(headers, authservId, sender.domain),
    ticket: ticketNamedIn(headers, subject),
    text: withoutQuotations(textOfMail(parsed)) || subject,
    ...filesOf(parsed.attachments),
  };
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

function filesOf(parts: readonly MailPart[]): Pick<ReadMail, "files" | "leftOut"> {
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

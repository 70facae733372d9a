import { createHash } from "node:crypto";
import { v7 as uuidv7 } from "uuid";
import type { NoteCategory, NoteMedium, Role, TicketKind, TicketStatus } from "#generated/prisma/client.ts";
import { decodeGlobalId, type NodeType } from "../lib/global-ids.ts";
import { statusNamed } from "../tickets/v1-statuses.ts";
import {
  type LegacyRole,
  ticketKinds,
  type V1NoteRecord,
  type V1Person,
  type V1TicketRecord,
  type V2AttachmentRecord,
  type V2NoteRecord,
  type V2Person,
  type V2TicketRecord,
} from "./shapes.ts";

// Records of both APIs in one form. A reference names a record within its source: `person#209` and `request#5` on /v1,
// and the UUID on /v2.

export interface AccountRecord {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly timeZone: string;
  /** The text search configurations, if the source says them. /v1 does not; an export does. */
  readonly languages: readonly string[] | undefined;
  readonly createdAt: Date | undefined;
}

export interface PersonRecord {
  readonly reference: string;
  readonly id: string | undefined;
  readonly number: number | undefined;
  /** The slug of the person's home account, if the source says it. */
  readonly account: string | undefined;
  readonly name: string;
  readonly email: string | undefined;
  /** Null if they have left. Undefined if the source does not say it. */
  readonly role: Role | null | undefined;
  readonly createdAt: Date | undefined;
  readonly leftAt: Date | undefined;
}

export interface TicketRecord {
  readonly reference: string;
  readonly id: string | undefined;
  readonly number: number | undefined;
  readonly account: string | undefined;
  readonly kind: TicketKind;
  readonly status: TicketStatus;
  readonly subject: string;
  readonly requester: PersonMention | undefined;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** A person as another record names them. */
export interface PersonMention {
  readonly reference: string;
  readonly name: string | undefined;
}

export interface NoteRecord {
  readonly id: string | undefined;
  readonly number: number | undefined;
  readonly ticket: string;
  readonly author: PersonMention;
  readonly text: string;
  readonly isPublic: boolean;
  readonly categories: readonly NoteCategory[];
  readonly medium: NoteMedium;
  readonly source: string | undefined;
  readonly createdAt: Date;
  readonly updatedAt: Date | undefined;
  readonly editor: PersonMention | undefined;
  readonly attachments: readonly AttachmentRecord[];
  readonly inboundEmail: InboundEmailRecord | undefined;
}

export interface AttachmentRecord {
  readonly id: string | undefined;
  readonly number: number | undefined;
  readonly filename: string;
  readonly contentType: string | undefined;
  readonly inline: boolean;
  readonly isInternal: boolean;
  /** The key of the upload on /v1, which the note's text may contain. */
  readonly key: string | undefined;
  readonly size: number | undefined;
  readonly sha256: string | undefined;
  readonly createdAt: Date | undefined;
  /** Where the bytes are: a file of the folder, or else a URL. */
  readonly file: string | undefined;
  readonly url: string | undefined;
}

export interface InboundEmailRecord {
  readonly number: number;
  readonly subject: string;
  readonly messageId: string | undefined;
  readonly sender: string | null;
  readonly receivedAt: Date | undefined;
}

/**
 * Returns an id for a record whose API has integers only. It depends on the record's time, like every id, and is the
 * same each time it is asked for, so that a record is known again when it is read again.
 */
export function derivedId(reference: string, at: Date): string {
  return uuidv7({ msecs: at.getTime(), random: createHash("sha256").update(reference).digest().subarray(0, 16) });
}

/** Returns the UUID in a `nodeID` of this gateway, or undefined for one of another system. */
export function uuidOfNode(type: NodeType, nodeId: string | null | undefined): string | undefined {
  if (nodeId === null || nodeId === undefined) return undefined;
  try {
    const { typename, id } = decodeGlobalId(nodeId);
    return typename === type ? id : undefined;
  } catch {
    // InvalidInput: another system's ids have another form.
    return undefined;
  }
}

export function referenceToPerson(number: number): string {
  return `person#${number}`;
}

export function referenceToTicket(kind: TicketKind, number: number): string {
  return `${kind.toLowerCase()}#${number}`;
}

/**
 * Returns the reference of the record to which a /v1 note belongs, or undefined if it names none. The property has the
 * name of the record's kind.
 */
export function ticketOfV1Note(note: Readonly<Record<string, unknown>>): string | undefined {
  for (const kind of ticketKinds) {
    const record = note[kind.toLowerCase()];
    if (typeof record === "object" && record !== null && "id" in record && typeof record.id === "number")
      return referenceToTicket(kind, record.id);
  }
  return undefined;
}

const categoryNames = { "pre-scan": "PRE_SCAN", "post-scan": "POST_SCAN" } as const;

export function categoriesNamed(names: readonly (keyof typeof categoryNames)[]): NoteCategory[] {
  const named = new Set(names.map((name): NoteCategory => categoryNames[name]));
  // In the order of the enumeration, as the gateway stores them.
  return Object.values(categoryNames).filter((category) => named.has(category));
}

export function mediumNamed(name: Lowercase<NoteMedium>): NoteMedium {
  return name.toUpperCase() as NoteMedium; // /v1 has the names in lower case
}

/** Returns the role, or null for `left`. */
export function roleOfName(name: LegacyRole | undefined): Role | null | undefined {
  if (name === undefined) return undefined;
  return name === "left" ? null : (name.toUpperCase() as Role); // the APIs have the names in lower case
}

function mentionOf(person: { readonly id: number; readonly name?: string | null | undefined }): PersonMention {
  return { reference: referenceToPerson(person.id), name: person.name ?? undefined };
}

export function personOfV1(person: V1Person): PersonRecord {
  return {
    reference: referenceToPerson(person.id),
    id: person.uuid ?? uuidOfNode("Person", person.nodeID),
    number: person.id,
    account: person.account?.id,
    name: person.name,
    email: person.primary_email ?? undefined,
    role: roleOfName(person.role),
    createdAt: person.created_at,
    leftAt: person.left_at ?? undefined,
  };
}

export function personOfV2(person: V2Person): PersonRecord {
  return {
    reference: person.id,
    id: person.id,
    number: person.number,
    account: person.account,
    name: person.name,
    email: person.email ?? undefined,
    role: roleOfName(person.role),
    createdAt: person.created_at,
    leftAt: undefined,
  };
}

/** Throws {@link UnusableRecord} if /v1 does not know the status. */
export function ticketOfV1(kind: TicketKind, ticket: V1TicketRecord): TicketRecord {
  const status = ticket.state ?? statusNamed(kind, ticket.status);
  if (!status) throw new UnusableRecord(`a ${kind.toLowerCase()} has no status ${ticket.status}`);
  return {
    reference: referenceToTicket(kind, ticket.id),
    id: uuidOfNode("Ticket", ticket.nodeID),
    number: ticket.id,
    account: ticket.account?.id,
    kind,
    status,
    subject: ticket.subject,
    requester: ticket.requested_by ? mentionOf(ticket.requested_by) : undefined,
    createdAt: ticket.created_at,
    updatedAt: ticket.updated_at ?? ticket.created_at,
  };
}

export function ticketOfV2(ticket: V2TicketRecord): TicketRecord {
  const { id, number, account, kind, status, subject, requester_id: requester, created_at: createdAt } = ticket;
  return {
    ...{ reference: id, id, number, account, kind, status, subject, createdAt },
    requester: requester ? { reference: requester, name: undefined } : undefined,
    updatedAt: ticket.updated_at ?? createdAt,
  };
}

/** Throws {@link UnusableRecord} if the note names no record. */
export function noteOfV1(note: V1NoteRecord): NoteRecord {
  const ticket = ticketOfV1Note(note);
  if (ticket === undefined) throw new UnusableRecord("it names no request, problem, task or other record");
  return {
    id: uuidOfNode("Note", note.nodeID),
    number: note.id,
    ticket,
    author: mentionOf(note.person),
    text: note.text,
    isPublic: !note.internal,
    categories: categoriesNamed(note.categories),
    medium: mediumNamed(note.medium),
    source: note.source ?? undefined,
    createdAt: note.created_at,
    updatedAt: note.updated_at ?? undefined,
    editor: note.editor ? mentionOf(note.editor) : undefined,
    attachments: note.attachments.map((attachment) => ({
      id: uuidOfNode("Attachment", attachment.nodeID),
      number: attachment.id,
      filename: attachment.name,
      contentType: attachment.content_type,
      inline: attachment.inline,
      isInternal: attachment.internal,
      key: attachment.key ?? undefined,
      size: attachment.size ?? undefined,
      sha256: attachment.sha256 ?? undefined,
      createdAt: attachment.created_at,
      file: attachment.file,
      url: attachment.uri ?? undefined,
    })),
    inboundEmail: note.inbound_email
      ? {
          number: note.inbound_email.id,
          subject: note.inbound_email.subject,
          messageId: note.inbound_email.message_id,
          sender: note.inbound_email.sender ?? null,
          receivedAt: note.inbound_email.received_at,
        }
      : undefined,
  };
}

export function noteOfV2(note: V2NoteRecord, attachments: readonly V2AttachmentRecord[]): NoteRecord {
  return {
    id: note.id,
    number: undefined,
    ticket: note.ticket_id,
    author: { reference: note.author_id, name: note.author_name ?? undefined },
    text: note.value,
    isPublic: note.is_public,
    categories: categoriesNamed(note.categories),
    medium: "DEFAULT",
    source: undefined,
    createdAt: note.created_at,
    updatedAt: note.updated_at ?? undefined,
    editor: undefined,
    attachments: attachments.map(({ filename, file, signed_url: url }) => ({
      ...{ id: undefined, number: undefined, filename, contentType: undefined, inline: false, isInternal: false },
      ...{ key: undefined, size: undefined, sha256: undefined, createdAt: undefined, file, url },
    })),
    inboundEmail: undefined,
  };
}

/** Thrown for a record that cannot be taken, with the reason. */
export class UnusableRecord extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = "UnusableRecord";
  }
}

/* eslint-disable */
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
/** The note to add, and its ticket. */
export type AddNoteInput = {
  /** The parts of a vehicle's diagnosis to which the note belongs. The order does not matter. */
  categories?: Array<NoteCategory> | null | undefined;
  /**
   * A key that makes it safe to send the mutation again: 1 to 255 visible ASCII characters, such as a new UUID. A mutation
   * with the same key and input that has already been executed in the last 24 hours is not executed again, and returns
   * what it wrote as it is now. With another input it is a ConflictError.
   */
  idempotencyKey?: string | null | undefined;
  /**
   * Whether the note is public: visible to the ticket's requester. A customer must send true. False requires the scope
   * `notes:internal`.
   */
  isPublic?: boolean | null | undefined;
  /**
   * How the note is added: DEFAULT; SYSTEM or AUTOMATION, which require the scope `admin`; or OUTBOUND_EMAIL, which
   * requires the scope `mail:write`. Other media fail with INVALID_INPUT.
   */
  medium?: NoteMedium | null | undefined;
  /** The text: 1 to 65,536 bytes of UTF-8, in the rich-text markup of the 4me family. It is stored exactly as sent. */
  text: string;
  /** The ticket's global id or its UUID. */
  ticketId: string | number;
};

/** The ticket to add. */
export type AddTicketInput = {
  /**
   * A key that makes it safe to send the mutation again: 1 to 255 visible ASCII characters, such as a new UUID. A mutation
   * with the same key and input that has already been executed in the last 24 hours is not executed again, and returns
   * what it wrote as it is now. With another input it is a ConflictError.
   */
  idempotencyKey?: string | null | undefined;
  /** The kind of the ticket. */
  kind: TicketKind;
  /**
   * The person for whom the ticket is added: a member of the account, as a global id or a UUID. If omitted, the ticket of
   * a customer has that customer as requester, and that of a specialist or an administrator has none. A customer may name
   * only themselves (FORBIDDEN).
   */
  requesterId?: string | number | null | undefined;
  /** The status of the ticket. Customers cannot give another one than `PENDING`: leave it out. */
  status?: TicketStatus | null | undefined;
  /** What the ticket is about: 1 to 255 characters, not blank. */
  subject: string;
};

/** Whether the file of an attachment has arrived. */
export type AttachmentState =
  /** An upload was requested, and the file has not arrived yet. */
  | 'PENDING'
  /** The file has arrived and can be downloaded. */
  | 'READY'
  /** The file was removed for ever, and its name with it. */
  | 'REDACTED';

/** The actions that the audit records. */
export type AuditAction =
  /** The entity was added or created. */
  | 'CREATED'
  /** The entity was deleted, directly or together with the note to which it belonged. */
  | 'DELETED'
  /** The entity was updated. */
  | 'EDITED'
  /** Something of the note was removed for ever, or the attachment was. */
  | 'REDACTED'
  /** The credential was revoked. */
  | 'REVOKED'
  /** The deleted entity was brought back, directly or together with its note. */
  | 'UNDELETED'
  /**
   * The file of the attachment arrived. The event has the person who requested the upload URL and the address from which
   * the file was sent.
   */
  | 'UPLOAD_ARRIVED'
  /** A URL was requested to which the file of the attachment can be uploaded. */
  | 'UPLOAD_REQUESTED'
  /** The credential was used. Recorded at most once an hour for each credential. */
  | 'USED';

/** The kinds of entities that the audit records actions on. */
export type AuditEntity =
  /** An API key. */
  | 'API_KEY'
  /** An attachment. */
  | 'ATTACHMENT'
  /** A link between a person and a subject of an external token issuer. */
  | 'IDENTITY_LINK'
  /** A note. */
  | 'NOTE'
  /** An OAuth client. */
  | 'OAUTH_CLIENT'
  /** A person of the account. CREATED: they were added, also again. DELETED: they were removed from the account. */
  | 'PERSON'
  /** A ticket. */
  | 'TICKET';

/** Conditions on audit events. All given conditions must hold; a condition that is null or omitted is ignored. */
export type AuditEventFilter = {
  /** Only events with one of these actions. */
  action?: Array<AuditAction> | null | undefined;
  /** Only events in this range of time. */
  createdAt?: DateTimeRange | null | undefined;
  /** Only events on one of these kinds of entities. */
  entity?: Array<AuditEntity> | null | undefined;
  /** Only events on this entity: its global id or its UUID. */
  entityId?: string | number | null | undefined;
  /** Only events of this person: a global id or a UUID. */
  personId?: string | number | null | undefined;
};

/** The API key to create. */
export type CreateApiKeyInput = {
  /** When the API key expires: a time in the future. Default: never. */
  expiresAt?: string | null | undefined;
  /** What the API key is for: 1 to 255 characters, not blank. */
  name: string;
  /** The person for whom the API key acts: a member of the account, as a global id or a UUID. Default: the viewer. */
  personId?: string | number | null | undefined;
  /**
   * What the API key may be used for: at least one scope, and only scopes of the viewer's own credential. Default: all of
   * those that are of use to the person's role.
   */
  scopes?: Array<Scope> | null | undefined;
};

/** The OAuth client to create. */
export type CreateOAuthClientInput = {
  /** When the OAuth client expires: a time in the future. Default: never. */
  expiresAt?: string | null | undefined;
  /** What the OAuth client is for: 1 to 255 characters, not blank. */
  name: string;
  /** The person for whom the OAuth client acts: a member of the account, as a global id or a UUID. Default: the viewer. */
  personId?: string | number | null | undefined;
  /**
   * What the OAuth client may be used for: at least one scope, and only scopes of the viewer's own credential. Default:
   * all of those that are of use to the person's role.
   */
  scopes?: Array<Scope> | null | undefined;
};

/** Conditions on API keys or OAuth clients. All given conditions must hold; a condition that is null or omitted is ignored. */
export type CredentialFilter = {
  /** True: only revoked ones. False: only those that are not revoked. */
  isRevoked?: boolean | null | undefined;
  /** Only those that act for this person: a global id or a UUID. */
  personId?: string | number | null | undefined;
};

/** The kinds of credentials. */
export type CredentialKind =
  /** An API key. */
  | 'API_KEY'
  /** A token of an external issuer, whose subject is linked to a person. */
  | 'IDENTITY_LINK'
  /** An access token that this gateway issued to an OAuth client. */
  | 'OAUTH_CLIENT';

/** A range of time. All given bounds must hold; a bound that is null or omitted does not limit the range. */
export type DateTimeRange = {
  /** Later than this time. */
  gt?: string | null | undefined;
  /** At this time or later. */
  gte?: string | null | undefined;
  /** Earlier than this time. */
  lt?: string | null | undefined;
  /** At this time or earlier. */
  lte?: string | null | undefined;
};

/** The attachment to delete: its `id`, or the `noteId` of its note and its `filename`. */
export type DeleteAttachmentInput = {
  /** The filename of the attachment. */
  filename?: string | null | undefined;
  /** The attachment's global id or its UUID. */
  id?: string | number | null | undefined;
  /**
   * A key that makes it safe to send the mutation again: 1 to 255 visible ASCII characters, such as a new UUID. A mutation
   * with the same key and input that has already been executed in the last 24 hours is not executed again, and returns
   * what it wrote as it is now. With another input it is a ConflictError.
   */
  idempotencyKey?: string | null | undefined;
  /** The global id or the UUID of the note that has the attachment. */
  noteId?: string | number | null | undefined;
};

/** The note to delete. */
export type DeleteNoteInput = {
  /**
   * The version that the note must have. If somebody has changed it since, nothing is written and the result is a
   * NoteChangedError. Without it the note is written in any version.
   */
  expectedVersion?: number | null | undefined;
  /** The note's global id or its UUID. */
  id: string | number;
  /**
   * A key that makes it safe to send the mutation again: 1 to 255 visible ASCII characters, such as a new UUID. A mutation
   * with the same key and input that has already been executed in the last 24 hours is not executed again, and returns
   * what it wrote as it is now. With another input it is a ConflictError.
   */
  idempotencyKey?: string | null | undefined;
};

/** The kinds of expected errors. Clients should also handle codes that later versions add. */
export type ErrorCode =
  /**
   * The response would exceed the maximum size of a response. Request smaller pages or fewer fields. A mutation may have
   * been executed.
   */
  | 'ANSWER_TOO_LARGE'
  /**
   * The object is not in the version that the input expects, because somebody has changed it. The error has the object as
   * it is now. Nothing was changed.
   */
  | 'CHANGED'
  /**
   * What the input asks for contradicts what is there, or what another request does at the moment. The message says which.
   * Nothing was changed.
   */
  | 'CONFLICT'
  /** The viewer may read the object but not do this with it, or the credential lacks a scope. */
  | 'FORBIDDEN'
  /** A value in the request is not valid. Nothing was changed. */
  | 'INVALID_INPUT'
  /** The object does not exist, or the viewer may not see it. The error does not tell which. */
  | 'NOT_FOUND'
  /**
   * The operation exceeds a limit of one operation, such as points, depth or fields. The message has the limit and the
   * operation's value. Nothing was executed.
   */
  | 'TOO_EXPENSIVE'
  /** The request or the file has more bytes than the gateway accepts. */
  | 'TOO_LARGE'
  /** The rate limit is reached. The header `retry-after` says after how many seconds to try again. */
  | 'TOO_MANY_REQUESTS'
  /** The request has no credential, or its credential is not valid. */
  | 'UNAUTHENTICATED'
  /** The gateway cannot reach its database or file storage now. Try again after the seconds in the header `retry-after`. */
  | 'UNAVAILABLE';

/** The parts of a vehicle's diagnosis to which a note can belong. */
export type NoteCategory =
  /** The note is about the scan after the repair. */
  | 'POST_SCAN'
  /** The note is about the scan before the repair. */
  | 'PRE_SCAN';

/** Conditions on notes. All given conditions must hold; a condition that is null or omitted is ignored. */
export type NoteFilter = {
  /** Only notes that this person wrote: a global id or a UUID. */
  authorId?: string | number | null | undefined;
  /** Only notes with at least one of these categories. */
  categories?: Array<NoteCategory> | null | undefined;
  /** Only notes that were added in this range of time. */
  createdAt?: DateTimeRange | null | undefined;
  /**
   * True: only notes with an attachment that is READY. False: only notes without one. Requires the scope
   * `attachments:read`.
   */
  hasAttachments?: boolean | null | undefined;
  /** Only notes with one of these ids: global ids or UUIDs. */
  ids?: Array<string | number> | null | undefined;
  /** True: only public notes. False: only internal notes. */
  isPublic?: boolean | null | undefined;
  /** Only notes of one of these media. */
  medium?: Array<NoteMedium> | null | undefined;
  /** Only notes on this ticket: a global id or a UUID. */
  ticketId?: string | number | null | undefined;
  /** Only notes whose `updatedAt` is in this range of time. A note that was never updated is in none. */
  updatedAt?: DateTimeRange | null | undefined;
};

/** How a note was added. */
export type NoteMedium =
  /** Written by an automation rule. */
  | 'AUTOMATION'
  /** Written by a person or by an integration. */
  | 'DEFAULT'
  /** Received as an email. */
  | 'EMAIL'
  /** Sent as an email. */
  | 'OUTBOUND_EMAIL'
  /** The text of the note was removed. */
  | 'REDACTED'
  /** Written by the service desk's software. */
  | 'SYSTEM';

/** The order of a list of notes. */
export type NoteOrder = {
  /** The direction. */
  direction: OrderDirection;
  /** The field to sort by. */
  field: NoteOrderField;
};

/**
 * The fields by which notes can be sorted. Notes of equal time are sorted by their UUID, notes of one author by their
 * number.
 */
export type NoteOrderField =
  /** By the author's number. */
  | 'AUTHOR'
  /** By the time at which the note was added. */
  | 'CREATED_AT'
  /** By the note's number. */
  | 'NUMBER'
  /** By `updatedAt`. A note that was never updated is sorted by the time at which it was added. */
  | 'UPDATED_AT';

/** The direction of an order. */
export type OrderDirection =
  /** Ascending: the smallest or oldest first. */
  | 'ASC'
  /** Descending: the largest or newest first. */
  | 'DESC';

/** The file to attach, and its note. */
export type RequestAttachmentUploadInput = {
  /** The media type of the file without parameters, such as `image/png`. Default: the media type of the extension. */
  contentType?: string | null | undefined;
  /** The filename with its extension: 1 to 255 bytes of UTF-8. */
  filename: string;
  /**
   * A key that makes it safe to send the mutation again: 1 to 255 visible ASCII characters, such as a new UUID. A mutation
   * with the same key and input that has already been executed in the last 24 hours is not executed again, and returns
   * what it wrote as it is now. With another input it is a ConflictError.
   */
  idempotencyKey?: string | null | undefined;
  /** The note's global id or its UUID. */
  noteId: string | number;
  /**
   * The size of the file in bytes, if it is known. A size over the limit then fails here (INVALID_INPUT), and an upload
   * with another number of bytes is refused.
   */
  size?: number | null | undefined;
};

/** What a person may do in an account. The scopes of a credential can limit it further. */
export type Role =
  /** May do everything that a specialist may. Also manages people, API keys and OAuth clients, and reads the audit events. */
  | 'ADMINISTRATOR'
  /** Sees the tickets that they requested and the public notes on them. Updates and deletes the notes they wrote. */
  | 'CUSTOMER'
  /** Sees all tickets of the account and all notes on them, and updates and deletes these notes. */
  | 'SPECIALIST';

/** What a credential may be used for. It never allows more than the role of its person does. */
export type Scope =
  /**
   * Manages API keys and OAuth clients, reads audit events and adds notes of the medium SYSTEM or AUTOMATION. Only of use
   * to administrators. Scope `admin`.
   */
  | 'ADMIN'
  /** Reads the attachments of the notes that the credential may read. Scope `attachments:read`. */
  | 'ATTACHMENTS_READ'
  /** With NOTES_READ and NOTES_WRITE uploads and deletes attachments. Scope `attachments:write`. */
  | 'ATTACHMENTS_WRITE'
  /**
   * Hands over received mails, which become notes of the people who sent them, and adds notes of the medium
   * OUTBOUND_EMAIL. Only of use to administrators. Scope `mail:write`.
   */
  | 'MAIL_WRITE'
  /** Reads and writes internal notes. Only of use to specialists and administrators. Scope `notes:internal`. */
  | 'NOTES_INTERNAL'
  /** Reads notes. Internal notes also need NOTES_INTERNAL. Scope `notes:read`. */
  | 'NOTES_READ'
  /** Redacts notes and attachments for ever. Only of use to administrators. Scope `notes:redact`. */
  | 'NOTES_REDACT'
  /** With TICKETS_READ adds notes; with NOTES_READ updates and deletes them. Scope `notes:write`. */
  | 'NOTES_WRITE'
  /** Adds, updates and removes people of the account. Only of use to administrators. Scope `people:manage`. */
  | 'PEOPLE_MANAGE'
  /** Reads tickets. Scope `tickets:read`. */
  | 'TICKETS_READ'
  /** Adds tickets. Scope `tickets:write`. */
  | 'TICKETS_WRITE';

/** Conditions on tickets. All given conditions must hold; a condition that is null or omitted is ignored. */
export type TicketFilter = {
  /** Only tickets that were added in this range of time. */
  createdAt?: DateTimeRange | null | undefined;
  /** Only tickets with one of these ids: global ids or UUIDs. */
  ids?: Array<string | number> | null | undefined;
  /** Only tickets of one of these kinds. */
  kind?: Array<TicketKind> | null | undefined;
  /** Only tickets with one of these numbers. */
  numbers?: Array<number> | null | undefined;
  /**
   * Only tickets whose subject has all words of this query, and those with a note that has them and that the viewer may
   * see: of the newest 2,000 such subjects and notes. It is written as the query of `searchNotes`.
   */
  query?: string | null | undefined;
  /** Only tickets that this person requested: a global id or a UUID. */
  requesterId?: string | number | null | undefined;
  /** Only tickets with one of these statuses. */
  status?: Array<TicketStatus> | null | undefined;
  /** Only tickets whose `updatedAt` is in this range of time. */
  updatedAt?: DateTimeRange | null | undefined;
};

/** The kinds of tickets. /v1 has a collection for each kind. */
export type TicketKind =
  /** The cause of one or more requests; `problems` on /v1. */
  | 'PROBLEM'
  /** A project, which consists of project tasks; `projects` on /v1. */
  | 'PROJECT'
  /** A step of a project; `project_tasks` on /v1. */
  | 'PROJECT_TASK'
  /** Changes that are released together; `releases` on /v1. */
  | 'RELEASE'
  /** A request for help or for a service; `requests` on /v1. */
  | 'REQUEST'
  /** Something that may go wrong; `risks` on /v1. */
  | 'RISK'
  /** A step of a workflow; `tasks` on /v1. */
  | 'TASK'
  /** A change that consists of tasks; `workflows` on /v1. */
  | 'WORKFLOW';

/** The order of a list of tickets. */
export type TicketOrder = {
  /** The direction. */
  direction: OrderDirection;
  /** The field to sort by. */
  field: TicketOrderField;
};

/** The fields by which tickets can be sorted. Tickets with equal values are sorted by their UUID. */
export type TicketOrderField =
  /** By the time at which the ticket was added. */
  | 'CREATED_AT'
  /**
   * By `lastNoteAt`. Tickets without a note that the viewer may see are the last ones in descending order, and the first
   * ones in ascending order. Requires the scope `notes:read`.
   */
  | 'LAST_NOTE_AT'
  /** By the ticket's number. */
  | 'NUMBER'
  /** By `updatedAt`. */
  | 'UPDATED_AT';

/** The statuses of tickets. /v1 shows them under other names, which depend on the kind of the ticket. */
export type TicketStatus =
  /** Cancelled before it was completed. */
  | 'CANCELLED'
  /** Completed. */
  | 'CLOSED'
  /** A specialist is working on it. */
  | 'IN_PROGRESS'
  /** Another organisation is working on it. */
  | 'OUTSOURCED'
  /** Waiting for somebody to work on it. */
  | 'PENDING'
  /** Recorded, but work on it has not begun. */
  | 'PREPARED';

/** The note to update and its new values. A field that is null or omitted does not change. */
export type UpdateNoteInput = {
  /** The new categories, which replace all that the note has. */
  categories?: Array<NoteCategory> | null | undefined;
  /**
   * The version that the note must have. If somebody has changed it since, nothing is written and the result is a
   * NoteChangedError. Without it the note is written in any version.
   */
  expectedVersion?: number | null | undefined;
  /** The note's global id or its UUID. */
  id: string | number;
  /**
   * A key that makes it safe to send the mutation again: 1 to 255 visible ASCII characters, such as a new UUID. A mutation
   * with the same key and input that has already been executed in the last 24 hours is not executed again, and returns
   * what it wrote as it is now. With another input it is a ConflictError.
   */
  idempotencyKey?: string | null | undefined;
  /**
   * Whether the note is public from now on. A customer may not send false; for others false requires the scope
   * `notes:internal`.
   */
  isPublic?: boolean | null | undefined;
  /** The new text: 1 to 65,536 bytes of UTF-8, stored exactly as sent. */
  text?: string | null | undefined;
};

/** The ticket to update and its new values. A field that is omitted does not change. */
export type UpdateTicketInput = {
  /**
   * The version that the ticket must have. If somebody has changed it since, nothing is written and the result is a
   * TicketChangedError. Without it the ticket is written in any version.
   */
  expectedVersion?: number | null | undefined;
  /** The ticket's global id or its UUID. */
  id: string | number;
  /**
   * A key that makes it safe to send the mutation again: 1 to 255 visible ASCII characters, such as a new UUID. A mutation
   * with the same key and input that has already been executed in the last 24 hours is not executed again, and returns
   * what it wrote as it is now. With another input it is a ConflictError.
   */
  idempotencyKey?: string | null | undefined;
  /** The person for whom the ticket is: a member of the account, as a global id or a UUID. Null removes the requester. */
  requesterId?: string | number | null | undefined;
  /** The new status. The ticket gets a public note that tells of the change. Null is not valid. */
  status?: TicketStatus | null | undefined;
  /** What the ticket is about: 1 to 255 characters, not blank. Null is not valid. */
  subject?: string | null | undefined;
};

export type WhoAmIQueryVariables = Exact<{ [key: string]: never; }>;


export type WhoAmIQuery = { viewer: { role: Role, scopes: Array<Scope>, account: { slug: string } } };

export type DemoTicketsQueryVariables = Exact<{
  after?: string | null | undefined;
}>;


export type DemoTicketsQuery = { tickets: { nodes: Array<{ uuid: string, number: number, kind: TicketKind, account: { slug: string } }> } };

export type DemoNotesQueryVariables = Exact<{
  after?: string | null | undefined;
}>;


export type DemoNotesQuery = { notes: { totalCount: number, pageInfo: { hasNextPage: boolean, endCursor: string | null }, nodes: Array<{ text: string, isPublic: boolean, medium: NoteMedium, categories: Array<NoteCategory>, author: { name: string }, ticket: { number: number, kind: TicketKind }, attachments: { nodes: Array<{ filename: string, contentType: string, size: number | null, state: AttachmentState, download: { url: string } | null }> } }> } };

export type AddNoteMutationVariables = Exact<{
  input: AddNoteInput;
}>;


export type AddNoteMutation = { addNote:
    | { __typename: 'AddNotePayload', note: { id: string, uuid: string, number: number, text: string, categories: Array<NoteCategory>, isPublic: boolean, medium: NoteMedium, createdAt: string, updatedAt: string | null, author: { uuid: string } }, noteEdge: { cursor: string, node: { uuid: string } } }
    | { __typename: 'ConflictError', code: ErrorCode, message: string }
    | { __typename: 'ForbiddenError', code: ErrorCode, message: string }
    | { __typename: 'InvalidInputError', code: ErrorCode, message: string, fields: Array<{ path: Array<string> }> }
    | { __typename: 'NotFoundError', code: ErrorCode, message: string }
   };

export type NotesAroundCursorQueryVariables = Exact<{
  id: string | number;
  after?: string | null | undefined;
  before?: string | null | undefined;
}>;


export type NotesAroundCursorQuery = { ticket: { older: { nodes: Array<{ text: string }> }, newer: { nodes: Array<{ text: string }> }, notes: { totalCount: number } } | null };

export type ThreeNotesMutationVariables = Exact<{
  ticketId: string | number;
}>;


export type ThreeNotesMutation = { one:
    | { note: { number: number, ticket: { notes: { totalCount: number } } } }
    | Record<PropertyKey, never>
  , two:
    | { code: ErrorCode }
    | { code: ErrorCode }
    | { code: ErrorCode }
    | { code: ErrorCode }
    | Record<PropertyKey, never>
  , three:
    | { note: { number: number, ticket: { notes: { totalCount: number } } } }
    | Record<PropertyKey, never>
   };

export type AddedTogetherMutationVariables = Exact<{
  input: AddNoteInput;
}>;


export type AddedTogetherMutation = { addNote:
    | { note: { uuid: string, number: number, text: string, categories: Array<NoteCategory>, isPublic: boolean } }
    | { code: ErrorCode }
    | { code: ErrorCode }
    | { code: ErrorCode }
    | { code: ErrorCode }
   };

export type AddTicketMutationVariables = Exact<{
  input: AddTicketInput;
}>;


export type AddTicketMutation = { addTicket:
    | { __typename: 'AddTicketPayload', ticket: { uuid: string, number: number, kind: TicketKind, status: TicketStatus, subject: string, createdAt: string, updatedAt: string, requester: { uuid: string } | null, account: { slug: string } } }
    | { __typename: 'ConflictError', code: ErrorCode, message: string }
    | { __typename: 'ForbiddenError', code: ErrorCode, message: string }
    | { __typename: 'InvalidInputError', code: ErrorCode, message: string, fields: Array<{ path: Array<string>, message: string }> }
    | { __typename: 'NotFoundError', code: ErrorCode, message: string }
   };

export type RequestAttachmentUploadMutationVariables = Exact<{
  input: RequestAttachmentUploadInput;
}>;


export type RequestAttachmentUploadMutation = { requestAttachmentUpload:
    | { __typename: 'ConflictError', code: ErrorCode, message: string }
    | { __typename: 'ForbiddenError', code: ErrorCode, message: string }
    | { __typename: 'InvalidInputError', code: ErrorCode, message: string, fields: Array<{ path: Array<string> }> }
    | { __typename: 'NotFoundError', code: ErrorCode, message: string }
    | { __typename: 'RequestAttachmentUploadPayload', attachment: { id: string, filename: string, contentType: string, size: number | null, state: AttachmentState, note: { uuid: string }, download: { url: string } | null }, upload: { url: string, method: string, expiresAt: string, headers: Array<{ name: string, value: string }> } }
   };

export type DownloadsOfNoteQueryVariables = Exact<{
  id: string | number;
}>;


export type DownloadsOfNoteQuery = { note: { attachments: { nodes: Array<{ id: string, filename: string, contentType: string, size: number | null, state: AttachmentState, download: { url: string } | null }> } } | null };

export type AuditEventsQueryVariables = Exact<{
  first?: number | null | undefined;
  last?: number | null | undefined;
  after?: string | null | undefined;
  before?: string | null | undefined;
  filter?: AuditEventFilter | null | undefined;
}>;


export type AuditEventsQuery = { auditEvents: { totalCount: number, pageInfo: { hasNextPage: boolean, hasPreviousPage: boolean, startCursor: string | null, endCursor: string | null }, nodes: Array<{ id: string, action: AuditAction, entity: AuditEntity, entityId: string, credentialKind: CredentialKind | null, credentialId: string | null, address: string | null, userAgent: string | null, requestId: string | null, createdAt: string, person: { uuid: string } | null }> } };

export type CreateApiKeyMutationVariables = Exact<{
  input: CreateApiKeyInput;
}>;


export type CreateApiKeyMutation = { createApiKey:
    | { __typename: 'ConflictError', code: ErrorCode, message: string }
    | { __typename: 'CreateApiKeyPayload', secret: string, apiKey: { id: string, name: string, scopes: Array<Scope>, expiresAt: string | null, revokedAt: string | null, lastUsedAt: string | null, person: { uuid: string } } }
    | { __typename: 'ForbiddenError', code: ErrorCode, message: string }
    | { __typename: 'InvalidInputError', code: ErrorCode, message: string, fields: Array<{ path: Array<string> }> }
    | { __typename: 'NotFoundError', code: ErrorCode, message: string }
   };

export type RevokeApiKeyMutationVariables = Exact<{
  id: string | number;
}>;


export type RevokeApiKeyMutation = { revokeApiKey:
    | { __typename: 'ConflictError', code: ErrorCode, message: string }
    | { __typename: 'ForbiddenError', code: ErrorCode, message: string }
    | { __typename: 'InvalidInputError', code: ErrorCode, message: string }
    | { __typename: 'NotFoundError', code: ErrorCode, message: string }
    | { __typename: 'RevokeApiKeyPayload', apiKey: { id: string, revokedAt: string | null } }
   };

export type CreateClientMutationVariables = Exact<{
  input: CreateOAuthClientInput;
}>;


export type CreateClientMutation = { createOAuthClient:
    | { __typename: 'ConflictError', code: ErrorCode }
    | { __typename: 'CreateOAuthClientPayload', secret: string, oauthClient: { id: string, clientId: string, name: string, scopes: Array<Scope> } }
    | { __typename: 'ForbiddenError', code: ErrorCode }
    | { __typename: 'InvalidInputError', code: ErrorCode }
    | { __typename: 'NotFoundError', code: ErrorCode }
   };

export type RevokeClientMutationVariables = Exact<{
  id: string | number;
}>;


export type RevokeClientMutation = { revokeOAuthClient:
    | { __typename: 'ConflictError' }
    | { __typename: 'ForbiddenError' }
    | { __typename: 'InvalidInputError' }
    | { __typename: 'NotFoundError' }
    | { __typename: 'RevokeOAuthClientPayload', oauthClient: { revokedAt: string | null } }
   };

export type ApiKeysQueryVariables = Exact<{
  first?: number | null | undefined;
  after?: string | null | undefined;
  filter?: CredentialFilter | null | undefined;
}>;


export type ApiKeysQuery = { apiKeys: { totalCount: number, pageInfo: { hasNextPage: boolean, endCursor: string | null }, nodes: Array<{ id: string, name: string, person: { name: string } }> }, oauthClients: { totalCount: number } };

export type DeleteAttachmentMutationVariables = Exact<{
  input: DeleteAttachmentInput;
}>;


export type DeleteAttachmentMutation = { deleteAttachment:
    | { __typename: 'ConflictError', code: ErrorCode, message: string }
    | { __typename: 'DeleteAttachmentPayload', deletedAttachmentId: string, note: { uuid: string, attachments: { totalCount: number } } }
    | { __typename: 'ForbiddenError', code: ErrorCode, message: string }
    | { __typename: 'InvalidInputError', code: ErrorCode, message: string }
    | { __typename: 'NotFoundError', code: ErrorCode, message: string }
   };

export type DeleteNoteMutationVariables = Exact<{
  input: DeleteNoteInput;
}>;


export type DeleteNoteMutation = { deleteNote:
    | { __typename: 'ConflictError', code: ErrorCode, message: string }
    | { __typename: 'DeleteNotePayload', deletedNoteId: string, ticket: { uuid: string, notes: { totalCount: number } } }
    | { __typename: 'ForbiddenError', code: ErrorCode, message: string }
    | { __typename: 'InvalidInputError', code: ErrorCode, message: string, fields: Array<{ path: Array<string> }> }
    | { __typename: 'NotFoundError', code: ErrorCode, message: string }
    | { __typename: 'NoteChangedError', code: ErrorCode, message: string }
   };

export type NodeQueryVariables = Exact<{
  id: string | number;
}>;


export type NodeQuery = { node:
    | { __typename: 'Account', slug: string, id: string }
    | { __typename: 'ApiKey', name: string, uuid: string, id: string, person: { name: string } }
    | { __typename: 'Attachment', filename: string, id: string }
    | { __typename: 'AuditEvent', action: AuditAction, entityId: string, uuid: string, userAgent: string | null, createdAt: string, id: string }
    | { __typename: 'Note', text: string, id: string }
    | { __typename: 'NoteEdit', id: string }
    | { __typename: 'OAuthClient', name: string, clientId: string, id: string }
    | { __typename: 'Person', name: string, id: string }
    | { __typename: 'Ticket', subject: string, id: string }
   | null };

export type AdministeredQueryVariables = Exact<{
  noteId: string | number;
}>;


export type AdministeredQuery = { apiKeys: { nodes: Array<{ id: string, uuid: string }> }, oauthClients: { nodes: Array<{ id: string, clientId: string }> }, auditEvents: { nodes: Array<{ id: string, uuid: string, createdAt: string }> } };

export type NodesQueryVariables = Exact<{
  ids: Array<string | number> | string | number;
}>;


export type NodesQuery = { nodes: Array<
    | { __typename: 'Account', id: string }
    | { __typename: 'ApiKey', id: string }
    | { __typename: 'Attachment', id: string }
    | { __typename: 'AuditEvent', id: string }
    | { __typename: 'Note', id: string }
    | { __typename: 'NoteEdit', id: string }
    | { __typename: 'OAuthClient', id: string }
    | { __typename: 'Person', id: string }
    | { __typename: 'Ticket', id: string }
   | null> };

export type NoteAttachmentsQueryVariables = Exact<{
  id: string | number;
  first?: number | null | undefined;
  after?: string | null | undefined;
  last?: number | null | undefined;
  before?: string | null | undefined;
}>;


export type NoteAttachmentsQuery = { note: { attachments: { totalCount: number, edges: Array<{ cursor: string, node: { id: string, filename: string, contentType: string, size: number | null, inline: boolean, state: AttachmentState, createdAt: string, note: { uuid: string }, download: { url: string, expiresAt: string } | null } }>, nodes: Array<{ filename: string }>, pageInfo: { hasNextPage: boolean, hasPreviousPage: boolean, startCursor: string | null, endCursor: string | null } } } | null };

export type AttachmentsOfNotesQueryVariables = Exact<{
  id: string | number;
}>;


export type AttachmentsOfNotesQuery = { ticket: { notes: { nodes: Array<{ attachments: { totalCount: number, nodes: Array<{ filename: string, note: { uuid: string }, download: { url: string } | null }> } }> } } | null };

export type NoteQueryVariables = Exact<{
  id: string | number;
}>;


export type NoteQuery = { note: { id: string, uuid: string, number: number, text: string, categories: Array<NoteCategory>, isPublic: boolean, medium: NoteMedium, createdAt: string, updatedAt: string | null, viewerCanUpdate: boolean, viewerCanDelete: boolean, ticket: { uuid: string, subject: string }, author: { uuid: string, name: string }, account: { slug: string } } | null };

export type NotesQueryVariables = Exact<{
  first?: number | null | undefined;
  after?: string | null | undefined;
  last?: number | null | undefined;
  before?: string | null | undefined;
  filter?: NoteFilter | null | undefined;
  orderBy?: NoteOrder | null | undefined;
}>;


export type NotesQuery = { notes: { edges: Array<{ cursor: string }>, nodes: Array<{ uuid: string }>, pageInfo: { hasNextPage: boolean, hasPreviousPage: boolean, startCursor: string | null, endCursor: string | null } } };

export type NoteCountQueryVariables = Exact<{
  filter?: NoteFilter | null | undefined;
}>;


export type NoteCountQuery = { notes: { totalCount: number } };

export type NotesWithPeopleQueryVariables = Exact<{ [key: string]: never; }>;


export type NotesWithPeopleQuery = { notes: { nodes: Array<{ viewerCanUpdate: boolean, author: { name: string }, ticket: { subject: string, requester: { name: string } | null }, account: { name: string } }> } };

export type TicketNotesQueryVariables = Exact<{
  id: string | number;
  first?: number | null | undefined;
  after?: string | null | undefined;
  last?: number | null | undefined;
  before?: string | null | undefined;
  filter?: NoteFilter | null | undefined;
  orderBy?: NoteOrder | null | undefined;
}>;


export type TicketNotesQuery = { ticket: { notes: { totalCount: number, edges: Array<{ cursor: string, node: { uuid: string } }>, pageInfo: { hasNextPage: boolean, hasPreviousPage: boolean, startCursor: string | null, endCursor: string | null } } } | null };

export type NotesOfTicketsQueryVariables = Exact<{ [key: string]: never; }>;


export type NotesOfTicketsQuery = { tickets: { nodes: Array<{ notes: { nodes: Array<{ text: string, author: { name: string }, attachments: { nodes: Array<{ filename: string }> } }> } }> } };

export type CountsOfTicketsQueryVariables = Exact<{ [key: string]: never; }>;


export type CountsOfTicketsQuery = { tickets: { nodes: Array<{ all: { totalCount: number }, public: { totalCount: number } }> } };

export type TicketQueryVariables = Exact<{
  id: string | number;
}>;


export type TicketQuery = { ticket: { __typename: 'Ticket', id: string, uuid: string, number: number, kind: TicketKind, status: TicketStatus, subject: string, createdAt: string, updatedAt: string, viewerCanAddNote: boolean, account: { id: string, slug: string }, requester: { id: string, uuid: string, number: number, name: string, email: string | null } | null } | null };

export type SameTicketThriceQueryVariables = Exact<{
  id: string | number;
  uuid: string | number;
}>;


export type SameTicketThriceQuery = { one: { subject: string } | null, two: { subject: string } | null, three:
    | { subject: string }
    | Record<PropertyKey, never>
   | null };

export type PeopleOfTicketQueryVariables = Exact<{
  id: string | number;
}>;


export type PeopleOfTicketQuery = { ticket: { requester: { email: string | null } | null, notes: { nodes: Array<{ author: { email: string | null } }> } } | null };

export type TicketsQueryVariables = Exact<{
  first?: number | null | undefined;
  after?: string | null | undefined;
  last?: number | null | undefined;
  before?: string | null | undefined;
  filter?: TicketFilter | null | undefined;
  orderBy?: TicketOrder | null | undefined;
}>;


export type TicketsQuery = { tickets: { edges: Array<{ cursor: string, node: { uuid: string } }>, nodes: Array<{ uuid: string }>, pageInfo: { hasNextPage: boolean, hasPreviousPage: boolean, startCursor: string | null, endCursor: string | null } } };

export type TicketCountQueryVariables = Exact<{
  filter?: TicketFilter | null | undefined;
}>;


export type TicketCountQuery = { tickets: { totalCount: number } };

export type TicketsWithPeopleQueryVariables = Exact<{ [key: string]: never; }>;


export type TicketsWithPeopleQuery = { tickets: { nodes: Array<{ uuid: string, viewerCanAddNote: boolean, account: { slug: string }, requester: { name: string } | null }> } };

export type CursorOfNotesQueryVariables = Exact<{ [key: string]: never; }>;


export type CursorOfNotesQuery = { notes: { pageInfo: { endCursor: string | null } } };

export type UpdateNoteMutationVariables = Exact<{
  input: UpdateNoteInput;
}>;


export type UpdateNoteMutation = { updateNote:
    | { __typename: 'ConflictError', code: ErrorCode, message: string }
    | { __typename: 'ForbiddenError', code: ErrorCode, message: string }
    | { __typename: 'InvalidInputError', code: ErrorCode, message: string, fields: Array<{ path: Array<string> }> }
    | { __typename: 'NotFoundError', code: ErrorCode, message: string }
    | { __typename: 'NoteChangedError', code: ErrorCode, message: string }
    | { __typename: 'UpdateNotePayload', note: { uuid: string, text: string, categories: Array<NoteCategory>, isPublic: boolean, createdAt: string, updatedAt: string | null } }
   };

export type UpdateTicketMutationVariables = Exact<{
  input: UpdateTicketInput;
}>;


export type UpdateTicketMutation = { updateTicket:
    | { __typename: 'ConflictError', message: string }
    | { __typename: 'ForbiddenError', message: string }
    | { __typename: 'InvalidInputError', message: string, fields: Array<{ path: Array<string> }> }
    | { __typename: 'NotFoundError', message: string }
    | { __typename: 'TicketChangedError', code: ErrorCode, message: string, current: { subject: string, version: number } }
    | { __typename: 'UpdateTicketPayload', ticket: { subject: string, status: TicketStatus, version: number, updatedAt: string, requester: { uuid: string } | null } }
   };

export type TicketByNumberQueryVariables = Exact<{
  number: number;
  numbers?: Array<number> | number | null | undefined;
}>;


export type TicketByNumberQuery = { ticketByNumber: { uuid: string, version: number, notes: { nodes: Array<{ text: string, medium: NoteMedium, isPublic: boolean, author: { uuid: string } }> } } | null, tickets: { nodes: Array<{ number: number }> } };

export type UpdateVersionMutationVariables = Exact<{
  input: UpdateNoteInput;
}>;


export type UpdateVersionMutation = { updateNote:
    | { __typename: 'ConflictError', code: ErrorCode, message: string }
    | { __typename: 'ForbiddenError', code: ErrorCode, message: string }
    | { __typename: 'InvalidInputError', code: ErrorCode, message: string }
    | { __typename: 'NotFoundError', code: ErrorCode, message: string }
    | { __typename: 'NoteChangedError', code: ErrorCode, message: string, current: { text: string, version: number, viewerCanUpdate: boolean } }
    | { __typename: 'UpdateNotePayload', note: { text: string, version: number, isEdited: boolean, updatedAt: string | null, editor: { uuid: string } | null, author: { uuid: string } } }
   };

export type DeleteVersionMutationVariables = Exact<{
  input: DeleteNoteInput;
}>;


export type DeleteVersionMutation = { deleteNote:
    | { __typename: 'ConflictError' }
    | { __typename: 'DeleteNotePayload' }
    | { __typename: 'ForbiddenError' }
    | { __typename: 'InvalidInputError' }
    | { __typename: 'NotFoundError' }
    | { __typename: 'NoteChangedError', current: { version: number } }
   };

export type VersionQueryVariables = Exact<{
  id: string | number;
  number: number;
}>;


export type VersionQuery = { note: { version: number, isEdited: boolean, viewerCanUpdate: boolean, viewerCanDelete: boolean, editor: { name: string } | null } | null, noteByNumber: { uuid: string, version: number } | null };

export type ViewerQueryVariables = Exact<{ [key: string]: never; }>;


export type ViewerQuery = { viewer: { role: Role, scopes: Array<Scope>, person: { name: string, email: string | null }, account: { slug: string } } };

export type TwoTicketsQueryVariables = Exact<{
  id: string | number;
}>;


export type TwoTicketsQuery = { there: { uuid: string } | null, wrong: { uuid: string } | null };

export type ParityAddNoteMutationVariables = Exact<{
  input: AddNoteInput;
}>;


export type ParityAddNoteMutation = { addNote:
    | { __typename: 'AddNotePayload', note: { uuid: string } }
    | { __typename: 'ConflictError', code: ErrorCode }
    | { __typename: 'ForbiddenError', code: ErrorCode }
    | { __typename: 'InvalidInputError', code: ErrorCode }
    | { __typename: 'NotFoundError', code: ErrorCode }
   };

export type ParityUpdateNoteMutationVariables = Exact<{
  input: UpdateNoteInput;
}>;


export type ParityUpdateNoteMutation = { updateNote:
    | { __typename: 'ConflictError', code: ErrorCode }
    | { __typename: 'ForbiddenError', code: ErrorCode }
    | { __typename: 'InvalidInputError', code: ErrorCode }
    | { __typename: 'NotFoundError', code: ErrorCode }
    | { __typename: 'NoteChangedError', code: ErrorCode }
    | { __typename: 'UpdateNotePayload' }
   };

export type ParityDeleteNoteMutationVariables = Exact<{
  input: DeleteNoteInput;
}>;


export type ParityDeleteNoteMutation = { deleteNote:
    | { __typename: 'ConflictError', code: ErrorCode }
    | { __typename: 'DeleteNotePayload' }
    | { __typename: 'ForbiddenError', code: ErrorCode }
    | { __typename: 'InvalidInputError', code: ErrorCode }
    | { __typename: 'NotFoundError', code: ErrorCode }
    | { __typename: 'NoteChangedError', code: ErrorCode }
   };

export type ParityRequestUploadMutationVariables = Exact<{
  input: RequestAttachmentUploadInput;
}>;


export type ParityRequestUploadMutation = { requestAttachmentUpload:
    | { __typename: 'ConflictError', code: ErrorCode }
    | { __typename: 'ForbiddenError', code: ErrorCode }
    | { __typename: 'InvalidInputError', code: ErrorCode }
    | { __typename: 'NotFoundError', code: ErrorCode }
    | { __typename: 'RequestAttachmentUploadPayload', upload: { url: string, headers: Array<{ name: string, value: string }> } }
   };

export type ParityNoteQueryVariables = Exact<{
  id: string | number;
}>;


export type ParityNoteQuery = { note: { uuid: string, categories: Array<NoteCategory>, createdAt: string, isPublic: boolean, updatedAt: string | null, text: string, author: { uuid: string, name: string }, ticket: { uuid: string }, attachments: { nodes: Array<{ filename: string, state: AttachmentState, download: { url: string } | null }> } } | null };

export type ParityNotesOfTicketQueryVariables = Exact<{
  id: string | number;
}>;


export type ParityNotesOfTicketQuery = { ticket: { notes: { totalCount: number, nodes: Array<{ uuid: string }> } } | null };

export class TypedDocumentString<TResult, TVariables>
  extends String
  implements DocumentTypeDecoration<TResult, TVariables>
{
  __apiType?: NonNullable<DocumentTypeDecoration<TResult, TVariables>['__apiType']>;
  private value: string;
  public __meta__?: Record<string, any> | undefined;

  constructor(value: string, __meta__?: Record<string, any> | undefined) {
    super(value);
    this.value = value;
    this.__meta__ = __meta__;
  }

  override toString(): string & DocumentTypeDecoration<TResult, TVariables> {
    return this.value;
  }
}

export const WhoAmIDocument = new TypedDocumentString(`
    query WhoAmI {
  viewer {
    account {
      slug
    }
    role
    scopes
  }
}
    `) as unknown as TypedDocumentString<WhoAmIQuery, WhoAmIQueryVariables>;
export const DemoTicketsDocument = new TypedDocumentString(`
    query DemoTickets($after: String) {
  tickets(first: 100, after: $after) {
    nodes {
      uuid
      number
      kind
      account {
        slug
      }
    }
  }
}
    `) as unknown as TypedDocumentString<DemoTicketsQuery, DemoTicketsQueryVariables>;
export const DemoNotesDocument = new TypedDocumentString(`
    query DemoNotes($after: String) {
  notes(first: 100, after: $after, orderBy: {field: NUMBER, direction: ASC}) {
    totalCount
    pageInfo {
      hasNextPage
      endCursor
    }
    nodes {
      text
      isPublic
      medium
      categories
      author {
        name
      }
      ticket {
        number
        kind
      }
      attachments(first: 100) {
        nodes {
          filename
          contentType
          size
          state
          download {
            url
          }
        }
      }
    }
  }
}
    `) as unknown as TypedDocumentString<DemoNotesQuery, DemoNotesQueryVariables>;
export const AddNoteDocument = new TypedDocumentString(`
    mutation AddNote($input: AddNoteInput!) {
  addNote(input: $input) {
    __typename
    ... on AddNotePayload {
      note {
        id
        uuid
        number
        text
        categories
        isPublic
        medium
        author {
          uuid
        }
        createdAt
        updatedAt
      }
      noteEdge {
        cursor
        node {
          uuid
        }
      }
    }
    ... on Error {
      code
      message
    }
    ... on InvalidInputError {
      fields {
        path
      }
    }
  }
}
    `) as unknown as TypedDocumentString<AddNoteMutation, AddNoteMutationVariables>;
export const NotesAroundCursorDocument = new TypedDocumentString(`
    query NotesAroundCursor($id: ID!, $after: String, $before: String) {
  ticket(id: $id) {
    older: notes(after: $after) {
      nodes {
        text
      }
    }
    newer: notes(before: $before) {
      nodes {
        text
      }
    }
    notes {
      totalCount
    }
  }
}
    `) as unknown as TypedDocumentString<NotesAroundCursorQuery, NotesAroundCursorQueryVariables>;
export const ThreeNotesDocument = new TypedDocumentString(`
    mutation ThreeNotes($ticketId: ID!) {
  one: addNote(input: {ticketId: $ticketId, text: "one"}) {
    ... on AddNotePayload {
      note {
        number
        ticket {
          notes {
            totalCount
          }
        }
      }
    }
  }
  two: addNote(input: {ticketId: $ticketId, text: ""}) {
    ... on Error {
      code
    }
  }
  three: addNote(input: {ticketId: $ticketId, text: "three"}) {
    ... on AddNotePayload {
      note {
        number
        ticket {
          notes {
            totalCount
          }
        }
      }
    }
  }
}
    `) as unknown as TypedDocumentString<ThreeNotesMutation, ThreeNotesMutationVariables>;
export const AddedTogetherDocument = new TypedDocumentString(`
    mutation AddedTogether($input: AddNoteInput!) {
  addNote(input: $input) {
    ... on AddNotePayload {
      note {
        uuid
        number
        text
        categories
        isPublic
      }
    }
    ... on Error {
      code
    }
  }
}
    `) as unknown as TypedDocumentString<AddedTogetherMutation, AddedTogetherMutationVariables>;
export const AddTicketDocument = new TypedDocumentString(`
    mutation AddTicket($input: AddTicketInput!) {
  addTicket(input: $input) {
    __typename
    ... on AddTicketPayload {
      ticket {
        uuid
        number
        kind
        status
        subject
        requester {
          uuid
        }
        account {
          slug
        }
        createdAt
        updatedAt
      }
    }
    ... on Error {
      code
      message
    }
    ... on InvalidInputError {
      fields {
        path
        message
      }
    }
  }
}
    `) as unknown as TypedDocumentString<AddTicketMutation, AddTicketMutationVariables>;
export const RequestAttachmentUploadDocument = new TypedDocumentString(`
    mutation RequestAttachmentUpload($input: RequestAttachmentUploadInput!) {
  requestAttachmentUpload(input: $input) {
    __typename
    ... on RequestAttachmentUploadPayload {
      attachment {
        id
        filename
        contentType
        size
        state
        note {
          uuid
        }
        download {
          url
        }
      }
      upload {
        url
        method
        headers {
          name
          value
        }
        expiresAt
      }
    }
    ... on Error {
      code
      message
    }
    ... on InvalidInputError {
      fields {
        path
      }
    }
  }
}
    `) as unknown as TypedDocumentString<RequestAttachmentUploadMutation, RequestAttachmentUploadMutationVariables>;
export const DownloadsOfNoteDocument = new TypedDocumentString(`
    query DownloadsOfNote($id: ID!) {
  note(id: $id) {
    attachments {
      nodes {
        id
        filename
        contentType
        size
        state
        download {
          url
        }
      }
    }
  }
}
    `) as unknown as TypedDocumentString<DownloadsOfNoteQuery, DownloadsOfNoteQueryVariables>;
export const AuditEventsDocument = new TypedDocumentString(`
    query AuditEvents($first: Int, $last: Int, $after: String, $before: String, $filter: AuditEventFilter) {
  auditEvents(
    first: $first
    last: $last
    after: $after
    before: $before
    filter: $filter
  ) {
    totalCount
    pageInfo {
      hasNextPage
      hasPreviousPage
      startCursor
      endCursor
    }
    nodes {
      id
      action
      entity
      entityId
      person {
        uuid
      }
      credentialKind
      credentialId
      address
      userAgent
      requestId
      createdAt
    }
  }
}
    `) as unknown as TypedDocumentString<AuditEventsQuery, AuditEventsQueryVariables>;
export const CreateApiKeyDocument = new TypedDocumentString(`
    mutation CreateApiKey($input: CreateApiKeyInput!) {
  createApiKey(input: $input) {
    __typename
    ... on CreateApiKeyPayload {
      secret
      apiKey {
        id
        name
        person {
          uuid
        }
        scopes
        expiresAt
        revokedAt
        lastUsedAt
      }
    }
    ... on Error {
      code
      message
    }
    ... on InvalidInputError {
      fields {
        path
      }
    }
  }
}
    `) as unknown as TypedDocumentString<CreateApiKeyMutation, CreateApiKeyMutationVariables>;
export const RevokeApiKeyDocument = new TypedDocumentString(`
    mutation RevokeApiKey($id: ID!) {
  revokeApiKey(input: {id: $id}) {
    __typename
    ... on RevokeApiKeyPayload {
      apiKey {
        id
        revokedAt
      }
    }
    ... on Error {
      code
      message
    }
  }
}
    `) as unknown as TypedDocumentString<RevokeApiKeyMutation, RevokeApiKeyMutationVariables>;
export const CreateClientDocument = new TypedDocumentString(`
    mutation CreateClient($input: CreateOAuthClientInput!) {
  createOAuthClient(input: $input) {
    __typename
    ... on CreateOAuthClientPayload {
      secret
      oauthClient {
        id
        clientId
        name
        scopes
      }
    }
    ... on Error {
      code
    }
  }
}
    `) as unknown as TypedDocumentString<CreateClientMutation, CreateClientMutationVariables>;
export const RevokeClientDocument = new TypedDocumentString(`
    mutation RevokeClient($id: ID!) {
  revokeOAuthClient(input: {id: $id}) {
    __typename
    ... on RevokeOAuthClientPayload {
      oauthClient {
        revokedAt
      }
    }
  }
}
    `) as unknown as TypedDocumentString<RevokeClientMutation, RevokeClientMutationVariables>;
export const ApiKeysDocument = new TypedDocumentString(`
    query ApiKeys($first: Int, $after: String, $filter: CredentialFilter) {
  apiKeys(first: $first, after: $after, filter: $filter) {
    totalCount
    pageInfo {
      hasNextPage
      endCursor
    }
    nodes {
      id
      name
      person {
        name
      }
    }
  }
  oauthClients(first: 1) {
    totalCount
  }
}
    `) as unknown as TypedDocumentString<ApiKeysQuery, ApiKeysQueryVariables>;
export const DeleteAttachmentDocument = new TypedDocumentString(`
    mutation DeleteAttachment($input: DeleteAttachmentInput!) {
  deleteAttachment(input: $input) {
    __typename
    ... on DeleteAttachmentPayload {
      deletedAttachmentId
      note {
        uuid
        attachments {
          totalCount
        }
      }
    }
    ... on Error {
      code
      message
    }
  }
}
    `) as unknown as TypedDocumentString<DeleteAttachmentMutation, DeleteAttachmentMutationVariables>;
export const DeleteNoteDocument = new TypedDocumentString(`
    mutation DeleteNote($input: DeleteNoteInput!) {
  deleteNote(input: $input) {
    __typename
    ... on DeleteNotePayload {
      deletedNoteId
      ticket {
        uuid
        notes {
          totalCount
        }
      }
    }
    ... on Error {
      code
      message
    }
    ... on InvalidInputError {
      fields {
        path
      }
    }
  }
}
    `) as unknown as TypedDocumentString<DeleteNoteMutation, DeleteNoteMutationVariables>;
export const NodeDocument = new TypedDocumentString(`
    query Node($id: ID!) {
  node(id: $id) {
    __typename
    id
    ... on Ticket {
      subject
    }
    ... on Note {
      text
    }
    ... on Attachment {
      filename
    }
    ... on Person {
      name
    }
    ... on Account {
      slug
    }
    ... on ApiKey {
      name
      uuid
      person {
        name
      }
    }
    ... on OAuthClient {
      name
      clientId
    }
    ... on AuditEvent {
      action
      entityId
      uuid
      userAgent
      createdAt
    }
  }
}
    `) as unknown as TypedDocumentString<NodeQuery, NodeQueryVariables>;
export const AdministeredDocument = new TypedDocumentString(`
    query Administered($noteId: ID!) {
  apiKeys(last: 1) {
    nodes {
      id
      uuid
    }
  }
  oauthClients(first: 1) {
    nodes {
      id
      clientId
    }
  }
  auditEvents(first: 1, filter: {entityId: $noteId, action: [CREATED]}) {
    nodes {
      id
      uuid
      createdAt
    }
  }
}
    `) as unknown as TypedDocumentString<AdministeredQuery, AdministeredQueryVariables>;
export const NodesDocument = new TypedDocumentString(`
    query Nodes($ids: [ID!]!) {
  nodes(ids: $ids) {
    __typename
    id
  }
}
    `) as unknown as TypedDocumentString<NodesQuery, NodesQueryVariables>;
export const NoteAttachmentsDocument = new TypedDocumentString(`
    query NoteAttachments($id: ID!, $first: Int, $after: String, $last: Int, $before: String) {
  note(id: $id) {
    attachments(first: $first, after: $after, last: $last, before: $before) {
      totalCount
      edges {
        cursor
        node {
          id
          filename
          contentType
          size
          inline
          state
          createdAt
          note {
            uuid
          }
          download {
            url
            expiresAt
          }
        }
      }
      nodes {
        filename
      }
      pageInfo {
        hasNextPage
        hasPreviousPage
        startCursor
        endCursor
      }
    }
  }
}
    `) as unknown as TypedDocumentString<NoteAttachmentsQuery, NoteAttachmentsQueryVariables>;
export const AttachmentsOfNotesDocument = new TypedDocumentString(`
    query AttachmentsOfNotes($id: ID!) {
  ticket(id: $id) {
    notes(first: 100) {
      nodes {
        attachments {
          totalCount
          nodes {
            filename
            note {
              uuid
            }
            download {
              url
            }
          }
        }
      }
    }
  }
}
    `) as unknown as TypedDocumentString<AttachmentsOfNotesQuery, AttachmentsOfNotesQueryVariables>;
export const NoteDocument = new TypedDocumentString(`
    query Note($id: ID!) {
  note(id: $id) {
    id
    uuid
    number
    ticket {
      uuid
      subject
    }
    author {
      uuid
      name
    }
    account {
      slug
    }
    text
    categories
    isPublic
    medium
    createdAt
    updatedAt
    viewerCanUpdate
    viewerCanDelete
  }
}
    `) as unknown as TypedDocumentString<NoteQuery, NoteQueryVariables>;
export const NotesDocument = new TypedDocumentString(`
    query Notes($first: Int, $after: String, $last: Int, $before: String, $filter: NoteFilter, $orderBy: NoteOrder) {
  notes(
    first: $first
    after: $after
    last: $last
    before: $before
    filter: $filter
    orderBy: $orderBy
  ) {
    edges {
      cursor
    }
    nodes {
      uuid
    }
    pageInfo {
      hasNextPage
      hasPreviousPage
      startCursor
      endCursor
    }
  }
}
    `) as unknown as TypedDocumentString<NotesQuery, NotesQueryVariables>;
export const NoteCountDocument = new TypedDocumentString(`
    query NoteCount($filter: NoteFilter) {
  notes(first: 1, filter: $filter) {
    totalCount
  }
}
    `) as unknown as TypedDocumentString<NoteCountQuery, NoteCountQueryVariables>;
export const NotesWithPeopleDocument = new TypedDocumentString(`
    query NotesWithPeople {
  notes(first: 100) {
    nodes {
      author {
        name
      }
      ticket {
        subject
        requester {
          name
        }
      }
      account {
        name
      }
      viewerCanUpdate
    }
  }
}
    `) as unknown as TypedDocumentString<NotesWithPeopleQuery, NotesWithPeopleQueryVariables>;
export const TicketNotesDocument = new TypedDocumentString(`
    query TicketNotes($id: ID!, $first: Int, $after: String, $last: Int, $before: String, $filter: NoteFilter, $orderBy: NoteOrder) {
  ticket(id: $id) {
    notes(
      first: $first
      after: $after
      last: $last
      before: $before
      filter: $filter
      orderBy: $orderBy
    ) {
      totalCount
      edges {
        cursor
        node {
          uuid
        }
      }
      pageInfo {
        hasNextPage
        hasPreviousPage
        startCursor
        endCursor
      }
    }
  }
}
    `) as unknown as TypedDocumentString<TicketNotesQuery, TicketNotesQueryVariables>;
export const NotesOfTicketsDocument = new TypedDocumentString(`
    query NotesOfTickets {
  tickets(first: 50) {
    nodes {
      notes(first: 10) {
        nodes {
          text
          author {
            name
          }
          attachments {
            nodes {
              filename
            }
          }
        }
      }
    }
  }
}
    `) as unknown as TypedDocumentString<NotesOfTicketsQuery, NotesOfTicketsQueryVariables>;
export const CountsOfTicketsDocument = new TypedDocumentString(`
    query CountsOfTickets {
  tickets(first: 100) {
    nodes {
      all: notes(first: 1) {
        totalCount
      }
      public: notes(first: 1, filter: {isPublic: true}) {
        totalCount
      }
    }
  }
}
    `) as unknown as TypedDocumentString<CountsOfTicketsQuery, CountsOfTicketsQueryVariables>;
export const TicketDocument = new TypedDocumentString(`
    query Ticket($id: ID!) {
  ticket(id: $id) {
    __typename
    id
    uuid
    number
    kind
    status
    subject
    account {
      id
      slug
    }
    requester {
      id
      uuid
      number
      name
      email
    }
    createdAt
    updatedAt
    viewerCanAddNote
  }
}
    `) as unknown as TypedDocumentString<TicketQuery, TicketQueryVariables>;
export const SameTicketThriceDocument = new TypedDocumentString(`
    query SameTicketThrice($id: ID!, $uuid: ID!) {
  one: ticket(id: $id) {
    subject
  }
  two: ticket(id: $uuid) {
    subject
  }
  three: node(id: $id) {
    ... on Ticket {
      subject
    }
  }
}
    `) as unknown as TypedDocumentString<SameTicketThriceQuery, SameTicketThriceQueryVariables>;
export const PeopleOfTicketDocument = new TypedDocumentString(`
    query PeopleOfTicket($id: ID!) {
  ticket(id: $id) {
    requester {
      email
    }
    notes(first: 1) {
      nodes {
        author {
          email
        }
      }
    }
  }
}
    `) as unknown as TypedDocumentString<PeopleOfTicketQuery, PeopleOfTicketQueryVariables>;
export const TicketsDocument = new TypedDocumentString(`
    query Tickets($first: Int, $after: String, $last: Int, $before: String, $filter: TicketFilter, $orderBy: TicketOrder) {
  tickets(
    first: $first
    after: $after
    last: $last
    before: $before
    filter: $filter
    orderBy: $orderBy
  ) {
    edges {
      cursor
      node {
        uuid
      }
    }
    nodes {
      uuid
    }
    pageInfo {
      hasNextPage
      hasPreviousPage
      startCursor
      endCursor
    }
  }
}
    `) as unknown as TypedDocumentString<TicketsQuery, TicketsQueryVariables>;
export const TicketCountDocument = new TypedDocumentString(`
    query TicketCount($filter: TicketFilter) {
  tickets(first: 1, filter: $filter) {
    totalCount
  }
}
    `) as unknown as TypedDocumentString<TicketCountQuery, TicketCountQueryVariables>;
export const TicketsWithPeopleDocument = new TypedDocumentString(`
    query TicketsWithPeople {
  tickets(first: 100) {
    nodes {
      uuid
      account {
        slug
      }
      requester {
        name
      }
      viewerCanAddNote
    }
  }
}
    `) as unknown as TypedDocumentString<TicketsWithPeopleQuery, TicketsWithPeopleQueryVariables>;
export const CursorOfNotesDocument = new TypedDocumentString(`
    query CursorOfNotes {
  notes(first: 1) {
    pageInfo {
      endCursor
    }
  }
}
    `) as unknown as TypedDocumentString<CursorOfNotesQuery, CursorOfNotesQueryVariables>;
export const UpdateNoteDocument = new TypedDocumentString(`
    mutation UpdateNote($input: UpdateNoteInput!) {
  updateNote(input: $input) {
    __typename
    ... on UpdateNotePayload {
      note {
        uuid
        text
        categories
        isPublic
        createdAt
        updatedAt
      }
    }
    ... on Error {
      code
      message
    }
    ... on InvalidInputError {
      fields {
        path
      }
    }
  }
}
    `) as unknown as TypedDocumentString<UpdateNoteMutation, UpdateNoteMutationVariables>;
export const UpdateTicketDocument = new TypedDocumentString(`
    mutation UpdateTicket($input: UpdateTicketInput!) {
  updateTicket(input: $input) {
    __typename
    ... on UpdateTicketPayload {
      ticket {
        subject
        status
        version
        updatedAt
        requester {
          uuid
        }
      }
    }
    ... on TicketChangedError {
      code
      current {
        subject
        version
      }
    }
    ... on Error {
      message
    }
    ... on InvalidInputError {
      fields {
        path
      }
    }
  }
}
    `) as unknown as TypedDocumentString<UpdateTicketMutation, UpdateTicketMutationVariables>;
export const TicketByNumberDocument = new TypedDocumentString(`
    query TicketByNumber($number: SafeInt!, $numbers: [SafeInt!]) {
  ticketByNumber(number: $number) {
    uuid
    version
    notes(orderBy: {field: NUMBER, direction: ASC}) {
      nodes {
        text
        medium
        isPublic
        author {
          uuid
        }
      }
    }
  }
  tickets(filter: {numbers: $numbers}) {
    nodes {
      number
    }
  }
}
    `) as unknown as TypedDocumentString<TicketByNumberQuery, TicketByNumberQueryVariables>;
export const UpdateVersionDocument = new TypedDocumentString(`
    mutation UpdateVersion($input: UpdateNoteInput!) {
  updateNote(input: $input) {
    __typename
    ... on UpdateNotePayload {
      note {
        text
        version
        isEdited
        updatedAt
        editor {
          uuid
        }
        author {
          uuid
        }
      }
    }
    ... on NoteChangedError {
      code
      message
      current {
        text
        version
        viewerCanUpdate
      }
    }
    ... on Error {
      code
      message
    }
  }
}
    `) as unknown as TypedDocumentString<UpdateVersionMutation, UpdateVersionMutationVariables>;
export const DeleteVersionDocument = new TypedDocumentString(`
    mutation DeleteVersion($input: DeleteNoteInput!) {
  deleteNote(input: $input) {
    __typename
    ... on NoteChangedError {
      current {
        version
      }
    }
  }
}
    `) as unknown as TypedDocumentString<DeleteVersionMutation, DeleteVersionMutationVariables>;
export const VersionDocument = new TypedDocumentString(`
    query Version($id: ID!, $number: SafeInt!) {
  note(id: $id) {
    version
    isEdited
    editor {
      name
    }
    viewerCanUpdate
    viewerCanDelete
  }
  noteByNumber(number: $number) {
    uuid
    version
  }
}
    `) as unknown as TypedDocumentString<VersionQuery, VersionQueryVariables>;
export const ViewerDocument = new TypedDocumentString(`
    query Viewer {
  viewer {
    person {
      name
      email
    }
    account {
      slug
    }
    role
    scopes
  }
}
    `) as unknown as TypedDocumentString<ViewerQuery, ViewerQueryVariables>;
export const TwoTicketsDocument = new TypedDocumentString(`
    query TwoTickets($id: ID!) {
  there: ticket(id: $id) {
    uuid
  }
  wrong: ticket(id: "nonsense") {
    uuid
  }
}
    `) as unknown as TypedDocumentString<TwoTicketsQuery, TwoTicketsQueryVariables>;
export const ParityAddNoteDocument = new TypedDocumentString(`
    mutation ParityAddNote($input: AddNoteInput!) {
  addNote(input: $input) {
    __typename
    ... on AddNotePayload {
      note {
        uuid
      }
    }
    ... on Error {
      code
    }
  }
}
    `) as unknown as TypedDocumentString<ParityAddNoteMutation, ParityAddNoteMutationVariables>;
export const ParityUpdateNoteDocument = new TypedDocumentString(`
    mutation ParityUpdateNote($input: UpdateNoteInput!) {
  updateNote(input: $input) {
    __typename
    ... on Error {
      code
    }
  }
}
    `) as unknown as TypedDocumentString<ParityUpdateNoteMutation, ParityUpdateNoteMutationVariables>;
export const ParityDeleteNoteDocument = new TypedDocumentString(`
    mutation ParityDeleteNote($input: DeleteNoteInput!) {
  deleteNote(input: $input) {
    __typename
    ... on Error {
      code
    }
  }
}
    `) as unknown as TypedDocumentString<ParityDeleteNoteMutation, ParityDeleteNoteMutationVariables>;
export const ParityRequestUploadDocument = new TypedDocumentString(`
    mutation ParityRequestUpload($input: RequestAttachmentUploadInput!) {
  requestAttachmentUpload(input: $input) {
    __typename
    ... on RequestAttachmentUploadPayload {
      upload {
        url
        headers {
          name
          value
        }
      }
    }
    ... on Error {
      code
    }
  }
}
    `) as unknown as TypedDocumentString<ParityRequestUploadMutation, ParityRequestUploadMutationVariables>;
export const ParityNoteDocument = new TypedDocumentString(`
    query ParityNote($id: ID!) {
  note(id: $id) {
    uuid
    author {
      uuid
      name
    }
    categories
    createdAt
    isPublic
    ticket {
      uuid
    }
    updatedAt
    text
    attachments(first: 100) {
      nodes {
        filename
        state
        download {
          url
        }
      }
    }
  }
}
    `) as unknown as TypedDocumentString<ParityNoteQuery, ParityNoteQueryVariables>;
export const ParityNotesOfTicketDocument = new TypedDocumentString(`
    query ParityNotesOfTicket($id: ID!) {
  ticket(id: $id) {
    notes(first: 100, orderBy: {field: CREATED_AT, direction: ASC}) {
      totalCount
      nodes {
        uuid
      }
    }
  }
}
    `) as unknown as TypedDocumentString<ParityNotesOfTicketQuery, ParityNotesOfTicketQueryVariables>;
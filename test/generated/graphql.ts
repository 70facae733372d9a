/* eslint-disable */
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
/** A note to add to a ticket. */
export type AddNoteInput = {
  /** Which parts of a diagnosis it belongs to. */
  categories?: Array<NoteCategory> | null | undefined;
  /** Whether the ticket's requester may see it. */
  isPublic?: boolean | null | undefined;
  /** How it comes to be. Other than DEFAULT are SYSTEM and AUTOMATION, which take the scope `admin`. */
  medium?: NoteMedium | null | undefined;
  /** The text: 1 to 65,536 bytes of UTF-8, kept exactly as sent. */
  text: string;
  /** The ticket: its global id or its UUID. */
  ticketId: string | number;
};

/** A ticket to open. */
export type AddTicketInput = {
  /** What kind of record it is. */
  kind: TicketKind;
  /** For whom: a member of the account. A customer opens tickets for themselves. */
  requesterId?: string | number | null | undefined;
  /** How far it is. */
  status?: TicketStatus | null | undefined;
  /** What it is about: 1 to 255 characters. */
  subject: string;
};

/** Whether an attachment's bytes are there. */
export type AttachmentState =
  /** An upload was asked for, and its bytes have not arrived yet. */
  | 'PENDING'
  /** Its bytes are there. */
  | 'READY';

/** What was done. */
export type AuditAction =
  /** It was made. */
  | 'CREATED'
  /** It was deleted, by itself or with what it belonged to. */
  | 'DELETED'
  /** It was changed. */
  | 'EDITED'
  /** It was revoked for good. */
  | 'REVOKED'
  /** Its bytes arrived. The person is whoever asked for the URL; the address, where the bytes came from. */
  | 'UPLOAD_ARRIVED'
  /** A URL that takes its bytes was asked for. */
  | 'UPLOAD_REQUESTED'
  /** It was used. Kept once an hour at most. */
  | 'USED';

/** What something was done with. */
export type AuditEntity =
  /** An API key. */
  | 'API_KEY'
  /** An attachment. */
  | 'ATTACHMENT'
  /** A link from an outside issuer's subject to a person. */
  | 'IDENTITY_LINK'
  /** A note. */
  | 'NOTE'
  /** A client of the token endpoint. */
  | 'OAUTH_CLIENT'
  /** A ticket. */
  | 'TICKET';

/** Which events are wanted; everything given must hold. */
export type AuditEventFilter = {
  /** Any of these was done. */
  action?: Array<AuditAction> | null | undefined;
  /** Done within. */
  createdAt?: DateTimeRange | null | undefined;
  /** With any of these. */
  entity?: Array<AuditEntity> | null | undefined;
  /** With this one: its UUID, or the global id of a note or an attachment. */
  entityId?: string | number | null | undefined;
  /** By this person. */
  personId?: string | number | null | undefined;
};

/** The API key to make. */
export type CreateApiKeyInput = {
  /** When it stops working by itself. Never, where it is left out. */
  expiresAt?: string | null | undefined;
  /** What it is for: 1 to 255 characters. */
  name: string;
  /** Whom it acts for: a member of the account. You, where it is left out. */
  personId?: string | number | null | undefined;
  /** What it may be used for: no more than your own credential. All of that which is of use to the person, where it is left out. */
  scopes?: Array<Scope> | null | undefined;
};

/** The OAuth client to make. */
export type CreateOAuthClientInput = {
  /** When it stops working by itself. Never, where it is left out. */
  expiresAt?: string | null | undefined;
  /** What it is for: 1 to 255 characters. */
  name: string;
  /** Whom it acts for: a member of the account. You, where it is left out. */
  personId?: string | number | null | undefined;
  /** What it may be used for: no more than your own credential. All of that which is of use to the person, where it is left out. */
  scopes?: Array<Scope> | null | undefined;
};

/** Which keys or clients are wanted; everything given must hold. */
export type CredentialFilter = {
  /** Revoked ones, or those that are not. */
  isRevoked?: boolean | null | undefined;
  /** That act for this person. */
  personId?: string | number | null | undefined;
};

/** How somebody proved who they are. */
export type CredentialKind =
  /** By an API key. */
  | 'API_KEY'
  /** By a token of an outside issuer, whose subject is linked to a person. */
  | 'IDENTITY_LINK'
  /** By an access token of this gateway, which one of its clients was given. */
  | 'OAUTH_CLIENT';

/** Instants between bounds; a bound left out bounds nothing. */
export type DateTimeRange = {
  /** After this instant. */
  gt?: string | null | undefined;
  /** At or after this instant. */
  gte?: string | null | undefined;
  /** Before this instant. */
  lt?: string | null | undefined;
  /** At or before this instant. */
  lte?: string | null | undefined;
};

/** The attachment to delete. */
export type DeleteAttachmentInput = {
  /** The file's name. */
  filename: string;
  /** The note: its global id or its UUID. */
  noteId: string | number;
};

/** The note to delete. */
export type DeleteNoteInput = {
  /** The note: its global id or its UUID. */
  id: string | number;
};

/** What went wrong, for programs. The list is closed. */
export type ErrorCode =
  /** The answer would have more bytes than one answer may have. Ask for smaller pages or fewer fields. */
  | 'ANSWER_TOO_LARGE'
  /** You may see it, but not do this with it. */
  | 'FORBIDDEN'
  /** Something that was sent cannot be used; nothing was written. */
  | 'INVALID_INPUT'
  /** It does not exist, or you may not see it: the two are one answer. */
  | 'NOT_FOUND'
  /** The operation would cost more than one operation may. The message names the limit and the operation's own figure. */
  | 'TOO_EXPENSIVE'
  /** More bytes were sent than are accepted. */
  | 'TOO_LARGE'
  /** The allowance is used up for now. */
  | 'TOO_MANY_REQUESTS'
  /** The call needs a credential, or the one given is not valid. */
  | 'UNAUTHENTICATED'
  /** The gateway cannot reach its data at the moment; worth trying again. */
  | 'UNAVAILABLE';

/** Which part of a vehicle's diagnosis a note belongs to. */
export type NoteCategory =
  /** Found after the repair. */
  | 'POST_SCAN'
  /** Found before the repair. */
  | 'PRE_SCAN';

/** Which notes are wanted; everything given must hold. */
export type NoteFilter = {
  /** Written by this person. */
  authorId?: string | number | null | undefined;
  /** Of any of these categories. */
  categories?: Array<NoteCategory> | null | undefined;
  /** Written within. */
  createdAt?: DateTimeRange | null | undefined;
  /** These notes: global ids or UUIDs. */
  ids?: Array<string | number> | null | undefined;
  /** Public ones, or internal ones. */
  isPublic?: boolean | null | undefined;
  /** That came to be in any of these ways. */
  medium?: Array<NoteMedium> | null | undefined;
};

/** How a note came to be. */
export type NoteMedium =
  /** Written by an automation rule. */
  | 'AUTOMATION'
  /** Added by a person or through an API. */
  | 'DEFAULT'
  /** Received by mail. */
  | 'EMAIL'
  /** Sent by mail. */
  | 'OUTBOUND_EMAIL'
  /** Its text was taken out. */
  | 'REDACTED'
  /** Written by the service desk itself. */
  | 'SYSTEM';

/** An order for notes. */
export type NoteOrder = {
  /** Which end comes first. */
  direction: OrderDirection;
  /** What to sort by. */
  field: NoteOrderField;
};

/** What notes can be sorted by. */
export type NoteOrderField =
  /** The author's number. */
  | 'AUTHOR'
  /** When it was written. */
  | 'CREATED_AT'
  /** The note's number. */
  | 'NUMBER';

/** Which end of an order comes first. */
export type OrderDirection =
  /** Smallest or oldest first. */
  | 'ASC'
  /** Largest or newest first. */
  | 'DESC';

/** A file to attach to a note. */
export type RequestAttachmentUploadInput = {
  /** Its MIME type; that of the extension when left out. */
  contentType?: string | null | undefined;
  /** The file's name, with its extension: 1 to 255 bytes of UTF-8. */
  filename: string;
  /** The note: its global id or its UUID. */
  noteId: string | number;
  /** Its size in bytes, if known: one that is too large is refused at once, and an upload of more or fewer bytes is refused. */
  size?: number | null | undefined;
};

/** What a person is in an account. */
export type Role =
  /** Does what a specialist does, and looks after the account. */
  | 'ADMINISTRATOR'
  /** Sees the public notes of the tickets they requested. */
  | 'CUSTOMER'
  /** Works on every ticket of the account. */
  | 'SPECIALIST';

/** What a credential may be used for. */
export type Scope =
  /** The scope `admin`. */
  | 'ADMIN'
  /** The scope `attachments:read`. */
  | 'ATTACHMENTS_READ'
  /** The scope `attachments:write`. */
  | 'ATTACHMENTS_WRITE'
  /** The scope `notes:internal`. */
  | 'NOTES_INTERNAL'
  /** The scope `notes:read`. */
  | 'NOTES_READ'
  /** The scope `notes:write`. */
  | 'NOTES_WRITE'
  /** The scope `tickets:read`. */
  | 'TICKETS_READ'
  /** The scope `tickets:write`. */
  | 'TICKETS_WRITE';

/** Which tickets are wanted; everything given must hold. */
export type TicketFilter = {
  /** Opened within. */
  createdAt?: DateTimeRange | null | undefined;
  /** These tickets: global ids or UUIDs. */
  ids?: Array<string | number> | null | undefined;
  /** Of any of these kinds. */
  kind?: Array<TicketKind> | null | undefined;
  /** Requested by this person. */
  requesterId?: string | number | null | undefined;
  /** In any of these statuses. */
  status?: Array<TicketStatus> | null | undefined;
  /** Last changed within. */
  updatedAt?: DateTimeRange | null | undefined;
};

/** What kind of record a ticket is. */
export type TicketKind =
  /** The cause behind requests. */
  | 'PROBLEM'
  /** Work with an end of its own. */
  | 'PROJECT'
  /** A step of a project. */
  | 'PROJECT_TASK'
  /** Changes that go live together. */
  | 'RELEASE'
  /** Somebody asks for something. */
  | 'REQUEST'
  /** Something that may go wrong. */
  | 'RISK'
  /** A step of a workflow. */
  | 'TASK'
  /** A change, as a flow of tasks. */
  | 'WORKFLOW';

/** An order for tickets. */
export type TicketOrder = {
  /** Which end comes first. */
  direction: OrderDirection;
  /** What to sort by. */
  field: TicketOrderField;
};

/** What tickets can be sorted by. */
export type TicketOrderField =
  /** When it was opened. */
  | 'CREATED_AT'
  /** The ticket's number. */
  | 'NUMBER'
  /** When it was last changed. */
  | 'UPDATED_AT';

/** How far a ticket is. */
export type TicketStatus =
  /** Given up. */
  | 'CANCELLED'
  /** Done. */
  | 'CLOSED'
  /** Being worked on. */
  | 'IN_PROGRESS'
  /** With another party. */
  | 'OUTSOURCED'
  /** Waiting for somebody. */
  | 'PENDING'
  /** Written down, not yet taken up. */
  | 'PREPARED';

/** What to change of a note; what is left out stays as it is. */
export type UpdateNoteInput = {
  /** The categories it has from now on. */
  categories?: Array<NoteCategory> | null | undefined;
  /** The note: its global id or its UUID. */
  id: string | number;
  /** Whether the ticket's requester may see it from now on. */
  isPublic?: boolean | null | undefined;
  /** The new text: 1 to 65,536 bytes of UTF-8. */
  text?: string | null | undefined;
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
   };

export type AddTicketMutationVariables = Exact<{
  input: AddTicketInput;
}>;


export type AddTicketMutation = { addTicket:
    | { __typename: 'AddTicketPayload', ticket: { uuid: string, number: number, kind: TicketKind, status: TicketStatus, subject: string, createdAt: string, updatedAt: string, requester: { uuid: string } | null, account: { slug: string } } }
    | { __typename: 'ForbiddenError', code: ErrorCode, message: string }
    | { __typename: 'InvalidInputError', code: ErrorCode, message: string, fields: Array<{ path: Array<string>, message: string }> }
    | { __typename: 'NotFoundError', code: ErrorCode, message: string }
   };

export type RequestAttachmentUploadMutationVariables = Exact<{
  input: RequestAttachmentUploadInput;
}>;


export type RequestAttachmentUploadMutation = { requestAttachmentUpload:
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
    | { __typename: 'CreateApiKeyPayload', secret: string, apiKey: { id: string, name: string, scopes: Array<Scope>, expiresAt: string | null, revokedAt: string | null, lastUsedAt: string | null, person: { uuid: string } } }
    | { __typename: 'ForbiddenError', code: ErrorCode, message: string }
    | { __typename: 'InvalidInputError', code: ErrorCode, message: string, fields: Array<{ path: Array<string> }> }
    | { __typename: 'NotFoundError', code: ErrorCode, message: string }
   };

export type RevokeApiKeyMutationVariables = Exact<{
  id: string | number;
}>;


export type RevokeApiKeyMutation = { revokeApiKey:
    | { __typename: 'ForbiddenError', code: ErrorCode, message: string }
    | { __typename: 'InvalidInputError', code: ErrorCode, message: string }
    | { __typename: 'NotFoundError', code: ErrorCode, message: string }
    | { __typename: 'RevokeApiKeyPayload', apiKey: { id: string, revokedAt: string | null } }
   };

export type CreateClientMutationVariables = Exact<{
  input: CreateOAuthClientInput;
}>;


export type CreateClientMutation = { createOAuthClient:
    | { __typename: 'CreateOAuthClientPayload', secret: string, oauthClient: { id: string, name: string, scopes: Array<Scope> } }
    | { __typename: 'ForbiddenError', code: ErrorCode }
    | { __typename: 'InvalidInputError', code: ErrorCode }
    | { __typename: 'NotFoundError', code: ErrorCode }
   };

export type RevokeClientMutationVariables = Exact<{
  id: string | number;
}>;


export type RevokeClientMutation = { revokeOAuthClient:
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
    | { __typename: 'DeleteAttachmentPayload', deletedAttachmentId: string, note: { uuid: string, attachments: { totalCount: number } } }
    | { __typename: 'ForbiddenError', code: ErrorCode, message: string }
    | { __typename: 'InvalidInputError', code: ErrorCode, message: string }
    | { __typename: 'NotFoundError', code: ErrorCode, message: string }
   };

export type DeleteNoteMutationVariables = Exact<{
  input: DeleteNoteInput;
}>;


export type DeleteNoteMutation = { deleteNote:
    | { __typename: 'DeleteNotePayload', deletedNoteId: string, ticket: { uuid: string, notes: { totalCount: number } } }
    | { __typename: 'ForbiddenError', code: ErrorCode, message: string }
    | { __typename: 'InvalidInputError', code: ErrorCode, message: string, fields: Array<{ path: Array<string> }> }
    | { __typename: 'NotFoundError', code: ErrorCode, message: string }
   };

export type NodeQueryVariables = Exact<{
  id: string | number;
}>;


export type NodeQuery = { node:
    | { __typename: 'Account', slug: string, id: string }
    | { __typename: 'Attachment', filename: string, id: string }
    | { __typename: 'Note', text: string, id: string }
    | { __typename: 'Person', name: string, id: string }
    | { __typename: 'Ticket', subject: string, id: string }
   | null };

export type NodesQueryVariables = Exact<{
  ids: Array<string | number> | string | number;
}>;


export type NodesQuery = { nodes: Array<
    | { __typename: 'Account', id: string }
    | { __typename: 'Attachment', id: string }
    | { __typename: 'Note', id: string }
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
    | { __typename: 'ForbiddenError', code: ErrorCode, message: string }
    | { __typename: 'InvalidInputError', code: ErrorCode, message: string, fields: Array<{ path: Array<string> }> }
    | { __typename: 'NotFoundError', code: ErrorCode, message: string }
    | { __typename: 'UpdateNotePayload', note: { uuid: string, text: string, categories: Array<NoteCategory>, isPublic: boolean, createdAt: string, updatedAt: string | null } }
   };

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
    | { __typename: 'ForbiddenError', code: ErrorCode }
    | { __typename: 'InvalidInputError', code: ErrorCode }
    | { __typename: 'NotFoundError', code: ErrorCode }
   };

export type ParityUpdateNoteMutationVariables = Exact<{
  input: UpdateNoteInput;
}>;


export type ParityUpdateNoteMutation = { updateNote:
    | { __typename: 'ForbiddenError', code: ErrorCode }
    | { __typename: 'InvalidInputError', code: ErrorCode }
    | { __typename: 'NotFoundError', code: ErrorCode }
    | { __typename: 'UpdateNotePayload' }
   };

export type ParityDeleteNoteMutationVariables = Exact<{
  input: DeleteNoteInput;
}>;


export type ParityDeleteNoteMutation = { deleteNote:
    | { __typename: 'DeleteNotePayload' }
    | { __typename: 'ForbiddenError', code: ErrorCode }
    | { __typename: 'InvalidInputError', code: ErrorCode }
    | { __typename: 'NotFoundError', code: ErrorCode }
   };

export type ParityRequestUploadMutationVariables = Exact<{
  input: RequestAttachmentUploadInput;
}>;


export type ParityRequestUploadMutation = { requestAttachmentUpload:
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
  }
}
    `) as unknown as TypedDocumentString<NodeQuery, NodeQueryVariables>;
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
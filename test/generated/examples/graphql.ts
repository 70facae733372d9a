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

/** Whether the file of an attachment has arrived. */
export type AttachmentState =
  /** An upload was requested, and the file has not arrived yet. */
  | 'PENDING'
  /** The file has arrived and can be downloaded. */
  | 'READY'
  /** The file was removed for ever, and its name with it. */
  | 'REDACTED';

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

export type NotesByApolloQueryVariables = Exact<{
  after?: string | null | undefined;
}>;


export type NotesByApolloQuery = { notes: { edges: Array<{ node: { id: string, text: string, ticket: { id: string, subject: string } } }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } };

export type AddNoteByApolloMutationVariables = Exact<{
  input: AddNoteInput;
}>;


export type AddNoteByApolloMutation = { addNote:
    | { note: { id: string, text: string } }
    | { message: string }
    | { message: string }
    | { message: string }
    | { message: string }
   };

export type MyTicketsQueryVariables = Exact<{
  after?: string | null | undefined;
}>;


export type MyTicketsQuery = { tickets: { nodes: Array<{ id: string, number: number, subject: string, status: TicketStatus, lastNoteAt: string | null, noteCount: number }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } };

export type TicketRowFragment = { id: string, number: number, subject: string, status: TicketStatus, lastNoteAt: string | null, noteCount: number };

export type NotesOfTicketQueryVariables = Exact<{
  id: string | number;
  after?: string | null | undefined;
}>;


export type NotesOfTicketQuery = { ticket: { id: string, subject: string, viewerCanAddNote: boolean, notes: { nodes: Array<{ id: string, version: number, text: string, isPublic: boolean, createdAt: string, viewerCanUpdate: boolean, author: { id: string, name: string }, attachments: { nodes: Array<{ id: string, filename: string, contentType: string, size: number | null, state: AttachmentState, download: { url: string, expiresAt: string } | null }> } }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } } | null };

export type NotePartsFragment = { id: string, version: number, text: string, isPublic: boolean, createdAt: string, viewerCanUpdate: boolean, author: { id: string, name: string }, attachments: { nodes: Array<{ id: string, filename: string, contentType: string, size: number | null, state: AttachmentState, download: { url: string, expiresAt: string } | null }> } };

export type FileFragment = { id: string, filename: string, contentType: string, size: number | null, state: AttachmentState, download: { url: string, expiresAt: string } | null };

export type AddNoteMutationVariables = Exact<{
  input: AddNoteInput;
}>;


export type AddNoteMutation = { addNote:
    | { note: { id: string, version: number, text: string, isPublic: boolean, createdAt: string, viewerCanUpdate: boolean, author: { id: string, name: string }, attachments: { nodes: Array<{ id: string, filename: string, contentType: string, size: number | null, state: AttachmentState, download: { url: string, expiresAt: string } | null }> } } }
    | { code: ErrorCode, message: string }
    | { code: ErrorCode, message: string }
    | { code: ErrorCode, message: string, fields: Array<{ path: Array<string>, message: string }> }
    | { code: ErrorCode, message: string }
   };

export type UpdateNoteMutationVariables = Exact<{
  input: UpdateNoteInput;
}>;


export type UpdateNoteMutation = { updateNote:
    | { code: ErrorCode, message: string }
    | { code: ErrorCode, message: string }
    | { code: ErrorCode, message: string }
    | { code: ErrorCode, message: string }
    | { code: ErrorCode, message: string, current: { id: string, version: number, text: string, isPublic: boolean, createdAt: string, viewerCanUpdate: boolean, author: { id: string, name: string }, attachments: { nodes: Array<{ id: string, filename: string, contentType: string, size: number | null, state: AttachmentState, download: { url: string, expiresAt: string } | null }> } } }
    | { note: { id: string, version: number, text: string, isPublic: boolean, createdAt: string, viewerCanUpdate: boolean, author: { id: string, name: string }, attachments: { nodes: Array<{ id: string, filename: string, contentType: string, size: number | null, state: AttachmentState, download: { url: string, expiresAt: string } | null }> } } }
   };

export type RequestUploadMutationVariables = Exact<{
  input: RequestAttachmentUploadInput;
}>;


export type RequestUploadMutation = { requestAttachmentUpload:
    | { code: ErrorCode, message: string }
    | { code: ErrorCode, message: string }
    | { code: ErrorCode, message: string }
    | { code: ErrorCode, message: string }
    | { attachment: { id: string, state: AttachmentState }, upload: { url: string, method: string, expiresAt: string, headers: Array<{ name: string, value: string }> } }
   };

export type FindNotesQueryVariables = Exact<{
  query: string;
  after?: string | null | undefined;
}>;


export type FindNotesQuery = { searchNotes: { suggestion: string | null, edges: Array<{ node: { id: string, ticket: { id: string, number: number, subject: string, status: TicketStatus, lastNoteAt: string | null, noteCount: number } }, highlights: Array<{ text: string, isMatch: boolean }> }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } };

export type NotesByUrqlQueryVariables = Exact<{ [key: string]: never; }>;


export type NotesByUrqlQuery = { notes: { nodes: Array<{ id: string, version: number, text: string, viewerCanUpdate: boolean }> } };

export type ChangeByUrqlMutationVariables = Exact<{
  input: UpdateNoteInput;
}>;


export type ChangeByUrqlMutation = { updateNote:
    | { __typename: 'ConflictError', message: string }
    | { __typename: 'ForbiddenError', message: string }
    | { __typename: 'InvalidInputError', message: string }
    | { __typename: 'NotFoundError', message: string }
    | { __typename: 'NoteChangedError', message: string, current: { id: string, version: number, text: string } }
    | { __typename: 'UpdateNotePayload', note: { id: string, version: number, text: string } }
   };

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
export const TicketRowFragmentDoc = new TypedDocumentString(`
    fragment TicketRow on Ticket {
  id
  number
  subject
  status
  lastNoteAt
  noteCount
}
    `, {"fragmentName":"TicketRow"}) as unknown as TypedDocumentString<TicketRowFragment, unknown>;
export const FileFragmentDoc = new TypedDocumentString(`
    fragment File on Attachment {
  id
  filename
  contentType
  size
  state
  download {
    url
    expiresAt
  }
}
    `, {"fragmentName":"File"}) as unknown as TypedDocumentString<FileFragment, unknown>;
export const NotePartsFragmentDoc = new TypedDocumentString(`
    fragment NoteParts on Note {
  id
  version
  text
  isPublic
  createdAt
  viewerCanUpdate
  author {
    id
    name
  }
  attachments(first: 10) {
    nodes {
      ...File
    }
  }
}
    fragment File on Attachment {
  id
  filename
  contentType
  size
  state
  download {
    url
    expiresAt
  }
}`, {"fragmentName":"NoteParts"}) as unknown as TypedDocumentString<NotePartsFragment, unknown>;
export const NotesByApolloDocument = new TypedDocumentString(`
    query NotesByApollo($after: String) {
  notes(first: 25, after: $after) {
    edges {
      node {
        id
        text
        ticket {
          id
          subject
        }
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
    `) as unknown as TypedDocumentString<NotesByApolloQuery, NotesByApolloQueryVariables>;
export const AddNoteByApolloDocument = new TypedDocumentString(`
    mutation AddNoteByApollo($input: AddNoteInput!) {
  addNote(input: $input) {
    ... on AddNotePayload {
      note {
        id
        text
      }
    }
    ... on Error {
      message
    }
  }
}
    `) as unknown as TypedDocumentString<AddNoteByApolloMutation, AddNoteByApolloMutationVariables>;
export const MyTicketsDocument = new TypedDocumentString(`
    query MyTickets($after: String) {
  tickets(
    first: 25
    after: $after
    orderBy: {field: LAST_NOTE_AT, direction: DESC}
  ) {
    nodes {
      ...TicketRow
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
    fragment TicketRow on Ticket {
  id
  number
  subject
  status
  lastNoteAt
  noteCount
}`) as unknown as TypedDocumentString<MyTicketsQuery, MyTicketsQueryVariables>;
export const NotesOfTicketDocument = new TypedDocumentString(`
    query NotesOfTicket($id: ID!, $after: String) {
  ticket(id: $id) {
    id
    subject
    viewerCanAddNote
    notes(first: 25, after: $after) {
      nodes {
        ...NoteParts
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
}
    fragment NoteParts on Note {
  id
  version
  text
  isPublic
  createdAt
  viewerCanUpdate
  author {
    id
    name
  }
  attachments(first: 10) {
    nodes {
      ...File
    }
  }
}
fragment File on Attachment {
  id
  filename
  contentType
  size
  state
  download {
    url
    expiresAt
  }
}`) as unknown as TypedDocumentString<NotesOfTicketQuery, NotesOfTicketQueryVariables>;
export const AddNoteDocument = new TypedDocumentString(`
    mutation AddNote($input: AddNoteInput!) {
  addNote(input: $input) {
    ... on AddNotePayload {
      note {
        ...NoteParts
      }
    }
    ... on InvalidInputError {
      fields {
        path
        message
      }
    }
    ... on Error {
      code
      message
    }
  }
}
    fragment NoteParts on Note {
  id
  version
  text
  isPublic
  createdAt
  viewerCanUpdate
  author {
    id
    name
  }
  attachments(first: 10) {
    nodes {
      ...File
    }
  }
}
fragment File on Attachment {
  id
  filename
  contentType
  size
  state
  download {
    url
    expiresAt
  }
}`) as unknown as TypedDocumentString<AddNoteMutation, AddNoteMutationVariables>;
export const UpdateNoteDocument = new TypedDocumentString(`
    mutation UpdateNote($input: UpdateNoteInput!) {
  updateNote(input: $input) {
    ... on UpdateNotePayload {
      note {
        ...NoteParts
      }
    }
    ... on NoteChangedError {
      current {
        ...NoteParts
      }
    }
    ... on Error {
      code
      message
    }
  }
}
    fragment NoteParts on Note {
  id
  version
  text
  isPublic
  createdAt
  viewerCanUpdate
  author {
    id
    name
  }
  attachments(first: 10) {
    nodes {
      ...File
    }
  }
}
fragment File on Attachment {
  id
  filename
  contentType
  size
  state
  download {
    url
    expiresAt
  }
}`) as unknown as TypedDocumentString<UpdateNoteMutation, UpdateNoteMutationVariables>;
export const RequestUploadDocument = new TypedDocumentString(`
    mutation RequestUpload($input: RequestAttachmentUploadInput!) {
  requestAttachmentUpload(input: $input) {
    ... on RequestAttachmentUploadPayload {
      attachment {
        id
        state
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
  }
}
    `) as unknown as TypedDocumentString<RequestUploadMutation, RequestUploadMutationVariables>;
export const FindNotesDocument = new TypedDocumentString(`
    query FindNotes($query: String!, $after: String) {
  searchNotes(query: $query, first: 25, after: $after) {
    edges {
      node {
        id
        ticket {
          ...TicketRow
        }
      }
      highlights {
        text
        isMatch
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
    suggestion
  }
}
    fragment TicketRow on Ticket {
  id
  number
  subject
  status
  lastNoteAt
  noteCount
}`) as unknown as TypedDocumentString<FindNotesQuery, FindNotesQueryVariables>;
export const NotesByUrqlDocument = new TypedDocumentString(`
    query NotesByUrql {
  notes(first: 25, filter: {medium: [DEFAULT]}) {
    nodes {
      id
      version
      text
      viewerCanUpdate
    }
  }
}
    `) as unknown as TypedDocumentString<NotesByUrqlQuery, NotesByUrqlQueryVariables>;
export const ChangeByUrqlDocument = new TypedDocumentString(`
    mutation ChangeByUrql($input: UpdateNoteInput!) {
  updateNote(input: $input) {
    __typename
    ... on UpdateNotePayload {
      note {
        id
        version
        text
      }
    }
    ... on NoteChangedError {
      message
      current {
        id
        version
        text
      }
    }
    ... on Error {
      message
    }
  }
}
    `) as unknown as TypedDocumentString<ChangeByUrqlMutation, ChangeByUrqlMutationVariables>;
import { InvalidInput, NotFound } from "../errors.ts";
import { type Issues, createIssues } from "../lib/text.ts";
import { type Body, isBlank, readBody, refuseUnknown } from "../rest/v1/kit/body.ts";
import { findById } from "../rest/v1/kit/ids.ts";
import type { V1Operation, V1Request } from "../rest/v1/kit/operation.ts";
import type { Ticket, TicketKind, TicketStatus } from "../tickets/service.ts";
import { answerTicket, kindNames, ticketOf } from "../tickets/v1.ts";
import { statusOfNewTickets } from "../tickets/input.ts";
import { shownStatuses, statusNamed } from "../tickets/v1-statuses.ts";
import type { NewNoteInput } from "./input.ts";
import { readUploads } from "./v1-uploads.ts";

/**
 * The operations that write records of one kind together with notes. Clients of this API family add notes by updating a
 * record.
 */
export interface RecordOperations {
  readonly update: V1Operation;
  readonly open: V1Operation;
}

/** The fields with a note to add, and whether that note is public. */
const recordNoteFields = [
  { name: "note", isPublic: true },
  { name: "internal_note", isPublic: false },
] as const;

const recordFields: readonly string[] = [
  ...["subject", "status", "requested_by_id"],
  ...recordNoteFields.flatMap(({ name }) => [name, attachmentsOf(name)]),
];

function attachmentsOf(field: string): string {
  return `${field}_attachments`;
}

/** The fields of a record in a request. Absent fields are undefined. */
interface SentRecord {
  readonly subject: string | undefined;
  readonly status: TicketStatus | undefined;
  readonly requesterId: string | null | undefined;
  readonly notes: readonly SentNote[];
}

interface SentNote {
  readonly field: string;
  readonly input: NewNoteInput;
}

export function recordOperations(kind: TicketKind): RecordOperations {
  const { collection } = kindNames[kind];
  return {
    update: (request) =>
      answerTicket(kind, request, async () => {
        const ticket = await ticketOf(kind, request);
        const { notes, ...changes } = await readRecord(kind, request, ticket);
        const isEmpty = notes.length === 0 && Object.values(changes).every((value) => value === undefined);
        if (isEmpty) return;
        const { services, viewer, idempotencyKey } = request;
        const input = { id: ticket.id, ...changes, idempotencyKey };
        await withSentFields(notes, (inputs) => services.notes.updateTicket(viewer, input, inputs));
      }),

    open: async (request) => {
      const { notes, subject = "", status = statusOfNewTickets, requesterId } = await readRecord(kind, request);
      const { services, viewer, publicUrl, idempotencyKey } = request;
      const input = { kind, subject, status, requesterId: requesterId ?? undefined, idempotencyKey };
      const ticket = await withSentFields(notes, (inputs) => services.notes.openTicket(viewer, input, inputs));
      const location = `${publicUrl}/v1/${collection}/${ticket.number}`;
      return { status: 201, body: { id: ticket.number }, headers: { location } };
    },
  };
}

/**
 * Returns the result of `work` with the sent notes. Throws {@link InvalidInput} of `work` with the names of the fields
 * in which the notes were sent.
 */
async function withSentFields<Result>(
  notes: readonly SentNote[],
  work: (inputs: readonly NewNoteInput[]) => Promise<Result>,
): Promise<Result> {
  try {
    return await work(notes.map(({ input }) => input));
  } catch (error) {
    if (!(error instanceof InvalidInput)) throw error;
    throw new InvalidInput(error.fields.map((problem) => ({ ...problem, path: fieldOf(notes, problem.path) })));
  }
}

function fieldOf(notes: readonly SentNote[], path: readonly string[]): readonly string[] {
  const [first, index, part] = path;
  const note = first === "notes" ? notes[Number(index)] : undefined;
  if (!note) return path;
  return [part === "uploads" ? attachmentsOf(note.field) : note.field];
}

/**
 * Returns the record in the request's body. `known` is the ticket if the record exists already. Throws
 * {@link InvalidInput} with every field that is not valid.
 */
async function readRecord(kind: TicketKind, request: V1Request, known?: Ticket): Promise<SentRecord> {
  const body = readBody(request.body);
  const issues = createIssues();
  const record = {
    subject: readSubject(body, known, issues),
    status: readStatus(kind, body, known, issues),
    requesterId: await readRequester(body, request, issues),
    notes: readRecordNotes(body, request.source, issues),
  };
  refuseUnknown(body, recordFields, kindNames[kind].reference.replaceAll("_", " "), issues);
  issues.throwIfAny();
  return record;
}

function readSubject({ subject }: Body, known: Ticket | undefined, issues: Issues): string | undefined {
  if (subject === undefined && known) return undefined;
  if (isBlank(subject)) issues.add("subject", "Subject can't be blank");
  else if (typeof subject !== "string") issues.add("subject", "Subject is invalid");
  return String(subject);
}

/**
 * Returns the status for the sent name. The name that the record shows already keeps its status, even if the name also
 * stands for other statuses.
 */
function readStatus(kind: TicketKind, { status }: Body, known: Ticket | undefined, issues: Issues): TicketStatus | undefined {
  if (status === undefined) return undefined;
  const named = typeof status === "string" ? statusNamed(kind, status) : undefined;
  if (named === undefined) issues.add("status", isBlank(status) ? "Status can't be blank" : "Status is invalid");
  return known && shownStatuses(kind)[known.status] === status ? known.status : named;
}

/** Returns the id of the person with the sent integer id or node id, or null to remove the requester. */
async function readRequester(
  { requested_by_id: id }: Body,
  { services, viewer }: V1Request,
  issues: Issues,
): Promise<string | null | undefined> {
  if (id === undefined) return undefined;
  if (isBlank(id)) return null;
  const text = typeof id === "number" || typeof id === "string" ? String(id) : "";
  const reads = {
    byNumber: (number: number) => services.people.foundByNumbers(viewer, [number]),
    byId: (uuid: string) => services.people.byIds(viewer, [uuid]),
  };
  const person = await findById("Person", text, reads).catch((error: unknown) => {
    if (error instanceof NotFound) return undefined;
    throw error;
  });
  if (!person) issues.add("requested_by_id", "Requested by is invalid");
  return person?.id;
}

function readRecordNotes(body: Body, source: string | undefined, issues: Issues): readonly SentNote[] {
  return recordNoteFields.flatMap(({ name, isPublic }) => {
    const text = body[name];
    const uploads = readUploads(body, [attachmentsOf(name)], issues);
    const label = isPublic ? "Note" : "Internal note";
    if (isBlank(text)) {
      if (uploads.length > 0) issues.add(name, `${label} can't be blank`);
      return [];
    }
    if (typeof text !== "string") issues.add(name, `${label} is invalid`);
    return { field: name, input: { text: String(text), isPublic, categories: [], source, uploads } };
  });
}

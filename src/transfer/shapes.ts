import { z } from "zod";
import { isUuid } from "../lib/uuid.ts";

// The JSON of the two REST APIs: what their responses have, and the further members by which a folder of an export
// keeps what a response leaves out. Members that are not named here are ignored.

/** The /v1 collection of each kind of ticket. */
export const v1Collections = {
  REQUEST: "requests",
  PROBLEM: "problems",
  WORKFLOW: "workflows",
  TASK: "tasks",
  PROJECT_TASK: "project_tasks",
  PROJECT: "projects",
  RELEASE: "releases",
  RISK: "risks",
} as const;

export const ticketKinds = Object.keys(v1Collections) as (keyof typeof v1Collections)[]; // Object.keys loses their type

const ticketStatuses = ["PREPARED", "PENDING", "IN_PROGRESS", "OUTSOURCED", "CLOSED", "CANCELLED"] as const;

/** What an integer column holds, with room above it for the numbers that are given next. */
const number = z.int().min(1).max(2_000_000_000);
const uuidShape = z
  .string()
  .refine(isUuid, "must be a UUID")
  .transform((text) => text.toLowerCase());
const instant = z.iso
  .datetime({ offset: true })
  .transform((text) => new Date(text))
  .refine((at) => at.getTime() >= 0 && at.getUTCFullYear() < 10_000, "must be a time from 1970 to 9999");
const accountReference = z.object({ id: z.string().min(1) });
const personReference = z.object({ id: number, name: z.string().nullish() });
const legacyRoles = ["customer", "specialist", "administrator", "left"] as const;
const media = ["default", "email", "outbound_email", "system", "redacted", "automation"] as const;
const categories = ["pre-scan", "post-scan"] as const;
/** The `nodeID` of a record. That of another system has no meaning here. */
const nodeId = z.string().nullish();

export const legacyAccountShape = z.object({
  id: z.string().optional(),
  slug: z.string().optional(),
  name: z.string().min(1),
  time_zone: z.string().default("UTC"),
  languages: z.array(z.string()).optional(),
  created_at: instant.optional(),
  nodeID: nodeId,
});

export const v1PersonShape = z.object({
  id: number,
  uuid: uuidShape.nullish(),
  nodeID: nodeId,
  name: z.string(),
  primary_email: z.string().nullish(),
  account: accountReference.nullish(),
  role: z.enum(legacyRoles).optional(),
  created_at: instant.optional(),
  left_at: instant.nullish(),
});

export const v1TicketShape = z.object({
  id: number,
  nodeID: nodeId,
  subject: z.string(),
  status: z.string(),
  /** The status of this gateway, of which several may have one name on /v1. */
  state: z.enum(ticketStatuses).optional(),
  requested_by: personReference.nullish(),
  account: accountReference.nullish(),
  created_at: instant,
  updated_at: instant.optional(),
});

const v1AttachmentShape = z.object({
  id: number.optional(),
  nodeID: nodeId,
  name: z.string(),
  key: z.string().nullish(),
  /** Where its bytes are: a file of the folder, or else a URL. */
  file: z.string().optional(),
  uri: z.string().nullish(),
  inline: z.boolean().default(false),
  size: z.int().min(0).nullish(),
  created_at: instant.optional(),
  sha256: z.string().nullish(),
  content_type: z.string().optional(),
  /** Whether only those who see internal notes see it. */
  internal: z.boolean().default(false),
});

export const v1NoteShape = z.looseObject({
  id: number,
  nodeID: nodeId,
  person: personReference,
  created_at: instant,
  text: z.string(),
  medium: z.enum(media),
  internal: z.boolean(),
  attachments: z.array(v1AttachmentShape).default([]),
  account: accountReference.nullish(),
  inbound_email: z
    .object({
      id: number,
      subject: z.string(),
      message_id: z.string().optional(),
      sender: z.string().nullish(),
      received_at: instant.optional(),
    })
    .nullish(),
  updated_at: instant.nullish(),
  editor: personReference.nullish(),
  categories: z.array(z.enum(categories)).default([]),
  source: z.string().nullish(),
});

export const v2TicketShape = z.object({
  id: uuidShape,
  number: number.optional(),
  subject: z.string(),
  kind: z.enum(ticketKinds),
  status: z.enum(ticketStatuses),
  requester_id: uuidShape.nullish(),
  account: z.string().optional(),
  created_at: instant,
  updated_at: instant.optional(),
});

export const v2PersonShape = z.object({
  id: uuidShape,
  number: number.optional(),
  name: z.string(),
  email: z.string().nullish(),
  role: z.enum(legacyRoles).optional(),
  account: z.string().optional(),
  created_at: instant.optional(),
});

export const v2NoteShape = z.object({
  id: uuidShape,
  author_id: uuidShape,
  author_name: z.string().nullish(),
  categories: z.array(z.enum(categories)).default([]),
  created_at: instant,
  is_public: z.boolean(),
  ticket_id: uuidShape,
  updated_at: instant.nullish(),
  value: z.string(),
});

export const v2AttachmentShape = z.object({
  note_id: uuidShape,
  filename: z.string(),
  file: z.string().optional(),
  signed_url: z.string().optional(),
});

export type V1Person = z.output<typeof v1PersonShape>;
export type V1TicketRecord = z.output<typeof v1TicketShape>;
export type V1NoteRecord = z.output<typeof v1NoteShape>;
export type V2TicketRecord = z.output<typeof v2TicketShape>;
export type V2Person = z.output<typeof v2PersonShape>;
export type V2NoteRecord = z.output<typeof v2NoteShape>;
export type V2AttachmentRecord = z.output<typeof v2AttachmentShape>;
export type LegacyRole = (typeof legacyRoles)[number];

import { createReadStream, readFileSync } from "node:fs";
import type { Readable } from "node:stream";
import type { NoteMedium, TicketKind, TicketStatus } from "#generated/prisma/client.ts";

// The demo data in prisma/demo: JSON in the shapes of the two REST APIs, and the files of attachments.

const directory = new URL("../../prisma/demo/", import.meta.url);

export type DemoKeyName = "admin" | "specialist" | "customer" | "outsider";

export interface DemoAccount {
  readonly slug: string;
  readonly name: string;
  readonly time_zone: string;
}

export interface DemoPerson {
  readonly id: number;
  readonly uuid: string;
  readonly name: string;
  readonly primary_email: string;
  readonly account: { readonly id: string };
  readonly role: "customer" | "specialist" | "administrator";
  readonly demo_key?: DemoKeyName;
}

export interface V2Ticket {
  readonly id: string;
  readonly subject: string;
  readonly kind: TicketKind;
  readonly status: TicketStatus;
  readonly requester_id: string | null;
  readonly account: string;
  readonly created_at: string;
}

export interface V2Note {
  readonly id: string;
  readonly author_id: string;
  readonly categories: readonly ("pre-scan" | "post-scan")[];
  readonly created_at: string;
  readonly is_public: boolean;
  readonly ticket_id: string;
  readonly updated_at: string | null;
  readonly value: string;
}

export interface V2Attachment {
  readonly note_id: string;
  readonly filename: string;
  readonly file: string;
}

export interface V1Ticket {
  readonly id: number;
  readonly subject: string;
  readonly status: string;
  readonly requested_by: { readonly id: number } | null;
  readonly account: { readonly id: string };
  readonly created_at: string;
}

export interface V1Note {
  readonly id: number;
  readonly person: { readonly id: number };
  readonly created_at: string;
  readonly text: string;
  readonly medium: Lowercase<NoteMedium>;
  readonly internal: boolean;
  readonly attachments: readonly {
    readonly name: string;
    readonly key: string;
    readonly inline: boolean;
    readonly file: string;
  }[];
  readonly [kind: string]: unknown;
}

/** The content of each file. */
interface DemoFiles {
  readonly "accounts.json": readonly DemoAccount[];
  readonly "people.json": readonly DemoPerson[];
  readonly "v1/notes.json": readonly V1Note[];
  readonly "v2/note-attachments.json": readonly V2Attachment[];
  readonly "v2/notes.json": readonly V2Note[];
  readonly "v2/tickets.json": readonly V2Ticket[];
  readonly "v1/requests.json": readonly V1Ticket[];
  readonly "v1/problems.json": readonly V1Ticket[];
  readonly "v1/workflows.json": readonly V1Ticket[];
  readonly "v1/tasks.json": readonly V1Ticket[];
  readonly "v1/project_tasks.json": readonly V1Ticket[];
  readonly "v1/projects.json": readonly V1Ticket[];
  readonly "v1/releases.json": readonly V1Ticket[];
  readonly "v1/risks.json": readonly V1Ticket[];
}

/** Returns the content of a file. It does not check the shape, because a test loads all of these files. */
export function readDemoFile<File extends keyof DemoFiles>(path: File): DemoFiles[File] {
  return JSON.parse(readFileSync(new URL(path, directory), "utf8")) as DemoFiles[File];
}

export function openDemoBytes(name: string): Readable {
  return createReadStream(new URL(`files/${name}`, directory));
}

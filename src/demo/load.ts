import { randomUUID } from "node:crypto";
import { v7 as uuidv7 } from "uuid";
import type { Note, NoteCategory, NoteMedium, TicketKind, TicketStatus } from "#generated/prisma/client.ts";
import { createProvisioning } from "../access/provisioning.ts";
import { hashOf, newSecret } from "../access/secrets.ts";
import type { Database } from "../database/database.ts";
import type { NoteUpload } from "../notes/input.ts";
import { createSigner } from "../storage/signature.ts";
import type { ObjectStorage } from "../storage/storage.ts";
import { createResponseBudget, usualMaximumBytes } from "../lib/response-budget.ts";
import { createServices } from "../create-services.ts";
import { statusNamed } from "../tickets/v1-statuses.ts";
import { type PersonViewer, type Role, scopes, scopesOf } from "../viewer.ts";
import { accountIdOf } from "../transfer/folder-source.ts";
import { categoriesNamed, derivedId, mediumNamed, referenceToTicket, ticketOfV1Note } from "../transfer/records.ts";
import { withNumbers } from "../transfer/rich-text-references.ts";
import { ticketKinds, v1Collections } from "../transfer/shapes.ts";
import { type DemoKeyName, openDemoBytes, readDemoFile, type V1Note } from "./files.ts";

/**
 * API keys of people in the demo data: an administrator, a specialist and a customer of one account, and a specialist
 * of another one.
 */
export type DemoKeys = Readonly<Record<DemoKeyName, string>>;

/** A ticket of either API, as the loader needs it. */
interface DemoTicket {
  readonly reference: string;
  readonly id: string;
  readonly account: string;
  readonly kind: TicketKind;
  readonly status: TicketStatus;
  readonly subject: string;
  readonly requester: string | undefined;
  readonly createdAt: Date;
}

/** A note of either API, as the loader needs it. */
interface DemoNote {
  readonly id: string;
  readonly ticket: string;
  readonly author: string;
  readonly text: string;
  readonly isPublic: boolean;
  readonly categories: readonly NoteCategory[];
  readonly medium: NoteMedium;
  readonly createdAt: Date;
  readonly updatedAt?: Date;
  readonly attachments: readonly DemoAttachment[];
}

interface DemoAttachment {
  readonly filename: string;
  readonly inline: boolean;
  readonly file: string;
  /** The key of the upload on /v1, which the note's text may contain. */
  readonly key?: string;
}

const opened = new Date("2026-05-01T08:00:00Z");

/**
 * How much of the demo data is in a database: `none` if the database is empty, `part` after an interrupted load,
 * `whole`, or `other` if the database has other data.
 */
export type DemoProgress = "none" | "part" | "whole" | "other";

/**
 * Returns how much of the demo data is in a database. After an interrupted load there are only accounts of the demo
 * data, and some of their keys are missing, because these are added last. Other data is recognised by its account ids:
 * those of the demo data are the same in every database.
 */
export async function demoProgress({ prisma }: Database): Promise<DemoProgress> {
  const accounts = await prisma.account.findMany({ select: { id: true }, take: 100 });
  if (accounts.length === 0) return "none";
  const own = new Set(readDemoFile("accounts.json").map(({ slug }) => accountIdOf(slug)));
  if (accounts.some(({ id }) => !own.has(id))) return "other";
  const keys = await prisma.apiKey.findMany({ where: { accountId: { in: [...own] } }, select: { name: true } });
  const names = new Set(keys.map(({ name }) => name));
  return demoKeyNames.every((name) => names.has(keyNameOf(name))) ? "whole" : "part";
}

/** Returns new keys. They work only after {@link loadDemo} has added them. */
export function newDemoKeys(): DemoKeys {
  const made = demoKeyNames.map((name) => [name, newSecret("API_KEY").secret]);
  return Object.fromEntries(made) as DemoKeys; // a key for each name
}

/** The dependencies of a load. */
export interface DemoLoad {
  readonly database: Database;
  readonly storage: ObjectStorage;
  /**
   * Returns the keys to add. It is called last, and must store the keys before they work, so that they are never lost.
   */
  readonly storeKeys?: () => DemoKeys;
}

/**
 * Loads the demo data into an empty database through the services, and returns the keys. Every note is added by its
 * author at the time when it was written, and every file is uploaded. The database assigns integer ids and upload keys,
 * so mentions, references and inline images in the texts are rewritten.
 *
 * An interrupted load can be continued: every row has the same id in each load, and existing rows stay unchanged.
 */
export async function loadDemo({ database, storage, storeKeys = newDemoKeys }: DemoLoad): Promise<DemoKeys> {
  const { prisma } = database;
  let now = opened;
  const givenIds: string[] = [];
  const newId = () => givenIds.shift() ?? uuidv7({ msecs: now.getTime() });
  const dependencies = { database, storage, clock: () => now, newId };
  const services = createServices({
    ...dependencies,
    // The signatures are used in this function only.
    uploadSigner: createSigner(randomUUID(), "uploads"),
    deletedRetentionDays: 30,
    maximumUploadBytes: Number.MAX_SAFE_INTEGER,
    mailTrust: { authservId: undefined, senders: [] },
    budget: createResponseBudget({ maximumBytes: usualMaximumBytes }),
    onBackgroundError: (error) => {
      throw error;
    },
  });
  const provisioning = createProvisioning(dependencies);

  const accounts = new Map<string, { id: string; slug: string; name: string; timeZone: string }>();
  for (const account of readDemoFile("accounts.json")) {
    const id = accountIdOf(account.slug);
    const there = await prisma.account.findUnique({ where: { id } });
    if (there === null) givenIds.push(id);
    const input = { slug: account.slug, name: account.name, timeZone: account.time_zone };
    accounts.set(account.slug, there ?? (await provisioning.addAccount(input)));
  }

  const people = readDemoFile("people.json");
  const viewers = new Map<string, PersonViewer>();
  const numbers = new Map<string, number>();
  for (const person of people) {
    const account = found(accounts, person.account.id);
    // The files have the lower-case names of the REST APIs.
    const role = person.role.toUpperCase() as Role;
    const there = await prisma.person.findUnique({ where: { id: person.uuid } });
    if (there === null) givenIds.push(person.uuid);
    const input = { accountId: account.id, name: person.name, email: person.primary_email, role };
    const added = there ?? (await provisioning.addPerson(input));
    const viewer: PersonViewer = { kind: "person", person: added, account, role, scopes: new Set(scopes) };
    viewers.set(person.uuid, viewer).set(`person#${person.id}`, viewer);
    numbers.set(`person#${person.id}`, added.number);
  }
  const administratorOf = (slug: string): PersonViewer => {
    const candidates = [...viewers.values()].filter((viewer) => viewer.account.slug === slug && viewer.role !== "CUSTOMER");
    const administrator = candidates.find((viewer) => viewer.role === "ADMINISTRATOR") ?? candidates[0];
    if (!administrator) throw new Error(`The demo data has nobody to open tickets of ${slug}.`);
    return administrator;
  };

  const ticketIds = new Map<string, string>();
  for (const ticket of demoTickets().toSorted((one, other) => one.createdAt.getTime() - other.createdAt.getTime())) {
    now = ticket.createdAt;
    const account = found(accounts, ticket.account);
    const there = await prisma.ticket.findUnique({ where: { id: ticket.id, accountId: account.id } });
    if (there === null) givenIds.push(ticket.id);
    const input = {
      kind: ticket.kind,
      status: ticket.status,
      subject: ticket.subject,
      requesterId: ticket.requester === undefined ? undefined : found(viewers, ticket.requester).person.id,
    };
    const added = there ?? (await services.tickets.add(administratorOf(ticket.account), input));
    ticketIds.set(ticket.reference, added.id);
    numbers.set(ticket.reference, added.number);
  }

  /** Adds the note with the files that /v1 uploads before it, in one statement. */
  async function addNote(note: DemoNote, author: PersonViewer): Promise<Note> {
    let text = withNumbers(note.text, (reference) => found(numbers, reference));
    const uploads: NoteUpload[] = [];
    for (const { filename, inline, file, key } of note.attachments.filter((attachment) => attachment.key !== undefined)) {
      const received = await services.uploads.receive({ ...services.uploads.offer(author), filename }, openDemoBytes(file));
      uploads.push({ key: received.key, inline });
      text = text.replaceAll(`](${key})`, `](${received.key})`);
    }
    givenIds.push(note.id);
    return services.notes.add(author, {
      ticketId: found(ticketIds, note.ticket),
      text,
      isPublic: note.isPublic,
      categories: note.categories,
      medium: note.medium,
      uploads,
    });
  }

  for (const note of demoNotes().toSorted((one, other) => one.createdAt.getTime() - other.createdAt.getTime())) {
    now = note.createdAt;
    const author = found(viewers, note.author);
    const accountId = author.account.id;
    const there = await prisma.note.findFirst({ where: { id: note.id, accountId } });
    const added = there ?? (await addNote(note, author));
    for (const { filename, inline, file } of note.attachments.filter((attachment) => attachment.key === undefined)) {
      const ready = await prisma.attachment.findFirst({ where: { accountId, noteId: added.id, filename, state: "READY" } });
      if (ready !== null) continue;
      const { uploadKey } = await services.attachments.requestUpload(author, { noteId: added.id, filename, inline });
      await services.attachments.receive(uploadKey, { bytes: openDemoBytes(file) });
    }
    if (note.updatedAt && added.updatedAt === null) {
      now = note.updatedAt;
      await services.notes.update(author, { id: added.id, text: added.text });
    }
  }

  now = new Date();
  const keys = storeKeys();
  for (const { uuid, demo_key: name } of people) {
    if (name === undefined || (await prisma.apiKey.findUnique({ where: { hash: hashOf(keys[name]) } })) !== null) continue;
    const viewer = found(viewers, uuid);
    await provisioning.addApiKey({
      accountId: viewer.account.id,
      personId: viewer.person.id,
      name: keyNameOf(name),
      scopes: scopesOf(viewer.role),
      secret: keys[name],
    });
  }
  return keys;
}

const demoKeyNames: readonly DemoKeyName[] = ["admin", "specialist", "customer", "outsider"];

function keyNameOf(name: DemoKeyName): string {
  return `demo: ${name}`;
}

function demoTickets(): DemoTicket[] {
  const diagnostics = readDemoFile("v2/tickets.json").map((ticket) => ({
    reference: ticket.id,
    id: ticket.id,
    account: ticket.account,
    kind: ticket.kind,
    status: ticket.status,
    subject: ticket.subject,
    requester: ticket.requester_id ?? undefined,
    createdAt: new Date(ticket.created_at),
  }));
  const records = ticketKinds.flatMap((kind) =>
    readDemoFile(`v1/${v1Collections[kind]}.json`).map((ticket) => ({
      id: derivedId(`${kind} ${ticket.id}`, new Date(ticket.created_at)),
      reference: referenceToTicket(kind, ticket.id),
      account: ticket.account.id,
      kind,
      status: requireStatus(kind, ticket.status),
      subject: ticket.subject,
      requester: ticket.requested_by ? `person#${ticket.requested_by.id}` : undefined,
      createdAt: new Date(ticket.created_at),
    })),
  );
  return [...diagnostics, ...records];
}

function requireStatus(kind: TicketKind, name: string): TicketStatus {
  const status = statusNamed(kind, name);
  if (!status) throw new Error(`The demo data has a ${kind} in the status ${name}, which /v1 does not know.`);
  return status;
}

function demoNotes(): DemoNote[] {
  const files = Map.groupBy(readDemoFile("v2/note-attachments.json"), (attachment) => attachment.note_id);
  const diagnostics = readDemoFile("v2/notes.json").map((note) => ({
    id: note.id,
    ticket: note.ticket_id,
    author: note.author_id,
    text: note.value,
    isPublic: note.is_public,
    categories: categoriesNamed(note.categories),
    medium: "DEFAULT" as const,
    createdAt: new Date(note.created_at),
    ...(note.updated_at === null ? {} : { updatedAt: new Date(note.updated_at) }),
    attachments: (files.get(note.id) ?? []).map(({ filename, file }) => ({ filename, file, inline: false })),
  }));
  const records = readDemoFile("v1/notes.json").map((note) => ({
    id: derivedId(`note ${note.id}`, new Date(note.created_at)),
    ticket: referenceIn(note),
    author: `person#${note.person.id}`,
    text: note.text,
    isPublic: !note.internal,
    categories: [],
    medium: mediumNamed(note.medium),
    createdAt: new Date(note.created_at),
    attachments: note.attachments.map(({ name, inline, file, key }) => ({ filename: name, inline, file, key })),
  }));
  return [...diagnostics, ...records];
}

/** The record to which a /v1 note belongs. */
function referenceIn(note: V1Note): string {
  const reference = ticketOfV1Note(note);
  if (reference === undefined) throw new Error(`The demo note ${note.id} names no record.`);
  return reference;
}

function found<Value>(values: ReadonlyMap<string, Value>, key: string): Value {
  const value = values.get(key);
  if (value === undefined) throw new Error(`The demo data refers to ${key}, which it does not have.`);
  return value;
}

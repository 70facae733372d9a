import type { Readable } from "node:stream";
import type { z } from "zod";
import {
  type AccountRecord,
  type AttachmentRecord,
  type NoteRecord,
  type PersonRecord,
  type TicketRecord,
  UnusableRecord,
} from "./records.ts";

/** A record with its place in the source, or the reason why it cannot be taken. */
export type Reading<Item> = { readonly at: string; readonly id: string } & (
  | { readonly item: Item }
  | { readonly item?: undefined; readonly problem: string }
);

/** The number of records of each kind, and the greatest of the integer ids that they have. */
export interface Extents {
  readonly counts: { readonly people: number; readonly tickets: number; readonly notes: number };
  readonly numbers: {
    readonly people: number;
    readonly tickets: number;
    readonly notes: number;
    readonly attachments: number;
    readonly inbound_emails: number;
  };
}

/** What an import reads: the folder of an export, or one of the legacy APIs. Each list can be read more than once. */
export interface TransferSource {
  extents(): Promise<Extents>;
  accounts(): AsyncIterable<Reading<AccountRecord>>;
  people(): AsyncIterable<Reading<PersonRecord>>;
  tickets(): AsyncIterable<Reading<TicketRecord>>;
  notes(): AsyncIterable<Reading<NoteRecord>>;
  /** Returns the bytes of a file. Throws {@link UnusableRecord} if there are none. */
  openBytes(attachment: AttachmentRecord): Promise<Readable>;
  /** Throws {@link UnusableRecord} if the bytes cannot be there. It opens nothing. */
  checkBytes(attachment: AttachmentRecord): Promise<void>;
}

/** Returns the record that `toItem` makes of what `shape` reads, or why there is none. */
export function readingOf<Shape, Item>(
  { at, value }: { readonly at: string; readonly value: unknown },
  shape: z.ZodType<Shape>,
  toItem: (read: Shape) => Item,
): Reading<Item> {
  const id = idIn(value);
  const parsed = shape.safeParse(value);
  if (!parsed.success) return { at, id, problem: problemsOfShape(parsed.error) };
  try {
    return { at, id, item: toItem(parsed.data) };
  } catch (error) {
    if (error instanceof UnusableRecord) return { at, id, problem: error.message };
    throw error;
  }
}

function idIn(value: unknown): string {
  if (typeof value !== "object" || value === null) return "";
  const id: unknown = "id" in value ? value.id : "note_id" in value ? value.note_id : undefined;
  return typeof id === "string" || typeof id === "number" ? String(id) : "";
}

function problemsOfShape({ issues }: z.ZodError): string {
  return issues.map(({ path, message }) => `${path.length === 0 ? "the record" : path.join(".")}: ${message}`).join("; ");
}

import { type Attachments, createAttachments } from "./attachments/service.ts";
import { createNotes, type Notes } from "./notes/service.ts";
import { createPeople, type People } from "./people/service.ts";
import type { Clock } from "./platform/clock.ts";
import type { Database } from "./platform/database.ts";
import type { ObjectStorage } from "./platform/storage.ts";
import { createTickets, type Tickets } from "./tickets/service.ts";

/** The use cases: the one door every face goes through. */
export interface Services {
  readonly people: People;
  readonly tickets: Tickets;
  readonly notes: Notes;
  readonly attachments: Attachments;
}

export interface ServicesDependencies {
  readonly database: Database;
  readonly storage: ObjectStorage;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly maximumUploadBytes: number;
  /** Told of failures of work that nobody waits for. */
  readonly onBackgroundError: (error: unknown) => void;
}

export function createServices(dependencies: ServicesDependencies): Services {
  const { database, storage, clock, newId, maximumUploadBytes, onBackgroundError } = dependencies;
  const attachments = createAttachments({ database, storage, clock, newId, maximumBytes: maximumUploadBytes });
  return {
    people: createPeople({ database }),
    tickets: createTickets({ database, clock, newId }),
    notes: createNotes({ database, clock, newId, onDeleted: () => void attachments.sweep().catch(onBackgroundError) }),
    attachments,
  };
}

import { type Access, createAccess } from "./access/service.ts";
import { attachmentParams } from "./attachments/relations.ts";
import { type Attachments, createAttachments } from "./attachments/service.ts";
import { createSweeper } from "./attachments/sweeper.ts";
import { createUploads, type Uploads } from "./attachments/uploads.ts";
import { createTextRenderer, type TextRenderer } from "./notes/richtext/rendering.ts";
import { createNotes, type Notes } from "./notes/service.ts";
import { createPeople, type People } from "./people/service.ts";
import type { Clock } from "./platform/clock.ts";
import type { Database } from "./platform/database.ts";
import type { Signer } from "./platform/signature.ts";
import type { ResponseBudget } from "./platform/response-budget.ts";
import type { ObjectStorage } from "./platform/storage.ts";
import { createReads } from "./reading/reads.ts";
import { createTickets, type Tickets } from "./tickets/service.ts";
import { createTicketWriting } from "./tickets/writing.ts";

/** The services. Every API calls these and nothing below them. */
export interface Services {
  readonly people: People;
  readonly access: Access;
  readonly tickets: Tickets;
  readonly notes: Notes;
  readonly attachments: Attachments;
  readonly uploads: Uploads;
  readonly texts: TextRenderer;
}

export interface ServicesDependencies {
  readonly database: Database;
  readonly storage: ObjectStorage;
  readonly clock: Clock;
  readonly newId: () => string;
  /** Signs the forms that files are uploaded with before their notes. */
  readonly uploadSigner: Signer;
  readonly maximumUploadBytes: number;
  /** What answers may take up. */
  readonly budget: ResponseBudget;
  /** Called with failures of work in the background. */
  readonly onBackgroundError: (error: unknown) => void;
}

export function createServices(dependencies: ServicesDependencies): Services {
  const { database, storage, clock, newId, uploadSigner, maximumUploadBytes, budget, onBackgroundError } = dependencies;
  const reads = createReads({
    database,
    budget,
    sharedParams: () => attachmentParams({ announcesArrivals: storage.announcesArrivals, now: clock() }),
  });
  const sweeper = createSweeper({ database, storage, clock });
  const onDiscarded = () => void sweeper.removeDiscarded().catch(onBackgroundError);
  const attachments = createAttachments({
    ...{ database, reads, storage, clock, newId, maximumBytes: maximumUploadBytes },
    removeDiscarded: sweeper.removeDiscarded,
  });
  const uploads = createUploads({
    ...{ database, storage, clock, newId, signer: uploadSigner, maximumBytes: maximumUploadBytes },
    sweep: () => sweeper.run(attachments.reconcileArrivals),
    onDiscarded,
  });
  const ticketWriting = createTicketWriting({ reads, clock, newId });
  const tickets = createTickets({ database, reads, writing: ticketWriting });
  return {
    people: createPeople({ reads }),
    access: createAccess({ database, clock, newId }),
    tickets,
    notes: createNotes({
      database,
      reads,
      clock,
      newId,
      uploads,
      tickets,
      ticketWriting,
      onDeleted: onDiscarded,
    }),
    attachments,
    uploads,
    texts: createTextRenderer({ budget }),
  };
}

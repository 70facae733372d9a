import { createAccess } from "./access/service.ts";
import { attachmentParams } from "./attachments/relations.ts";
import { createKeptFiles } from "./attachments/deleted-files.ts";
import { createAttachments } from "./attachments/service.ts";
import { createSweeper } from "./attachments/sweeper.ts";
import { createUploads } from "./attachments/uploads.ts";
import { createNoteHistory } from "./history/service.ts";
import { findableNotes } from "./notes/policy.ts";
import { createTextRenderer } from "./notes/richtext/rendering.ts";
import type { MailTrust } from "./mail/input.ts";
import { createMailReader } from "./mail/mail-reader.ts";
import { createMail } from "./mail/service.ts";
import { createNotes } from "./notes/service.ts";
import { createIdempotency } from "./idempotency/service.ts";
import { createPeople } from "./people/service.ts";
import { createSearch } from "./search/service.ts";
import type { Clock } from "./lib/clock.ts";
import type { Database } from "./database/database.ts";
import type { Signer } from "./storage/signature.ts";
import type { ResponseBudget } from "./lib/response-budget.ts";
import type { ObjectStorage } from "./storage/storage.ts";
import { createRedactions } from "./redaction/service.ts";
import type { Services } from "./services.ts";
import { createReads } from "./query/reads.ts";
import { createTickets } from "./tickets/service.ts";
import { createTicketWriting } from "./tickets/writing.ts";

export interface ServicesDependencies {
  readonly database: Database;
  readonly storage: ObjectStorage;
  readonly clock: Clock;
  readonly newId: () => string;
  /** Signs the forms that files are uploaded with before their notes. */
  readonly uploadSigner: Signer;
  readonly maximumUploadBytes: number;
  /** How many days a deleted note is kept. */
  readonly deletedRetentionDays: number;
  /** How the senders of received mails are proven. */
  readonly mailTrust: MailTrust;
  /** What answers may take up. */
  readonly budget: ResponseBudget;
  /** Called with failures of work in the background. */
  readonly onBackgroundError: (error: unknown) => void;
}

export function createServices(dependencies: ServicesDependencies): Services {
  const { database, storage, clock, newId, uploadSigner, maximumUploadBytes, budget, onBackgroundError } = dependencies;
  const { deletedRetentionDays } = dependencies;
  const reads = createReads({
    database,
    budget,
    sharedParams: () => attachmentParams({ announcesArrivals: storage.announcesArrivals, now: clock() }),
  });
  const idempotency = createIdempotency({ database, clock });
  const texts = createTextRenderer({ budget });
  const sweeper = createSweeper({ database, storage, clock });
  const onDiscarded = () => void sweeper.removeDiscarded().catch(onBackgroundError);
  const attachments = createAttachments({
    ...{ database, reads, storage, clock, newId, idempotency, maximumBytes: maximumUploadBytes },
    removeDiscarded: sweeper.removeDiscarded,
  });
  const files = createKeptFiles({ database, storage, collectArrived: attachments.collectArrived });
  const uploads = createUploads({
    ...{ database, storage, clock, newId, signer: uploadSigner, maximumBytes: maximumUploadBytes },
    async sweep() {
      await files.hideRest();
      await sweeper.run(attachments.reconcileArrivals);
    },
    onDiscarded,
  });
  const ticketWriting = createTicketWriting({ reads, clock, newId });
  const tickets = createTickets({ database, reads, writing: ticketWriting, idempotency, findableNotes });
  const notes = createNotes({
    database,
    reads,
    clock,
    newId,
    uploads,
    tickets,
    ticketWriting,
    idempotency,
    files,
    deletedRetentionDays,
    onDeleted: onDiscarded,
  });
  return {
    people: createPeople({ reads }),
    access: createAccess({ database, reads, clock, newId, idempotency }),
    search: createSearch({ database }),
    idempotency,
    tickets,
    notes,
    history: createNoteHistory({ reads, notes }),
    attachments,
    redactions: createRedactions({
      ...{ database, reads, clock, newId, idempotency, texts, keptFiles: files },
      removeDiscarded: sweeper.removeDiscarded,
    }),
    keptFiles: files,
    mail: createMail({
      ...{ database, reads, clock, newId, idempotency, notes, uploads },
      reader: createMailReader(),
      trust: dependencies.mailTrust,
    }),
    uploads,
    texts,
  };
}

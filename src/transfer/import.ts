import type { Clock } from "../lib/clock.ts";
import type { ObjectStorage } from "../storage/storage.ts";
import type { IdMap } from "./id-map.ts";
import { createTallies, type ImportContext, type KnownAccount, rejecting, type Tally } from "./import-context.ts";
import { importNotes } from "./import-notes.ts";
import { importPeople } from "./import-people.ts";
import type { ImportRows, NumberedTable } from "./import-rows.ts";
import { importTickets } from "./import-tickets.ts";
import { UnusableSource } from "./json-files.ts";
import type { Progress } from "./progress.ts";
import type { AccountRecord } from "./records.ts";
import type { RecordKind, Rejects } from "./rejects.ts";
import type { TransferSource } from "./source.ts";

/** An import, as an operator asks for it. */
export interface ImportRequest {
  readonly source: TransferSource;
  readonly rows: ImportRows;
  readonly storage: ObjectStorage;
  readonly clock: Clock;
  readonly progress: Progress;
  readonly rejects: Rejects;
  readonly idMap: IdMap | undefined;
  /** The slug of the account of records that name none. Undefined: the only account of the source. */
  readonly account: string | undefined;
  /** Whether to find out what would be done, and write nothing. */
  readonly isDryRun: boolean;
  readonly concurrency: number;
}

/**
 * Imports the accounts, people, tickets, notes and attachments of a source, and returns what became of the records of
 * each kind. What is there already stays as it is: an import that was interrupted is continued by doing it again.
 * Throws {@link UnusableSource} if there is no account to import into.
 */
export async function importAll(request: ImportRequest): Promise<Readonly<Record<RecordKind, Tally>>> {
  const tallies = createTallies();
  const context: ImportContext = {
    ...request,
    tallies,
    reject: rejecting(request.rejects, tallies),
    ...{ accounts: new Map(), people: new Map(), tickets: new Map(), members: new Set(), renumbered: new Map() },
  };
  const { progress, source } = context;
  const { counts, numbers } = await source.extents();
  const accountOf = await importAccounts(context, request.account);
  if (!context.isDryRun) {
    for (const [table, number] of Object.entries(numbers))
      // Object.entries loses the type of the keys.
      if (number > 0) await context.rows.reserve(table as NumberedTable, number);
  }
  progress.begin("people", counts.people);
  await importPeople(context, accountOf);
  progress.end();
  progress.begin("tickets", counts.tickets);
  await importTickets(context, accountOf);
  progress.end();
  progress.begin("notes", counts.notes);
  await importNotes(context);
  progress.end();
  return tallies;
}

/** Returns the function that finds the account of a slug, which is the main account for a slug of no account here. */
async function importAccounts(
  context: ImportContext,
  mainSlug: string | undefined,
): Promise<(slug: string | undefined) => KnownAccount> {
  for await (const reading of context.source.accounts()) {
    if (reading.item === undefined) context.reject("account", reading.at, reading.id, reading.problem);
    else await importAccount(context, reading.at, reading.item);
  }
  const only = context.accounts.size === 1 ? [...context.accounts.keys()][0] : undefined;
  const slug = mainSlug ?? only;
  if (slug !== undefined && !context.accounts.has(slug)) {
    const there = await context.rows.account(slug);
    if (!there) throw new UnusableSource(`There is no account ${slug}, neither here nor in the source.`);
    context.accounts.set(slug, there);
  }
  const main = slug === undefined ? undefined : context.accounts.get(slug);
  if (!main && context.accounts.size === 0)
    throw new UnusableSource("The source has no account: name the one to import into with --account.");
  return (name) => {
    const account = (mainSlug === undefined && name !== undefined ? context.accounts.get(name) : main) ?? main;
    if (!account) throw new UnusableSource(`A record names the account ${name}, of which there is none: give --account.`);
    return account;
  };
}

async function importAccount(context: ImportContext, at: string, record: AccountRecord): Promise<void> {
  const { slug, name, timeZone, languages = [], createdAt = context.clock() } = record;
  const there = await context.rows.account(slug);
  if (there) {
    context.accounts.set(slug, there);
    context.tallies.account.unchanged += 1;
    return;
  }
  if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(slug)) {
    context.reject("account", at, slug, "a slug has 1 to 63 small letters, digits and hyphens, and begins with no hyphen");
    return;
  }
  const account = { id: record.id, slug, name, timeZone, createdAt };
  context.accounts.set(slug, context.isDryRun ? account : await context.rows.addAccount(account, languages));
  context.tallies.account.added += 1;
}

import { checkPerson } from "../people/input.ts";
import { InvalidInput } from "../errors.ts";
import {
  differences,
  differsIn,
  type Entry,
  type ImportContext,
  importInBatches,
  type KnownAccount,
  addMissing,
  type Verdict,
} from "./import-context.ts";
import type { AddedRow, MatchingPerson, NewPerson } from "./import-rows.ts";
import { derivedId, type PersonMention, type PersonRecord, UnusableRecord } from "./records.ts";

/** A person who is to be added, with the account that they are a member of. */
interface PersonEntry extends NewPerson {
  /** The id in the source, or the one that is derived from it. The id map may have another one. */
  readonly originalId: string;
  readonly homeId: string;
  readonly memberOf: KnownAccount;
  /** Undefined if the source does not say it. */
  readonly role: PersonRecord["role"];
  readonly leftAt: Date | undefined;
  readonly reference: string;
  /** Whether the source names the person only as an author or requester. */
  readonly isMentionedOnly: boolean;
}

/** Imports the people of the source. */
export async function importPeople(
  context: ImportContext,
  accountOf: (slug: string | undefined) => KnownAccount,
): Promise<void> {
  await importInBatches(context, context.source.people(), {
    kind: "person",
    entryOf: (at, person) => personEntryOf(context, at, person, accountOf),
    write: (entries) => addMissingPeople(context, entries),
  });
}

/**
 * Returns the person of a reference in `account`. One whom the source does not list is added as someone who has left,
 * with the name that the mention has. Throws {@link UnusableRecord} if that cannot be.
 */
export async function personMentioned(
  context: ImportContext,
  { reference, name }: PersonMention,
  account: KnownAccount,
  at: string,
): Promise<{ readonly id: string; readonly number: number }> {
  if (!context.people.has(reference)) await addMentioned(context, reference, name, account, at);
  const person = context.people.get(reference);
  if (!person) throw new UnusableRecord(`${reference} was not imported`);
  await requireMember(context, account.id, person.id);
  return person;
}

async function addMentioned(
  context: ImportContext,
  reference: string,
  name: string | undefined,
  account: KnownAccount,
  at: string,
): Promise<void> {
  if (name === undefined || name === "") throw new UnusableRecord(`${reference} is not among the people, and has no name`);
  const number = /^person#(\d+)$/.exec(reference)?.[1];
  const entry = personEntryOf(
    context,
    at,
    {
      reference,
      id: number === undefined ? reference : undefined,
      number: number === undefined ? undefined : Number(number),
      ...{ account: account.slug, name, email: undefined, role: null, createdAt: undefined, leftAt: undefined },
    },
    () => account,
    true,
  );
  if (entry) await addMissingPeople(context, [entry]);
}

function personEntryOf(
  context: ImportContext,
  at: string,
  person: PersonRecord,
  accountOf: (slug: string | undefined) => KnownAccount,
  isMentionedOnly = false,
): Entry<PersonEntry> | undefined {
  const memberOf = accountOf(person.account);
  const home = (person.account === undefined ? undefined : context.accounts.get(person.account)) ?? memberOf;
  const sourceId = person.id ?? person.reference;
  const originalId = idOfPerson(person, home);
  const mapped = context.idMap?.get("person", originalId);
  const row: PersonEntry = {
    originalId,
    id: mapped?.id ?? originalId,
    number: mapped?.number ?? person.number ?? null,
    name: person.name,
    email: person.email ?? placeholderAddress(person),
    createdAt: person.createdAt ?? context.clock(),
    ...{ homeId: home.id, memberOf, role: person.role, leftAt: person.leftAt, reference: person.reference, isMentionedOnly },
  };
  try {
    checkPerson(row);
  } catch (error) {
    if (!(error instanceof InvalidInput)) throw error;
    context.reject("person", at, sourceId, error.message);
    return undefined;
  }
  return { at, sourceId, row };
}

function idOfPerson({ id, reference }: PersonRecord, home: KnownAccount): string {
  // No time: the same person must have the same id, whichever of their records is read first.
  return id ?? derivedId(`${reference} of ${home.slug}`, new Date(0));
}

/** An address that can never be one (RFC 2606): people must have one, and some sources keep it to themselves. */
function placeholderAddress({ id, reference }: PersonRecord): string {
  return `${(id ?? reference).replaceAll("#", "-")}@unknown.invalid`;
}

async function addMissingPeople(context: ImportContext, entries: readonly Entry<PersonEntry>[]): Promise<void> {
  for (const [, ofAccount] of Map.groupBy(entries, ({ row }) => `${row.homeId} ${row.memberOf.id}`)) {
    const [first] = ofAccount;
    if (!first) continue;
    const { homeId, memberOf } = first.row;
    await addMissing<PersonEntry>(context, ofAccount, {
      kind: "person",
      judge: async (open) => {
        const known = await knownPeople(context, memberOf.id, homeId, open);
        return (entry) => personVerdict(context, entry.row, known);
      },
      add: async (added) => {
        if (context.isDryRun) return added.map(({ row }) => ({ id: row.id, number: row.number ?? 0 }));
        const rows = added.map(({ row }) => row);
        return context.rows.addPeople(homeId, rows);
      },
      onPresent: (entry, row) => rememberPerson(context, entry.row, row),
    });
    await addMembers(
      context,
      memberOf.id,
      ofAccount.flatMap(({ row }) => {
        const person = context.people.get(row.reference);
        return person ? [{ person, row }] : [];
      }),
    );
  }
}

async function knownPeople(
  { rows }: ImportContext,
  accountId: string,
  homeId: string,
  open: readonly Entry<PersonEntry>[],
): Promise<readonly MatchingPerson[]> {
  const wanted = {
    ids: open.map(({ row }) => row.id),
    numbers: open.flatMap(({ row }) => row.number ?? []),
    emails: open.map(({ row }) => row.email),
  };
  const known = await rows.knownPeople(accountId, wanted);
  // Addresses are unique at home.
  return accountId === homeId ? known : [...known, ...(await rows.knownPeople(homeId, { ...wanted, ids: [], numbers: [] }))];
}

function personVerdict({ idMap }: ImportContext, row: PersonEntry, known: readonly MatchingPerson[]): Verdict<PersonEntry> {
  const same = known.find(({ id }) => id === row.id);
  if (same) {
    const differing = row.isMentionedOnly
      ? []
      : differences({
          name: [same.name, row.name],
          "mail address": [same.email.toLowerCase(), row.email.toLowerCase()],
          role: [same.role, same.role === undefined || row.role === undefined ? same.role : row.role],
          number: [same.number, idMap || row.number === null ? same.number : row.number],
        });
    return differing.length === 0 ? { kind: "unchanged", row: same } : { kind: "reject", reason: differsIn(differing) };
  }
  const namesake = known.find(
    ({ accountId, email }) => accountId === row.homeId && email.toLowerCase() === row.email.toLowerCase(),
  );
  if (namesake) {
    if (idMap) return { kind: "unchanged", row: namesake };
    return { kind: "reject", reason: `the mail address is that of person ${namesake.number}; --id-map takes them for one` };
  }
  if (!known.some(({ number }) => number === row.number)) return { kind: "add", row };
  if (idMap) return { kind: "add", row: { ...row, number: null } };
  return { kind: "reject", reason: `the number ${row.number} is that of another person; --id-map gives another one` };
}

function rememberPerson(context: ImportContext, row: PersonEntry, { id, number }: AddedRow): void {
  context.people.set(row.reference, { id, number });
  const given = /^person#(\d+)$/.exec(row.reference)?.[1];
  const source = given === undefined ? undefined : Number(given);
  if (source !== undefined && source !== number) context.renumbered.set(row.reference, number);
  if (id !== row.originalId || (source !== undefined && source !== number))
    context.idMap?.add({ kind: "person", from: { id: row.originalId, number: source }, to: { id, number } });
}

async function addMembers(
  context: ImportContext,
  accountId: string,
  people: readonly { readonly person: { readonly id: string }; readonly row: PersonEntry }[],
): Promise<void> {
  const missing = people.filter(({ person }) => !context.members.has(`${accountId} ${person.id}`));
  if (missing.length === 0) return;
  if (!context.isDryRun) {
    const now = context.clock();
    await context.rows.addMembers(
      accountId,
      missing.map(({ person, row }) => ({
        personId: person.id,
        // An ended membership has the role that allows least, and so has one of which nothing is known.
        role: row.role ?? "CUSTOMER",
        createdAt: row.createdAt,
        endedAt: row.role === null ? (row.leftAt ?? now) : null,
      })),
    );
  }
  for (const { person } of missing) context.members.add(`${accountId} ${person.id}`);
}

/** Makes someone of another account who acts in this one a person who was a member of it. */
async function requireMember(context: ImportContext, accountId: string, personId: string): Promise<void> {
  if (context.members.has(`${accountId} ${personId}`)) return;
  context.members.add(`${accountId} ${personId}`);
  if (context.isDryRun) return;
  const now = context.clock();
  await context.rows.addMembers(accountId, [{ personId, role: "CUSTOMER", createdAt: now, endedAt: now }]);
}

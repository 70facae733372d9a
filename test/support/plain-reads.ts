import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { buildSchema, type DocumentNode, execute, type GraphQLResolveInfo, type GraphQLScalarType } from "graphql";
import type {
  Account,
  Attachment,
  InboundEmail,
  Note,
  Person,
  Prisma,
  PrismaClient,
  Ticket,
} from "#generated/prisma/client.ts";
import { readSearchQuery } from "../../src/search/input.ts";
import type { SignedRequest } from "../../src/storage/storage.ts";
import type { Viewer } from "../../src/viewer.ts";
import { globalId } from "./factories.ts";

/** An error and its path in a response. */
export interface PlainError {
  readonly path: readonly (string | number)[];
  readonly code: string;
}

/** The expected response to an operation. */
export interface PlainAnswer {
  readonly data: unknown;
  /** The errors that graphql-js reports. If several errors make the same field null, it may report only one of them. */
  readonly errors: readonly PlainError[];
  /** Every error of a resolver. */
  readonly met: readonly PlainError[];
}

export interface PlainReads {
  readonly prisma: PrismaClient;
  readonly now: Date;
  readonly download: (attachment: Attachment) => Promise<SignedRequest | null>;
}

/** The schema's text, which is all that this file has of the gateway's API. */
const contract = buildSchema(readFileSync(new URL("../../schema.graphql", import.meta.url), "utf8"));
const instant = contract.getType("DateTime") as GraphQLScalarType; // by its name
instant.serialize = (value) => (value as Date).toISOString();
instant.parseValue = (value) => new Date(String(value));
instant.parseLiteral = (node) => new Date("value" in node ? String(node.value) : "");

class Refusal extends Error {
  readonly code: string;

  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

/** Returns the refusal of an item, which GraphQL.js takes for its failure alone. Throws any other error. */
function asRefusedItem(error: unknown): Refusal {
  if (error instanceof Refusal && error.code === "FORBIDDEN") return error;
  throw error;
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

interface PageArguments {
  readonly first?: number | null;
  readonly last?: number | null;
  readonly after?: string | null;
  readonly before?: string | null;
  readonly orderBy?: { readonly field: string; readonly direction: "ASC" | "DESC" } | null;
  readonly filter?: Readonly<Record<string, never>> | null;
}

interface Sorting {
  /** The name of the order in cursors. */
  readonly name: string;
  readonly keys: readonly string[];
  readonly direction: "ASC" | "DESC";
}

/** The keys of each order of a list of tickets or notes, and of lists that no client sorts. */
const sortings: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  tickets: {
    CREATED_AT: ["createdAt", "id"],
    UPDATED_AT: ["updatedAt", "id"],
    NUMBER: ["number"],
    LAST_NOTE_AT: ["lastNoteAt", "id"],
  },
  notes: {
    CREATED_AT: ["createdAt", "id"],
    UPDATED_AT: ["changedAt", "id"],
    NUMBER: ["number"],
    AUTHOR: ["authorNumber", "number"],
  },
  people: { NUMBER: ["number"] },
  unsorted: { CREATED_AT: ["createdAt", "id"] },
};

export function sortingOf(
  list: "tickets" | "notes" | "people" | "unsorted",
  orderBy: PageArguments["orderBy"],
  otherwise: "ASC" | "DESC" = "DESC",
): Sorting {
  const { field, direction } = orderBy ?? { field: "CREATED_AT", direction: otherwise };
  const keys = sortings[list]![field]!;
  return { name: `${keys[0]} ${direction}`, keys, direction };
}

/** A missing time precedes all others. */
const comparable = (value: unknown) => (value instanceof Date ? value.toISOString() : ((value ?? "") as string | number));

/** Returns the note with what it is sorted by in the order UPDATED_AT. */
export function withChange<Row extends Pick<Note, "updatedAt" | "createdAt">>(row: Row): Row & { readonly changedAt: Date } {
  return { ...row, changedAt: row.updatedAt ?? row.createdAt };
}

/** Returns the ticket with the time of the last of these notes, by which it is sorted in the order LAST_NOTE_AT. */
export function withLastNote<Row extends object>(
  row: Row,
  notes: readonly Pick<Note, "createdAt">[],
): Row & { readonly lastNoteAt: Date | null } {
  const times = notes.map(({ createdAt }) => createdAt.getTime());
  return { ...row, lastNoteAt: times.length === 0 ? null : new Date(Math.max(...times)) };
}
/** The order of what a search finds. */
const byScore: Sorting = { name: "searched DESC, score DESC", keys: ["searched", "score", "id"], direction: "DESC" };

interface Scored {
  readonly score: number;
  /** What tells the search from others. */
  readonly searched: string;
}

/** Returns a note with how well it matches a query, and its cursor as what a search finds. */
export async function withScore(prisma: PrismaClient, row: Note, query: string): Promise<Note & Scored> {
  const [{ score } = { score: 0 }] = await prisma.$queryRaw<{ score: number }[]>`
    SELECT round(1000000 * ts_rank(to_tsvector('simple', ${row.text}), to_tsquery('simple', ${plainQuery(query)}), 33))::integer AS score`;
  return { ...row, score, searched: readSearchQuery(query).digest };
}

export const plainSearchCursor = (row: object): string => plainCursor("Query.searchNotes", byScore, row);

/** Returns the terms of a query that must occur, as {@link hasWords} reads them, as PostgreSQL writes them. */
function plainQuery(query: string): string {
  return [...query.matchAll(/-?(?:"[^"]*"|\S+)/g)]
    .filter(([term]) => !term.startsWith("-"))
    .map(([term]) => {
      const words = (term.match(/[\p{L}\p{N}]+/gu) ?? []).join(" <-> ");
      return `(${words}${term.endsWith("*") ? ":*" : ""})`;
    })
    .join(" & ");
}

/** The order of people, and the default order of the notes of one. */
const byNumber = sortingOf("people", { field: "NUMBER", direction: "ASC" });
const newestFirst = { field: "NUMBER", direction: "DESC" } as const;
/** The id of nobody. */
const none = "00000000-0000-0000-0000-000000000000";

/** Returns the cursor of a row of the connection `place`. */
export function plainCursor(place: string, { name, keys }: Sorting, row: object): string {
  const parts = keys.map((key) => comparable(Reflect.get(row, key)));
  const texts = parts.map((part, index) => (keys[index]!.endsWith("At") ? String(part).replaceAll(/\D/g, "") : part));
  return [plainTag(place, name), ...texts].join(".");
}

function plainTag(place: string, name: string): string {
  return createHash("sha256").update(`${place} ${name}`).digest("base64url").slice(0, 8);
}

/**
 * Returns the position in a cursor of these keys, or undefined if it is no cursor of them. Instants are not checked,
 * because the tests' cursors have valid ones.
 */
function plainPosition(place: string, { name, keys }: Sorting, cursor: string): (string | number)[] | undefined {
  const [tag, ...parts] = cursor.split(".");
  if (tag !== plainTag(place, name) || parts.length !== keys.length) return undefined;
  return parts.map((part, index) => {
    const key = keys[index]!;
    if (key.endsWith("At")) return part.replace(/^(....)(..)(..)(..)(..)(..)(...)$/, "$1-$2-$3T$4:$5:$6.$7Z");
    return key === "score" || key.toLowerCase().endsWith("number") ? Number(part) : part;
  });
}

/**
 * Returns an executor that answers operations as the contract says, a row at a time, from rows that Prisma reads. It
 * plans, batches and caches nothing across viewers.
 */
export function createPlainReads({ prisma, now, download }: PlainReads) {
  const known = new Map<string, Promise<unknown>>();

  /**
   * Returns the result of `read`, which is called once for a query, because the rows do not change while operations are
   * compared.
   */
  function once<Found>(name: string, query: object, read: () => Promise<Found>): Promise<Found> {
    const full = `${name} ${JSON.stringify(query)}`;
    const found = (known.get(full) as Promise<Found> | undefined) ?? read();
    known.set(full, found);
    return found;
  }
  const tickets = (query: Prisma.TicketFindManyArgs) => once("tickets", query, () => prisma.ticket.findMany(query));
  const notes = (query: Prisma.NoteFindManyArgs) => once("notes", query, () => prisma.note.findMany(query));
  const attachments = (query: Prisma.AttachmentFindManyArgs) =>
    once("attachments", query, () => prisma.attachment.findMany(query));
  const memberships = (query: Prisma.MembershipFindManyArgs) =>
    once("memberships", query, () => prisma.membership.findMany(query));
  const people = (query: Prisma.PersonFindManyArgs) => once("people", query, () => prisma.person.findMany(query));
  const accounts = (query: Prisma.AccountFindManyArgs) => once("accounts", query, () => prisma.account.findMany(query));

  return async function answer(
    viewer: Viewer,
    document: DocumentNode,
    variableValues: Record<string, unknown>,
  ): Promise<PlainAnswer> {
    const met: PlainError[] = [];
    const underWay = new Set<Promise<unknown>>();

    /** Returns a resolver that records its errors with their paths, whatever graphql-js reports. */
    function field<Args>(resolve: (args: Args) => unknown) {
      return (args: Args, _context: unknown, info: GraphQLResolveInfo): Promise<unknown> => {
        const result = Promise.resolve()
          .then(() => resolve(args))
          .then((value) => {
            if (Array.isArray(value)) for (const [place, item] of value.entries()) noteRefusal([...pathOf(info), place], item);
            return value;
          })
          .catch((error: unknown) => {
            met.push({ path: pathOf(info), code: codeOf(error) });
            throw error;
          });
        underWay.add(result);
        result.catch(() => undefined);
        return result;
      };
    }

    function noteRefusal(path: PlainError["path"], item: unknown): void {
      if (item instanceof Refusal) met.push({ path, code: item.code });
    }

    function need(...scopes: readonly string[]) {
      if (viewer.kind === "anonymous") throw new Refusal("UNAUTHENTICATED");
      if (!scopes.every((scope) => ([...viewer.scopes] as string[]).includes(scope))) throw new Refusal("FORBIDDEN");
      return viewer;
    }
    const may = (...scopes: readonly string[]) =>
      viewer.kind === "person" && scopes.every((scope) => ([...viewer.scopes] as string[]).includes(scope));

    function visibleTickets(): Prisma.TicketWhereInput {
      const { account, role, person } = need("tickets:read");
      return role === "CUSTOMER" ? { accountId: account.id, requesterId: person.id } : { accountId: account.id };
    }
    function visibleNotes(): Prisma.NoteWhereInput {
      const { account, role, person } = need("notes:read");
      if (role === "CUSTOMER") return { accountId: account.id, isPublic: true, ticket: { requesterId: person.id } };
      return may("notes:internal") ? { accountId: account.id } : { accountId: account.id, isPublic: true };
    }
    function filesInSight(): { readonly isInternal?: false } {
      const { role } = need();
      return role !== "CUSTOMER" && may("notes:internal") ? {} : { isInternal: false };
    }
    function visibleAttachments(): Prisma.AttachmentWhereInput {
      need("attachments:read");
      return { ...filesInSight(), note: visibleNotes(), OR: [{ state: { not: "PENDING" } }, { uploadExpiresAt: { gt: now } }] };
    }

    const ticketsWhere = (where: Prisma.TicketWhereInput) => tickets({ where: { AND: [visibleTickets(), where] } });
    const notesWhere = (where: Prisma.NoteWhereInput) => notes({ where: { AND: [visibleNotes(), where] } });
    const peopleWhere = (where: Prisma.PersonWhereInput) =>
      people({ where: { AND: [where, { memberships: { some: { accountId: need().account.id } } }] } });
    const accountsWhere = (where: Prisma.AccountWhereInput) => accounts({ where: { AND: [where, { id: need().account.id }] } });

    function ticketObject(row: Ticket): object {
      return {
        ...row,
        __typename: "Ticket",
        id: globalId("Ticket", row.id),
        uuid: row.id,
        account: field(async () => accountObject((await accountsWhere({ id: row.accountId }))[0]!)),
        requester: field(async () => {
          const [person] = row.requesterId === null ? [] : await peopleWhere({ id: row.requesterId });
          return person ? personObject(person) : null;
        }),
        lastNoteAt: field(async () => withLastNote({}, await notesWhere({ ticketId: row.id })).lastNoteAt),
        noteCount: field(async () => (await notesWhere({ ticketId: row.id })).length),
        viewerCanAddNote: may("tickets:read", "notes:write"),
        notes: field(async (args: PageArguments) => notesPage("Ticket.notes", args, { ticketId: row.id })),
        participants: field((args: PageArguments) => participantsPage(row, args)),
      };
    }

    function noteObject(row: Note): object {
      const seesInternal = viewer.kind === "person" && viewer.role !== "CUSTOMER" && may("notes:internal");
      const changeable =
        may("notes:read", "notes:write") &&
        viewer.kind === "person" &&
        (viewer.role !== "CUSTOMER" || row.authorNumber === viewer.person.number);
      return {
        ...row,
        __typename: "Note",
        id: globalId("Note", row.id),
        uuid: row.id,
        ticket: field(async () => ticketObject((await ticketsWhere({ id: row.ticketId }))[0]!)),
        author: field(async () => personObject((await peopleWhere({ number: row.authorNumber }))[0]!)),
        account: field(async () => accountObject((await accountsWhere({ id: row.accountId }))[0]!)),
        isEdited: (seesInternal ? row.updatedAt : row.publicEditedAt) !== null,
        editor: field(async () => {
          const editorNumber = seesInternal ? row.editorNumber : row.publicEditorNumber;
          const [person] = editorNumber === null ? [] : await peopleWhere({ number: editorNumber });
          return person ? personObject(person) : null;
        }),
        inboundEmail: field(async () => {
          const mail = await prisma.inboundEmail.findUnique({
            where: { accountId_noteId: { accountId: row.accountId, noteId: row.id } },
          });
          return mail ? mailObject(mail) : null;
        }),
        viewerCanRedact: may("notes:read", "notes:redact"),
        viewerCanRestore: changeable && row.medium === "DEFAULT",
        viewerCanUpdate: changeable && row.medium === "DEFAULT",
        viewerCanDelete: changeable,
        attachments: field(async (args: PageArguments) => {
          const sorting = sortingOf("unsorted", null, "ASC");
          const page = readPage("Note.attachments", sorting, args);
          const found = await attachments({ where: { AND: [visibleAttachments(), { noteId: row.id }] } });
          return page(sorted(found, sorting), attachmentObject);
        }),
      };
    }

    function mailObject(row: InboundEmail): object {
      const isSender = viewer.kind === "person" && viewer.person.number === row.authorNumber;
      const isShown = isSender || (viewer.kind === "person" && viewer.role !== "CUSTOMER");
      return { ...row, __typename: "InboundEmail", from: isShown ? row.sender : null };
    }

    function attachmentObject(row: Attachment): object {
      return {
        ...row,
        __typename: "Attachment",
        id: globalId("Attachment", row.id),
        size: row.size === null ? null : Number(row.size),
        note: field(async () => noteObject((await notesWhere({ id: row.noteId }))[0]!)),
        download: field(() => download(row)),
      };
    }

    const isShown = (row: Person) => viewer.kind === "person" && (viewer.role !== "CUSTOMER" || viewer.person.id === row.id);

    async function roleOf(row: Person): Promise<string | null> {
      const [found] = await memberships({ where: { accountId: need().account.id, personId: row.id } });
      return found && found.endedAt === null ? found.role : null;
    }

    function personObject(row: Person): object {
      return {
        __typename: "Person",
        id: globalId("Person", row.id),
        uuid: row.id,
        number: row.number,
        name: row.name,
        email: isShown(row) ? row.email : null,
        role: field(() => roleOf(row)),
        notes: field((args: PageArguments) =>
          notesPage("Person.notes", args, { authorNumber: row.number }, sortingOf("notes", args.orderBy ?? newestFirst)),
        ),
      };
    }

    const accountObject = (row: Account): object => ({
      ...row,
      languages: [...new Set(["simple", ...row.languages])],
      __typename: "Account",
      id: globalId("Account", row.id),
      uuid: row.id,
      people: field((args: PageArguments) => peoplePage("Account.people", args)),
    });

    /** All members for staff; for a customer themselves and the authors of public notes on their tickets. */
    async function foundPeople(): Promise<Person[]> {
      const { account, role, person } = need();
      const members = await memberships({ where: { accountId: account.id, endedAt: null } });
      const found = await people({
        where: { id: { in: members.map(({ personId }) => personId) } },
        orderBy: { number: "asc" },
      });
      if (role !== "CUSTOMER") return found;
      const written = await notes({ where: { accountId: account.id, isPublic: true, ticket: { requesterId: person.id } } });
      return found.filter((one) => one.id === person.id || written.some(({ authorNumber }) => authorNumber === one.number));
    }

    async function peoplePage(place: string, args: PageArguments): Promise<object> {
      const { query, role, ids } = args.filter ?? {};
      const wanted = given(ids) ? (ids as string[]).map((id) => idOf("Person", id)) : undefined;
      const words = given(query) ? (query as string).toLowerCase().split(/\s+/).filter(Boolean) : [];
      if (given(query) && words.length === 0) throw new Refusal("INVALID_INPUT");
      const page = readPage(place, byNumber, args);
      const texts = (row: Person) => [row.name, ...(isShown(row) ? [row.email] : [])].map((text) => text.toLowerCase());
      const roles = new Map<Person, string | null>();
      const found = await foundPeople();
      for (const row of found) roles.set(row, await roleOf(row));
      return page(
        found.filter(
          (row) =>
            (!wanted || wanted.includes(row.id)) &&
            (!given(role) || (role as string[]).includes(roles.get(row) ?? "")) &&
            words.every((word) => texts(row).some((text) => text.includes(word))),
        ),
        personObject,
      );
    }

    async function participantsPage(ticket: Ticket, args: PageArguments): Promise<object> {
      const page = readPage("Ticket.participants", byNumber, args);
      const written = await notesWhere({ ticketId: ticket.id });
      const numbers = written.map(({ authorNumber }) => authorNumber);
      const found = await peopleWhere({ OR: [{ number: { in: numbers } }, { id: ticket.requesterId ?? none }] });
      return page(
        found.toSorted((one, other) => one.number - other.number),
        personObject,
      );
    }

    async function notesPage(
      place: string,
      args: PageArguments,
      of: Prisma.NoteWhereInput,
      sorting = sortingOf("notes", args.orderBy),
    ): Promise<object> {
      const { page, rows } = await filteredNotes(place, args, of, sorting);
      return page(sorted(rows.map(withChange), sorting), noteObject);
    }

    async function searchPage({ query, ...args }: PageArguments & { readonly query: string }): Promise<object> {
      if (query.trim() === "") throw new Refusal("INVALID_INPUT");
      const position = given(args.after) ? plainPosition("Query.searchNotes", byScore, args.after) : undefined;
      if (position && position[0] !== readSearchQuery(query).digest) throw new Refusal("INVALID_INPUT");
      const { page, rows } = await filteredNotes("Query.searchNotes", args, {}, byScore);
      const found = rows
        .filter(({ text }) => hasWords(text, query))
        .map((row) => once("score", { id: row.id, query }, () => withScore(prisma, row, query)));
      const scored = sorted(await Promise.all(found), byScore);
      const scores = new Map(scored.map(({ id, score }) => [globalId("Note", id), score / 1_000_000]));
      const answered = page(scored, noteObject);
      // Each edge has the score of its note.
      const edges = answered.edges.map((edge) => ({ ...edge, score: scores.get(String(Reflect.get(edge.node, "id"))) }));
      return { ...answered, edges, isPartial: false };
    }

    async function filteredNotes(place: string, args: PageArguments, of: Prisma.NoteWhereInput, sorting: Sorting) {
      const { ids, authorId, isPublic, categories, medium, createdAt, updatedAt, ticketId, hasAttachments } = args.filter ?? {};
      const where: Prisma.NoteWhereInput[] = [
        of,
        given(ids) ? { id: { in: (ids as string[]).map((id) => idOf("Note", id)) } } : {},
        given(authorId) ? { author: { id: idOf("Person", authorId) } } : {},
        given(isPublic) ? { isPublic } : {},
        given(categories) ? { categories: { hasSome: categories } } : {},
        given(medium) ? { medium: { in: medium } } : {},
        given(createdAt) ? { createdAt: rangeOf(createdAt) } : {},
        given(updatedAt) ? { updatedAt: rangeOf(updatedAt) } : {},
        given(ticketId) ? { ticketId: idOf("Ticket", ticketId) } : {},
        given(hasAttachments)
          ? { attachments: { [hasAttachments ? "some" : "none"]: { state: "READY", ...filesInSight() } } }
          : {},
      ];
      const page = readPage(place, sorting, args);
      if (given(hasAttachments)) need("attachments:read");
      return { page, rows: await notes({ where: { AND: [visibleNotes(), ...where] } }) };
    }

    async function ticketsPage(args: PageArguments): Promise<object> {
      const sorting = sortingOf("tickets", args.orderBy);
      const { ids, numbers, kind, status, requesterId, createdAt, updatedAt, query } = args.filter ?? {};
      const where: Prisma.TicketWhereInput[] = [
        given(ids) ? { id: { in: (ids as string[]).map((id) => idOf("Ticket", id)) } } : {},
        given(numbers) ? { number: { in: numbers } } : {},
        given(kind) ? { kind: { in: kind } } : {},
        given(status) ? { status: { in: status } } : {},
        given(requesterId) ? { requesterId: idOf("Person", requesterId) } : {},
        given(createdAt) ? { createdAt: rangeOf(createdAt) } : {},
        given(updatedAt) ? { updatedAt: rangeOf(updatedAt) } : {},
        given(query) ? { id: { in: await foundTickets(query) } } : {},
      ];
      const page = readPage("Query.tickets", sorting, args);
      const isByLastNote = sorting.keys.includes("lastNoteAt");
      if (isByLastNote) need("tickets:read", "notes:read");
      const found = await tickets({ where: { AND: [visibleTickets(), ...where] } });
      const rows = found.map(async (row) => withLastNote(row, isByLastNote ? await notesWhere({ ticketId: row.id }) : []));
      return page(sorted(await Promise.all(rows), sorting), ticketObject);
    }

    /** Returns the ids of the tickets whose subject, or a visible note of which, has the words of `query`. */
    async function foundTickets(query: string): Promise<string[]> {
      if (query.trim() === "") throw new Refusal("INVALID_INPUT");
      const bySubject = (await ticketsWhere({})).filter(({ subject }) => hasWords(subject, query));
      const byNotes = may("notes:read") ? (await notesWhere({})).filter(({ text }) => hasWords(text, query)) : [];
      return [...bySubject.map(({ id }) => id), ...byNotes.map(({ ticketId }) => ticketId)];
    }

    async function node({ type, id }: { type: string; id: string }): Promise<object | null> {
      const wanted = { id };
      switch (type) {
        case "Ticket":
          return objectOf((await ticketsWhere(wanted))[0], ticketObject);
        case "Note":
          return objectOf((await notesWhere(wanted))[0], noteObject);
        case "Attachment":
          return objectOf((await attachments({ where: { AND: [visibleAttachments(), wanted] } }))[0], attachmentObject);
        case "Person":
          return objectOf((await peopleWhere(wanted))[0], personObject);
        default:
          return objectOf((await accountsWhere(wanted))[0], accountObject);
      }
    }

    const rootValue = {
      ticket: field(async ({ id }: { id: string }) =>
        objectOf((await ticketsWhere({ id: idOf("Ticket", id) }))[0], ticketObject),
      ),
      ticketByNumber: field(async ({ number }: { number: number }) =>
        objectOf((await ticketsWhere({ number }))[0], ticketObject),
      ),
      noteByNumber: field(async ({ number }: { number: number }) => objectOf((await notesWhere({ number }))[0], noteObject)),
      note: field(async ({ id }: { id: string }) => objectOf((await notesWhere({ id: idOf("Note", id) }))[0], noteObject)),
      tickets: field(ticketsPage),
      notes: field((args: PageArguments) => notesPage("Query.notes", args, {})),
      searchNotes: field(searchPage),
      people: field((args: PageArguments) => peoplePage("Query.people", args)),
      node: field(({ id }: { id: string }) => node(decoded(id))),
      nodes: field(({ ids }: { ids: readonly string[] }) =>
        Promise.all(ids.map(decoded).map((one) => node(one).catch(asRefusedItem))),
      ),
      viewer: field(() => {
        const { person, account, role, scopes } = need();
        return {
          role,
          scopes: [...scopes].map((scope) => scope.replace(":", "_").toUpperCase()),
          person: field(async () => personObject((await peopleWhere({ id: person.id }))[0]!)),
          account: field(async () => accountObject((await accountsWhere({ id: account.id }))[0]!)),
        };
      }),
    };

    const { data, errors = [] } = await execute({ schema: contract, document, rootValue, variableValues });
    // An error makes its parent null before the other fields have ended, and their errors may be reported as well. So
    // all of them are awaited.
    for (const one of underWay) await one.catch(() => undefined);
    return {
      data: JSON.parse(JSON.stringify(data ?? null)),
      errors: errors.map(({ path = [], originalError }) => ({ path, code: codeOf(originalError) })),
      met,
    };
  };
}

const objectOf = <Row>(row: Row | undefined, make: (row: Row) => object): object | null => (row ? make(row) : null);

/** Whether `text` has all terms of `query`: words of letters, `-words`, beginnings with `*`, and phrases. */
function hasWords(text: string, query: string): boolean {
  const wordsOf = (some: string) => some.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  const given = wordsOf(text);
  return [...query.matchAll(/-?(?:"[^"]*"|\S+)/g)].every(([term]) => {
    const asked = wordsOf(term);
    const found = given.some((_, place) =>
      asked.every((word, index) => (term.endsWith("*") ? given[place]!.startsWith(word) : given[place + index] === word)),
    );
    return found !== term.startsWith("-");
  });
}

const given = (value: unknown): value is never => value !== null && value !== undefined;

const rangeOf = (range: Record<string, Date | null>) =>
  Object.fromEntries(Object.entries(range).filter(([, bound]) => bound !== null));

/** Returns a negative number if `row` precedes the position in this order. */
function distance(row: object, position: readonly unknown[], { keys, direction }: Sorting): number {
  for (const [index, key] of keys.entries()) {
    const [one, other] = [comparable(Reflect.get(row, key)), comparable(position[index])];
    if (one !== other) return (one < other ? -1 : 1) * (direction === "ASC" ? 1 : -1);
  }
  return 0;
}

function sorted<Row extends object>(rows: readonly Row[], sorting: Sorting): readonly Row[] {
  const positionOf = (row: Row) => sorting.keys.map((key): unknown => Reflect.get(row, key));
  return rows.toSorted((one, other) => distance(one, positionOf(other), sorting));
}

const types = ["Ticket", "Note", "Attachment", "Person", "Account"];

function decoded(id: string): { readonly type: string; readonly id: string } {
  const [type = "", key = "", ...rest] = Buffer.from(id, "base64").toString().split(":");
  if (!types.includes(type) || !uuid.test(key) || rest.length > 0 || btoa(`${type}:${key}`) !== id)
    throw new Refusal("INVALID_INPUT");
  return { type, id: key.toLowerCase() };
}

function idOf(type: "Ticket" | "Note" | "Person", id: string): string {
  if (uuid.test(id)) return id.toLowerCase();
  const known = decoded(id);
  if (known.type !== type) throw new Refusal("INVALID_INPUT");
  return known.id;
}

/**
 * Returns a function that cuts the page out of all rows in their order. Throws `Refusal` at once if `args` are not
 * valid.
 */
function readPage(place: string, sorting: Sorting, { first, last, after, before }: PageArguments) {
  for (const size of [first, last]) if (given(size) && (size < 1 || size > 100)) throw new Refusal("INVALID_INPUT");
  if (given(first) && given(last)) throw new Refusal("INVALID_INPUT");
  const positions = [after, before].map((cursor) => {
    if (!given(cursor)) return undefined;
    const position = plainPosition(place, sorting, cursor);
    if (!position) throw new Refusal("INVALID_INPUT");
    return position;
  });
  const size = first ?? last ?? 25;

  return <Row extends object>(rows: readonly Row[], make: (row: Row) => object) => {
    const [start, end] = positions;
    const within = rows.filter(
      (row) => (!start || distance(row, start, sorting) > 0) && (!end || distance(row, end, sorting) < 0),
    );
    const isFromEnd = given(last);
    const shown = isFromEnd ? within.slice(-size) : within.slice(0, size);
    const more = within.length > size;
    const edges = shown.map((row) => ({ cursor: plainCursor(place, sorting, row), node: make(row) }));
    return {
      edges,
      nodes: edges.map((edge) => edge.node),
      totalCount: rows.length,
      totalCountIsExact: true,
      pageInfo: {
        hasNextPage: (!isFromEnd && more) || positions[1] !== undefined,
        hasPreviousPage: (isFromEnd && more) || positions[0] !== undefined,
        startCursor: edges[0]?.cursor ?? null,
        endCursor: edges.at(-1)?.cursor ?? null,
        isPartial: false,
      },
    };
  };
}

function codeOf(error: unknown): string {
  return error instanceof Refusal ? error.code : `INTERNAL: ${String(error)}`;
}

function pathOf({ path }: GraphQLResolveInfo): (string | number)[] {
  const place: (string | number)[] = [];
  for (let step: GraphQLResolveInfo["path"] | undefined = path; step; step = step.prev) place.unshift(step.key);
  return place;
}

import fc from "fast-check";
import { type ExecutionResult, GraphQLError } from "graphql";
import pino from "pino";
import { v7 as uuidv7 } from "uuid";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Note, Ticket } from "#generated/prisma/client.ts";
import { closeErrors } from "../../src/graphql/server/closed-errors.ts";
import { createGraphContext } from "../../src/graphql/server/execution/context.ts";
import { createPersistedDocuments, noManifests } from "../../src/graphql/documents/persisted-documents.ts";
import { createDocuments } from "../../src/graphql/documents/documents.ts";
import { tooHeavy } from "../../src/graphql/documents/limits.ts";
import { anonymousLimits, documentLimits } from "../../src/graphql/kit/document-limits.ts";
import { createExecuteAsRows } from "../../src/graphql/server/execution/execute-as-rows.ts";
import { createExecutionCounts } from "../../src/graphql/server/execution/execution-counts.ts";
import { createOperations } from "../../src/graphql/server/operations.ts";
import { createSelectionBuilders } from "../../src/graphql/select/select.ts";
import { schema } from "../../src/schema.ts";
import { createLimits } from "../../src/limits/limits.ts";
import { usualMaximumBytes } from "../../src/lib/response-budget.ts";
import { anonymous, type Role, scopesOf, type Viewer } from "../../src/viewer.ts";
import { addAccount, startApp, type TestAccount, type TestApp, type TestPerson, unlimited, viewerOf } from "../support/app.ts";
import { createAsJsonOnly } from "../support/as-json-only.ts";
import { addAttachment, addInboundEmail, addNote, addTicket, at, globalId } from "../support/factories.ts";
import {
  createPlainReads,
  type PlainAnswer,
  type PlainError,
  plainCursor,
  plainSearchCursor,
  sortingOf,
  withChange,
  withLastNote,
  withScore,
} from "../support/plain-reads.ts";
import { randomOperations, type Vocabulary } from "../support/random-operations.ts";

/** More worlds of other seeds can be asked for. */
const worlds = Number(process.env["WORLDS"] ?? 8);
const seed = Number(process.env["SEED"] ?? 20_260_101);
const operationsOfEach = 25;
const now = at(100_000);

const builders = createSelectionBuilders();
let app: TestApp;
const log = pino({ level: "silent" });

beforeAll(async () => {
  app = await startApp();
  app.time.now = now;
});
afterAll(() => app.close());

interface World {
  readonly viewers: readonly Viewer[];
  readonly vocabulary: Vocabulary;
}

const randomWorld = fc.gen().map((gen) => {
  const number = (max: number) => gen(fc.integer, { min: 0, max });
  return {
    number,
    oneIn: (count: number) => number(count - 1) === 0,
    pick: <Item>(items: readonly Item[]): Item => items[number(items.length - 1)]!,
  };
});

/**
 * An account with few tickets, notes and attachments, many of which have equal values in the fields that they are
 * sorted by.
 */
async function createWorld({
  number,
  oneIn,
  pick,
}: typeof randomWorld extends fc.Arbitrary<infer Dice> ? Dice : never): Promise<World> {
  const [account, neighbour] = [await addAccount(app), await addAccount(app)];
  const { customer, otherCustomer, specialist, administrator } = account;
  const guest = neighbour.specialist;
  await app.database.prisma.membership.create({
    data: { accountId: account.id, personId: guest.id, role: "SPECIALIST", createdAt: at(0) },
  });
  const people = [customer, otherCustomer, specialist, administrator, guest];
  const tickets: Ticket[] = [];
  const notes: Note[] = [];
  const attachmentIds: string[] = [];
  for (let count = number(4) + 1; count > 0; count -= 1) {
    const requester = oneIn(4) ? undefined : pick([customer, otherCustomer]);
    tickets.push(
      await addTicket(app, account, {
        ...(requester && { requester }),
        kind: pick(["REQUEST", "RISK"]),
        status: pick(["PENDING", "CLOSED"]),
        createdAt: at(number(2)),
        updatedAt: at(number(2) + 2),
      }),
    );
  }
  const strangeTicket = await addTicket(app, neighbour, { requester: neighbour.customer });
  const strangeNote = await addNote(app, strangeTicket, neighbour.specialist);
  const strangeFile = await addAttachment(app, strangeNote, "a.png");
  for (let count = number(14); count > 0; count -= 1) {
    const note = await addNote(app, pick(tickets), pick(people), {
      text: pick(["Looked at it.", "Looked at it.", "The gearbox grinds in third", "Looked: the gearbox, the gearbox again"]),
      isPublic: !oneIn(3),
      categories: pick([[], ["PRE_SCAN"], ["POST_SCAN"], ["PRE_SCAN", "POST_SCAN"]]),
      medium: pick(["DEFAULT", "EMAIL", "SYSTEM"]),
      createdAt: at(number(3)),
      ...(oneIn(3) && { updatedAt: at(pick([3, 4, 50])), editorNumber: pick(people).number }),
    });
    notes.push(note);
    if (note.medium === "EMAIL" && !oneIn(3)) await addInboundEmail(app, note, { sender: pick(["a@b.example", null]) });
    for (let files = number(3); files > 0; files -= 1) {
      const pending = { state: "PENDING", size: null } as const;
      const { id } = await addAttachment(app, note, `${files}.png`, {
        createdAt: at(number(1)),
        isInternal: oneIn(4),
        ...pick([
          {},
          { inline: true, contentType: "image/jpeg", size: 9_007_199_254_740n },
          { uploadExpiresAt: new Date(now.getTime() + 1_000) },
          { ...pending, uploadExpiresAt: new Date(now.getTime() + 1_000) },
          { ...pending, uploadExpiresAt: new Date(now.getTime() - 1_000) },
          pending,
        ]),
      });
      attachmentIds.push(id);
    }
  }
  if (oneIn(3)) {
    const where = { accountId_personId: { accountId: account.id, personId: pick([otherCustomer, specialist, guest]).id } };
    await app.database.prisma.membership.update({ where, data: { role: "CUSTOMER", endedAt: at(60) } });
  }
  return {
    viewers: viewersOf(account, guest, oneIn),
    vocabulary: await vocabularyOf({
      tickets: [...tickets, strangeTicket],
      notes: [...notes, strangeNote],
      people: [...people, neighbour.customer],
      attachmentIds: [...attachmentIds, strangeFile.id],
      accountIds: [account.id, neighbour.id],
    }),
  };
}

function viewersOf(account: TestAccount, guest: TestPerson, oneIn: (count: number) => boolean): readonly Viewer[] {
  const viewer = (person: TestPerson, role: Role, without: (scope: string) => boolean): Viewer =>
    viewerOf(account, person, { role, scopes: scopesOf(role).filter((scope) => !without(scope)) });
  return (
    [
      [account.customer, "CUSTOMER"],
      [account.otherCustomer, "CUSTOMER"],
      [account.specialist, "SPECIALIST"],
      [account.administrator, "ADMINISTRATOR"],
      [guest, "SPECIALIST"],
    ] as const
  ).flatMap(([person, role]) => [
    viewer(person, role, () => false),
    viewer(person, role, (scope) => scope === "notes:internal"),
    viewer(person, role, () => oneIn(5)),
  ]);
}

async function vocabularyOf(of: {
  tickets: readonly Ticket[];
  notes: readonly Note[];
  people: readonly TestPerson[];
  attachmentIds: readonly string[];
  accountIds: readonly string[];
}): Promise<Vocabulary> {
  const { tickets, notes, people } = of;
  // As they are in the database, where a trigger has had its say.
  const attachments = await app.database.prisma.attachment.findMany({ where: { id: { in: [...of.attachmentIds] } } });
  const bothForms = (type: "Ticket" | "Note" | "Person", rows: readonly { id: string }[]) =>
    rows.flatMap(({ id }) => [id, globalId(type, id), id.toUpperCase()]);
  const sorted = (place: string, list: Parameters<typeof sortingOf>[0], rows: readonly object[], fields: readonly string[]) =>
    fields.flatMap((field) =>
      (["ASC", "DESC"] as const).flatMap((direction) => {
        const sorting = sortingOf(list, { field, direction });
        return rows.map((row) => ({ place: `${place} ${sorting.name}`, cursor: plainCursor(place, sorting, row) }));
      }),
    );
  // As the viewers of all notes, of public ones and of none see it.
  const byLastNotes = (ticket: Ticket) => {
    const own = notes.filter(({ ticketId }) => ticketId === ticket.id);
    return [own, own.filter(({ isPublic }) => isPublic), []].map((seen) => withLastNote(ticket, seen));
  };
  const found = await Promise.all(
    notes.flatMap((note) => ["gearbox", "looked"].map((query) => withScore(app.database.prisma, note, query))),
  );
  return {
    ids: {
      Ticket: bothForms("Ticket", tickets),
      Note: bothForms("Note", notes),
      Person: bothForms("Person", people),
      node: [
        ...tickets.map(({ id }) => globalId("Ticket", id)),
        ...notes.map(({ id }) => globalId("Note", id)),
        ...people.map(({ id }) => globalId("Person", id)),
        ...of.attachmentIds.map((id) => globalId("Attachment", id)),
        ...of.accountIds.map((id) => globalId("Account", id)),
        globalId("Note", uuidv7()),
      ],
    },
    numbers: { Ticket: tickets.map(({ number }) => number), Note: notes.map(({ number }) => number) },
    cursors: [
      ...sorted("Query.tickets", "tickets", tickets, ["CREATED_AT", "UPDATED_AT", "NUMBER"]),
      ...sorted("Query.tickets", "tickets", tickets.flatMap(byLastNotes), ["LAST_NOTE_AT"]),
      ...sorted("Query.notes", "notes", notes.map(withChange), ["CREATED_AT", "NUMBER", "AUTHOR", "UPDATED_AT"]),
      ...sorted("Ticket.notes", "notes", notes.map(withChange), ["CREATED_AT", "NUMBER", "AUTHOR", "UPDATED_AT"]),
      ...sorted("Person.notes", "notes", notes.map(withChange), ["CREATED_AT", "NUMBER", "AUTHOR", "UPDATED_AT"]),
      ...["Query.people", "Account.people", "Ticket.participants"].flatMap((place) =>
        sorted(place, "people", people, ["NUMBER"]),
      ),
      ...found.map((row) => ({ place: "Query.searchNotes searched DESC, score DESC", cursor: plainSearchCursor(row) })),
      ...sorted("Note.attachments", "unsorted", attachments, ["CREATED_AT"]),
    ],
    queries: ["a", "cleo", "customer CLEO", "s a", "@example.com", "%", "nobody"],
    instants: [0, 1, 2, 3, 4].map((second) => at(second).toISOString()),
  };
}

/** The places of an answer that an error has emptied. */
const emptied = (data: unknown, errors: readonly Pick<PlainError, "path">[]): string[] =>
  errors
    .map(({ path }) => {
      let value = data;
      const empty = path.findIndex((step) => {
        if (value === null) return true;
        value = Reflect.get(Object(value), step);
        return false;
      });
      return JSON.stringify(empty === -1 ? path : path.slice(0, empty));
    })
    .toSorted();

/** Of one place, graphql-js tells of the error that came first, which is a matter of time. */
function expectSameErrors(got: readonly PlainError[], wanted: PlainAnswer, data: unknown): void {
  const places = (errors: readonly PlainError[]) => [...new Set(emptied(data, errors))];
  expect(places(got)).toEqual(places(wanted.errors));
  const met = new Set(wanted.met.map((error) => JSON.stringify([error.path, error.code])));
  expect(got.filter(({ path, code }) => !met.has(JSON.stringify([path, code])))).toEqual([]);
}

/** What was compared: otherwise nothing was shown. */
const counts = { asked: 0, inJson: 0, withErrors: 0, withPages: 0 };

test.each(Array.from({ length: worlds }, (_, index) => seed + index))(
  "whatever is asked, by whom, in the world of seed %i, is answered as by reading row for row",
  async (worldSeed) => {
    const [dice] = fc.sample(randomWorld, { seed: worldSeed, numRuns: 1 });
    const { viewers, vocabulary } = await createWorld(dice!);
    const plain = createPlainReads({
      prisma: app.database.prisma,
      now,
      download: (attachment) => app.app.services.attachments.download(attachment),
    });
    const { services } = app.app;
    const limits = createLimits({ limits: unlimited, redisUrl: undefined, clock: () => new Date(), log });
    const executionCounts = createExecutionCounts();
    const perform = createOperations({
      ...{ schema, services, maximumBytes: usualMaximumBytes, limits },
      counts: executionCounts,
      findDocument: createPersistedDocuments({ manifests: () => noManifests, only: false }),
    });
    const execute = createExecuteAsRows(schema, usualMaximumBytes);
    const answer = createAsJsonOnly(schema);
    const someone = fc.oneof(
      { weight: 30, arbitrary: fc.constantFrom(...viewers) },
      { weight: 1, arbitrary: fc.constant(anonymous) },
    );
    await fc.assert(
      fc.asyncProperty(
        randomOperations(() => vocabulary),
        fc.tuple(someone, someone),
        async ({ text, variables: given }, askers) => {
          const prepared = createDocuments(schema, documentLimits, 400_000).prepare(text);
          const operation = prepared.operation(undefined);
          fc.pre(prepared.errors.length === 0 && operation !== undefined);
          for (const [variables, viewer] of given.flatMap((each) => askers.map((asker) => [each, asker] as const))) {
            if (operation.cost(variables) instanceof GraphQLError) continue;
            if (viewer.kind === "anonymous" && tooHeavy(operation.document, anonymousLimits)) continue;
            const wanted = await plain(viewer, operation.document, variables);
            counts.asked += 1;
            if (wanted.errors.length > 0) counts.withErrors += 1;
            if (/"\w*(nodes|edges)":\[\{/.test(JSON.stringify(wanted.data))) counts.withPages += 1;
            const contextFor = (as: "json" | "rows") => createGraphContext({ viewer, services }, builders, as);
            const inJson = await answer(operation, contextFor("json"), variables);
            if (inJson) {
              counts.inJson += 1;
              expect(wanted.errors).toEqual([]);
            }
            // As JSON where that can be had, and as rows.
            const asked = [
              perform(
                { query: text, variables },
                { viewer, onlyRead: true, isOwnPage: false, address: null, tell: () => undefined },
              ),
              execute(operation, contextFor("rows"), variables),
            ];
            for (const asking of asked) {
              const { data = null, errors = [] } = closeErrors((await asking) as ExecutionResult, log);
              expect(JSON.parse(JSON.stringify(data))).toEqual(wanted.data);
              const got = errors.map(({ path = [], extensions }) => ({ path, code: String(extensions["code"]) }));
              expectSameErrors(got, wanted, wanted.data);
            }
          }
        },
      ),
      { seed: worldSeed, numRuns: operationsOfEach, endOnFailure: true, maxSkipsPerRun: 100 },
    );
  },
  600_000,
);

test("much was compared", () => {
  expect(counts.asked).toBeGreaterThan(300);
  expect(counts.inJson).toBeGreaterThan(100);
  expect(counts.withErrors).toBeGreaterThan(30);
  expect(counts.withPages).toBeGreaterThan(100);
});

import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Note, Ticket } from "#generated/prisma/client.ts";
import { visibleNotes } from "../src/notes/policy.ts";
import { searchMatches } from "../src/search/relations.ts";
import { readSearchQuery } from "../src/search/input.ts";
import {
  addAccount,
  keyWith,
  sendText,
  startApp,
  type TestAccount,
  type TestApp,
  type TestPerson,
  viewerOf,
} from "./support/app.ts";
import { addNote, addTicket } from "./support/factories.ts";
import { v1 } from "./support/v1.ts";

// A search finds what the visible notes have, and nothing else of an answer depends on the others. Each answer is
// compared with one that is worked out here, a note at a time, from the notes that the viewer may see.

let app: TestApp;
let account: TestAccount;
let stranger: TestAccount;
let tickets: readonly Ticket[];
let askers: readonly Asker[];

interface Asker {
  readonly name: string;
  readonly key: string;
  readonly sees: (note: Note) => boolean;
}

const vocabulary = ["alpha", "beta", "gamma", "delta", "alphabet", "betamax"] as const;
const random = (() => {
  let state = 42;
  return (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
})();

const words = (count: number) => Array.from({ length: count }, () => vocabulary[random(vocabulary.length)]!).join(" ");

beforeAll(async () => {
  app = await startApp();
  account = await addAccount(app);
  stranger = await addAccount(app);
  const { customer, otherCustomer, specialist, administrator } = account;
  tickets = [
    await addTicket(app, account, { requester: customer }),
    await addTicket(app, account, { requester: otherCustomer }),
    await addTicket(app, account),
    await addTicket(app, stranger, { requester: stranger.customer }),
  ];
  for (let index = 0; index < 120; index += 1) await write();
  const ofAccount = (note: Note) => note.accountId === account.id;
  const requestedBy = (person: TestPerson) => (note: Note) =>
    ofAccount(note) && note.isPublic && note.requesterId === person.id;
  askers = [
    { name: "customer", key: customer.key, sees: requestedBy(customer) },
    { name: "other customer", key: otherCustomer.key, sees: requestedBy(otherCustomer) },
    { name: "specialist", key: specialist.key, sees: ofAccount },
    { name: "administrator", key: administrator.key, sees: ofAccount },
    {
      name: "specialist without internal notes",
      key: await keyWith(app, specialist, ["tickets:read", "notes:read"]),
      sees: (note) => ofAccount(note) && note.isPublic,
    },
    { name: "stranger", key: stranger.specialist.key, sees: (note) => note.accountId === stranger.id },
  ];
});
afterAll(() => app.close());

/** Adds a note, or changes or deletes one, or gives a ticket another requester. */
async function write(): Promise<void> {
  const { prisma } = app.database;
  const all = await prisma.note.findMany({ where: { accountId: { in: [account.id, stranger.id] } } });
  const note = all[random(Math.max(1, all.length))];
  const kind = all.length < 40 ? 0 : random(8);
  const key = note && { accountId_id: { accountId: note.accountId, id: note.id } };
  if (kind === 1 && key) await prisma.note.update({ where: key, data: { text: words(1 + random(12)) } });
  else if (kind === 2 && key) await prisma.note.update({ where: key, data: { isPublic: !note.isPublic } });
  else if (kind === 3 && key) await prisma.note.delete({ where: key });
  else if (kind === 4) {
    const requesterId = [account.customer.id, account.otherCustomer.id, null][random(3)]!;
    await prisma.ticket.update({ where: { id: tickets[random(3)]!.id }, data: { requesterId } });
  } else {
    const ticket = tickets[random(tickets.length)]!;
    const author = ticket.accountId === account.id ? account.specialist : stranger.specialist;
    await addNote(app, ticket, author, { text: words(1 + random(12)), isPublic: random(2) === 0 });
  }
}

type Term = { readonly kind: "word" | "prefix" | "phrase"; readonly words: readonly string[]; readonly isNegated: boolean };

const anyWord = fc.constantFrom(...vocabulary, "alph", "absent");
const anyTerm: fc.Arbitrary<Term> = fc.record({
  kind: fc.constantFrom("word", "word", "prefix", "phrase"),
  words: fc.array(anyWord, { minLength: 1, maxLength: 3 }),
  isNegated: fc.boolean(),
});
const anyQuery = fc
  .array(anyTerm, { minLength: 1, maxLength: 4 })
  .map(([first, ...others]): readonly Term[] => [{ ...first!, isNegated: false }, ...others]);

function textOf({ kind, words: all, isNegated }: Term): string {
  const text = kind === "phrase" ? `"${all.join(" ")}"` : kind === "prefix" ? `${all[0]}*` : all[0]!;
  return `${isNegated ? "-" : ""}${text}`;
}

function holds({ kind, words: all, isNegated }: Term, text: string): boolean {
  const given = text.split(" ");
  const found =
    kind === "word"
      ? given.includes(all[0]!)
      : kind === "prefix"
        ? given.some((word) => word.startsWith(all[0]!))
        : given.some((_, place) => all.every((word, index) => given[place + index] === word));
  return found !== isNegated;
}

interface Answer {
  readonly isPartial: boolean;
  readonly edges: readonly {
    readonly cursor: string;
    readonly score: number;
    readonly highlights: readonly { readonly text: string }[];
    readonly node: { readonly uuid: string };
  }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}

async function ask({ key }: Asker, query: string, filter: object = {}): Promise<Answer> {
  const { data, errors } = await sendText<{ searchNotes: Answer }>(
    app.url,
    key,
    `query ($query: String!, $filter: NoteFilter) { searchNotes(query: $query, filter: $filter, first: 100) {
       isPartial edges { cursor score highlights { text } node { uuid } } pageInfo { hasNextPage endCursor } } }`,
    { query, filter },
  );
  expect(errors).toEqual([]);
  return data.searchNotes;
}

describe("a search", () => {
  test("finds exactly the visible notes with these words, while notes change", { timeout: 120_000 }, async () => {
    const scores = new Map<string, number>();
    let asked = 0;
    await fc.assert(
      fc.asyncProperty(anyQuery, fc.nat(5), fc.constantFrom(undefined, true, false), async (terms, who, isPublic) => {
        await write();
        const asker = askers[who]!;
        const query = terms.map(textOf).join(" ");
        const all = await app.database.prisma.note.findMany({ where: { accountId: { in: [account.id, stranger.id] } } });
        const expected = all.filter(
          (note) =>
            asker.sees(note) &&
            (isPublic === undefined || note.isPublic === isPublic) &&
            terms.every((term) => holds(term, note.text)),
        );
        const answer = await ask(asker, query, { isPublic });
        expect(answer.edges.map(({ node }) => node.uuid).toSorted(), `${asker.name}: ${query}`).toEqual(
          expected.map(({ id }) => id).toSorted(),
        );
        expect([answer.isPartial, answer.pageInfo.hasNextPage]).toEqual([false, false]);
        const texts = new Map(expected.map((note) => [note.id, note.text]));
        for (const { node, score, highlights } of answer.edges) {
          const text = texts.get(node.uuid)!;
          expect(highlights.map((part) => part.text).join("")).toBe(text);
          // The score is of the text and the query alone, whoever asks and whatever else there is.
          const name = JSON.stringify([query, text]);
          expect(scores.get(name) ?? score).toBe(score);
          scores.set(name, score);
        }
        asked += 1;
      }),
      { numRuns: 400, seed: 7 },
    );
    expect(asked).toBeGreaterThanOrEqual(400);
  });

  test("answers on /v1 with the same notes and their number", async () => {
    for (const asker of askers) {
      for (const query of ["alpha -beta", "alph* beta -gamma", '"alpha beta"', "absent"]) {
        const { edges } = await ask(asker, query);
        expect(edges.length).toBeLessThan(100);
        const found = await v1(app, `/v1/search?q=${encodeURIComponent(query)}&per_page=100`, { key: asker.key });
        expect(found.status).toBe(200);
        expect(found.body.map(({ nodeID }: { nodeID: string }) => atob(nodeID).slice("Note:".length))).toEqual(
          edges.map(({ node }) => node.uuid),
        );
        expect(found.headers.get("x-pagination-total-entries")).toBe(String(edges.length));
      }
    }
  });

  test("by a cursor that points to a hidden note shows nothing more than by one that points to nothing", async () => {
    const [customer] = askers;
    const [first] = (await ask(askers[2]!, "alpha")).edges;
    const { edges } = await ask(customer!, "alpha");
    const after = async (cursor: string) => {
      const { data } = await sendText<{ searchNotes: Answer }>(
        app.url,
        customer!.key,
        'query ($after: String) { searchNotes(query: "alpha", first: 100, after: $after) { edges { node { uuid } } } }',
        { after: cursor },
      );
      return data.searchNotes.edges.map(({ node }) => node.uuid);
    };
    const found = await after(first!.cursor);
    expect(edges.map(({ node }) => node.uuid)).toEqual(expect.arrayContaining(found));
    expect(await after(first!.cursor.replace(/.$/, (last) => (last === "0" ? "1" : "0")))).toEqual(found);
  });
});

test("documents are searched by what policies compare, and by nothing else", () => {
  const query = readSearchQuery("alpha");
  for (const person of [account.customer, account.specialist, account.administrator]) {
    for (const given of [undefined, ["notes:read"] as const]) {
      const visible = visibleNotes(viewerOf(account, person, given ? { scopes: given } : {}));
      expect(searchMatches({ kind: "NOTE", visible, query, most: 1, isRanked: false }).values[0]).toBe(account.id);
    }
  }
  const visible = { accountId: account.id, authorNumber: 1 };
  expect(() => searchMatches({ kind: "NOTE", visible, query, most: 1, isRanked: false })).toThrow(TypeError);
});

test("10,000 hostile queries are answered or refused, and none fails", { timeout: 240_000 }, async () => {
  const punctuation = [
    ..." \t\n!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~«»„“”‟’‘\u0001\u0002\u001f\u007f\u00a0\u200b\u2028\ufeff\u0301",
  ];
  const pieces = fc.oneof(
    fc.constantFrom(...punctuation),
    fc.constantFrom(
      "alpha",
      "a",
      ":*",
      ":A",
      "<->",
      "<2>",
      "&&",
      "||",
      "!!",
      "''",
      "\\'",
      "NOT",
      "AND",
      "OR",
      "\0",
      "\ud800",
      "\udfff",
      "😀",
      "x".repeat(90),
    ),
    fc.string({ unit: "binary", minLength: 1, maxLength: 4 }),
  );
  const queries = fc.sample(
    fc.array(pieces, { maxLength: 24 }).map((all) => all.join("")),
    { numRuns: 10_000, seed: 1 },
  );
  const [customer] = askers;
  const outcomes = new Map<string, number>();
  const rest = [...queries];
  const work = async () => {
    for (let query = rest.pop(); query !== undefined; query = rest.pop()) {
      const { data, errors } = await sendText<{ searchNotes: object } | null>(
        app.url,
        customer!.key,
        "query ($query: String!) { searchNotes(query: $query, first: 1) { isPartial edges { highlights { text } } } }",
        { query },
      );
      const outcome = data ? "found" : String(errors[0]?.extensions["code"]);
      if (outcome !== "found" && outcome !== "INVALID_INPUT")
        throw new Error(`${JSON.stringify(query)}: ${JSON.stringify(errors)}`);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: 8 }, work));
  expect((outcomes.get("found") ?? 0) + (outcomes.get("INVALID_INPUT") ?? 0)).toBe(10_000);
  expect(outcomes.get("found")).toBeGreaterThan(1_000);
  expect(outcomes.get("INVALID_INPUT")).toBeGreaterThan(1_000);
});

import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Ticket } from "#generated/prisma/client.ts";
import { addAccount, keyWith, sendText, startApp, type TestAccount, type TestApp, type TestPerson } from "../support/app.ts";
import { addNote, addTicket, at, statementsOf } from "../support/factories.ts";

// A search that finds nothing because of its spelling suggests a query that finds something, of words that the viewer
// may read.

let app: TestApp;
let account: TestAccount;
let ticket: Ticket;
let foreign: Ticket;

beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

async function startAccount(): Promise<void> {
  account = await addAccount(app);
  ticket = await addTicket(app, account, { requester: account.customer });
  foreign = await addTicket(app, account, { requester: account.otherCustomer });
}

async function write(text: string, given: { isPublic?: boolean; of?: Ticket; author?: TestPerson } = {}) {
  const { isPublic = true, of = ticket, author = account.specialist } = given;
  return addNote(app, of, author, { text, isPublic });
}

interface Suggested {
  readonly nodes: readonly object[];
  readonly suggestion: string | null;
}

async function ask(key: string, query: string, filter: object = {}): Promise<Suggested> {
  const { data, errors } = await sendText<{ searchNotes: Suggested }>(
    app.url,
    key,
    "query ($query: String!, $filter: NoteFilter) { searchNotes(query: $query, filter: $filter) { nodes { id } suggestion } }",
    { query, filter },
  );
  expect(errors).toEqual([]);
  return data.searchNotes;
}

async function suggestionFor(person: TestPerson, query: string, filter: object = {}): Promise<string | null> {
  return (await ask(person.key, query, filter)).suggestion;
}

describe("a query", () => {
  beforeAll(async () => {
    await startAccount();
    await write("The Gearbox grinds in third, the clutch slips");
    await write("Brake fluid leaks at the left caliper");
    await write("Größe und Maß der Bremsscheibe stimmen; code abcd1234, part 504711");
    await write("The clutch pedal is stiff", { of: foreign });
  });

  test.each([
    ["gearbxo", "gearbox"],
    ["Gaerbox grinds", "gearbox grinds"],
    ["clucth slipps", "clutch slips"],
    ['"brake fluyd" left', '"brake fluid" left'],
    ["caliber -gearbox", "caliper -gearbox"],
    ["brek* caliberr", null],
    ["bra* caliberr", "bra* caliper"],
    ["vlutch", "clutch"],
    ["bremscheibe", "bremsscheibe"],
    ["front-caliperr", null],
    ["left-caliperr", "left-caliper"],
    // Each word occurs, but no note has all of them.
    ["gearbox caliper", null],
    // Nothing is similar.
    ["turbocharger", null],
    // Too short, with digits, and more than three.
    ["lft", null],
    ["abcd1235", null],
    ["504712", null],
    ["gearbxo grindss clucth slipps", null],
    // Only to leave out, and only a prefix.
    ["gearbox -clucthes", null],
    ["gearbxo*", null],
  ])("%s suggests %s", async (query, suggestion) => {
    expect(await suggestionFor(account.specialist, query)).toBe(suggestion);
    if (suggestion === null) return;
    expect((await ask(account.specialist.key, query)).nodes).toEqual([]);
    const again = await ask(account.specialist.key, suggestion);
    expect([again.nodes.length > 0, again.suggestion]).toEqual([true, null]);
  });

  test("suggests what is found with the same filter", async () => {
    expect(await suggestionFor(account.specialist, "calipper", { isPublic: true })).toBe("caliper");
    expect(await suggestionFor(account.specialist, "calipper", { isPublic: false })).toBeNull();
    expect(await suggestionFor(account.specialist, "calipper", { ticketId: foreign.id })).toBeNull();
  });

  test("does not become longer than a query may be", async () => {
    const long = `caliber -${"x".repeat(246)}`;
    expect(long).toHaveLength(255);
    expect(await suggestionFor(account.specialist, long)).toBe(long.replace("caliber", "caliper"));
    const shorter = `calper -${"x".repeat(248)}`;
    expect(shorter).toHaveLength(256);
    expect(await suggestionFor(account.specialist, shorter)).toBeNull();
  });

  test("costs a statement for the words, and one for each query that is tried", async () => {
    const { key } = account.specialist;
    const asked = async (query: string) => (await statementsOf(app, () => ask(key, query))).length;
    expect([await asked("gearbox"), await asked("504712"), await asked("gearbox caliper"), await asked("gearbxo")]).toEqual([
      1, 1, 2, 3,
    ]);
  });

  test("is answered without notes being selected, and on a page after the first", async () => {
    const { data } = await sendText<{ searchNotes: Suggested }>(
      app.url,
      account.specialist.key,
      '{ searchNotes(query: "gearbxo") { suggestion } found: searchNotes(query: "gearbox") { suggestion } }',
    );
    expect(data).toEqual({ searchNotes: { suggestion: "gearbox" }, found: { suggestion: null } });
  });
});

describe("of several similar words", () => {
  beforeAll(startAccount);

  test("the most similar one is taken, then the more frequent one, then one that is found with the others", async () => {
    await write("sensors");
    await write("censor");
    await write("censor");
    await write("sensor");
    await write("sensor");
    await write("sensor");
    expect(await suggestionFor(account.specialist, "sennsor")).toBe("sensor");
    await write("tensor grumbles");
    expect(await suggestionFor(account.specialist, "xensor")).toBe("sensor");
    expect(await suggestionFor(account.specialist, "xensor grumbles")).toBe("tensor grumbles");
  });

  test("rare words of old notes are found by how they begin", async () => {
    await startAccount();
    await write("A worn synchromesh");
    await app.database.pool.query(
      `INSERT INTO notes (id, account_id, ticket_id, author_number, text, is_public, categories, created_at)
       SELECT gen_random_uuid(), $1, $2, $3, 'grease ' || i, true, '{}', $4::timestamptz + i * interval '1 second' FROM generate_series(1, 9000) i`,
      [account.id, ticket.id, account.specialist.number, at(0)],
    );
    expect(await suggestionFor(account.specialist, "synchromash")).toBe("synchromesh");
    // Nobody looks for it where it would take reading everything.
    expect(await suggestionFor(account.specialist, "zynchromesh")).toBeNull();
    expect(await suggestionFor(account.specialist, "greasse")).toBe("grease");
  });
});

describe("no suggestion tells of what the viewer may not see", () => {
  beforeAll(async () => {
    await startAccount();
    await write("The gearbox grinds");
    await write("swordfish is the password", { isPublic: false });
    await write("mackerel is the other password", { of: foreign });
  });

  test("to those who may not read internal notes, or the notes of others", async () => {
    const { customer, otherCustomer, specialist, administrator } = account;
    expect(await suggestionFor(specialist, "sworfish")).toBe("swordfish");
    expect(await suggestionFor(administrator, "sworfish")).toBe("swordfish");
    expect(await suggestionFor(customer, "sworfish")).toBeNull();
    expect(await suggestionFor(otherCustomer, "sworfish")).toBeNull();
    const key = await keyWith(app, specialist, ["tickets:read", "notes:read"]);
    expect((await ask(key, "sworfish")).suggestion).toBeNull();
    expect((await ask(key, "mackarel")).suggestion).toBe("mackerel");
    expect(await suggestionFor(customer, "mackarel")).toBeNull();
    expect(await suggestionFor(otherCustomer, "mackarel")).toBe("mackerel");
    expect((await ask((await addAccount(app)).specialist.key, "sworfish")).suggestion).toBeNull();
  });

  test("of a word that was hidden, deleted or redacted since", async () => {
    const mutate = async (key: string, name: string, input: object) => {
      const type = `${name[0]!.toUpperCase()}${name.slice(1)}`;
      const { data, errors } = await sendText<Record<string, { __typename: string }>>(
        app.url,
        key,
        `mutation ($input: ${type}Input!) { ${name}(input: $input) { __typename } }`,
        { input },
      );
      expect([errors, data[name]?.__typename]).toEqual([[], `${type}Payload`]);
    };
    const { customer, specialist, administrator } = account;
    const [hidden, deleted, redacted] = [await write("halibut"), await write("sturgeon"), await write("the pilchard")];
    const asked = async (person: TestPerson) => [
      await suggestionFor(person, "hallibut"),
      await suggestionFor(person, "sturgoen"),
      await suggestionFor(person, "pilchart"),
    ];
    expect(await asked(customer)).toEqual(["halibut", "sturgeon", "pilchard"]);
    await mutate(specialist.key, "updateNote", { id: hidden.id, isPublic: false });
    await mutate(specialist.key, "deleteNote", { id: deleted.id });
    const spans = [{ offset: 4, length: 8 }];
    await mutate(administrator.key, "redactNote", { id: redacted.id, spans, expectedVersion: 1, reason: "SECRET" });
    expect(await asked(customer)).toEqual([null, null, null]);
    expect(await asked(administrator)).toEqual(["halibut", null, null]);
  });

  test("whatever is asked: hidden notes change no suggestion", { timeout: 120_000 }, async () => {
    await startAccount();
    const stems = ["gearbox", "clutch", "caliper", "alternator", "radiator", "manifold", "swordfish", "mackerel"];
    const misspelled = fc
      .tuple(fc.constantFrom(...stems), fc.nat(9), fc.constantFrom("", "x", "e"))
      .map(([word, place, put]) => {
        const from = place % word.length;
        return `${word.slice(0, from)}${put}${word.slice(from + 1)}`;
      });
    const [visible, hidden, queries] = fc.sample(
      fc.tuple(
        fc.array(misspelled, { minLength: 12, maxLength: 12 }),
        fc.array(misspelled, { minLength: 60, maxLength: 60 }),
        fc.array(misspelled, { minLength: 150, maxLength: 150 }),
      ),
      { seed: 11, numRuns: 1 },
    )[0]!;
    for (const word of visible) await write(`the ${word} again`);
    const answers = () => Promise.all(queries.map((query) => suggestionFor(account.customer, query)));
    const before = await answers();
    for (const [index, word] of hidden.entries())
      await write(`${word} ${word}`, index % 2 === 0 ? { isPublic: false } : { of: foreign });
    expect(await answers()).toEqual(before);
    const readable = new Set(visible);
    expect(before.filter((suggestion) => suggestion !== null && !readable.has(suggestion))).toEqual([]);
    expect(before.filter((suggestion) => suggestion !== null).length).toBeGreaterThan(50);
    // The hidden words would have been suggested: who sees them gets other answers.
    expect(await Promise.all(queries.map((query) => suggestionFor(account.specialist, query)))).not.toEqual(before);
  });
});

describe("in an account with languages", () => {
  beforeAll(async () => {
    await startAccount();
    await app.database.prisma.account.update({ where: { id: account.id }, data: { languages: ["simple", "english"] } });
    await write("The batteries were discharging about daily");
  });

  test("words are suggested as they are written, and not their stems", async () => {
    expect(await suggestionFor(account.specialist, "bateries")).toBe("batteries");
    expect(await suggestionFor(account.specialist, "batterii")).toBe("batteries");
    expect(await suggestionFor(account.specialist, "dizcharging")).toBe("discharging");
    // Its stem is that of a written word, so it is found.
    expect((await ask(account.specialist.key, "dischargging")).nodes).toHaveLength(1);
  });

  test("a word that the language leaves out is not misspelled", async () => {
    expect(await suggestionFor(account.specialist, "about bateries")).toBe("about batteries");
    expect(await suggestionFor(account.specialist, "about")).toBeNull();
  });
});

test("without the extension there is no suggestion, and all else is answered", async () => {
  await startAccount();
  await write("The gearbox grinds");
  const client = await app.database.pool.connect();
  try {
    await client.query("BEGIN");
    const similar = () =>
      client.query("SELECT s.similar_word FROM search_similar($1, NULL, NULL, '{gearbxo}') AS s", [account.id]);
    expect((await similar()).rows).toEqual([{ similar_word: "gearbox" }]);
    await client.query("DROP EXTENSION pg_trgm");
    expect((await similar()).rows).toEqual([]);
    // Who creates it later has it, in whichever schema.
    await client.query("CREATE SCHEMA of_extensions");
    await client.query("CREATE EXTENSION pg_trgm SCHEMA of_extensions");
    expect((await similar()).rows).toEqual([{ similar_word: "gearbox" }]);
  } finally {
    await client.query("ROLLBACK");
    client.release();
  }
});

test("2,000 hostile queries get an answer or a refusal, and none fails", { timeout: 240_000 }, async () => {
  await startAccount();
  await write("alpha's gearbox \\ grinds 'in' third; .* [a-z]+ $1 (clutch)");
  await app.database.prisma.account.update({ where: { id: account.id }, data: { languages: ["simple", "english", "german"] } });
  const pieces = fc.oneof(
    fc.constantFrom(..." \n\"#$%&'()*+-./:;<=>?@[\\]^_`{|}~“\u0001\u00a0\u200b\u2028\u0301", "\0", "\ud800"),
    fc.constantFrom(" gearbxo ", " clucth ", ' "grindss in" '),
    fc.constantFrom(
      "alhpa",
      "gearbxo",
      "clucth",
      ":*",
      "<->",
      "&&",
      "\\m",
      "\\M",
      ".*",
      "(?=",
      "x".repeat(70),
      "é".repeat(64),
      "ＧＥＡＲＢＯＸ",
    ),
    fc.string({ unit: "binary", minLength: 4, maxLength: 8 }),
  );
  const queries = [
    ...fc.sample(
      fc.array(pieces, { maxLength: 16 }).map((all) => all.join("")),
      { numRuns: 1_996, seed: 3 },
    ),
    ...["gearbxo ".repeat(8_000), "'".repeat(65_536), "😀".repeat(16_384), "İıſßŉ ﬃﬁrst ǅabcd"],
  ];
  const outcomes = new Map<string, number>();
  const rest = [...queries];
  const work = async () => {
    for (let query = rest.pop(); query !== undefined; query = rest.pop()) {
      const { data, errors } = await sendText<{ searchNotes: Suggested } | null>(
        app.url,
        account.customer.key,
        "query ($query: String!) { searchNotes(query: $query, first: 1) { suggestion } }",
        { query },
      );
      const outcome = data
        ? data.searchNotes.suggestion === null
          ? "none"
          : "suggested"
        : String(errors[0]?.extensions["code"]);
      if (!["none", "suggested", "INVALID_INPUT"].includes(outcome))
        throw new Error(`${JSON.stringify(query).slice(0, 300)}: ${JSON.stringify(errors)}`);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: 4 }, work));
  expect([...outcomes.values()].reduce((sum, count) => sum + count, 0)).toBe(2_000);
  for (const outcome of ["none", "suggested", "INVALID_INPUT"]) expect(outcomes.get(outcome), outcome).toBeGreaterThan(10);
});

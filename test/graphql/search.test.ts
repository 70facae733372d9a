import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Note, Ticket } from "#generated/prisma/client.ts";
import { addAccount, keyWith, sendText, startApp, type TestAccount, type TestApp, type TestPerson } from "../support/app.ts";
import { addNote, addNotes, addTicket, at, statementsOf } from "../support/factories.ts";
import { rowsRead } from "../support/rows-read.ts";
import { v1 } from "../support/v1.ts";

let app: TestApp;
let account: TestAccount;
let ticket: Ticket;

beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

interface Found {
  readonly isPartial: boolean;
  readonly edges: readonly {
    readonly cursor: string;
    readonly score: number;
    readonly highlights: readonly { readonly text: string; readonly isMatch: boolean }[];
    readonly node: { readonly uuid: string; readonly text: string };
  }[];
  readonly nodes: readonly { readonly uuid: string }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly hasPreviousPage: boolean; readonly endCursor: string | null };
}

const searchDocument = `query ($query: String!, $filter: NoteFilter, $first: Int, $after: String) {
  searchNotes(query: $query, filter: $filter, first: $first, after: $after) {
    isPartial nodes { uuid } edges { cursor score highlights { text isMatch } node { uuid text } }
    pageInfo { hasNextPage hasPreviousPage endCursor }
  }
}`;

interface Asked {
  readonly filter?: object;
  readonly first?: number;
  readonly after?: string | null;
}

async function search(key: string, query: string, asked: Asked = {}): Promise<Found> {
  const { data, errors } = await sendText<{ searchNotes: Found }>(app.url, key, searchDocument, { query, ...asked });
  expect(errors).toEqual([]);
  expect(data.searchNotes.nodes).toEqual(data.searchNotes.edges.map(({ node: { uuid } }) => ({ uuid })));
  return data.searchNotes;
}

async function textsFor(person: TestPerson, query: string, asked: Asked = {}): Promise<readonly string[]> {
  const { edges } = await search(person.key, query, asked);
  return edges.map(({ node }) => node.text).toSorted();
}

async function codeOf(query: string, asked: Asked = {}): Promise<unknown> {
  const { errors } = await sendText(app.url, account.specialist.key, searchDocument, { query, ...asked });
  return errors[0]?.extensions["code"];
}

async function startAccount(): Promise<void> {
  account = await addAccount(app);
  ticket = await addTicket(app, account, { requester: account.customer });
}

describe("a query", () => {
  const texts = {
    gearbox: "The gearbox grinds in third",
    mount: "The mount of the gearbox is loose; see /var/log/gear.log",
    front: "Front-left wheel, C1B00 and 3.5 V",
    quote: `It's a "quoted" text with a \\ in it`,
    größe: "Größe und Maß stimmen",
  };

  beforeAll(async () => {
    await startAccount();
    for (const text of Object.values(texts)) await addNote(app, ticket, account.specialist, { text });
  });

  const cases: readonly (readonly [query: string, ...found: (keyof typeof texts)[]])[] = [
    ["gearbox", "gearbox", "mount"],
    ["GEARBOX  Third", "gearbox"],
    ["gearbox mount", "mount"],
    ['"gearbox grinds"', "gearbox"],
    ['"grinds gearbox"'],
    ["“gearbox grinds”", "gearbox"],
    ["gearbox -mount", "gearbox"],
    ['gearbox -"the gearbox"'],
    ['gearbox -"gearbox grinds"', "mount"],
    ["gear*", "gearbox", "mount"],
    ["gear* -third*", "mount"],
    ["gear", "mount"],
    ["ear"],
    ["Front_left", "front"],
    ["left-front"],
    ["log/gear", "mount"],
    ["grind"],
    ["front-left", "front"],
    ["left", "front"],
    ["c1b00 3.5", "front"],
    ["größe", "größe"],
    ["gr*", "gearbox", "größe"],
    // Everything else is words.
    ["gearbox & third", "gearbox"],
    ["gearbox | nothing"],
    ["!gearbox", "gearbox", "mount"],
    ["(gearbox", "gearbox", "mount"],
    ["gearbox:*", "gearbox", "mount"],
    ["gearbox <-> third", "gearbox"],
    ['gearbox "third', "gearbox"],
    ["it's", "quote"],
    ["quoted'; DROP TABLE notes; --"],
    ["\\"],
    ["***"],
    ["&|!():*'"],
    ["- gearbox", "gearbox", "mount"],
  ];

  test.each(cases)("%s", async (query, ...found) => {
    expect(await textsFor(account.specialist, query)).toEqual(
      found.map((name) => texts[name as keyof typeof texts]).toSorted(),
    );
  });

  test.each([
    ["blank", "  \n "],
    ["too long", "x".repeat(257)],
    ["of too many terms", Array.from({ length: 17 }, (_, index) => `w${index}`).join(" ")],
    ["of words to leave out only", '-gearbox -"third"'],
    ["with NUL", "gear\0box"],
  ])("that is %s is refused", async (_name, query) => {
    expect(await codeOf(query)).toBe("INVALID_INPUT");
  });

  test("with a lone surrogate is refused", async () => {
    const response = await fetch(`${app.url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-api-key": account.specialist.key },
      body: `{"query":"{ searchNotes(query: \\"gear\\\\ud800\\") { isPartial } }"}`,
    });
    const { errors } = (await response.json()) as { errors: { extensions: { code: string } }[] };
    expect(errors[0]!.extensions.code).not.toBe("INTERNAL");
  });

  test("may have 256 characters, also of four bytes, and 16 terms", async () => {
    expect(await codeOf("𝕏".repeat(256))).toBeUndefined();
    expect(await codeOf(Array.from({ length: 16 }, (_, index) => `w${index}`).join(" "))).toBeUndefined();
  });

  test("needs the scope", async () => {
    const key = await keyWith(app, account.specialist, ["tickets:read"]);
    const { errors } = await sendText(app.url, key, searchDocument, { query: "gearbox" });
    expect(errors[0]!.extensions["code"]).toBe("FORBIDDEN");
    const { errors: others } = await sendText(app.url, undefined, searchDocument, { query: "gearbox" });
    expect(others[0]!.extensions["code"]).toBe("UNAUTHENTICATED");
  });
});

describe("a page", () => {
  beforeAll(async () => {
    await startAccount();
    await addNotes(app, ticket, account.specialist, 30, (index) => ({
      text: `${"clutch ".repeat(1 + (index % 4))}${"and more ".repeat(index % 3)}`,
    }));
  });

  test("comes in the order of score and id, and the next one goes on", async () => {
    const all = await search(account.specialist.key, "clutch", { first: 100 });
    expect(all.edges).toHaveLength(30);
    expect(all.isPartial).toBe(false);
    const keys = all.edges.map(({ score, node }) => `${score.toFixed(6)} ${node.uuid}`);
    expect(keys).toEqual(keys.toSorted().toReversed());
    expect(new Set(all.edges.map(({ score }) => score)).size).toBeGreaterThan(3);
    for (const { score } of all.edges) expect(score).toBeGreaterThan(0);

    // What must not occur changes no score and no order, beside one word as beside several.
    const without = await search(account.specialist.key, "clutch -gearbox", { first: 100 });
    expect(without.edges.map(({ score, node }) => `${score.toFixed(6)} ${node.uuid}`)).toEqual(keys);

    const walked: string[] = [];
    let after: string | null = null;
    for (;;) {
      const page: Found = await search(account.specialist.key, "clutch", { first: 7, after });
      walked.push(...page.edges.map(({ node }) => node.uuid));
      expect(page.pageInfo.hasPreviousPage).toBe(after !== null);
      after = page.pageInfo.endCursor;
      if (!page.pageInfo.hasNextPage) break;
    }
    expect(walked).toEqual(all.edges.map(({ node }) => node.uuid));
  });

  test("has 25 notes by default, and 1 to 100", async () => {
    expect((await search(account.specialist.key, "clutch")).edges).toHaveLength(25);
    expect(await codeOf("clutch", { first: 0 })).toBe("INVALID_INPUT");
    expect(await codeOf("clutch", { first: 101 })).toBe("INVALID_INPUT");
  });

  test("takes no cursor of another field", async () => {
    const { data } = await sendText<{ notes: { edges: { cursor: string }[] } }>(
      app.url,
      account.specialist.key,
      "{ notes(first: 1) { edges { cursor } } }",
    );
    expect(await codeOf("clutch", { after: data.notes.edges[0]!.cursor })).toBe("INVALID_INPUT");
    expect(await codeOf("clutch", { after: "x" })).toBe("INVALID_INPUT");
  });

  test("takes no cursor of another query, and takes one of the same words with other spaces", async () => {
    const { pageInfo } = await search(account.specialist.key, "clutch", { first: 1 });
    const after = pageInfo.endCursor;
    expect(await codeOf("clutch more", { after })).toBe("INVALID_INPUT");
    expect(await codeOf("-more clutch", { after })).toBe("INVALID_INPUT");
    expect(await codeOf(" clutch  clutch ", { after })).toBeUndefined();
  });

  test("is one statement with all that is selected, and another one for highlights", async () => {
    const related =
      '{ searchNotes(query: "clutch") { isPartial edges { score node { author { name } ticket { subject notes(first: 1) { nodes { id } } } attachments { nodes { filename } } } } } }';
    expect(await statementsOf(app, () => sendText(app.url, account.specialist.key, related))).toHaveLength(1);
    expect(await statementsOf(app, () => search(account.specialist.key, "clutch"))).toHaveLength(2);
  });

  test("is the same as rows, beside a field that cannot be written as JSON", async () => {
    const fields = `isPartial edges { cursor score highlights { text isMatch } node { uuid } } pageInfo { hasNextPage endCursor }`;
    const aliases = ["a", "b", "c", "d", "e"].map((name) => `${name}: text`).join(" ");
    const ask = async (more: string) => {
      const { data, errors } = await sendText<{ searchNotes: Found & { extra?: unknown } }>(
        app.url,
        account.specialist.key,
        `{ searchNotes(query: "clutch more") { ${fields} ${more} } }`,
      );
      expect(errors).toEqual([]);
      const { extra: _extra, ...rest } = data.searchNotes;
      return rest;
    };
    const asJson = await ask("");
    expect(asJson.edges.length).toBeGreaterThan(0);
    expect(await ask(`extra: nodes { ${aliases} }`)).toEqual(asJson);
  });
});

describe("highlights", () => {
  beforeAll(startAccount);

  async function marked(text: string, query: string): Promise<string> {
    await addNote(app, ticket, account.specialist, { text });
    const { edges } = await search(account.specialist.key, query);
    expect(edges).toHaveLength(1);
    return edges[0]!.highlights.map((part) => (part.isMatch ? `[${part.text}]` : part.text)).join("");
  }

  test("mark what was found in the plain text, which is never HTML", async () => {
    expect(await marked("The **alternator** <b>hums</b> & `whines`, says <@1|Ann>", "alternator whi*")).toBe(
      "The [alternator] <b>hums</b> & [whines], says @Ann",
    );
  });

  test("are an excerpt around the matches", async () => {
    const text = `${"Nothing of interest. ".repeat(40)}The flywheel wobbles, the flywheel is old.${" And so on.".repeat(60)}`;
    const shown = await marked(text, "flywheel");
    expect(shown).toMatch(/^….*The \[flywheel\] wobbles, the \[flywheel\] is old\..*…$/);
    expect(shown.length).toBeLessThan(260);
  });

  test("mark the words of a phrase, and nothing that must not occur", async () => {
    expect(await marked("A rusty sill, rusty through", '"rusty sill" -paint')).toBe("A [rusty] [sill], [rusty] through");
  });

  test.each(["a_", "<!--", "![](", "<details ", "1e", "é-"])("64 KB of %s are written within seconds", async (part) => {
    const begun = performance.now();
    const text = `${part.repeat(Math.floor(65_000 / Buffer.byteLength(part)))} ${part.length}th`;
    await addNote(app, ticket, account.specialist, { text });
    expect(performance.now() - begun).toBeLessThan(5_000);
  });

  test("of a long text take little time", async () => {
    const text = `${"a-b.c@d ".repeat(7_000)} tachograph`;
    expect(await marked(text, "tachograph")).toMatch(/\[tachograph\]$/);
  });
});

describe("what is written", () => {
  beforeAll(startAccount);

  async function mutate(person: TestPerson, mutation: string, input: object): Promise<{ note: Pick<Note, "id"> }> {
    const type = `${mutation[0]!.toUpperCase()}${mutation.slice(1)}`;
    const { data, errors } = await sendText<Record<string, { note: { id: string } }>>(
      app.url,
      person.key,
      `mutation ($input: ${type}Input!) { ${mutation}(input: $input) { __typename ... on ${type}Payload { ${mutation === "deleteNote" ? "deletedNoteId" : "note { id: uuid }"} } } }`,
      { input },
    );
    expect(errors).toEqual([]);
    return data[mutation]!;
  }

  test("is found at once by its new words, and no more by the old ones", async () => {
    const { customer, specialist } = account;
    const { note } = await mutate(specialist, "addNote", { ticketId: ticket.id, text: "A brittle hose", isPublic: true });
    expect(await textsFor(customer, "brittle")).toEqual(["A brittle hose"]);
    await mutate(specialist, "updateNote", { id: note.id, text: "A supple hose" });
    expect(await textsFor(customer, "brittle")).toEqual([]);
    expect(await textsFor(customer, "supple")).toEqual(["A supple hose"]);
    await mutate(specialist, "updateNote", { id: note.id, isPublic: false });
    expect(await textsFor(customer, "supple")).toEqual([]);
    expect(await textsFor(specialist, "supple")).toEqual(["A supple hose"]);
    await mutate(specialist, "updateNote", { id: note.id, isPublic: true });
    await app.database.prisma.ticket.update({ where: { id: ticket.id }, data: { requesterId: account.otherCustomer.id } });
    expect(await textsFor(customer, "supple")).toEqual([]);
    expect(await textsFor(account.otherCustomer, "supple")).toEqual(["A supple hose"]);
    await mutate(specialist, "deleteNote", { id: note.id });
    expect(await textsFor(specialist, "supple")).toEqual([]);
    const { rows } = await app.database.pool.query("SELECT FROM search_documents WHERE id = $1", [note.id]);
    expect(rows).toEqual([]);
  });

  test("is not found by a word that was redacted, whether a part of the text or all of it was", async () => {
    const text = "The PIN is swordfish, thanks";
    const part = await addNote(app, ticket, account.specialist, { text });
    const all = await addNote(app, ticket, account.specialist, { text });
    expect(await textsFor(account.specialist, "swordfish")).toHaveLength(2);
    const spans = [{ offset: text.indexOf("swordfish"), length: "swordfish".length }];
    const redact = async (input: object) => {
      const { data, errors } = await sendText<{ redactNote: { __typename: string } }>(
        app.url,
        account.administrator.key,
        "mutation ($input: RedactNoteInput!) { redactNote(input: $input) { __typename } }",
        { input: { reason: "SECRET", ...input } },
      );
      expect([errors, data.redactNote.__typename]).toEqual([[], "RedactNotePayload"]);
    };
    await redact({ id: part.id, spans, expectedVersion: part.version });
    await redact({ id: all.id });
    for (const query of ["swordfish", "sword*", '"is swordfish"']) {
      expect(await textsFor(account.administrator, query)).toEqual([]);
      expect(await textsFor(account.administrator, query, { filter: { ids: [part.id, all.id] } })).toEqual([]);
    }
    const found = await textsFor(account.specialist, "thanks");
    expect(found).toHaveLength(1);
    expect(found[0]).not.toContain("swordfish");
    const { rows } = await app.database.pool.query<{ document: string }>(
      "SELECT document::text FROM search_documents WHERE account_id = $1",
      [account.id],
    );
    expect(rows.map(({ document }) => document).join()).not.toContain("sword");
  });

  test("is found in the transaction that writes it, and by nobody if that is rolled back", async () => {
    const client = await app.database.pool.connect();
    const found = () =>
      client.query(
        `SELECT m.id FROM search_newest_matches($1, 'NOTE', NULL, NULL, NULL, '{WORD}', '{tappets}', 10, false) m WHERE m.id IS NOT NULL`,
        [account.id],
      );
    try {
      await client.query("BEGIN");
      await client.query(
        `INSERT INTO notes (id, account_id, ticket_id, author_number, text, is_public, categories, created_at)
         VALUES (gen_random_uuid(), $1, $2, $3, 'The tappets rattle', true, '{}', now())`,
        [account.id, ticket.id, account.specialist.number],
      );
      expect((await found()).rows).toHaveLength(1);
      expect(await textsFor(account.specialist, "tappets")).toEqual([]);
      await client.query("ROLLBACK");
      expect((await found()).rows).toEqual([]);
    } finally {
      client.release();
    }
  });
});

describe("the newest 2,000 matches", () => {
  beforeAll(async () => {
    await startAccount();
    // In one statement, and over the start of a segment.
    await app.database.pool.query(
      `INSERT INTO notes (id, account_id, ticket_id, author_number, text, is_public, categories, created_at, medium)
       SELECT gen_random_uuid(), $1, $2, $3, 'grease ' || i || CASE WHEN i % 3 = 0 THEN ' nipple' ELSE '' END, i % 2 = 0, '{}',
         $4::timestamptz + i * interval '1 second', (CASE WHEN i = 1 THEN 'EMAIL' ELSE 'DEFAULT' END)::"NoteMedium"
       FROM generate_series(1, 9000) i`,
      [account.id, ticket.id, account.specialist.number, at(0)],
    );
  });

  async function walk(key: string, query: string, filter?: object): Promise<{ texts: string[]; isPartial: boolean }> {
    const found: string[] = [];
    let after: string | null = null;
    for (;;) {
      const page: Found = await search(key, query, { filter: filter ?? {}, first: 100, after });
      found.push(...page.edges.map(({ node }) => node.text));
      after = page.pageInfo.endCursor;
      if (!page.pageInfo.hasNextPage) return { texts: found, isPartial: page.isPartial };
    }
  }

  const numberIn = (text: string) => Number(/\d+/.exec(text));
  const newest = (texts: readonly string[]) => texts.map(numberIn).toSorted((one, other) => other - one);

  test("are ranked, and isPartial says that there are more", async () => {
    const { texts, isPartial } = await walk(account.specialist.key, "grease");
    expect(isPartial).toBe(true);
    expect(newest(texts)).toEqual(Array.from({ length: 2_000 }, (_, index) => 9_000 - index));
  });

  test("are those that the viewer may see", async () => {
    const { texts, isPartial } = await walk(account.customer.key, "grease nipple");
    expect(isPartial).toBe(false);
    expect(newest(texts)).toEqual(Array.from({ length: 1_500 }, (_, index) => 9_000 - 6 * index));
  });

  test("are those that meet the filter, among the newest 5,000", async () => {
    const { specialist, customer } = account;
    const internal = await walk(specialist.key, "grease", { isPublic: false });
    expect(internal.isPartial).toBe(true);
    expect(newest(internal.texts)).toEqual(Array.from({ length: 2_000 }, (_, index) => 8_999 - 2 * index));
    const old = await search(specialist.key, "grease", { filter: { medium: ["EMAIL"] } });
    expect([old.edges.length, old.isPartial]).toEqual([0, true]);
    const early = { createdAt: { lt: at(5).toISOString() } };
    expect((await search(specialist.key, "grease", { filter: early })).isPartial).toBe(true);
    // All of the matches are looked at.
    const nipples = await search(specialist.key, "nipple", { filter: { createdAt: { lt: at(8).toISOString() } } });
    expect([newest(nipples.edges.map(({ node }) => node.text)), nipples.isPartial]).toEqual([[6, 3], false]);
    const none = await search(customer.key, "grease", { filter: { isPublic: false } });
    expect([none.edges.length, none.isPartial]).toEqual([0, false]);
  });

  test("are found by ids among all matches, with the same scores", async () => {
    const note = await app.database.prisma.note.findFirstOrThrow({ where: { accountId: account.id, medium: "EMAIL" } });
    const found = await search(account.specialist.key, "grease", { filter: { ids: [note.id] } });
    expect([found.edges.map(({ node }) => node.text), found.isPartial]).toEqual([["grease 1"], false]);
    const [unfiltered] = (await search(account.specialist.key, "grease", { first: 1 })).edges;
    const again = await search(account.specialist.key, "grease", { filter: { ids: [unfiltered!.node.uuid] } });
    expect(again.edges[0]!.score).toBe(unfiltered!.score);
  });

  test("are read without the rows of others: each segment has 8,192 notes at most on average", async () => {
    const client = await app.database.pool.connect();
    const rowsFor = async (requester: string | null, word: string, most: number) => {
      await client.query("BEGIN");
      const { rows } = await client.query<{ found: number }>(
        `SELECT count(*)::integer AS found FROM search_newest_matches($1, 'NOTE', $2, $3, NULL, '{WORD}', ARRAY[$4], $5, true)`,
        [account.id, requester === null ? null : true, requester, word, most],
      );
      const { rows: read } = await client.query<{ count: number }>(
        "SELECT idx_tup_fetch::integer AS count FROM pg_stat_xact_user_tables WHERE relname = 'search_documents'",
      );
      await client.query("ROLLBACK");
      return { found: rows[0]!.found, read: read[0]!.count };
    };
    try {
      expect(await rowsFor(account.otherCustomer.id, "grease", 2_000)).toEqual({ found: 0, read: 0 });
      expect(await rowsFor(null, "absent", 2_000)).toEqual({ found: 0, read: 0 });
      expect(await rowsFor(null, "4711", 2_000)).toEqual({ found: 1, read: 1 });
      const own = await rowsFor(account.customer.id, "nipple", 2_000);
      expect(own.found).toBe(1_500);
      expect(own.read).toBeLessThan(1_510);
      expect((await rowsFor(null, "grease", 2_000)).found).toBe(2_001);
    } finally {
      client.release();
    }
  });

  test("are counted without their notes", async () => {
    const key = await keyWith(app, account.specialist, ["tickets:read", "notes:read"]);
    const readBy = async (work: () => Promise<unknown>) => {
      const { statements } = await app.statements.during(work);
      const reads = statements.filter(({ text }) => text.includes("search_newest_matches"));
      return Promise.all(reads.map((statement) => rowsRead(app.database, statement, "notes")));
    };
    const [page, count] = await readBy(() => v1(app, "/v1/search?q=grease&per_page=1", { key }));
    expect(count).toBe(0);
    expect(page).toBeLessThan(10);
  });
});

describe("what the index does not say of a note is compared", () => {
  const long = "x".repeat(100);
  const seven = ["aaaaaaa", "bbbbbbb", "ccccccc", "ddddddd", "eeeeeee", "fffffff", "g"];
  const texts = [
    `${long}y`,
    `${"z".repeat(99)} end`,
    seven.slice(0, 6).join(" "),
    seven.join(" "),
    "bolt and nut",
    "nut and bolt",
    "bolt",
  ];

  beforeAll(async () => {
    await startAccount();
    for (const text of texts) await addNote(app, ticket, account.specialist, { text });
  });

  test.each<readonly [name: string, query: string, ...found: string[]]>([
    ["a word that is longer than a key", `${long}y`, texts[0]!],
    ["a word that is as long as a key", long],
    ["the beginning of a longer word", `${long}*`, texts[0]!],
    ["a word that is shorter than a key", "z".repeat(99), texts[1]!],
    ["a beginning that is shorter than a key", `${"x".repeat(99)}*`, texts[0]!],
    ["six words", seven.slice(0, 6).join(" "), texts[2]!, texts[3]!],
    ["more words than are looked up", seven.join(" "), texts[3]!],
    ["a phrase", '"bolt and nut"', texts[4]!],
    ["a word to leave out", "bolt -and", texts[6]!],
  ])("%s", async (_name, query, ...found) => {
    expect(await textsFor(account.specialist, query)).toEqual(found.toSorted());
    // Also by the function that earlier versions call.
    const terms = query.startsWith('"') ? [query.slice(1, -1)] : query.split(" ").map((word) => word.replace(/^-|\*$/g, ""));
    const kinds = query.startsWith('"')
      ? ["PHRASE"]
      : query.split(" ").map((word) => (word.endsWith("*") ? "PREFIX" : word.startsWith("-") ? "-WORD" : "WORD"));
    const { rows } = await app.database.pool.query<{ text: string; score: number; expected: number }>(
      `SELECT n.text, m.score, search_score(s.document, m.query) AS expected
       FROM search_matches($1, 'NOTE', NULL, NULL, NULL, $2, $3, 10, true) m
       JOIN notes n ON n.id = m.id JOIN search_documents s ON s.id = m.id AND s.account_id = $1`,
      [account.id, kinds, terms],
    );
    expect(rows.map(({ text }) => text).toSorted()).toEqual(found.toSorted());
    for (const { score, expected } of rows) expect(score).toBe(expected);
  });
});

describe("the languages of an account", () => {
  beforeAll(async () => {
    await startAccount();
    await addNote(app, ticket, account.specialist, { text: "The cars were running hot" });
    await addNote(app, ticket, account.specialist, { text: "A car runs" });
  });

  const languages = async () => {
    const { data } = await sendText<{ viewer: { account: { languages: string[] } } }>(
      app.url,
      account.specialist.key,
      "{ viewer { account { languages } } }",
    );
    return data.viewer.account.languages;
  };

  test("are simple at first: words are found as they are written", async () => {
    expect(await languages()).toEqual(["simple"]);
    expect(await textsFor(account.specialist, "run")).toEqual([]);
    expect(await textsFor(account.specialist, "the")).toEqual(["The cars were running hot"]);
  });

  test("find other forms of words, in notes from before as well", async () => {
    await app.provisioning.setLanguages(account.slug, ["english", "german"]);
    expect(await languages()).toEqual(["simple", "english", "german"]);
    expect(await textsFor(account.specialist, "run")).toEqual(["A car runs", "The cars were running hot"]);
    expect(await textsFor(account.specialist, "car run -hot")).toEqual(["A car runs"]);
    await addNote(app, ticket, account.specialist, { text: "Runner, Läufer und Häuser" });
    expect(await textsFor(account.specialist, "haus")).toEqual(["Runner, Läufer und Häuser"]);
    const { edges } = await search(account.specialist.key, "run hot");
    expect(edges).toHaveLength(1);
    expect(edges[0]!.highlights.filter(({ isMatch }) => isMatch)).toEqual([
      { text: "running", isMatch: true },
      { text: "hot", isMatch: true },
    ]);
  });

  test("leave out their stop words: a query of nothing else finds nothing", async () => {
    expect(await textsFor(account.specialist, "the cars")).toEqual(["A car runs", "The cars were running hot"]);
    expect(await textsFor(account.specialist, "the")).toEqual([]);
    expect(await textsFor(account.specialist, '"the cars run"')).toEqual(["A car runs"]);
    expect(await textsFor(account.specialist, '"the cars were running"')).toEqual(["The cars were running hot"]);
  });

  test("are those that the database knows", async () => {
    await expect(app.provisioning.setLanguages(account.slug, ["klingon"])).rejects.toThrow("languages");
    await expect(app.provisioning.setLanguages("no-such-account", ["english"])).rejects.toThrow("account");
    expect(await languages()).toEqual(["simple", "english", "german"]);
  });
});

describe("tickets", () => {
  beforeAll(async () => {
    account = await addAccount(app);
    const { customer, otherCustomer, specialist } = account;
    ticket = await addTicket(app, account, { requester: customer, subject: "The wipers smear" });
    const second = await addTicket(app, account, { requester: customer, subject: "Horn" });
    const third = await addTicket(app, account, { requester: otherCustomer, subject: "Wipers and horn" });
    await addNote(app, second, specialist, { text: "Did the wipers as well" });
    await addNote(app, second, specialist, { text: "A grumpy customer", isPublic: false });
    await addNote(app, third, specialist, { text: "Replaced" });
  });

  async function subjects(key: string, query: string): Promise<readonly string[]> {
    const { data, errors } = await sendText<{ tickets: { nodes: { subject: string }[]; totalCount: number } }>(
      app.url,
      key,
      "query ($query: String!) { tickets(filter: { query: $query }) { nodes { subject } totalCount } }",
      { query },
    );
    expect(errors).toEqual([]);
    expect(data.tickets.totalCount).toBe(data.tickets.nodes.length);
    return data.tickets.nodes.map(({ subject }) => subject).toSorted();
  }

  test("are found by their subject and by notes that the viewer may see", async () => {
    const { specialist, customer, otherCustomer } = account;
    expect(await subjects(specialist.key, "wipers")).toEqual(["Horn", "The wipers smear", "Wipers and horn"]);
    expect(await subjects(customer.key, "wipers")).toEqual(["Horn", "The wipers smear"]);
    expect(await subjects(otherCustomer.key, "wipers")).toEqual(["Wipers and horn"]);
    expect(await subjects(specialist.key, "wipers -smear")).toEqual(["Horn", "Wipers and horn"]);
  });

  test("are not found by notes that the viewer may not see", async () => {
    const { specialist, customer } = account;
    expect(await subjects(specialist.key, "grumpy")).toEqual(["Horn"]);
    expect(await subjects(customer.key, "grumpy")).toEqual([]);
    expect(await subjects(await keyWith(app, specialist, ["tickets:read", "notes:read"]), "grumpy")).toEqual([]);
    expect(await subjects(await keyWith(app, specialist, ["tickets:read"]), "wipers")).toEqual([
      "The wipers smear",
      "Wipers and horn",
    ]);
  });

  test("are found by a new subject, and by the requester they have", async () => {
    await app.database.prisma.ticket.update({
      where: { id: ticket.id },
      data: { subject: "Washers", requesterId: account.otherCustomer.id },
    });
    expect(await subjects(account.customer.key, "wipers")).toEqual(["Horn"]);
    expect(await subjects(account.otherCustomer.key, "washers")).toEqual(["Washers"]);
    expect(await subjects(account.specialist.key, "smear")).toEqual([]);
  });

  test("refuse a blank query", async () => {
    const { errors } = await sendText(app.url, account.specialist.key, '{ tickets(filter: { query: " " }) { totalCount } }');
    expect(errors[0]!.extensions["code"]).toBe("INVALID_INPUT");
  });
});

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { NoteMedium, Ticket } from "#generated/prisma/client.ts";
import {
  addAccount,
  call,
  keyWith,
  sendText,
  startApp,
  type TestAccount,
  type TestApp,
  type TestPerson,
} from "../support/app.ts";
import { addNote, addTicket, at, nodeId, upload } from "../support/factories.ts";
import { linksOf, pathOf, v1 } from "../support/v1.ts";

// What an administrator deletes and had not written stays on /v1, as redacted, in its place in every list.

let app: TestApp;
let account: TestAccount;
let other: TestAccount;
let tickets: readonly Ticket[];

beforeAll(async () => {
  app = await startApp();
  [account, other] = [await addAccount(app), await addAccount(app)];
  tickets = [
    await addTicket(app, account, { requester: account.customer }),
    await addTicket(app, account, { requester: account.otherCustomer }),
  ];
});
afterAll(() => app.close());

async function remove(person: TestPerson, id: string): Promise<void> {
  expect((await call(app, person.key, "DELETE", `/v2/tickets/notes/${id}`)).status).toBe(204);
}

async function undelete(id: string): Promise<void> {
  const document = `mutation ($id: ID!) { undeleteNote(input: { id: $id }) { __typename } }`;
  const { data } = await sendText(app.url, account.administrator.key, document, { id });
  expect(data).toEqual({ undeleteNote: { __typename: "UndeleteNotePayload" } });
}

const get = (key: string, path: string) => v1(app, path, { key });

describe("a note that somebody else wrote and an administrator deleted", () => {
  test("has the medium redacted, no text and no attachments; the rest is as before, on /v1 only", async () => {
    const [ticket] = tickets as [Ticket];
    const note = await addNote(app, ticket, account.specialist, { text: "A secret", medium: "EMAIL", createdAt: at(5) });
    await upload(app, account.specialist.key, note.id, "secret.txt", "bytes", "text/plain");
    const path = `/v1/notes/${note.number}`;
    const before = await get(account.customer.key, path);
    expect(before.body).toMatchObject({ text: "A secret", medium: "email", attachments: [{ name: "secret.txt" }] });
    await remove(account.administrator, note.id);

    const expected = { ...before.body, text: "", medium: "redacted", attachments: [], inbound_email: null };
    for (const where of [path, `/v1/notes/${nodeId("Note", note.id)}`]) {
      const after = await get(account.customer.key, where);
      expect([after.status, after.body]).toEqual([200, expected]);
    }
    const list = await get(account.customer.key, `/v1/requests/${ticket.number}/notes?id=${note.number}`);
    expect(list.body).toEqual([expected]);
    // Its fields can be selected as those of any note.
    expect((await get(account.specialist.key, `${path}?fields=text,medium,person`)).body).toEqual({
      ...{ id: note.number, text: "", medium: "redacted" },
      person: { id: account.specialist.number, name: account.specialist.name },
    });
    for (const { key } of [account.administrator, account.specialist, account.customer]) {
      expect((await call(app, key, "GET", `/v2/tickets/notes/${note.id}`)).status).toBe(404);
      const { data } = await sendText(
        app.url,
        key,
        `{ note(id: "${note.id}") { id } noteByNumber(number: ${note.number}) { id } }`,
      );
      expect(data).toEqual({ note: null, noteByNumber: null });
    }

    await undelete(note.id);
    const { attachments, ...back } = (await get(account.customer.key, path)).body;
    const { attachments: files, ...was } = before.body;
    expect(back).toEqual(was);
    expect(attachments).toMatchObject([
      { id: files[0].id, name: "secret.txt", key: files[0].key, created_at: files[0].created_at },
    ]);
  });

  test("is not there for those who did not see it before", async () => {
    const [ticket] = tickets as [Ticket];
    const internal = await addNote(app, ticket, account.specialist, { isPublic: false });
    const open = await addNote(app, ticket, account.specialist);
    for (const { id } of [internal, open]) await remove(account.administrator, id);
    const narrow = await keyWith(app, account.specialist, ["tickets:read", "notes:read", "attachments:read"]);
    const status = async (key: string, { number }: { number: number }) => (await get(key, `/v1/notes/${number}`)).status;
    for (const key of [account.administrator.key, account.specialist.key]) expect(await status(key, internal)).toBe(200);
    for (const key of [account.customer.key, account.otherCustomer.key, narrow, other.administrator.key])
      expect(await status(key, internal)).toBe(404);
    for (const key of [account.customer.key, narrow]) expect(await status(key, open)).toBe(200);
    for (const key of [account.otherCustomer.key, other.administrator.key]) expect(await status(key, open)).toBe(404);
    const missing = await get(account.customer.key, "/v1/notes/2000000000");
    expect((await get(account.customer.key, `/v1/notes/${internal.number}`)).text).toBe(missing.text);
  });

  test("is seen by the requester that its ticket has now", async () => {
    const ticket = await addTicket(app, account, { requester: account.customer });
    const note = await addNote(app, ticket, account.specialist);
    await remove(account.administrator, note.id);
    await app.database.prisma.ticket.update({ where: { id: ticket.id }, data: { requesterId: account.otherCustomer.id } });
    expect((await get(account.otherCustomer.key, `/v1/notes/${note.number}`)).status).toBe(200);
    expect((await get(account.customer.key, `/v1/notes/${note.number}`)).status).toBe(404);
  });

  test("is no note that can be deleted, or that takes files", async () => {
    const [ticket] = tickets as [Ticket];
    const note = await addNote(app, ticket, account.customer);
    await remove(account.administrator, note.id);
    expect((await call(app, account.customer.key, "DELETE", `/v2/tickets/notes/${note.id}`)).status).toBe(404);
    const file = { note_id: note.id, filename: "a.txt" };
    expect((await call(app, account.customer.key, "POST", "/v2/tickets/note-attachments", file)).status).toBe(404);
  });
});

test.each([
  ["its author", "customer", "customer"],
  ["an administrator who wrote it", "administrator", "administrator"],
  ["a specialist", "specialist", "customer"],
] as const)("a note that %s deleted is gone", async (_who, deleter, author) => {
  const [ticket] = tickets as [Ticket];
  const note = await addNote(app, ticket, account[author]);
  await remove(account[deleter], note.id);
  for (const { key } of [account.administrator, account.specialist, account.customer]) {
    expect((await get(key, `/v1/notes/${note.number}`)).status).toBe(404);
    expect((await get(key, `/v1/requests/${ticket.number}/notes?id=${note.number}`)).body).toEqual([]);
  }
});

describe("lists", () => {
  interface Row {
    readonly id: string;
    readonly number: number;
    readonly ticket: Ticket;
    readonly author: TestPerson;
    readonly isPublic: boolean;
    readonly createdAt: Date;
    medium: NoteMedium;
    isThere: boolean;
  }

  let listed: TestAccount;
  let onTickets: readonly Ticket[];
  let rows: Row[];
  let narrowKey: string;

  /** Numbers that look random and are the same in every run. */
  let seed = 7;
  const random = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  const oneOf = <Value>(values: readonly Value[]): Value => values[random(values.length)]!;

  beforeAll(async () => {
    listed = await addAccount(app);
    narrowKey = await keyWith(app, listed.specialist, ["tickets:read", "notes:read", "attachments:read"]);
    onTickets = [
      await addTicket(app, listed, { requester: listed.customer }),
      await addTicket(app, listed, { requester: listed.otherCustomer }),
    ];
    const authors = [listed.administrator, listed.specialist, listed.customer, listed.otherCustomer];
    rows = [];
    for (let index = 0; index < 90; index += 1) {
      const [ticket, author, isPublic] = [oneOf(onTickets), oneOf(authors), random(3) > 0];
      const medium = oneOf(["DEFAULT", "DEFAULT", "EMAIL", "SYSTEM", "REDACTED"] as const);
      const createdAt = at(random(30));
      const { id, number } = await addNote(app, ticket, author, { isPublic, medium, createdAt });
      rows.push({ id, number, ticket, author, isPublic, medium, createdAt, isThere: true });
    }
    for (const row of rows) {
      if (random(2) === 0) continue;
      const deleter = random(4) === 0 ? listed.specialist : listed.administrator;
      await remove(deleter, row.id);
      if (deleter === listed.administrator && row.author !== deleter) row.medium = "REDACTED";
      else row.isThere = false;
      // One in ten comes back.
      if (random(10) > 0) continue;
      const document = `mutation ($id: ID!) { undeleteNote(input: { id: $id }) { ... on UndeleteNotePayload { note { medium } } } }`;
      const { data } = await sendText<{ undeleteNote: { note: { medium: NoteMedium } } }>(
        ...([app.url, listed.administrator.key, document, { id: row.id }] as const),
      );
      row.medium = data.undeleteNote.note.medium;
      row.isThere = true;
    }
    const redacted = await app.database.prisma.withdrawnNote.count({ where: { accountId: listed.id } });
    expect(redacted).toBeGreaterThan(15);
  });

  type Compare = (one: Row, other: Row) => number;
  const byNumber: Compare = (one, two) => one.number - two.number;
  const byTime: Compare = (one, two) => one.createdAt.getTime() - two.createdAt.getTime();
  const byUuid: Compare = (one, two) => (one.id < two.id ? -1 : Number(one.id > two.id));
  const byAuthor: Compare = (one, two) => one.author.number - two.author.number;
  const down =
    (compare: Compare): Compare =>
    (one, two) =>
      -compare(one, two);
  const inTurn =
    (...all: readonly Compare[]): Compare =>
    (one, two) =>
      all.map((compare) => compare(one, two)).find((result) => result !== 0) ?? 0;

  const sorts: readonly (readonly [string, Compare | undefined])[] = [
    ["", undefined],
    ["sort=id", byNumber],
    ["sort=-id", down(byNumber)],
    ["sort=created_at", inTurn(byTime, byUuid)],
    ["sort=-created_at", down(inTurn(byTime, byUuid))],
    ["sort=person_id", inTurn(byAuthor, byNumber)],
    ["sort=-person_id", down(inTurn(byAuthor, byNumber))],
    ["sort=-created_at,id", inTurn(down(byTime), byNumber)],
    ["sort=person_id,-created_at,-id", inTurn(byAuthor, down(byTime), down(byNumber))],
  ];

  const filters: readonly (readonly [string, (row: Row) => boolean])[] = [
    ["", () => true],
    ["medium=redacted", ({ medium }) => medium === "REDACTED"],
    ["medium=default,email", ({ medium }) => medium === "DEFAULT" || medium === "EMAIL"],
    ["medium=!redacted", ({ medium }) => medium !== "REDACTED"],
    ["person=:specialist", ({ author }) => author === listed.specialist],
    ["person=:customer&medium=redacted", ({ author, medium }) => author === listed.customer && medium === "REDACTED"],
    [`created_at=>=${at(10).toISOString()}`, ({ createdAt }) => createdAt >= at(10)],
    [`created_at=>${at(5).toISOString()}<${at(20).toISOString()}`, ({ createdAt }) => createdAt > at(5) && createdAt < at(20)],
  ];

  const visibilities = [
    ["", () => true],
    ["/public", ({ isPublic }: Row) => isPublic],
    ["/internal", ({ isPublic }: Row) => !isPublic],
  ] as const;

  const viewers = ["administrator", "specialist", "narrow specialist", "customer", "otherCustomer"] as const;

  function keyOf(viewer: (typeof viewers)[number]): string {
    return viewer === "narrow specialist" ? narrowKey : listed[viewer].key;
  }

  function isSeenBy(viewer: (typeof viewers)[number], { isThere, isPublic, ticket }: Row): boolean {
    if (!isThere) return false;
    if (viewer === "administrator" || viewer === "specialist") return true;
    return isPublic && (viewer === "narrow specialist" || ticket.requesterId === listed[viewer].id);
  }

  async function walked(key: string, start: string): Promise<{ ids: number[]; total: number }> {
    const ids: number[] = [];
    let total = 0;
    for (let path: string | undefined = start; path !== undefined;) {
      const page = await get(key, path);
      expect(page.status, page.text).toBe(200);
      ids.push(...page.body.map(({ id }: { id: number }) => id));
      total = Number(page.headers.get("x-pagination-total-entries"));
      const { next } = linksOf(page);
      path = next && pathOf(next);
    }
    return { ids, total };
  }

  test.each(viewers)("of a %s have withdrawn notes in their places, in every order and under every filter", async (viewer) => {
    const key = keyOf(viewer);
    for (const [place, onTicket] of [
      ["/v1/notes", undefined],
      ...onTickets.map((one) => [`/v1/requests/${one.number}/notes`, one] as const),
    ] as const) {
      if (onTicket && viewer === "customer" && onTicket.requesterId !== listed.customer.id) continue;
      if (onTicket && viewer === "otherCustomer" && onTicket.requesterId !== listed.otherCustomer.id) continue;
      for (const [suffix, hasVisibility] of visibilities) {
        for (const [sort, compare] of sorts) {
          // Each order with some of the filters: all of them would be 1,000 walks for each viewer.
          for (const [filter, meets] of filters.filter(() => random(4) === 0)) {
            const asked = filter
              .replace(":specialist", String(listed.specialist.number))
              .replace(":customer", String(listed.customer.number));
            const path = `${place}${suffix}?${[sort, asked, "per_page=7"].filter((part) => part !== "").join("&")}`;
            const expected = rows
              .filter(
                (row) => isSeenBy(viewer, row) && hasVisibility(row) && meets(row) && (!onTicket || row.ticket === onTicket),
              )
              .toSorted(compare ?? (onTicket ? byNumber : down(byNumber)))
              .map(({ number }) => number);
            const { ids, total } = await walked(key, path);
            expect(ids, path).toEqual(expected);
            expect(total, path).toBe(expected.length);
          }
        }
      }
    }
  });

  test("go back by link as they went forward", async () => {
    const start = "/v1/notes?sort=-created_at,id&per_page=7";
    const { ids } = await walked(listed.specialist.key, start);
    let page = await get(listed.specialist.key, start);
    for (let next = linksOf(page)["next"]; next !== undefined; next = linksOf(page)["next"])
      page = await get(listed.specialist.key, pathOf(next));
    const back: number[] = page.body.map(({ id }: { id: number }) => id);
    for (let previous = linksOf(page)["prev"]; previous !== undefined; previous = linksOf(page)["prev"]) {
      page = await get(listed.specialist.key, pathOf(previous));
      back.unshift(...page.body.map(({ id }: { id: number }) => id));
    }
    expect(back).toEqual(ids);
  });

  test("of GraphQL and /v2 have none of them", async () => {
    for (const ticket of onTickets) {
      const numbers = rows.filter((row) => row.ticket === ticket && row.isThere).length;
      const withdrawn = await app.database.prisma.withdrawnNote.count({ where: { ticketId: ticket.id } });
      const document = `{ ticket(id: "${ticket.id}") { notes(first: 100) { totalCount nodes { number } } } }`;
      const { data } = await sendText<{ ticket: { notes: { totalCount: number; nodes: object[] } } }>(
        app.url,
        listed.administrator.key,
        document,
      );
      expect([data.ticket.notes.totalCount, data.ticket.notes.nodes.length]).toEqual([
        numbers - withdrawn,
        numbers - withdrawn,
      ]);
      const { body } = await call(app, listed.administrator.key, "GET", `/v2/tickets/notes?ticket_id=${ticket.id}&limit=100`);
      expect(body).toMatchObject({ total: numbers - withdrawn });
    }
  });
});

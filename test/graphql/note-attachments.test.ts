import { afterAll, beforeAll, expect, test } from "vitest";
import type { Note, Ticket } from "#generated/prisma/client.ts";
import { graphql } from "../generated/gql.ts";
import type { NoteAttachmentsQueryVariables } from "../generated/graphql.ts";
import { addAccount, keyWith, send, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addAttachment, addNote, addNotes, addTicket, at, globalId, statementsOf } from "../support/factories.ts";

const NoteAttachmentsQuery = graphql(`
  query NoteAttachments($id: ID!, $first: Int, $after: String, $last: Int, $before: String) {
    note(id: $id) {
      attachments(first: $first, after: $after, last: $last, before: $before) {
        totalCount
        edges {
          cursor
          node {
            id
            filename
            contentType
            size
            inline
            state
            createdAt
            note {
              uuid
            }
            download {
              url
              expiresAt
            }
          }
        }
        nodes {
          filename
        }
        pageInfo {
          hasNextPage
          hasPreviousPage
          startCursor
          endCursor
        }
      }
    }
  }
`);

const AttachmentsOfNotes = graphql(`
  query AttachmentsOfNotes($id: ID!) {
    ticket(id: $id) {
      notes(first: 100) {
        nodes {
          attachments {
            totalCount
            nodes {
              filename
              note {
                uuid
              }
              download {
                url
              }
            }
          }
        }
      }
    }
  }
`);

let app: TestApp;
let account: TestAccount;
let ticket: Ticket;

beforeAll(async () => {
  app = await startApp();
  account = await addAccount(app);
  ticket = await addTicket(app, account, { requester: account.customer });
});
afterAll(() => app.close());

async function attachmentsOf(note: Note, variables: Partial<NoteAttachmentsQueryVariables> = {}, key = account.specialist.key) {
  const { data, errors } = await send(app, key, NoteAttachmentsQuery, { id: note.id, ...variables });
  expect(errors).toEqual([]);
  return data.note!.attachments;
}

const names = (connection: { nodes: readonly { filename: string }[] }) => connection.nodes.map((node) => node.filename);

test("an attachment tells all about itself, and where to read it", async () => {
  const note = await addNote(app, ticket, account.specialist);
  const row = await addAttachment(app, note, "Ünder the car.png", { size: 5_000_000_000n, inline: true, createdAt: at(1) });
  const { edges, totalCount } = await attachmentsOf(note);
  expect(totalCount).toBe(1);
  expect(edges[0]?.node).toEqual({
    id: globalId("Attachment", row.id),
    filename: "Ünder the car.png",
    contentType: "image/png",
    size: 5_000_000_000,
    inline: true,
    state: "READY",
    createdAt: "2026-01-01T00:00:01.000Z",
    note: { uuid: note.id },
    download: { url: expect.stringContaining(`${app.url}/files/`), expiresAt: expect.any(String) },
  });
});

test("a download lives 8 hours", async () => {
  const note = await addNote(app, ticket, account.specialist);
  await addAttachment(app, note, "a.png");
  app.time.now = new Date("2026-05-01T10:00:00Z");
  try {
    const { edges } = await attachmentsOf(note);
    expect(edges[0]?.node.download?.expiresAt).toBe("2026-05-01T18:00:00.000Z");
  } finally {
    app.time.now = undefined;
  }
});

test("an attachment whose upload is awaited is listed as PENDING, and one whose upload never came is not", async () => {
  const note = await addNote(app, ticket, account.specialist);
  const pending = { state: "PENDING", size: null } as const;
  await addAttachment(app, note, "awaited.png", { ...pending, uploadExpiresAt: new Date(Date.now() + 60_000) });
  await addAttachment(app, note, "given-up.png", { ...pending, uploadExpiresAt: new Date(Date.now() - 1000) });
  await addAttachment(app, note, "never-asked.png", { ...pending, uploadExpiresAt: null });
  const connection = await attachmentsOf(note);
  expect(names(connection)).toEqual(["awaited.png"]);
  expect(connection.totalCount).toBe(1);
  expect(connection.edges[0]?.node).toMatchObject({ state: "PENDING", size: null, download: null });
});

test("attachments come oldest first, and page by page from either end", async () => {
  const note = await addNote(app, ticket, account.specialist);
  const rows = [];
  for (let index = 0; index < 7; index++)
    rows.push(await addAttachment(app, note, `${index}.png`, { createdAt: at(Math.floor(index / 3)) }));
  const sorted = rows.toSorted((one, two) => one.createdAt.getTime() - two.createdAt.getTime() || (one.id < two.id ? -1 : 1));
  const whole = await attachmentsOf(note);
  expect(names(whole)).toEqual(sorted.map((row) => row.filename));

  const first = await attachmentsOf(note, { first: 3 });
  expect(first).toMatchObject({ totalCount: 7, pageInfo: { hasNextPage: true, hasPreviousPage: false } });
  const second = await attachmentsOf(note, { first: 3, after: first.pageInfo.endCursor });
  const third = await attachmentsOf(note, { first: 3, after: second.pageInfo.endCursor });
  expect([...names(first), ...names(second), ...names(third)]).toEqual(names(whole));
  expect(third.pageInfo.hasNextPage).toBe(false);
  expect(names(await attachmentsOf(note, { last: 2 }))).toEqual(names(whole).slice(5));
  expect(names(await attachmentsOf(note, { last: 2, before: third.pageInfo.startCursor }))).toEqual(names(whole).slice(4, 6));
});

test("a page takes no cursor of another field, and no size that is none", async () => {
  const [one, two] = await addNotes(app, ticket, account.specialist, 2);
  await addAttachment(app, one!, "a.png");
  const { pageInfo } = await attachmentsOf(one!);
  const ofTicket = pageInfo.endCursor!.replace(/^.{8}/, "AAAAAAAA");
  for (const variables of [{ after: ofTicket }, { first: 0 }, { last: 101 }, { first: 1, last: 1 }]) {
    const { errors } = await send(app, account.specialist.key, NoteAttachmentsQuery, { id: two!.id, ...variables });
    expect(errors).toMatchObject([{ extensions: { code: "INVALID_INPUT" } }]);
  }
});

test("whoever sees a note sees its attachments, and nobody else; a key needs attachments:read for it", async () => {
  const [open, internal] = [
    await addNote(app, ticket, account.specialist),
    await addNote(app, ticket, account.specialist, { isPublic: false }),
  ];
  await addAttachment(app, open, "open.png");
  await addAttachment(app, internal, "internal.png");
  expect(names(await attachmentsOf(open, {}, account.customer.key))).toEqual(["open.png"]);
  expect((await send(app, account.customer.key, NoteAttachmentsQuery, { id: internal.id })).data.note).toBeNull();
  expect((await send(app, account.otherCustomer.key, NoteAttachmentsQuery, { id: open.id })).data.note).toBeNull();
  const narrow = await keyWith(app, account.specialist, ["tickets:read", "notes:read", "attachments:write"]);
  const { errors } = await send(app, narrow, NoteAttachmentsQuery, { id: open.id });
  expect(errors).toMatchObject([{ extensions: { code: "FORBIDDEN" }, message: expect.stringContaining("attachments:read") }]);
});

test("the attachments of 2 notes and of 20 notes cost the same one statement, and no count unless it is asked for", async () => {
  const cost = async (count: number) => {
    const own = await addTicket(app, account);
    for (const note of await addNotes(app, own, account.specialist, count)) {
      await addAttachment(app, note, "1.png");
      await addAttachment(app, note, "2.png");
    }
    return statementsOf(app, async () => {
      const { data } = await send(app, account.specialist.key, AttachmentsOfNotes, { id: own.id });
      expect(data.ticket?.notes.nodes.map(({ attachments }) => attachments.totalCount)).toEqual(Array(count).fill(2));
    });
  };
  const few = await cost(2);
  expect(few).toHaveLength(1);
  expect(await cost(20)).toHaveLength(1);
  expect(few.filter(({ text }) => /count\(/i.test(text))).toHaveLength(1);
});

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Note, Ticket } from "#generated/prisma/client.ts";
import { addAccount, call, keyWith, sendText, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addAttachment, addNote, addTicket, globalId, statementsOf } from "../support/factories.ts";
import { v1 } from "../support/v1.ts";

let app: TestApp;
let account: TestAccount;
let ticket: Ticket;

beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());
beforeEach(async () => {
  account = await addAccount(app);
  ticket = await addTicket(app, account, { requester: account.customer, subject: "Brakes" });
});

const graph = async <Data>(query: string, variables: object, key = account.specialist.key) =>
  sendText<Data>(app.url, key, query, variables);
const v2 = (method: string, path: string, body?: unknown) => call(app, account.specialist.key, method, path, body);
const get = async (path: string, key = account.specialist.key) => (await v1(app, path, { key })).body;

describe("what is written through one API is read through the others", () => {
  test("a note of /v1", async () => {
    const { body } = await v1(app, `/v1/requests/${ticket.number}/notes`, {
      key: account.specialist.key,
      method: "POST",
      body: { text: "From **v1**", internal: "TRUE" },
      headers: { "x-xurrent-source": "Importer 2" },
    });
    const { nodeID } = await get(`/v1/notes/${body.id}`);
    const { data } = await graph<{ node: object }>(
      "query ($id: ID!) { node(id: $id) { ... on Note { number text isPublic medium source author { number } } } }",
      { id: nodeID },
    );
    expect(data.node).toEqual({
      number: body.id,
      text: "From **v1**",
      isPublic: false,
      medium: "DEFAULT",
      source: "Importer 2",
      author: { number: account.specialist.number },
    });
    const uuid = atob(nodeID).slice("Note:".length);
    expect((await v2("GET", `/v2/tickets/notes/${uuid}`)).body).toMatchObject({
      value: "From **v1**",
      is_public: false,
      author_id: account.specialist.id,
    });
  });

  test("a note of GraphQL, and one of /v2, and what they become", async () => {
    const added = await graph<{ addNote: { note: { number: number; id: string } } }>(
      "mutation ($input: AddNoteInput!) { addNote(input: $input) { ... on AddNotePayload { note { number id } } } }",
      { input: { ticketId: ticket.id, text: "From GraphQL", isPublic: true } },
    );
    const { note } = added.data.addNote;
    expect(await get(`/v1/notes/${note.number}`)).toMatchObject({
      nodeID: note.id.replace(/=+$/, ""),
      text: "From GraphQL",
      internal: false,
      request: { id: ticket.number, subject: "Brakes" },
    });
    const { body } = await v2("POST", "/v2/tickets/notes", {
      ticket_id: ticket.id,
      value: "From v2",
      is_public: false,
      categories: [],
    });
    const { id } = body as { id: string };
    const shown = await get(`/v1/notes/${globalId("Note", id)}`);
    expect(shown).toMatchObject({ text: "From v2", internal: true });
    await v2("PUT", `/v2/tickets/notes/${id}`, { ticket_id: ticket.id, value: "Changed", is_public: true });
    expect(await get(`/v1/notes/${shown.id}`)).toMatchObject({ text: "Changed", internal: false });
    await v2("DELETE", `/v2/tickets/notes/${id}`);
    expect(await get(`/v1/notes/${shown.id}`)).toEqual({ message: "Not Found" });
    expect((await get(`/v1/requests/${ticket.number}/notes`)).map((one: { text: string }) => one.text)).toEqual([
      "From GraphQL",
    ]);
  });

  test("the three APIs list the same notes, to each who may see them", async () => {
    for (let index = 0; index < 12; index += 1)
      await addNote(app, ticket, account.specialist, { text: `Note ${index}`, isPublic: index % 3 !== 0 });
    for (const key of [
      account.specialist.key,
      account.customer.key,
      await keyWith(app, account.specialist, ["tickets:read", "notes:read"]),
    ]) {
      const one = (await get(`/v1/requests/${ticket.number}/notes?per_page=100`, key)).map(
        (note: { text: string }) => note.text,
      );
      const { body } = await call(app, key, "GET", `/v2/tickets/notes?ticket_id=${ticket.id}&limit=100&offset=0`);
      const two = (body as { result: { value: string }[] }).result.map(({ value }) => value);
      const { data } = await graph<{ ticket: { notes: { nodes: { text: string }[]; totalCount: number } } }>(
        "query ($id: ID!) { ticket(id: $id) { notes(first: 100, orderBy: { field: NUMBER, direction: ASC }) { totalCount nodes { text } } } }",
        { id: ticket.id },
        key,
      );
      expect(two.toSorted()).toEqual(one.toSorted());
      expect(data.ticket.notes.nodes.map(({ text }) => text)).toEqual(one);
      expect(data.ticket.notes.totalCount).toBe(one.length);
    }
  });

  test("an attachment that came through /v2 has a key and a URL in /v1", async () => {
    const note = await addNote(app, ticket, account.specialist);
    const attachment = await addAttachment(app, note, "scan.png");
    expect((await get(`/v1/notes/${note.number}`)).attachments).toMatchObject([
      {
        id: attachment.number,
        name: "scan.png",
        key: expect.stringContaining("scan.png"),
        uri: expect.stringMatching(/^http/),
        inline: false,
        size: 3,
      },
    ]);
  });

  test("GraphQL writes system and automation notes with the scope admin, and no mails", async () => {
    const add = (key: string, medium: string) =>
      graph<{ addNote: { __typename: string; note?: { medium: string }; fields?: object[] } }>(
        "mutation ($input: AddNoteInput!) { addNote(input: $input) { __typename ... on AddNotePayload { note { medium } } ... on InvalidInputError { fields { path } } } }",
        { input: { ticketId: ticket.id, text: "Closed.", isPublic: true, medium } },
        key,
      );
    for (const medium of ["SYSTEM", "AUTOMATION"]) {
      expect((await add(account.administrator.key, medium)).data.addNote.note).toEqual({ medium });
      expect((await add(account.specialist.key, medium)).data.addNote.__typename).toBe("ForbiddenError");
    }
    expect((await add(account.administrator.key, "EMAIL")).data.addNote).toMatchObject({
      __typename: "InvalidInputError",
      fields: [{ path: ["medium"] }],
    });
  });
});

describe("rich text", () => {
  const query =
    "query ($ids: [ID!]) { notes(filter: { ids: $ids }, first: 50, orderBy: { field: NUMBER, direction: ASC }) { nodes { textHtml textPlain } } }";
  const read = async (notes: readonly Note[], key = account.specialist.key) =>
    (
      await graph<{ notes: { nodes: { textHtml: string; textPlain: string }[] } }>(
        query,
        { ids: notes.map(({ id }) => id) },
        key,
      )
    ).data.notes.nodes;

  async function addWithImage(text: (key: string) => string, isPublic = true): Promise<Note> {
    const key = `attachments/${account.slug}/x/photo (1).png`;
    const note = await addNote(app, ticket, account.specialist, { text: text(key), isPublic });
    const attachment = await addAttachment(app, note, "photo (1).png", { inline: true });
    await app.database.prisma.attachment.update({ where: { id: attachment.id }, data: { key } });
    return note;
  }

  test("as HTML and as plain text: images by signed URL, mentions and records by name", async () => {
    const other = await addTicket(app, account, { kind: "PROBLEM", subject: "Why <brakes> fail" });
    const { number, name } = account.administrator;
    const note = await addWithImage(
      (key) => `**See** ![](${key}) and ask <@${number}|Old Name> about <problem#${other.number}>`,
    );
    const [shown] = await read([note]);
    expect(shown!.textHtml).toMatch(
      /<strong>See<\/strong> <img src="http:\/\/127\.0\.0\.1:\d+\/files\/[^"]+signature=[^"]+" alt="photo \(1\)\.png" loading="lazy"/,
    );
    expect(shown!.textHtml).toContain(`<span class="mention">@${name}</span>`);
    expect(shown!.textHtml).toContain(`title="Why &lt;brakes&gt; fail"`);
    expect(shown!.textPlain).toBe(`See [image: photo (1).png] and ask @${name} about problem #${other.number}`);
    const source = /<img src="([^"]+)"/.exec(shown!.textHtml)![1]!.replaceAll("&amp;", "&");
    // Its bytes were never sent in this test: the URL is good, and there is nothing behind it.
    expect((await fetch(source)).status).toBe(404);
  });

  test("what the reader may not see stands as it was written", async () => {
    const stranger = await addAccount(app);
    const foreign = await addTicket(app, stranger, { subject: "A secret of theirs" });
    const hidden = await addTicket(app, account, { subject: "A secret of ours" });
    const text = `<@${stranger.specialist.number}|Someone> <request#${foreign.number}> <request#${hidden.number}> <problem#${hidden.number}> <@99999999999|Nobody> <request#99999999999>`;
    const note = await addNote(app, ticket, account.specialist, { text, isPublic: true });
    const [asCustomer] = await read([note], account.customer.key);
    expect(asCustomer!.textHtml).not.toContain("secret");
    expect(asCustomer!.textHtml).toContain("Someone");
    const [asSpecialist] = await read([note]);
    expect(asSpecialist!.textHtml.match(/secret of ours/g)).toHaveLength(1);
    expect(asSpecialist!.textHtml).not.toContain("secret of theirs");
  });

  test("a key without the scopes for tickets and attachments still reads the text", async () => {
    const note = await addWithImage((key) => `![](${key}) <request#${ticket.number}>`);
    const narrow = await keyWith(app, account.specialist, ["notes:read"]);
    const [shown] = await read([note], narrow);
    expect(shown!.textHtml).not.toMatch(/<img|Brakes/);
  });

  test("twenty texts cost as many statements as two", async () => {
    const notes: Note[] = [];
    for (let index = 0; index < 20; index += 1) {
      notes.push(
        await addWithImage(
          (key) =>
            `![](${key}) <@${index % 2 ? account.customer.number : account.specialist.number}|x> <request#${ticket.number}>`,
        ),
      );
    }
    await read(notes);
    const costs: number[] = [];
    for (const part of [notes.slice(0, 2), notes]) costs.push((await statementsOf(app, () => read(part))).length);
    expect(costs).toEqual([4, 4]);
  });
});

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Ticket } from "#generated/prisma/client.ts";
import { createTextRenderer, maxMainThreadCharacters } from "../../src/notes/richtext/rendering.ts";
import { createResponseBudget, usualMaximumBytes } from "../../src/lib/response-budget.ts";
import { anonymous } from "../../src/viewer.ts";
import { addAccount, call, sendText, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addNotes, addTicket, globalId, statementsOf } from "../support/factories.ts";

let app: TestApp;
let account: TestAccount;
let ticket: Ticket;

beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());
beforeEach(async () => {
  account = await addAccount(app);
  ticket = await addTicket(app, account, { subject: "The gearbox grinds" });
});

interface Rendered {
  readonly node: { readonly notes: { readonly nodes: readonly { readonly textHtml: string; readonly textPlain: string }[] } };
}

const ask = (query: string) => sendText<Rendered>(app.url, account.specialist.key, query);
const pageOf = (size: number) =>
  `{ node(id: "${globalId("Ticket", ticket.id)}") { ... on Ticket { notes(first: ${size}) { nodes { textHtml textPlain } } } } }`;

async function page(size = 100): Promise<Rendered["node"]["notes"]["nodes"]> {
  const { errors, data } = await ask(pageOf(size));
  expect(errors).toEqual([]);
  return data.node.notes.nodes;
}

test("short texts are rendered few at a time, however few characters they have", async () => {
  let turns = 0;
  let rendering = true;
  const count = () => {
    turns += 1;
    if (rendering) setImmediate(count);
  };
  setImmediate(count);
  const { render } = createTextRenderer({ budget: createResponseBudget({ maximumBytes: usualMaximumBytes }) });
  const known = { images: new Map(), people: new Map(), records: new Map() };
  const texts = await Promise.all(
    Array.from({ length: 200 }, (_, index) => render({ wanted: "html", text: `**${index}**`, known }, anonymous)),
  );
  rendering = false;
  expect(texts[7]).toContain("<strong>7</strong>");
  expect(turns).toBeGreaterThan(10);
});

test.each([0, maxMainThreadCharacters])(
  "after %i other characters a text is rendered with what its reader may see",
  async (length) => {
    const { number, name } = account.specialist;
    const text = `${"x".repeat(length)} **see** <@${number}|somebody> <request#${ticket.number}> <@2147483647|Nobody>`;
    await addNotes(app, ticket, account.specialist, 1, () => ({ text }));
    const [note] = await page();
    const mention = `<span class="mention">@${name}</span>`;
    const record = `<span class="record" title="The gearbox grinds">request #${ticket.number}</span>`;
    expect(note!.textHtml).toBe(
      `<p>${"x".repeat(length)} <strong>see</strong> ${mention} ${record} @Nobody</p>\n`.replace("<p> ", "<p>"),
    );
    expect(note!.textPlain).toBe(`${"x".repeat(length)} see @${name} request #${ticket.number} @Nobody`.trim());
  },
);

test("a customer learns no name by the number of somebody whom they do not find", async () => {
  const own = await addTicket(app, account, { requester: account.customer });
  const numbers = [account.otherCustomer.number, account.customer.number];
  await addNotes(app, own, account.customer, 1, () => ({ text: numbers.map((number) => `<@${number}|x>`).join(" ") }));
  const query = pageOf(1).replace(globalId("Ticket", ticket.id), globalId("Ticket", own.id));
  const { data } = await sendText<Rendered>(app.url, account.customer.key, query);
  expect(data.node.notes.nodes[0]!.textPlain).toBe(`@x @${account.customer.name}`);
});

test.each([0, maxMainThreadCharacters])(
  "a section of any spelling, a table and code of a language, after %i other characters",
  async (length) => {
    const section = "<DETAILS class=x Open=''><summary id=y>T</summary>\na | b\n:-:|-\n1 | 2\n\n```ts\nc\n```\nd</DETAILS>z";
    const text = `${"x".repeat(length + 1)}\n${section}`;
    const path = `/v1/requests/${ticket.number}/notes`;
    const headers = { authorization: `Bearer ${account.specialist.key}` };
    expect((await call(app, undefined, "POST", path, { text }, headers)).status).toBe(201);
    // /v1 and /v2 return the text as it was sent.
    expect((await call(app, undefined, "GET", path, undefined, headers)).body).toMatchObject([{ text }]);
    const [note] = await page();
    expect(note!.textHtml.replaceAll(/>\n+(?=<)/g, ">").trim()).toBe(
      `<p>${"x".repeat(length + 1)}</p><details open><summary>T</summary><table><thead><tr>` +
        '<th style="text-align:center">a</th><th>b</th></tr></thead><tbody><tr><td style="text-align:center">1</td>' +
        '<td>2</td></tr></tbody></table><pre><code class="language-ts">c\n</code></pre><p>d</p></details><p>z</p>',
    );
    expect(note!.textPlain).toBe(`${"x".repeat(length + 1)}\n\n▼ T\na | b\n1 | 2\n\nc\n\nd\n▲\n\nz`);
  },
);

test("what the texts of a page name is loaded together, whether they are long or short", async () => {
  const people = [account.administrator, account.specialist, account.customer, account.otherCustomer];
  const other = await addTicket(app, account);
  await addNotes(app, ticket, account.specialist, 8, (index) => ({
    text: `${"x".repeat(index % 2 === 0 ? 0 : maxMainThreadCharacters)} <@${people[index % 4]!.number}|A> <request#${index < 4 ? ticket.number : other.number}>`,
  }));
  // Who is asking is known from here on.
  await page(1);
  const counts: number[] = [];
  for (const size of [1, 8]) counts.push((await statementsOf(app, () => page(size))).length);
  expect(counts[1]).toBe(counts[0]);
});

describe("while texts that are made to take long are rendered", () => {
  // Each of them more than a tenth of a second, or all of them together.
  test.each([
    ["some long ones", 3, 24_576],
    ["many short ones", 40, maxMainThreadCharacters],
  ])("other requests are answered: %s", async (_name, count, length) => {
    // Each another text: equal ones are rendered once.
    await addNotes(app, ticket, account.specialist, count, (index) => ({
      text: `${"* a\n".repeat(length / 4 - 1)}* ${index}`,
    }));
    let isRendering = true;
    const rendered = page().finally(() => (isRendering = false));
    let answered = 0;
    while (isRendering) {
      await ask("{ viewer { role } }");
      answered += 1;
    }
    expect((await rendered).length).toBe(count);
    // Were it not so, two would go in before the rendering begins, and one out with its answer.
    expect(answered).toBeGreaterThan(8);
  });

  test("a reader of a long text has their turn between those of another's page", async () => {
    // Each another text, as above.
    await addNotes(app, ticket, account.specialist, 8, (index) => ({ text: `${"* a\n".repeat(4_095)}* ${index}` }));
    const other = await addTicket(app, account, { requester: account.customer });
    const [note] = await addNotes(app, other, account.specialist, 1, () => ({ text: "a ".repeat(maxMainThreadCharacters) }));
    const finished: string[] = [];
    const hostile = page().then(() => finished.push("the page"));
    const query = `{ note(id: "${globalId("Note", note!.id)}") { textHtml } }`;
    await sendText(app.url, account.customer.key, query).then(() => finished.push("the note"));
    await hostile;
    expect(finished).toEqual(["the note", "the page"]);
  });
});

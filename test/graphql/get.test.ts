import { createHash } from "node:crypto";
import { buildSchema, lexicographicSortSchema, printSchema } from "graphql";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Note } from "#generated/prisma/client.ts";
import { answerTag } from "../../src/graphql/server/http/answer-tag.ts";
import type { GraphqlPlugin } from "../../src/graphql/server/plugins.ts";
import { schema } from "../../src/schema.ts";
import { addAccount, call, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addNote, addTicket } from "../support/factories.ts";

/** A plugin about HTTP, with which every request goes through Yoga. */
const aboutHttp: GraphqlPlugin = { onResultProcess: () => undefined };
const hour = 60 * 60 * 1_000;

const get = (app: TestApp, key: string | undefined, parameters: Record<string, string>, headers: Record<string, string> = {}) =>
  fetch(`${app.url}/graphql?${new URLSearchParams(parameters).toString()}`, {
    headers: { accept: "application/json", ...(key !== undefined && { "x-api-key": key }), ...headers },
  });

describe.each([
  ["beside Yoga", []],
  ["through Yoga", [aboutHttp]],
])("a GET of a query, %s", (_name, plugins) => {
  let app: TestApp;
  let account: TestAccount;
  let note: Note;

  beforeAll(async () => {
    app = await startApp({ plugins, corsOrigins: ["https://app.example"] });
    account = await addAccount(app);
    note = await addNote(app, await addTicket(app, account), account.specialist, { text: "before" });
    const offered = await call(app, account.specialist.key, "POST", "/v2/tickets/note-attachments", {
      note_id: note.id,
      filename: "log.txt",
    });
    const { signed_url: url } = offered.body as { signed_url: string };
    expect((await fetch(url, { method: "PUT", headers: { "content-type": "text/plain" }, body: "a line" })).status).toBe(200);
  });
  afterEach(() => {
    app.time.now = undefined;
  });
  afterAll(() => app.close());

  test("has a weak tag, by which it is asked for again", async () => {
    const query = { query: "query One($id: ID!) { note(id: $id) { text } }", variables: JSON.stringify({ id: note.id }) };
    const ask = (headers: Record<string, string> = {}) => get(app, account.specialist.key, query, headers);
    const first = await ask();
    const etag = String(first.headers.get("etag"));
    expect([first.status, await first.json()]).toEqual([200, { data: { note: { text: "before" } } }]);
    expect(etag).toMatch(/^W\/"[\w-]{27}"$/);
    expect(first.headers.get("cache-control")).toBe("private, no-cache");
    expect(first.headers.get("vary")).toBe("Origin, authorization, x-api-key, x-account, accept, accept-encoding");

    for (const named of [etag, etag.slice(2), `"other", ${etag}`, "*"]) {
      const known = await ask({ "if-none-match": named });
      expect([known.status, await known.text(), known.headers.get("etag")]).toEqual([304, "", etag]);
      expect(known.headers.get("vary")).toBe(first.headers.get("vary"));
      expect(known.headers.get("ratelimit")).toMatch(/r=\d+/);
    }
    expect((await ask({ "if-none-match": '"other"' })).status).toBe(200);

    const change = { ticket_id: note.ticketId, value: "after", is_public: false };
    await call(app, account.specialist.key, "PUT", `/v2/tickets/notes/${note.id}`, change);
    const changed = await ask({ "if-none-match": etag });
    expect([changed.status, await changed.json()]).toEqual([200, { data: { note: { text: "after" } } }]);
  });

  test("has the tag of its answer without the signatures of URLs, until they are old", async () => {
    const fields = [
      "url",
      "url expiresAt",
      "expiresAt url __typename",
      "expiresAt end: url",
      "__typename link: url until: expiresAt",
    ];
    for (const selected of fields) {
      const query = {
        query: `{ note(id: "${note.id}") { createdAt attachments { nodes { size download { ${selected} } } } } }`,
      };
      const noon = new Date("2030-01-01T12:00:00Z").getTime();
      const at = async (time: number, headers: Record<string, string> = {}) => {
        app.time.now = new Date(time);
        const response = await get(app, account.specialist.key, query, headers);
        return { status: response.status, etag: String(response.headers.get("etag")), text: await response.text() };
      };
      const first = await at(noon);
      const later = await at(noon + hour);
      expect(first.text).toContain("signature=");
      expect(later.text).not.toBe(first.text);
      expect([selected, later.etag]).toEqual([selected, first.etag]);
      expect((await at(noon + hour, { "if-none-match": first.etag })).status).toBe(304);
      // The URLs work for eight hours.
      expect((await at(noon + 4 * hour, { "if-none-match": first.etag })).status).toBe(200);
    }
  });

  test("has no tag and is not kept if it has errors, and a POST neither", async () => {
    const wrong = await get(app, account.specialist.key, { query: "{ nonsense }" }, { "if-none-match": "*" });
    const inPart = await get(app, account.specialist.key, { query: `{ viewer { role } ticket(id: "nonsense") { id } }` });
    expect(await inPart.json()).toMatchObject({ data: { viewer: { role: "SPECIALIST" } }, errors: [{}] });
    const unknown = await get(app, "tnk_wrong", { query: "{ viewer { role } }" }, { "if-none-match": "*" });
    expect(unknown.status).toBe(401);
    const mutation = await get(app, account.specialist.key, {
      query: `mutation { deleteNote(input: { id: "x" }) { __typename } }`,
    });
    expect([mutation.status, mutation.headers.get("allow")]).toEqual([405, "POST"]);
    const posted = await fetch(`${app.url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-api-key": account.specialist.key, "if-none-match": "*" },
      body: JSON.stringify({ query: "{ viewer { role } }" }),
    });
    for (const { headers, status } of [wrong, inPart, unknown, mutation, posted])
      expect([status === 304, headers.get("etag"), headers.get("cache-control")]).toEqual([false, null, "no-store"]);
  });

  test("differs for each viewer", async () => {
    const query = { query: "{ viewer { person { name } } }" };
    const tags = await Promise.all([account.specialist, account.customer].map(({ key }) => get(app, key, query)));
    expect(tags[0]!.headers.get("etag")).not.toBe(tags[1]!.headers.get("etag"));
    const other = await get(app, account.customer.key, query, { "if-none-match": String(tags[0]!.headers.get("etag")) });
    expect(other.status).toBe(200);
  });

  test("by a hash takes at most 200 bytes beside its variables", async () => {
    const text = "query One($id: ID!) { note(id: $id) { text } }";
    const sha256Hash = createHash("sha256").update(text).digest("hex");
    const extensions = JSON.stringify({ persistedQuery: { version: 1, sha256Hash } });
    const parameters = { variables: JSON.stringify({ id: note.id }), extensions };
    await get(app, account.specialist.key, { query: text, ...parameters });
    const asked = await get(app, account.specialist.key, parameters);
    expect(await asked.json()).toMatchObject({ data: { note: {} } });
    expect(JSON.stringify({ extensions: JSON.parse(extensions) as unknown }).length).toBeLessThanOrEqual(200);
    expect(`/graphql?${new URLSearchParams({ extensions }).toString()}`.length).toBeLessThanOrEqual(200);
    const byId = { documentId: `sha256:${sha256Hash}`, variables: { id: note.id } };
    expect(JSON.stringify(byId).length).toBeLessThanOrEqual(200);
  });
});

describe("the tag of an answer", () => {
  const now = new Date("2030-01-01T12:00:00Z");
  const signatureOf = (letter: string) => letter.repeat(43);
  const url = (letter: string, filename = "a.txt") =>
    `"url":"https://files.example/a%20b.txt?expires=1896134400000&type=text%2Fplain&filename=${filename}&signature=${signatureOf(letter)}"`;
  const tagOf = (json: string) => answerTag(json, now);

  test("passes over signatures of both stores, and over nothing else", async () => {
    expect(await tagOf(`{${url("a")}}`)).toBe(await tagOf(`{${url("b")}}`));
    expect(await tagOf(`{${url("a")}}`)).not.toBe(await tagOf(`{${url("a", "b.txt")}}`));
    const ofS3 = (letter: string, day: string) =>
      `{"url":"https://s3.example/b/k?X-Amz-Credential=id%2F${day}%2Feu%2Fs3%2Faws4_request&X-Amz-Date=${day}T000000Z&X-Amz-Signature=${letter.repeat(64)}&x-id=GetObject"}`;
    expect(await tagOf(ofS3("a", "20300101"))).toBe(await tagOf(ofS3("b", "20300102")));
    expect(await tagOf(`{"url":"https://a.example/?x=1"}`)).not.toBe(await tagOf(`{"url":"https://a.example/?x=2"}`));
    expect(await tagOf(`{"createdAt":"2030-01-01T00:00:00.000Z","download":{${url("a")}}}`)).not.toBe(
      await tagOf(`{"createdAt":"2030-01-01T00:00:01.000Z","download":{${url("a")}}}`),
    );
  });

  test.each([
    ["see https://a.example/?signature=1", "see https://a.example/?signature=2"],
    ["https://a.example/?signature=SECRET", "https://a.example/?signature=▇▇▇"],
    ["https://a.example/f?expires=1&signature=please pay 100 euro", "https://a.example/f?expires=1&signature=900"],
    [`https://a.example/f?note=SECRET&signature=${"a".repeat(43)}`, `https://a.example/f?note=▇▇▇&signature=${"a".repeat(43)}`],
    [`https://a.example/f?signature=${"a".repeat(43)}`, "https://a.example/f?signature=▇▇▇"],
    [
      "https://a.example/f?X-Amz-Credential=SECRET&X-Amz-Signature=1",
      "https://a.example/f?X-Amz-Credential=▇▇▇&X-Amz-Signature=1",
    ],
  ])("tells a text from another one: %s", async (before, after) => {
    expect(await tagOf(`{"text":"${before}"}`)).not.toBe(await tagOf(`{"text":"${after}"}`));
    expect(await tagOf(Buffer.from(`{"text":"${before}"}`).toString("latin1"))).not.toBe(
      await tagOf(Buffer.from(`{"text":"${after}"}`).toString("latin1")),
    );
  });

  test("of a large answer is that of its pieces, whose URLs are passed over as well", async () => {
    const large = (signature: string) =>
      Buffer.from(`[${Array.from({ length: 20_000 }, (_, index) => `{"é":${index},"d":{${url(signature)}}}`).join(",")}]`);
    expect(large("a").length).toBeGreaterThan(1_500_000);
    expect(await answerTag(large("a"), now)).toBe(await answerTag(large("b"), now));
    expect(await answerTag(large("a"), now)).not.toBe(await answerTag(Buffer.from(`${large("a").toString()} `), now));
  });
});

describe("/schema.graphql", () => {
  test("is the SDL, with a tag, compressed", async () => {
    const app = await startApp();
    const first = await fetch(`${app.url}/schema.graphql`, { headers: { "accept-encoding": "br" } });
    expect([first.status, first.headers.get("content-type")]).toEqual([200, "text/plain; charset=utf-8"]);
    expect([first.headers.get("content-encoding"), first.headers.get("vary")]).toEqual(["br", "Origin, accept-encoding"]);
    const sent = Number(first.headers.get("content-length"));
    const text = await first.text();
    expect(sent).toBeLessThan(text.length / 4);
    expect(text).toBe(`${printSchema(lexicographicSortSchema(schema))}\n`);
    expect(printSchema(buildSchema(text))).toBe(printSchema(lexicographicSortSchema(schema)));
    const known = await fetch(`${app.url}/schema.graphql`, { headers: { "if-none-match": String(first.headers.get("etag")) } });
    expect([known.status, await known.text()]).toEqual([304, ""]);
    await app.close();
  });
});

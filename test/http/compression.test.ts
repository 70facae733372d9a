import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Note, Ticket } from "#generated/prisma/client.ts";
import { createCodingNegotiation, codedTag, uncodedTag } from "../../src/http/kit/content-coding.ts";
import { addAccount, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addNote, addNotes, addTicket, at } from "../support/factories.ts";

let app: TestApp;
let account: TestAccount;
let ticket: Ticket;
let long: Note;
let short: Note;

beforeAll(async () => {
  app = await startApp({ corsOrigins: ["https://app.example"] });
  account = await addAccount(app);
  ticket = await addTicket(app, account);
  await addNotes(app, ticket, account.specialist, 100, (index) => ({ createdAt: at(index) }));
  long = await addNote(app, ticket, account.specialist, { text: "Käfer 🪲 ".repeat(150) });
  short = await addNote(app, ticket, account.specialist, { text: "short" });
});
afterAll(() => app.close());

interface Sent {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  readonly key?: string | null;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly text: string;
}

const decoders = { zstd: zstdDecompressSync, br: brotliDecompressSync, gzip: gunzipSync } as const;

/** Sends a request by itself: fetch adds headers, and decodes. */
function send({ method = "GET", path, headers = {}, body, key = account.specialist.key }: Sent): Promise<Answer> {
  const { hostname, port } = new URL(app.url);
  const all = { ...(key !== null && { "x-api-key": key }), ...(body !== undefined && { "content-type": "application/json" }) };
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({ hostname, port, method, path, headers: { ...all, ...headers } }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("error", reject);
      incoming.on("end", () => {
        const bytes = Buffer.concat(chunks);
        const coding = incoming.headers["content-encoding"] as keyof typeof decoders | undefined;
        const text = coding === undefined || bytes.length === 0 ? bytes : decoders[coding](bytes);
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, bytes, text: text.toString() });
      });
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

const query = (text: string, accept: string | undefined): Sent => ({
  method: "POST",
  path: "/graphql",
  body: JSON.stringify({ query: text }),
  ...(accept !== undefined && { headers: { "accept-encoding": accept } }),
});

describe("the coding", () => {
  const negotiate = createCodingNegotiation();

  test.each([
    [undefined, undefined],
    ["", undefined],
    ["identity", undefined],
    ["deflate", undefined],
    ["gzip", "gzip"],
    ["gzip, deflate", "gzip"],
    ["gzip, deflate, br", "br"],
    ["gzip, deflate, br, zstd", "zstd"],
    ["GZIP", "gzip"],
    ["br;q=0.5, gzip;q=0.9, zstd;q=0.1", "gzip"],
    ["br;q=1.0, zstd;q=0", "br"],
    ["gzip;q=0", undefined],
    ["gzip;q=0.5, identity", undefined],
    ["*", "zstd"],
    ["*;q=0.5, zstd;q=0, gzip;q=0.4", "br"],
    ["gzip;q=nonsense, br", "br"],
    [", ,", undefined],
    [`${"x, ".repeat(2_000)}gzip`, "gzip"],
  ])("for %j is %s", (header, coding) => {
    expect(negotiate(header)).toBe(coding);
    expect(negotiate(header)).toBe(coding);
  });

  test("has a strong tag of its own", () => {
    expect(codedTag('"a"', "br")).toBe('"a-br"');
    expect(codedTag('W/"a"', "br")).toBe('W/"a"');
    for (const coding of ["zstd", "br", "gzip"] as const) expect(uncodedTag(codedTag('"a"', coding))).toBe('"a"');
    expect(uncodedTag('"a-deflate"')).toBe('"a-deflate"');
  });
});

describe("an answer over 1 KB", () => {
  const page = "{ notes(first: 100) { totalCount nodes { id uuid text createdAt author { id name } } } }";
  const everywhere: readonly Sent[] = [
    query(page, undefined),
    { path: `/graphql?query=${encodeURIComponent(page)}` },
    { path: "/v1/notes" },
    { path: `/v2/tickets/notes?limit=100&ticket_id=` },
    { path: "/" },
    { path: "/graphql", headers: { accept: "text/html" } },
    { path: "/v1/openapi.json" },
    { path: "/v2/openapi.json" },
    { path: "/metrics" },
  ];

  test.each(everywhere)("is compressed on every API: $path", async (sent) => {
    const asked = { ...sent, path: sent.path.replace(/ticket_id=$/, `ticket_id=${ticket.id}`) };
    const plain = await send(asked);
    expect([plain.status, plain.headers["content-encoding"]]).toEqual([200, undefined]);
    expect(plain.bytes.length).toBeGreaterThan(1_024);
    expect(plain.headers.vary).toMatch(/\baccept-encoding\b/);
    for (const coding of ["zstd", "br", "gzip"] as const) {
      const coded = await send({ ...asked, headers: { ...asked.headers, "accept-encoding": coding } });
      expect([coded.status, coded.headers["content-encoding"]]).toEqual([200, coding]);
      expect(
        coded.headers.vary
          ?.toLowerCase()
          .split(/, */)
          .filter((name) => name === "accept-encoding").length,
      ).toBe(1);
      expect(Number(coded.headers["content-length"])).toBe(coded.bytes.length);
      expect(coded.bytes.length).toBeLessThan(plain.bytes.length * 0.7);
      expect(coded.headers["content-type"]).toBe(plain.headers["content-type"]);
      if (sent.path !== "/metrics") expect(coded.text).toBe(plain.text);
    }
  });

  test("has the same headers for HEAD, and no body", async () => {
    for (const path of ["/v1/notes", "/", "/v2/openapi.json", `/graphql?query=${encodeURIComponent(page)}`]) {
      const headers = { "accept-encoding": "br" };
      const get = await send({ path, headers });
      const head = await send({ method: "HEAD", path, headers });
      expect([path, head.status, head.bytes.length]).toEqual([path, 200, 0]);
      for (const name of ["content-encoding", "content-length", "vary", "etag"])
        expect([path, name, head.headers[name]]).toEqual([path, name, get.headers[name]]);
    }
  });

  test("varies by origin as well", async () => {
    const { headers } = await send({
      ...query(page, "gzip"),
      headers: { origin: "https://app.example", "accept-encoding": "gzip" },
    });
    expect(headers.vary).toBe("Origin, accept-encoding");
  });

  test("is an error of the closed list too", async () => {
    const many = Array.from({ length: 40 }, (_, index) => `a${index}: nonsense${index}`).join(" ");
    const { status, headers, text } = await send(query(`{ ${many} }`, "br"));
    expect([status, headers["content-encoding"]]).toEqual([400, "br"]);
    expect((JSON.parse(text) as { errors: unknown[] }).errors.length).toBeGreaterThan(5);
  });

  test("is compressed in another thread if it is large, and has the same bytes", async () => {
    const notes = await addNotes(app, await addTicket(app, account), account.specialist, 20, () => ({
      text: "Zahnrad 🪲 ".repeat(4_000),
    }));
    const texts = `{ ${notes.map(({ id }, index) => `n${index}: note(id: "${id}") { text }`).join(" ")} }`;
    const plain = await send(query(texts, undefined));
    expect(plain.bytes.length).toBeGreaterThan(900_000);
    for (const coding of ["zstd", "br", "gzip"]) {
      const all = await Promise.all([1, 2, 3, 4].map(() => send(query(texts, coding))));
      for (const coded of all) expect([coded.headers["content-encoding"], coded.text === plain.text]).toEqual([coding, true]);
    }
  });
});

describe("an answer is sent as it is", () => {
  test("if it is small", async () => {
    for (const sent of [query("{ viewer { role } }", "br"), { path: "/health", headers: { "accept-encoding": "br" } }]) {
      const { headers } = await send(sent);
      expect([headers["content-encoding"], /accept-encoding/.test(headers.vary ?? "")]).toEqual([undefined, false]);
    }
  });

  test("if nothing is accepted that we have", async () => {
    for (const accept of ["identity", "deflate, compress", "gzip;q=0, br;q=0, zstd;q=0"]) {
      const { headers } = await send({ path: "/v1/notes", headers: { "accept-encoding": accept } });
      expect([accept, headers["content-encoding"]]).toEqual([accept, undefined]);
    }
  });

  test("if it comes in parts", async () => {
    const parts = await send({
      ...query("{ viewer { role } }", "br"),
      headers: { accept: "multipart/mixed", "accept-encoding": "br" },
    });
    expect([parts.status, parts.headers["content-encoding"]]).toEqual([200, undefined]);
  });

  test("if it is a preflight", async () => {
    const headers = { origin: "https://app.example", "access-control-request-method": "POST", "accept-encoding": "br" };
    const preflight = await send({ method: "OPTIONS", path: "/graphql", headers });
    expect([preflight.status, preflight.headers["content-encoding"]]).toEqual([204, undefined]);
  });
});

describe("the entity tag of a note on /v2", () => {
  const path = () => `/v2/tickets/notes/${long.id}`;

  test("is of the coding, and each of them is taken back", async () => {
    const tags = new Map<string, string>();
    for (const coding of ["identity", "zstd", "br", "gzip"]) {
      const { headers } = await send({ path: path(), headers: { "accept-encoding": coding } });
      tags.set(coding, String(headers.etag));
      expect(headers["cache-control"]).toBe("private, no-transform");
    }
    expect(new Set(tags.values()).size).toBe(4);
    for (const tag of tags.values()) {
      const known = await send({ path: path(), headers: { "accept-encoding": "br", "if-none-match": `"x", ${tag}` } });
      expect([known.status, known.headers.etag, known.bytes.length]).toEqual([304, tag, 0]);
    }
    const other = await send({ path: path(), headers: { "if-none-match": `"x-br", W/"y"` } });
    expect(other.status).toBe(200);
    // A change with a tag of any coding, once.
    const body = JSON.stringify({ ticket_id: ticket.id, value: "changed", is_public: false });
    const put = (tag: string) => send({ method: "PUT", path: path(), body, headers: { "if-match": tag } });
    expect((await put(tags.get("gzip") ?? "")).status).toBe(200);
    expect((await put(tags.get("br") ?? "")).status).toBe(412);
  });

  test("is the tag of a small note as before, whatever is accepted", async () => {
    const small = `/v2/tickets/notes/${short.id}`;
    const plain = await send({ path: small });
    const asked = await send({ path: small, headers: { "accept-encoding": "br" } });
    expect(asked.headers.etag).toBe(plain.headers.etag);
  });
});

test("a list of /v1 keeps its weak tag under each coding", async () => {
  const plain = await send({ path: "/v1/notes" });
  const coded = await send({ path: "/v1/notes", headers: { "accept-encoding": "gzip" } });
  expect(coded.headers.etag).toBe(plain.headers.etag);
  const known = await send({
    path: "/v1/notes",
    headers: { "accept-encoding": "gzip", "if-none-match": String(plain.headers.etag) },
  });
  expect([known.status, known.bytes.length, known.headers["content-type"]]).toEqual([304, 0, undefined]);
});

describe("a download", () => {
  const rows = Buffer.from("time,volts\n".repeat(2_000));

  /** Uploads a file, and returns the path of its download URL. */
  async function upload(filename: string, type: string): Promise<string> {
    const v2 = (method: string, path: string, body?: object) =>
      send({ method, path, ...(body && { body: JSON.stringify(body) }) }).then(
        ({ text }) => JSON.parse(text) as { signed_url: string },
      );
    const path = "/v2/tickets/note-attachments";
    const { signed_url: url } = await v2("POST", path, { note_id: short.id, filename });
    const put = await fetch(url, { method: "PUT", headers: { "content-type": type }, body: rows });
    expect(put.status).toBe(200);
    const got = await v2("GET", `${path}/${short.id}/${filename}`);
    const { pathname, search } = new URL(got.signed_url);
    return pathname + search;
  }

  test("of a text is compressed, but not if a part of it is asked for", async () => {
    const path = await upload("log.csv", "text/csv");
    const plain = await send({ path, key: null });
    expect([plain.text === rows.toString(), plain.headers["content-length"]]).toEqual([true, String(rows.length)]);
    for (const coding of ["zstd", "br", "gzip"]) {
      const headers = { "accept-encoding": coding };
      const coded = await send({ path, key: null, headers });
      expect([coded.headers["content-encoding"], coded.text === rows.toString()]).toEqual([coding, true]);
      expect(coded.bytes.length).toBeLessThan(2_000);
      expect([coded.headers["content-length"], coded.headers["accept-ranges"]]).toEqual([undefined, undefined]);
      expect(coded.headers.etag).toBe(codedTag(String(plain.headers.etag), coding as "br"));
      const head = await send({ method: "HEAD", path, key: null, headers });
      expect([head.headers["content-encoding"], head.headers["content-length"]]).toEqual([coding, undefined]);
      expect(head.headers.etag).toBe(coded.headers.etag);
      const known = await send({ path, key: null, headers: { ...headers, "if-none-match": String(coded.headers.etag) } });
      expect(known.status).toBe(304);
      const part = await send({ path, key: null, headers: { ...headers, range: "bytes=5-9" } });
      expect([part.status, part.headers["content-encoding"], part.text]).toEqual([206, undefined, "volts"]);
      // A part of the coded file is none of the stored one: the whole file comes again.
      const resumed = await send({
        path,
        key: null,
        headers: { ...headers, range: "bytes=5-9", "if-range": String(coded.headers.etag) },
      });
      expect([resumed.status, resumed.text === rows.toString()]).toEqual([200, true]);
    }
  });

  test("of a type that is compressed already is not", async () => {
    for (const [filename, type] of [
      ["photo.jpg", "image/jpeg"],
      ["report.pdf", "application/pdf"],
      ["all.zip", "application/zip"],
    ] as const) {
      const { headers, bytes } = await send({
        path: await upload(filename, type),
        key: null,
        headers: { "accept-encoding": "br" },
      });
      expect([filename, headers["content-encoding"], headers["content-length"]]).toEqual([
        filename,
        undefined,
        String(rows.length),
      ]);
      expect(bytes.equals(rows)).toBe(true);
    }
  });
});

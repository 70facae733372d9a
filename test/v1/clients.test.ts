import { request as httpRequest } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Ticket } from "#generated/prisma/client.ts";
import { addAccount, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addNotes, addTicket, at } from "../support/factories.ts";

// What the published client libraries lean on, each written the way that library does it.

const noteCount = 47;

let app: TestApp;
let account: TestAccount;
let ticket: Ticket;
let noteIds: number[];

beforeAll(async () => {
  app = await startApp();
  account = await addAccount(app);
  ticket = await addTicket(app, account, { requester: account.customer });
  const notes = await addNotes(app, ticket, account.specialist, noteCount, (index) => ({
    isPublic: index % 2 === 0,
    createdAt: at(index),
  }));
  noteIds = notes.map((note) => note.number);
});
afterAll(() => app.close());

interface Raw {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  // oxlint-disable-next-line typescript/no-explicit-any -- a test asserts on what it takes out of an answer
  readonly json: any;
}

function send(method: string, path: string, body?: object): Promise<Raw> {
  const { hostname, port } = new URL(app.url);
  const headers = {
    authorization: `Bearer ${account.specialist.key}`,
    "x-4me-account": account.slug,
    "content-type": "application/json",
    "user-agent": "a client of the family",
  };
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({ hostname, port, method, path, headers }, (incoming) => {
      let text = "";
      incoming.on("data", (chunk: Buffer) => (text += chunk.toString()));
      incoming.on("end", () =>
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          json: text === "" ? undefined : JSON.parse(text),
        }),
      );
    });
    outgoing.on("error", reject);
    outgoing.end(body && JSON.stringify(body));
  });
}

describe("the Ruby client", () => {
  /** `response.valid?`: an object with a message is a failure, under any status. */
  const isValid = ({ json }: Raw) => Array.isArray(json) || json?.message === undefined;
  /** `response.size`: the header of a collection; a single record is 1 and has none. */
  const sizeOf = ({ json, headers }: Raw) => {
    const total = headers["x-pagination-total-entries"];
    if (Array.isArray(json)) return Number(total);
    if (total !== undefined) throw new Error("A record with a total is taken for a collection.");
    return 1;
  };
  /** `pagination_relative_link`: the header is split at commas and semicolons, and the host is cut off. */
  const nextOf = ({ headers }: Raw) => {
    const links = Object.fromEntries(
      String(headers["link"] ?? "")
        .split(",")
        .map((link) => link.split(";"))
        .map(([url = "", relation = ""]) => [/rel="(.*)"/.exec(relation)?.[1], /<https?:\/\/[^/]+(.*)>/.exec(url)?.[1]]),
    );
    return links["next"] as string | undefined;
  };

  test("each: walks every note of a collection by next, and counts them by the header", async () => {
    const seen: number[] = [];
    let total = 0;
    for (let path: string | undefined = "/v1/notes?per_page=10&sort=id"; path !== undefined;) {
      const page = await send("GET", path);
      expect(isValid(page)).toBe(true);
      total = sizeOf(page);
      seen.push(...page.json.map((note: { id: number }) => note.id));
      path = nextOf(page);
    }
    expect(seen).toEqual(noteIds);
    expect(total).toBe(noteCount);
  });

  test("a single record, a new note and the rate are valid answers of size one", async () => {
    const added = await send("POST", `/v1/requests/${ticket.number}/notes`, { text: "Ruby was here", internal: true });
    noteIds.push(added.json.id);
    const answers = [
      added,
      await send("GET", `/v1/notes/${noteIds[0]}`),
      await send("GET", "/v1/me"),
      await send("GET", "/v1/rate_limit"),
    ];
    expect(answers.map((answer) => [isValid(answer), sizeOf(answer)])).toEqual(answers.map(() => [true, 1]));
  });

  test("a failure is not valid, and its message is shown with the fields", async () => {
    const failed = await send("POST", `/v1/requests/${ticket.number}/notes`, { text: "" });
    expect(isValid(failed)).toBe(false);
    // The client joins `message` and the pairs of `errors` into a sentence.
    expect(`${failed.json.message}: ${failed.json.errors.map(([, sentence]: [string, string]) => sentence).join(", ")}`).toBe(
      "Validation Failed: Text can't be blank",
    );
  });
});

describe("the .NET client", () => {
  test("follows the path of next alone, and stops where there is none", async () => {
    const seen: number[] = [];
    for (
      let path: string | undefined = "/v1/notes/?per_page=25&fields=id,text,created_at,medium&sort=-created_at";
      path !== undefined;
    ) {
      const page = await send("GET", path);
      seen.push(...page.json.map((note: { id: number }) => note.id));
      const next = String(page.headers["link"] ?? "")
        .split(", ")
        .find((link) => link.endsWith('rel="next"'));
      const uri = next === undefined ? undefined : new URL(next.slice(1, next.indexOf(">")));
      path = uri && uri.pathname + uri.search;
    }
    expect(seen.toSorted((one, other) => one - other)).toEqual(noteIds);
  });

  test("reads the three rate headers of every success as numbers", async () => {
    const answers = [
      await send("GET", "/v1/notes/"),
      await send("GET", `/v1/notes/${noteIds[0]}/`),
      await send("GET", "/v1/me/"),
      await send("GET", `/v1/requests/${ticket.number}/notes/internal/`),
      await send("GET", "/v1/attachments/storage/"),
    ];
    for (const { status, headers } of answers) {
      expect(status).toBe(200);
      for (const name of ["limit", "remaining", "reset"]) expect(String(headers[`x-ratelimit-${name}`])).toMatch(/^\d+$/);
    }
  });

  test("writes operators into the name of a parameter, percent-encoded", async () => {
    const { json } = await send("GET", `/v1/notes/?id%21=${noteIds[0]}&created_at=%3E%3D2026-01-01T00%3A00%3A00Z&per_page=100`);
    expect(json).toHaveLength(noteIds.length - 1);
  });

  test("takes the id of a note it has added from the body or from the end of location", async () => {
    const { json, headers, status } = await send("POST", `/v1/requests/${ticket.number}/notes/`, { text: "Added from .NET" });
    expect([status, Object.keys(json)]).toEqual([201, ["id"]]);
    expect(String(headers["location"])).toMatch(new RegExp(`/notes/${json.id}$`));
    noteIds.push(json.id);
  });
});

describe("the Python client", () => {
  test("an object with a message is an error even under 200: no success has one", async () => {
    const paths = [
      ...["/v1", "/v1/me", "/v1/people/me", "/v1/rate_limit", "/v1/attachments/storage", "/v1/openapi.json"],
      ...[`/v1/notes/${noteIds[0]}`, `/v1/requests/${ticket.number}`, `/v1/people/${account.customer.number}`],
      ...[`/v1/people/${account.customer.number}/teams`, "/v1/requests", "/v1/notes", `/v1/requests/${ticket.number}/notes`],
    ];
    for (const path of paths) {
      const { status, json } = await send("GET", path);
      expect([path, status, json.message]).toEqual([path, 200, undefined]);
    }
  });

  test("counts pages by the headers, and asks for each by its number", async () => {
    const { headers } = await send("GET", "/v1/notes?per_page=20&sort=id");
    const pages = Number(headers["x-pagination-total-pages"]);
    const seen: number[] = [];
    for (let page = 1; page <= pages; page += 1) {
      const answer = await send("GET", `/v1/notes?per_page=20&sort=id&page=${page}`);
      expect([answer.headers["x-pagination-current-page"], answer.headers["x-pagination-per-page"]]).toEqual([
        String(page),
        "20",
      ]);
      seen.push(...answer.json.map((note: { id: number }) => note.id));
    }
    expect(seen).toEqual(noteIds);
  });
});

describe("the Go client", () => {
  test("splits link at commas and semicolons without knowing quotes or brackets", async () => {
    const { headers } = await send("GET", "/v1/people?per_page=1&sort=-id&fields=id,name&ids=!1,2&name=!a;b,c");
    const parts = String(headers["link"]).split(",");
    expect(parts).toHaveLength(1);
    expect(parts[0]!.split(";").map((piece) => piece.trim())).toEqual([expect.stringMatching(/^<http.*>$/), 'rel="next"']);
  });

  test("puts a slash at the end of every path, before the query", async () => {
    const paths = [
      "notes",
      `notes/${noteIds[0]}`,
      "me",
      "people/me",
      "requests",
      `requests/${ticket.number}`,
      `requests/${ticket.number}/notes`,
    ];
    for (const path of paths) expect([path, (await send("GET", `/v1/${path}/?per_page=1`)).status]).toEqual([path, 200]);
  });

  test("decodes a note into a struct of its own types: nothing is missing, nulls are there", async () => {
    const { json } = await send("GET", `/v1/notes/${noteIds[0]}`);
    const types = Object.fromEntries(
      Object.entries(json).map(([name, value]) => [name, value === null ? "null" : typeof value]),
    );
    expect(types).toEqual({
      ...{
        id: "number",
        nodeID: "string",
        person: "object",
        created_at: "string",
        text: "string",
        medium: "string",
        internal: "boolean",
      },
      ...{ attachments: "object", account: "object", inbound_email: "null", request: "object" },
    });
    expect(new Date(json.created_at).getTime()).toBe(at(0).getTime());
  });
});

import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from "vitest";
import type { Note, Ticket } from "#generated/prisma/client.ts";
import { openDatabase, type Database } from "../src/database/database.ts";
import { addAccount, call, sendText, startApp, type TestAccount, type TestApp } from "./support/app.ts";
import { createScratchDatabase, type ScratchDatabase } from "./support/database.ts";
import { addNote, addTicket } from "./support/factories.ts";
import { startTcpProxy, type TcpProxy } from "./support/tcp-proxy.ts";

const limits = { connectMilliseconds: 400, statementMilliseconds: 300, answerMilliseconds: 500 };

// The embedded database is a part of the process: it is not away.
describe.skipIf(inject("testServer").kind === "embedded")("while the database is away", () => {
  let scratch: ScratchDatabase;
  let proxy: TcpProxy;
  let database: Database;
  let app: TestApp;
  let account: TestAccount;
  let ticket: Ticket;
  let note: Note;

  beforeAll(async () => {
    scratch = await createScratchDatabase();
    if (scratch.config.kind === "embedded") throw new Error("This is not run on the embedded database");
    const url = new URL(scratch.config.url);
    proxy = await startTcpProxy({ host: url.hostname, port: Number(url.port || 5432) });
    url.hostname = "127.0.0.1";
    url.port = String(proxy.port);
    database = await openDatabase({ kind: "postgresql", url: url.href }, { warn: () => undefined }, limits);
    app = await startApp({ database });
    account = await addAccount(app);
    ticket = await addTicket(app, account);
    note = await addNote(app, ticket, account.specialist);
  });
  afterEach(() => proxy.thaw());
  afterAll(async () => {
    await app.close();
    await database.close();
    await proxy.close();
    await scratch.drop();
  });

  const ask = (query: string) => sendText<unknown>(app.url, account.specialist.key, query);
  const list = () => call(app, account.specialist.key, "GET", `/v2/tickets/notes?ticket_id=${ticket.id}`);

  const absences: [string, () => void][] = [
    ["because its server hangs", () => proxy.freeze()],
    [
      "because it cannot be connected to",
      () => {
        proxy.freeze();
        proxy.cut();
      },
    ],
  ];

  test.each(absences)(
    "%s, every API says so with 503, the process lives, and all is well when it is back",
    async (_name, goAway) => {
      goAway();

      const read = await ask(`{ ticket(id: "${ticket.id}") { subject } }`);
      expect(read).toMatchObject({ status: 503, errors: [{ extensions: { code: "UNAVAILABLE" } }] });
      const written = await ask(`mutation { addNote(input: { ticketId: "${ticket.id}", text: "lost" }) { __typename } }`);
      expect(written).toMatchObject({ status: 503, errors: [{ extensions: { code: "UNAVAILABLE" } }] });
      expect(JSON.stringify([read, written])).not.toMatch(/ECONN|timeout|postgres|SELECT|127\.0\.0\.1|prisma/i);

      for (const [method, path, body] of [
        ["GET", `/v2/tickets/notes?ticket_id=${ticket.id}`],
        ["GET", `/v2/tickets/notes/${note.id}`],
        ["POST", "/v2/tickets/notes", { ticket_id: ticket.id, value: "lost" }],
        ["PUT", `/v2/tickets/notes/${note.id}`, { ticket_id: ticket.id, value: "lost" }],
        ["DELETE", `/v2/tickets/notes/${note.id}`],
        ["GET", `/v2/tickets/note-attachments?note_id=${note.id}`],
        ["POST", "/v2/tickets/note-attachments", { note_id: note.id, filename: "a.png" }],
      ] as const) {
        const { status, body: problem } = await call(app, account.specialist.key, method, path, body);
        expect([method, path, status]).toEqual([method, path, 503]);
        expect(JSON.stringify(problem)).not.toMatch(/ECONN|timeout|postgres|SELECT|127\.0\.0\.1|prisma/i);
      }

      const ready = await fetch(`${app.url}/ready`);
      expect([ready.status, await ready.json()]).toEqual([
        503,
        expect.objectContaining({ detail: expect.stringContaining("database") }),
      ]);
      const health = await fetch(`${app.url}/health`);
      expect([health.status, await health.json()]).toEqual([200, { status: "alive" }]);

      proxy.thaw();
      await expect.poll(async () => (await list()).status, { timeout: 10_000 }).toBe(200);
      expect((await fetch(`${app.url}/ready`)).status).toBe(200);
      expect(await ask(`{ ticket(id: "${ticket.id}") { subject } }`)).toMatchObject({ status: 200, errors: [] });
      expect((await list()).body).toMatchObject({ total: 1, result: [{ id: note.id, value: note.text }] });
    },
  );

  test("a connection that is cut costs the requests on it, and none after them", async () => {
    for (let round = 0; round < 3; round++) {
      proxy.cut();
      const during = await Promise.all(Array.from({ length: 5 }, list));
      for (const { status } of during) expect([200, 503]).toContain(status);
      await expect.poll(async () => (await list()).status).toBe(200);
    }
  });
});

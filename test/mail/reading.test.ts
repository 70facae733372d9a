import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import type { Ticket } from "#generated/prisma/client.ts";
import { Unavailable } from "../../src/errors.ts";
import { createMailReader } from "../../src/mail/mail-reader.ts";
import { addAccount, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addTicket } from "../support/factories.ts";
import { addressOfPerson, authservId, mailOf, sendMail } from "./support.ts";

const messages = vi.spyOn(Worker.prototype, "postMessage");

/** Returns how often a thread was given a mail to read its body. */
const contentsRead = (): number =>
  messages.mock.calls.filter(([task]) => typeof task === "object" && task !== null && task.part === "content").length;

let app: TestApp;
let account: TestAccount;
let ticket: Ticket;
let cleo: string;
let otis: string;

beforeAll(async () => {
  app = await startApp({ mail: { authservId, senders: [] }, maximumUploadBytes: 60_000_000 });
  account = await addAccount(app);
  ticket = await addTicket(app, account, { requester: account.customer });
  cleo = await addressOfPerson(app, account.customer);
  otis = await addressOfPerson(app, account.otherCustomer);
});
beforeEach(() => {
  messages.mockClear();
});
afterAll(async () => {
  messages.mockRestore();
  await app.close();
});

test.each<[what: string, from: () => string, headers: Record<string, string | undefined>, status: number]>([
  ["nobody proves", () => "spam@evil.example", { "Authentication-Results": undefined }, 422],
  ["somebody outside of the account sent", () => "spam@evil.example", {}, 422],
  ["the sender may not see the ticket of", () => otis, {}, 422],
  ["names no ticket", () => cleo, { To: "desk@desk.example" }, 422],
  ["a program sent", () => cleo, { "Auto-Submitted": "auto-replied" }, 202],
  ["has a header of 300 KB", () => cleo, { "X-Large": "x".repeat(300_000) }, 422],
])("the body of a mail that %s is not read", async (_what, from, headers, status) => {
  const mail = mailOf(from(), ticket.number, { headers, body: "\r\n".repeat(250_000) });
  expect((await sendMail(app, account, mail)).status).toBe(status);
  expect(contentsRead()).toBe(0);
});

test("the body of a mail that is a note already is read once", async () => {
  const mail = mailOf(cleo, ticket.number);
  expect([(await sendMail(app, account, mail)).status, (await sendMail(app, account, mail)).status]).toEqual([201, 200]);
  expect(contentsRead()).toBe(1);
});

test("a mail of 700,000 empty lines is a note, and one of more than a million lines is refused", async () => {
  const send = (lines: number) => sendMail(app, account, mailOf(cleo, ticket.number, { body: `a${"\r\n".repeat(lines)}b` }));
  expect((await send(700_000)).status).toBe(201);
  expect(await send(1_000_001)).toMatchObject({
    status: 422,
    body: { detail: expect.stringMatching(/more than 1000000 lines/) },
  });
}, 60_000);

test("a mail that is one too many is refused until others are read", async () => {
  const reader = createMailReader({ maxWaiting: 2 });
  const read = () => reader.readContent(new Uint8Array(mailOf(cleo, ticket.number)));
  const readings = await Promise.allSettled(Array.from({ length: 5 }, read));
  expect(readings.map(({ status }) => status)).toEqual([
    ...["fulfilled", "fulfilled", "fulfilled"],
    ...["rejected", "rejected"],
  ]);
  const refused = readings.flatMap((reading) => (reading.status === "rejected" ? [reading.reason] : []));
  for (const reason of refused) expect(reason).toBeInstanceOf(Unavailable);
  expect(await read()).toMatchObject({ text: "Hello" });
});

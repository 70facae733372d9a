import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type TicketKind, TicketStatus } from "#generated/prisma/client.ts";
import { addAccount, sendText, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addTicket } from "../support/factories.ts";
import { v1 } from "../support/v1.ts";

// The statuses of each kind as the published clients list them: a typed client refuses any other.
const published: Readonly<Record<TicketKind, { readonly collection: string; readonly names: readonly string[] }>> = {
  REQUEST: {
    collection: "requests",
    names: [
      ...["declined", "on_backlog", "assigned", "accepted", "in_progress", "waiting_for", "waiting_for_customer"],
      ...["reservation_pending", "workflow_pending", "project_pending", "completed"],
    ],
  },
  PROBLEM: {
    collection: "problems",
    names: [
      ...["declined", "on_backlog", "assigned", "accepted", "in_progress", "waiting_for", "analyzed", "change_requested"],
      ...["workflow_pending", "project_pending", "progress_halted", "solved"],
    ],
  },
  WORKFLOW: {
    collection: "workflows",
    names: ["being_created", "registered", "in_progress", "progress_halted", "completed"],
  },
  RELEASE: { collection: "releases", names: ["being_created", "registered", "in_progress", "progress_halted", "completed"] },
  TASK: {
    collection: "tasks",
    names: [
      ...["registered", "declined", "assigned", "accepted", "in_progress", "waiting_for", "waiting_for_customer"],
      ...["request_pending", "failed", "rejected", "completed", "approved", "canceled"],
    ],
  },
  PROJECT_TASK: {
    collection: "project_tasks",
    names: [
      ...["registered", "assigned", "accepted", "in_progress", "waiting_for", "failed", "rejected", "completed", "approved"],
      "canceled",
    ],
  },
  PROJECT: { collection: "projects", names: ["registered", "in_progress", "progress_halted", "completed"] },
  RISK: { collection: "risks", names: ["anticipated", "materialized", "closed"] },
};
const everyName = new Set(Object.values(published).flatMap(({ names }) => names));
const ours = Object.values(TicketStatus);

let app: TestApp;
let account: TestAccount;

beforeAll(async () => {
  app = await startApp();
  account = await addAccount(app);
});
afterAll(() => app.close());

const as = (path: string, body?: object) =>
  v1(app, path, { key: account.specialist.key, ...(body && { method: "PATCH", body }) });

describe.each(Object.entries(published))("%s", (kindName, { collection, names }) => {
  const kind = kindName as TicketKind; // Object.entries forgets its keys.
  /** What each of our statuses is shown as, by the record that has it. */
  let shown: { readonly id: number; readonly status: TicketStatus; readonly name: string }[];

  beforeAll(async () => {
    shown = [];
    for (const status of ours) {
      const { number: id } = await addTicket(app, account, { kind, status });
      shown.push({ id, status, name: (await as(`/v1/${collection}/${id}`)).body.status });
    }
  });

  test("every status of ours is shown as one of the kind's own", () => {
    expect(names).toEqual(expect.arrayContaining(shown.map((record) => record.name)));
  });

  test("a filter finds the records that are shown with a status, and those that are not", async () => {
    for (const wanted of names) {
      const ids = async (query: string) =>
        ((await as(`/v1/${collection}?per_page=100&${query}`)).body as { id: number }[]).map(({ id }) => id);
      const of = (condition: (record: { name: string }) => boolean) => shown.filter(condition).map(({ id }) => id);
      expect([wanted, await ids(`status=${wanted}`)]).toEqual([wanted, of((record) => record.name === wanted)]);
      expect([wanted, await ids(`status=!${wanted}`)]).toEqual([wanted, of((record) => record.name !== wanted)]);
    }
  });

  test("a status of another kind, or of none, is refused by filters and by writes", async () => {
    const { id } = shown[0]!;
    for (const strange of [...everyName, "PENDING", "pending", "bogus", "constructor"].filter((one) => !names.includes(one))) {
      expect((await as(`/v1/${collection}?status=${strange}`)).body).toEqual({
        message: `Invalid value for parameter 'status': '${strange}'`,
      });
      const { status, body } = await as(`/v1/${collection}/${id}`, { status: strange });
      expect([status, body.errors]).toEqual([422, [["status", "Status is invalid"]]]);
    }
  });

  test("lists of what is under way and what is done", async () => {
    for (const [list, isDone] of [
      ["open", false],
      ["completed", true],
    ] as const) {
      const wanted = shown.filter(({ status }) => ["CLOSED", "CANCELLED"].includes(status) === isDone);
      const page = await as(`/v1/${collection}/${list}?per_page=100`);
      expect(page.body.map(({ id }: { id: number }) => id)).toEqual(wanted.map(({ id }) => id));
      expect(page.headers.get("x-pagination-total-entries")).toBe(String(wanted.length));
      const first = wanted[0]!;
      const filtered = await as(`/v1/${collection}/${list}.json?status=${first.name}&fields=status`);
      expect(filtered.body.length).toBeGreaterThan(0);
      expect(filtered.body.every(({ status }: { status: string }) => status === first.name)).toBe(true);
    }
  });

  test("the status that a record is shown with changes nothing when it is sent back", async () => {
    for (const record of shown) {
      const { status, body } = await as(`/v1/${collection}/${record.id}`, { status: record.name });
      expect([status, body.status]).toEqual([200, record.name]);
      const row = await app.database.prisma.ticket.findFirstOrThrow({ where: { accountId: account.id, number: record.id } });
      expect([row.status, row.updatedAt]).toEqual([record.status, row.createdAt]);
    }
  });

  test("every status of the kind can be set, and GraphQL shows what has become of it", async () => {
    const { id: number, nodeID } = (await as(`/v1/${collection}/${shown[1]!.id}`)).body;
    for (const name of names) {
      const { status, body } = await as(`/v1/${collection}/${number}`, { status: name });
      expect([name, status]).toEqual([name, 200]);
      const { data } = await sendText<{ ticket: { status: TicketStatus } }>(
        app.url,
        account.specialist.key,
        "query ($id: ID!) { ticket(id: $id) { status } }",
        { id: nodeID },
      );
      // A record is shown with a name that maps to its status, and sending that name back changes nothing.
      expect(names).toContain(body.status);
      expect(shown.find((record) => record.status === data.ticket.status)?.name).toBe(body.status);
    }
  });
});

test.each([
  ["tasks", "finished"],
  ["project_tasks", "finished"],
  ["problems", "active"],
  ["problems", "solved"],
  ["risks", "closed"],
])("the family's own name of a list: /%s/%s", async (collection, list) => {
  const same = ["active"].includes(list) ? "open" : "completed";
  expect((await as(`/v1/${collection}/${list}`)).body).toEqual((await as(`/v1/${collection}/${same}`)).body);
  expect((await as(`/v1/requests/${list}`)).status).toBe(404);
});

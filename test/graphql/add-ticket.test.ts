import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { graphql } from "../generated/gql.ts";
import type { AddTicketInput } from "../generated/graphql.ts";
import { addAccount, keyWith, send, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { globalId, statementsOf } from "../support/factories.ts";
import { v1 } from "../support/v1.ts";

const AddTicketMutation = graphql(`
  mutation AddTicket($input: AddTicketInput!) {
    addTicket(input: $input) {
      __typename
      ... on AddTicketPayload {
        ticket {
          uuid
          number
          kind
          status
          subject
          requester {
            uuid
          }
          account {
            slug
          }
          createdAt
          updatedAt
        }
      }
      ... on Error {
        code
        message
      }
      ... on InvalidInputError {
        fields {
          path
          message
        }
      }
    }
  }
`);

let app: TestApp;
let account: TestAccount;
let other: TestAccount;

beforeAll(async () => {
  app = await startApp();
  [account, other] = [await addAccount(app), await addAccount(app)];
});
afterAll(() => app.close());

async function add(key: string | undefined, input: AddTicketInput) {
  const { data, errors } = await send(app, key, AddTicketMutation, { input });
  return { result: data?.addTicket, errors };
}

const ticketCount = () => app.database.prisma.ticket.count({ where: { accountId: { in: [account.id, other.id] } } });

async function expectNothingAdded<Result>(work: () => Promise<Result>): Promise<Result> {
  const before = await ticketCount();
  const result = await work();
  expect(await ticketCount()).toBe(before);
  return result;
}

test("staff open a ticket for a customer of the account", async () => {
  for (const requesterId of [account.customer.id, globalId("Person", account.customer.id)]) {
    const input = { kind: "TASK", subject: "Replace the clutch 🚗", status: "IN_PROGRESS", requesterId } as const;
    const { result } = await add(account.specialist.key, input);
    expect(result).toMatchObject({
      __typename: "AddTicketPayload",
      ticket: {
        kind: "TASK",
        status: "IN_PROGRESS",
        subject: "Replace the clutch 🚗",
        requester: { uuid: account.customer.id },
        account: { slug: account.slug },
      },
    });
    if (result?.__typename !== "AddTicketPayload") throw new Error("There is a ticket");
    expect(result.ticket.createdAt).toBe(result.ticket.updatedAt);
    expect(result.ticket.number).toBeGreaterThan(0);
  }
});

test("a ticket is PENDING and for nobody when nothing else is said", async () => {
  const { result } = await add(account.administrator.key, { kind: "RISK", subject: "x" });
  expect(result).toMatchObject({ ticket: { status: "PENDING", requester: null } });
});

test("a customer opens tickets for themselves, said or unsaid", async () => {
  for (const requesterId of [undefined, account.customer.id]) {
    const { result } = await add(account.customer.key, {
      kind: "REQUEST",
      subject: "Help",
      ...(requesterId && { requesterId }),
    });
    expect(result).toMatchObject({ ticket: { requester: { uuid: account.customer.id } } });
  }
});

test("a customer may not open a ticket for someone else", async () => {
  const { result } = await expectNothingAdded(() =>
    add(account.customer.key, { kind: "REQUEST", subject: "Help", requesterId: account.otherCustomer.id }),
  );
  expect(result).toMatchObject({ __typename: "ForbiddenError", code: "FORBIDDEN" });
});

test("a customer may not open a ticket with another status, on any API", async () => {
  for (const status of ["CANCELLED", "IN_PROGRESS"] as const) {
    const { result } = await expectNothingAdded(() => add(account.customer.key, { kind: "REQUEST", subject: "Help", status }));
    expect(result).toMatchObject({
      code: "FORBIDDEN",
      message: "A customer opens tickets that are PENDING, and the service desk changes that: leave status out.",
    });
  }
  const { result } = await add(account.customer.key, { kind: "REQUEST", subject: "Help", status: "PENDING" });
  expect(result).toMatchObject({ ticket: { status: "PENDING" } });
  const opened = async (status: string) =>
    (await v1(app, "/v1/requests", { key: account.customer.key, method: "POST", body: { subject: "Help", status } })).status;
  expect(await expectNothingAdded(() => opened("completed"))).toBe(403);
  expect(await opened("assigned")).toBe(201);
});

test("a requester of another account, and one that is not there, are one answer", async () => {
  const foreign = await expectNothingAdded(() =>
    add(account.specialist.key, { kind: "REQUEST", subject: "Help", requesterId: other.customer.id }),
  );
  const missing = await add(account.specialist.key, { kind: "REQUEST", subject: "Help", requesterId: randomUUID() });
  expect(foreign.result).toMatchObject({ __typename: "NotFoundError", code: "NOT_FOUND" });
  expect(foreign).toEqual(missing);
});

test.each([
  ["empty", ""],
  ["blank", " \t\n "],
  ["256 characters long", "é".repeat(256)],
  ["with a NUL", "a\0b"],
  ["with a lone surrogate", "a\ud83d"],
])("a subject that is %s is refused", async (_name, subject) => {
  const { result } = await expectNothingAdded(() => add(account.specialist.key, { kind: "REQUEST", subject }));
  expect(result).toMatchObject({ __typename: "InvalidInputError", code: "INVALID_INPUT" });
  expect(result?.__typename === "InvalidInputError" && result.fields[0]?.path).toEqual(["subject"]);
});

test("a subject may have 255 characters, whatever they are made of", async () => {
  const subject = "👩‍🔧".repeat(85);
  expect([...subject]).toHaveLength(255);
  const { result } = await add(account.specialist.key, { kind: "REQUEST", subject });
  expect(result).toMatchObject({ ticket: { subject } });
});

test("a requester that is no person is refused", async () => {
  const { result } = await expectNothingAdded(() =>
    add(account.specialist.key, { kind: "REQUEST", subject: "Help", requesterId: globalId("Ticket", randomUUID()) }),
  );
  expect(result).toMatchObject({ __typename: "InvalidInputError", fields: [{ path: ["requesterId"] }] });
});

test("without a credential there is no answer but that one is needed", async () => {
  const { errors } = await expectNothingAdded(() => add(undefined, { kind: "REQUEST", subject: "Help" }));
  expect(errors).toMatchObject([{ path: ["addTicket"], extensions: { code: "UNAUTHENTICATED" } }]);
});

test("a key without tickets:write may not open tickets", async () => {
  const narrow = await keyWith(app, account.administrator, ["tickets:read", "notes:write"]);
  const { result } = await expectNothingAdded(() => add(narrow, { kind: "REQUEST", subject: "Help" }));
  expect(result).toMatchObject({ __typename: "ForbiddenError", message: expect.stringContaining("tickets:write") });
});

test("opening a ticket for somebody takes a bounded number of statements", async () => {
  const input = { kind: "REQUEST", subject: "Help", requesterId: account.customer.id } as const;
  const statements = await statementsOf(app, () => add(account.specialist.key, input));
  // Whether the requester is a member; the insert; and what the response selects: the requester and the account.
  expect(statements).toHaveLength(4);
});

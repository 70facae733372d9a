import { expect, test } from "vitest";
import { factsOf, pagesOf, rootOf } from "../bench/facts.ts";

const createdAt = "2026-01-01T00:00:00.000Z";
const bare = {
  id: "1",
  subject: "S",
  notes: [{ id: "2", createdAt: "2026-01-01T00:00:00+00:00", author: { id: "3", name: "A" } }],
};
const fields = { createdAt, author: { uuid: "3", name: "A" } };
const lean = { uuid: "1", subject: "S", notes: { nodes: [{ uuid: "2", ...fields }] } };
const page = (hasNextPage: boolean, endCursor: string) => ({ hasNextPage, endCursor });
const client = (name: string, endCursor = "c") => ({
  ...{ __typename: "Ticket", id: "global", subject: "S" },
  notes: {
    edges: [
      { cursor: "c", node: { __typename: "Note", id: "global", createdAt, author: { __typename: "Person", id: "x", name } } },
    ],
    pageInfo: page(true, endCursor),
  },
});

test("the facts are the same in every shape of a response", () => {
  expect(factsOf(lean, "lean")).toEqual(factsOf(bare, "lean"));
  expect(factsOf(client("A"), "client")).toEqual(factsOf(bare, "client"));
  const payload = { __typename: "AddNotePayload", note: { id: "5", text: "T" } };
  expect(factsOf(payload, "client")).toEqual({ text: "T" });
});

test("another row, value, order or total is another fact", () => {
  expect(factsOf({ ...lean, uuid: "9" }, "lean")).not.toEqual(factsOf(bare, "lean"));
  expect(factsOf(client("B"), "client")).not.toEqual(factsOf(bare, "client"));
  expect(factsOf([1, 2], "lean")).not.toEqual(factsOf([2, 1], "lean"));
  const counted = (totalCount: number) => factsOf({ notes: { totalCount, nodes: [] } }, "lean");
  expect(counted(1)).toEqual({ notes: [], totalCount: 1 });
  expect(counted(1)).not.toEqual(counted(2));
});

test("each connection says whether a page follows, and ends with the cursor of its last edge", () => {
  const nested = { edges: [{ cursor: "a", node: client("A") }], pageInfo: page(false, "a") };
  expect(pagesOf(nested)).toEqual([false, true]);
  expect(() => pagesOf(client("A", "d"))).toThrow("A connection ends with c and says d.");
});

test("a response without data is no answer", () => {
  expect(rootOf("gateway", { data: { note: { text: "T" } } })).toEqual({ text: "T" });
  expect(() => rootOf("gateway", { data: { note: null } })).toThrow("gateway answered");
});

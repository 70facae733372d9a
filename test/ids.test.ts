import { validate, version } from "uuid";
import { expect, test } from "vitest";
import { createIds } from "../src/lib/ids.ts";

const many = 10_000;
const timeOf = (id: string) => Number.parseInt(id.replaceAll("-", "").slice(0, 12), 16);

test("ids are UUIDs of version 7 that say when they were made", () => {
  const newId = createIds();
  const before = Date.now();
  const ids = Array.from({ length: many }, newId);
  const after = Date.now();
  for (const id of ids) expect([validate(id), version(id)]).toEqual([true, 7]);
  for (const id of ids) expect(timeOf(id)).toBeGreaterThanOrEqual(before);
  for (const id of ids) expect(timeOf(id)).toBeLessThanOrEqual(after);
});

test("ids sort as they were made, within a millisecond and while the clock goes back", () => {
  let time = 1_000_000;
  const newId = createIds(() => time);
  const ids = Array.from({ length: many }, (_, index) => {
    if (index % 1_000 === 0) time += index % 2_000 === 0 ? 5 : -3;
    return newId();
  });
  expect(ids.toSorted()).toEqual(ids);
  expect(new Set(ids).size).toBe(many);
});

test("ids have random bits of their own, and two sources share none", () => {
  const tails = (newId: () => string) => Array.from({ length: many }, () => newId().slice(-11));
  const all = [...tails(createIds(() => 1)), ...tails(createIds(() => 1))];
  expect(new Set(all).size).toBe(2 * many);
});

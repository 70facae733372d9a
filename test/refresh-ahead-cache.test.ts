import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { createRefreshAheadCache } from "../src/lib/refresh-ahead-cache.ts";

/** A cache whose time and loads the test decides on. */
function start({ maximumEntries = 100 } = {}) {
  const clock = { now: 0 };
  const loads: { resolve: (value: string) => void; reject: (error: Error) => void }[] = [];
  const cache = createRefreshAheadCache<string>({
    maximumEntries,
    lifetimeMilliseconds: 900,
    refreshMilliseconds: 500,
    now: () => clock.now,
  });
  const load = () => new Promise<string>((resolve, reject) => void loads.push({ resolve, reject }));
  return { clock, loads, get: async (key = "key") => cache.get(key, load), getAtOnce: () => cache.get("key", load) };
}

test("a value is loaded once for all who ask meanwhile, and kept", async () => {
  const { loads, get } = start();
  const asked = [get(), get(), get()];
  loads[0]!.resolve("one");
  expect(await Promise.all(asked)).toEqual(["one", "one", "one"]);
  expect(await get()).toBe("one");
  expect(loads).toHaveLength(1);
});

test("a known value is returned without a promise", async () => {
  const { loads, get, getAtOnce } = start();
  const asked = get();
  expect(getAtOnce()).toBeInstanceOf(Promise);
  loads[0]!.resolve("one");
  await asked;
  expect(getAtOnce()).toBe("one");
});

test("a value's age counts from when its load began, since nothing later may be in it", async () => {
  const { clock, loads, get } = start();
  const slow = get();
  clock.now = 800;
  loads[0]!.resolve("one");
  expect(await slow).toBe("one");
  expect(await get()).toBe("one");
  clock.now = 900;
  const next = get();
  loads.at(-1)!.resolve("two");
  expect(await next).toBe("two");
});

test("a load that takes longer than a value may live is joined by nobody new", async () => {
  const { clock, loads, get } = start();
  const first = get();
  clock.now = 900;
  const second = get();
  expect(loads).toHaveLength(2);
  loads[1]!.resolve("new");
  expect(await second).toBe("new");
  loads[0]!.resolve("old");
  expect(await first).toBe("old");
  expect(await get()).toBe("new");
});

test("what is asked for all the time is renewed in the background", async () => {
  const { clock, loads, get } = start();
  const first = get();
  loads[0]!.resolve("one");
  await first;
  clock.now = 600;
  expect(await get()).toBe("one");
  expect(await get()).toBe("one");
  expect(loads).toHaveLength(2);
  loads[1]!.resolve("two");
  await Promise.resolve();
  await expect.poll(() => get()).toBe("two");
});

test("a renewal that fails leaves the value until it is too old; then whoever asks learns what went wrong", async () => {
  const { clock, loads, get } = start();
  const first = get();
  loads[0]!.resolve("one");
  await first;
  clock.now = 600;
  expect(await get()).toBe("one");
  loads[1]!.reject(new Error("away"));
  await setImmediate();
  expect(await get()).toBe("one");
  clock.now = 900;
  const refused = get();
  loads.at(-1)!.reject(new Error("still away"));
  await expect(refused).rejects.toThrow("still away");
  const again = get();
  loads.at(-1)!.resolve("back");
  expect(await again).toBe("back");
});

test("no more values are kept than the bound says", async () => {
  const { loads, get } = start({ maximumEntries: 2 });
  for (const key of ["a", "b", "c"]) {
    const asked = get(key);
    loads.at(-1)!.resolve(key);
    await asked;
  }
  expect(await get("c")).toBe("c");
  expect(loads).toHaveLength(3);
  const evicted = get("a");
  expect(loads).toHaveLength(4);
  loads.at(-1)!.resolve("a");
  expect(await evicted).toBe("a");
});

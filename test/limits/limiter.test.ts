import { createServer, type Server, type Socket } from "node:net";
import { randomUUID } from "node:crypto";
import { afterEach, describe, expect, test } from "vitest";
import { nameOfAddress } from "../../src/limits/address.ts";
import { rateLimitHeaders } from "../../src/limits/limiter.ts";
import { createLimits, type Limits } from "../../src/limits/limits.ts";

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

function limitsAt(time: { now: Date }, { points = 100, redisUrl }: { points?: number; redisUrl?: string } = {}) {
  const lines: string[] = [];
  const log = {
    warn: (_fields: object, message: string) => void lines.push(message),
    info: (_fields: object, message: string) => void lines.push(message),
  };
  const limits: Limits = createLimits({
    limits: { points, requests: 10, anonymous: 300 },
    redisUrl,
    clock: () => time.now,
    log,
  });
  opened.push(limits);
  return { limits, lines };
}

const at = (minute: number, second: number) => new Date(Date.UTC(2026, 4, 1, 10, minute, second));

describe("a limiter", () => {
  test("gives each name its own allowance, and counts nothing that it refuses", async () => {
    const { limits } = limitsAt({ now: at(0, 0) });
    expect(await limits.points.take("a", 60)).toMatchObject({ limit: 100, used: 60, remaining: 40 });
    expect(await limits.points.take("b", 1)).toMatchObject({ remaining: 99 });
    expect(await limits.points.take("a", 41)).toMatchObject({ used: 60, remaining: 40, retryAfterSeconds: 60 });
    expect(await limits.points.take("a", 40)).toMatchObject({ used: 100, remaining: 0 });
    expect(await limits.points.look("a")).not.toHaveProperty("retryAfterSeconds");
    expect(await limits.points.take("a", 1)).toHaveProperty("retryAfterSeconds");
  });

  test("slides: what was taken weighs less second by second, and is nothing after two minutes", async () => {
    const time = { now: at(0, 30) };
    const { limits } = limitsAt(time);
    await limits.points.take("a", 100);
    time.now = at(0, 59);
    expect(await limits.points.look("a")).toMatchObject({ used: 100 });
    time.now = at(1, 0);
    expect(await limits.points.look("a")).toMatchObject({ used: 98, remaining: 2 });
    time.now = at(1, 29);
    expect(await limits.points.look("a")).toMatchObject({ used: 50, remaining: 50 });
    time.now = at(2, 0);
    expect(await limits.points.look("a")).toMatchObject({ used: 0, remaining: 100 });
  });

  test("tells a wait after which it takes what it has refused, at every second of a minute, and none of more than one", async () => {
    for (let second = 0; second < 60; second += 1) {
      const time = { now: at(0, second) };
      const { limits } = limitsAt(time);
      await limits.points.take("a", 100);
      const refused = await limits.points.take("a", 1);
      const wait = refused.retryAfterSeconds ?? 0;
      expect(wait).toBeGreaterThanOrEqual(1);
      expect(wait).toBeLessThanOrEqual(60);
      time.now = new Date(time.now.getTime() + wait * 1000);
      expect(await limits.points.take("a", 1), `after ${wait} s`).not.toHaveProperty("retryAfterSeconds");
    }
  });

  test("never refuses for good: somebody who goes on asking while refused gets what is left as it comes back", async () => {
    const time = { now: at(0, 0) };
    const { limits } = limitsAt(time);
    let taken = 0;
    for (let second = 0; second < 600; second += 1) {
      time.now = new Date(at(0, 0).getTime() + second * 1000);
      for (let time_ = 0; time_ < 5; time_ += 1)
        if ((await limits.points.take("a", 1)).retryAfterSeconds === undefined) taken += 1;
    }
    // A hundred a minute, for ten minutes.
    expect(taken).toBeGreaterThan(900);
    expect(taken).toBeLessThan(1_100);
  });

  test("says what it knows in the headers of the draft", async () => {
    const { limits } = limitsAt({ now: at(0, 18) });
    expect(rateLimitHeaders(await limits.points.take("a", 30))).toEqual({
      ratelimit: '"points";r=70;t=42',
      "ratelimit-policy": '"points";q=100;w=60',
    });
  });
});

test("an address is itself, and one of IPv6 its network", () => {
  expect(
    ["192.0.2.7", "::ffff:192.0.2.7", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::9", "2001:db8::1", "::1", null].map(nameOfAddress),
  ).toEqual([
    "192.0.2.7",
    "192.0.2.7",
    "2001:db8:1:2::/64",
    "2001:db8:1:2::/64",
    "2001:db8:0:0::/64",
    "0:0:0:0::/64",
    "unknown",
  ]);
});

describe("wrong credentials", () => {
  const guess = (address: string, hash: string, clientId?: string) => ({ address, hash, clientId });

  test("are heard so often from one address, and then no more for up to a minute", async () => {
    const time = { now: at(0, 0) };
    const { limits } = limitsAt(time);
    for (let count = 0; count < 30; count += 1) {
      limits.guesses.admit(guess("192.0.2.1", `wrong ${count}`));
      await limits.guesses.failed(guess("192.0.2.1", `wrong ${count}`));
    }
    expect(() => limits.guesses.admit(guess("192.0.2.1", "another"))).toThrow(/Too many requests: try again in 60 s/);
    expect(() => limits.guesses.admit(guess("192.0.2.2", "another"))).not.toThrow();
    time.now = at(1, 1);
    expect(() => limits.guesses.admit(guess("192.0.2.1", "another"))).not.toThrow();
  });

  test("of one address do not shut out those behind it whose credentials have worked", async () => {
    const { limits } = limitsAt({ now: at(0, 0) });
    limits.guesses.trust(guess("192.0.2.9", "right"));
    for (let count = 0; count < 40; count += 1) await limits.guesses.failed(guess("192.0.2.1", `wrong ${count}`));
    expect(() => limits.guesses.admit(guess("192.0.2.1", "right"))).not.toThrow();
    expect(() => limits.guesses.admit(guess("192.0.2.1", "never seen"))).toThrow(/Too many/);
  });

  test("of one client are heard less often, and shut out that client at that address alone", async () => {
    const { limits } = limitsAt({ now: at(0, 0) });
    for (let count = 0; count < 10; count += 1) await limits.guesses.failed(guess("192.0.2.1", `wrong ${count}`, "client"));
    expect(() => limits.guesses.admit(guess("192.0.2.1", "wrong", "client"))).toThrow(/Too many/);
    expect(() => limits.guesses.admit(guess("192.0.2.1", "wrong", "another client"))).not.toThrow();
    expect(() => limits.guesses.admit(guess("192.0.2.2", "wrong", "client"))).not.toThrow();
  });
});

const redisUrl = process.env["REDIS_URL"] ?? "redis://127.0.0.1:6379";

/** Forwards connections to a Redis, until the test makes it hang or disappear. */
async function redisProxy(): Promise<{ url: string; hang(): void; goOn(): void; away(): void; close(): Promise<void> }> {
  const { connect } = await import("node:net");
  const sockets = new Set<Socket>();
  let hangs = false;
  const target = new URL(redisUrl);
  const server: Server = createServer((client) => {
    const upstream = connect(Number(target.port || 6379), target.hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => sockets.delete(socket));
    }
    client.on("data", (data) => void (hangs || upstream.write(data)));
    upstream.on("data", (data) => void client.write(data));
    upstream.on("close", () => client.destroy());
    client.on("close", () => upstream.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  const cut = () => sockets.forEach((socket) => socket.destroy());
  return {
    url: `redis://127.0.0.1:${port}`,
    hang: () => void (hangs = true),
    goOn: () => void (hangs = false),
    away: () => {
      server.close();
      cut();
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        cut();
      }),
  };
}

async function isThere(url: string): Promise<boolean> {
  const { connect } = await import("node:net");
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect(Number(port || 6379), hostname);
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}

const until = async (condition: () => boolean | Promise<boolean>) => {
  for (let tries = 0; tries < 1_500; tries += 1) {
    if (await condition()) return;
    await new Promise((wake) => setTimeout(wake, 20));
  }
  throw new Error("That did not come about in thirty seconds.");
};

const thereIsRedis = await isThere(redisUrl);
// .ci/run names every test that is not run.

describe.skipIf(!thereIsRedis)("counted in Redis", () => {
  test("two processes share an allowance", async () => {
    const time = { now: at(0, 0) };
    const name = randomUUID();
    const [one, other] = [limitsAt(time, { redisUrl }), limitsAt(time, { redisUrl })];
    // Both count by themselves until they are connected.
    await until(async () => {
      const probe = randomUUID();
      await one.limits.points.take(probe, 1);
      return (await other.limits.points.look(probe)).used === 1;
    });
    await one.limits.points.take(name, 60);
    expect(await other.limits.points.take(name, 30)).toMatchObject({ used: 90, remaining: 10 });
    expect(await one.limits.points.take(name, 20)).toMatchObject({ retryAfterSeconds: 60, used: 90 });
    expect(await other.limits.points.take(name, 10)).toMatchObject({ used: 100 });
    expect([one.lines, other.lines]).toEqual([[], []]);
  });

  test.each(["hang", "away"] as const)(
    "where Redis is gone (%s), each process counts by itself, says so once, and fails nobody",
    async (how) => {
      const proxy = await redisProxy();
      opened.push(proxy);
      const name = randomUUID();
      const { limits, lines } = limitsAt({ now: at(0, 0) }, { redisUrl: proxy.url });
      const direct = limitsAt({ now: at(0, 0) }, { redisUrl });
      await until(async () => {
        const probe = randomUUID();
        await limits.points.take(probe, 1);
        return (await direct.limits.points.look(probe)).used === 1;
      });
      proxy[how]();
      const answers = await Promise.all(Array.from({ length: 50 }, async () => limits.points.take(name, 1)));
      expect(answers.map(({ used }) => used).toSorted((a, b) => a - b)).toEqual(
        Array.from({ length: 50 }, (_, index) => index + 1),
      );
      for (let count = 0; count < 50; count += 1) await limits.points.take(name, 1);
      expect(await limits.points.take(name, 1)).toHaveProperty("retryAfterSeconds");
      await until(() => lines.length > 0);
      expect(lines).toEqual(["Redis cannot be reached: each process counts its limits by itself until it is back"]);
      if (how === "away") return;
      proxy.goOn();
      await until(() => lines.length > 1);
      expect(lines.slice(1)).toEqual(["Redis is back: limits are counted for all processes again"]);
    },
  );

  test("a Redis that was never there is no reason not to start", async () => {
    const { limits, lines } = limitsAt({ now: at(0, 0) }, { redisUrl: "redis://127.0.0.1:1" });
    expect(await limits.points.take("a", 1)).toMatchObject({ used: 1 });
    await until(() => lines.length > 0);
    expect(lines).toHaveLength(1);
  });
});

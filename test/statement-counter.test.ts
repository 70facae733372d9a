import pg from "pg";
import { expect, inject, test } from "vitest";
import { countStatements, createMessageReader } from "../bench/statement-counter.ts";
import { createScratchDatabase } from "./support/database.ts";

const isEmbedded = inject("testServer").kind === "embedded";

/** A message of PostgreSQL's protocol. The first of a connection has no type. */
function message(type: string, content: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(4 + Buffer.byteLength(content));
  return Buffer.concat([Buffer.from(type), length, Buffer.from(content)]);
}

test("messages are told apart in whatever pieces their bytes come", () => {
  // Contents hold what would be messages, were they not contents.
  const bytes = Buffer.concat([
    message("", "QQQQE\0\0\0\tuser"),
    message("P", "E\0\0\0\x04SELECT 1"),
    message("E", ""),
    message("S", ""),
    message("Q", "x".repeat(70_000)),
    message("E", "portal"),
  ]);
  for (const size of [1, 2, 3, 4, 5, 7, 4_096, bytes.length]) {
    const types: string[] = [];
    const read = createMessageReader((type) => types.push(type));
    for (let at = 0; at < bytes.length; at += size) read(bytes.subarray(at, at + size));
    expect(types.join(""), `${size} bytes at a time`).toBe("PESQE");
  }
});

// The embedded database is reached by no connection that could be counted.
test.skipIf(isEmbedded)(
  "counts what a PostgreSQL is told to execute, by either protocol and through several connections",
  async () => {
    const scratch = await createScratchDatabase({ empty: true });
    if (scratch.config.kind !== "postgresql") throw new Error("A scratch database of a server is one of a server.");
    const counter = await countStatements(scratch.config.url);
    const clients = [1, 2].map(() => new pg.Client({ connectionString: counter.url }));
    try {
      for (const client of clients) await client.connect();
      expect(counter.executed()).toBe(0);
      for (const client of clients) {
        await client.query("BEGIN");
        await client.query("SELECT $1::int AS n", [1]);
        for (const n of [2, 3]) await client.query({ name: "kept", text: "SELECT $1::int AS n", values: [n] });
        const { rows } = await client.query<{ text: string }>("SELECT repeat($1, 200000) AS text", ["long"]);
        expect(rows[0]?.text).toHaveLength(800_000);
        await client.query("COMMIT");
      }
      expect(counter.executed()).toBe(12);
    } finally {
      for (const client of clients) await client.end();
      await counter.close();
      await scratch.drop();
    }
  },
);

test("refuses a connection that cannot be read", async () => {
  await expect(countStatements("postgresql://127.0.0.1/x?sslmode=require")).rejects.toThrow("without TLS only");
});

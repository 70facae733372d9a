// DATABASE_URL=postgresql://… node bench/v1-depth.ts [notes]
//
// Measures how much longer the 500th page of GET /v1/notes?per_page=100 takes than the first, in an account with a
// million notes. It creates a database on that server and drops it at the end. It reports ratios, because times of one
// machine say nothing about another one.
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { v7 as uuidv7 } from "uuid";
import { createProvisioning } from "../src/access/provisioning.ts";
import { createApp } from "../src/app.ts";
import { readConfig } from "../src/config.ts";
import { systemClock } from "../src/lib/clock.ts";
import { openDatabase } from "../src/database/database.ts";
import { createLog } from "../src/lib/log.ts";
import { migrate } from "../src/database/migrations.ts";
import { openStorage } from "../src/storage/open-storage.ts";
import { createSigner } from "../src/storage/signature.ts";
import { raisedRateLimits } from "./gateway-process.ts";

const server = process.env["DATABASE_URL"];
if (server === undefined) throw new Error("DATABASE_URL names the server to measure on.");
const noteCount = Number(process.argv[2] ?? 1_000_000);
const pages = 500;
const repetitions = 40;

const name = `v1_depth_${process.pid}`;
const administration = new pg.Client({ connectionString: server });
await administration.connect();
await administration.query(`CREATE DATABASE ${name} TEMPLATE template0`);
try {
  const url = new URL(server);
  url.pathname = `/${name}`;
  await measure(url.href);
} finally {
  if (process.env["KEEP"] === undefined) await administration.query(`DROP DATABASE ${name} WITH (FORCE)`);
  else console.log(`kept: ${name}`);
  await administration.end();
}

async function measure(url: string): Promise<void> {
  const log = createLog("error");
  const config = readConfig({
    DATABASE_URL: url,
    PUBLIC_URL: "http://127.0.0.1:4000",
    SIGNING_SECRET: "a secret of the benchmark, 32 characters long",
    ...raisedRateLimits,
  });
  const database = await openDatabase(config.database, log);
  await migrate(database);
  const provisioning = createProvisioning({ database, clock: systemClock, newId: () => uuidv7() });
  const account = await provisioning.addAccount({ slug: "deep", name: "Deep", timeZone: "Europe/Amsterdam" });
  const specialist = await provisioning.addPerson({
    accountId: account.id,
    name: "Sam",
    email: "sam@example.com",
    role: "SPECIALIST",
  });
  const customer = await provisioning.addPerson({
    accountId: account.id,
    name: "Cleo",
    email: "cleo@example.com",
    role: "CUSTOMER",
  });
  const { key } = await provisioning.addApiKey({
    ...{ accountId: account.id, personId: specialist.id, name: "bench" },
    scopes: ["tickets:read", "notes:read", "notes:internal", "attachments:read"],
  });
  await fill(url, account.id, specialist.number, customer.id);

  const storage = await openStorage(
    { kind: "file", directory: join(tmpdir(), name) },
    {
      publicUrl: config.publicUrl,
      signer: createSigner(config.signingSecret, "files"),
      clock: systemClock,
      maximumBytes: config.maxUploadBytes,
    },
  );
  const { server: app } = await createApp({
    ...{ config, database, storage, clock: systemClock, newId: () => uuidv7(), log },
  });
  for (const path of [
    "/v1/notes?per_page=100",
    "/v1/notes?per_page=100&sort=-created_at,id",
    "/v1/notes/public?per_page=100&sort=id",
  ]) {
    const { first, last } = await ends(path);
    const [one, other] = [await median(first), await median(last)];
    console.log(
      `${path}: page ${pages} takes ${(other / one).toFixed(2)} times what page 1 takes (${one.toFixed(1)} ms there)`,
    );
  }
  await app.close();
  await storage.close();
  await database.close();

  async function get(path: string): Promise<{ next: string | undefined; length: number }> {
    const { statusCode, headers, body } = await app.inject({ url: path, headers: { authorization: `Bearer ${key}` } });
    if (statusCode !== 200) throw new Error(`${path} answered ${statusCode} ${body}`);
    const next = /<[^>]*:0([^>]*)>; rel="next"/.exec(String(headers["link"] ?? ""))?.[1];
    return { next, length: (JSON.parse(body) as unknown[]).length };
  }

  async function ends(path: string): Promise<{ first: string; last: string }> {
    let last = path;
    for (let page = 1; page < pages; page += 1) last = (await get(last)).next ?? last;
    return { first: path, last };
  }

  async function median(path: string): Promise<number> {
    const times: number[] = [];
    for (let turn = 0; turn < repetitions; turn += 1) {
      const begun = performance.now();
      const { length } = await get(path);
      if (length !== 100) throw new Error(`${path} has ${length} notes.`);
      times.push(performance.now() - begun);
    }
    return times.toSorted((one, other) => one - other)[repetitions / 2] ?? 0;
  }
}

/** Adds the notes: half of them on one ticket, one in 20 internal, one in 50 by email. */
async function fill(url: string, accountId: string, authorNumber: number, requesterId: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(
    `INSERT INTO tickets (id, account_id, kind, status, subject, requester_id, created_at, updated_at)
     SELECT gen_random_uuid(), $1, 'REQUEST', 'PENDING', 'Ticket ' || i, $2, now(), now() FROM generate_series(1, 1000) i`,
    [accountId, requesterId],
  );
  // The indexes are created last, and without triggers for each row; their work is done here.
  const { rows: indexes } = await client.query<{ name: string; definition: string }>(
    `SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS definition FROM pg_index i
     WHERE i.indrelid = 'notes'::regclass AND NOT i.indisunique`,
  );
  await client.query(indexes.map((index) => `DROP INDEX ${index.name}`).join("; "));
  await client.query("ALTER TABLE notes DISABLE TRIGGER ALL");
  await client.query(
    `INSERT INTO notes (id, account_id, ticket_id, requester_id, author_number, text, is_public, categories, medium, created_at)
     SELECT gen_random_uuid(), $1, o.ids[CASE WHEN i % 2 = 0 THEN 1 ELSE 1 + i % 1000 END], $4, $2, 'Note ' || i, i % 20 <> 3, '{}',
       CASE WHEN i % 50 = 11 THEN 'EMAIL' ELSE 'DEFAULT' END::"NoteMedium", '2026-01-01'::timestamptz + i * interval '1 second'
     FROM generate_series(1, $3::integer) i, (SELECT array_agg(id) AS ids FROM tickets) o`,
    [accountId, authorNumber, noteCount, requesterId],
  );
  await client.query("ALTER TABLE notes ENABLE TRIGGER ALL");
  await client.query(indexes.map((index) => index.definition).join("; "));
  await client.query("VACUUM ANALYZE notes");
  await client.query("ANALYZE tickets");
  await client.end();
}

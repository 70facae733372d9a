// node test/faults/migration-kill.ts [--notes 1000000]
//
// Upgrades a database with many notes, interrupted at ten moments: five times by SIGKILL to the process that migrates,
// five times by the end of its connection. After each the gateway is started without help, and must continue by itself
// until the schema is that of a new database and has every note. Then runs npm run migrate through a PgBouncer in
// transaction mode: two at once, once more, and killed. No lock and no setting may stay with its connections.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import pg from "pg";
import { openDatabase } from "../../src/database/database.ts";
import { type Migration, readMigrations } from "../../src/database/migration-scripts.ts";
import { migrate } from "../../src/database/migrations.ts";
import { type Cluster, programDirectory, startCluster } from "./support/cluster.ts";
import { startGateway } from "./support/gateway.ts";
import { startPgBouncer } from "./support/pgbouncer.ts";

const { values } = parseArgs({ options: { notes: { type: "string", default: "1000000" } } });
const noteCount = Number(values.notes);
/** The migrations that existed when the notes were written. All later ones are the upgrade. */
const migrationsBefore = 3;
const moments = [0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95];

const root = resolve(import.meta.dirname, "../..");
const silent = { warn: () => undefined };
const signingSecret = "a secret of more than thirty-two characters";

const cluster = await startCluster(["max_wal_size = 4GB", "maintenance_work_mem = 128MB"]);
try {
  await run();
} finally {
  await cluster.remove();
}

async function run(): Promise<void> {
  const migrations = await readMigrations();
  await createDatabase("fresh", "template0");
  await migrateTo("fresh", migrations);
  const wantedSchema = schemaOf("fresh");
  await createDatabase("filled", "template0");
  await migrateTo("filled", migrations.slice(0, migrationsBefore));
  await fill();
  const wantedRows = await rowsOf("filled");
  console.log(
    `${wantedRows.count} notes, ${migrationsBefore} migrations applied, ${migrations.length - migrationsBefore} missing`,
  );

  const uninterrupted = await upgrade(cluster, async () => undefined);
  const milliseconds = uninterrupted.milliseconds;
  if (uninterrupted.code !== 0)
    throw new Error(`Without a fault the upgrade ended with ${uninterrupted.code}: ${uninterrupted.said}`);
  requireEqual("the schema after an upgrade without a fault", schemaOf("upgraded"), wantedSchema);
  console.log(`without a fault: ${Math.round(milliseconds)} ms of work in the database`);

  for (const [index, planned] of moments.entries()) {
    const how = index % 2 === 0 ? "SIGKILL to the process" : "end of the connection";
    let moment = planned;
    const attempt = () =>
      upgrade(cluster, async (child, backend) => {
        await new Promise((wake) => setTimeout(wake, milliseconds * moment));
        if (index % 2 === 0) child.kill("SIGKILL");
        else await cluster.query("postgres", "SELECT pg_terminate_backend($1)", [backend]);
      });
    let outcome = await attempt();
    // The upgrade was faster than the first one and was not interrupted, so it does not count.
    while (outcome.code === 0 && moment > 0.01) {
      moment *= 0.8;
      outcome = await attempt();
    }
    if (outcome.code === 0) throw new Error("No upgrade lasted long enough to be cut off: it takes more notes.");
    const history = await historyOf();
    const began = performance.now();
    const gateway = await startGateway({
      environment: { DATABASE_URL: cluster.url("upgraded"), SIGNING_SECRET: signingSecret },
      readyMilliseconds: 600_000,
    });
    const restart = Math.round(performance.now() - began);
    await gateway.stop();
    const schema = schemaOf("upgraded");
    const rows = await rowsOf("upgraded");
    console.log(
      `${String(Math.round(moment * 100)).padStart(3)} % ${how}: ended with ${outcome.code ?? "the signal"}, ${history.finished} of ${migrations.length} migrations in the history, ` +
        `${history.unfinished} unfinished; the next start was ready after ${restart} ms, schema ${schema === wantedSchema ? "equal" : "DIFFERENT"}, ${rows.count} notes`,
    );
    requireEqual("unfinished migrations", String(history.unfinished), "0");
    requireEqual("the schema", schema, wantedSchema);
    requireEqual("the notes", JSON.stringify(rows), JSON.stringify(wantedRows));
  }
  console.log(`${moments.length} upgrades were cut off, and every next start went on by itself`);
  await migrateThroughPooler(wantedSchema, migrations.length);
}

async function migrateThroughPooler(wantedSchema: string, migrationCount: number): Promise<void> {
  const pooler = await startPgBouncer(cluster, 4);
  try {
    await createDatabase("pooled", "template0");
    const atOnce = await Promise.all([runMigrate(pooler.url("pooled")), runMigrate(pooler.url("pooled"))]);
    const applied = atOnce.flatMap(({ said }) => said.match(/^Applied .*$/gm) ?? []);
    requireEqual("the exit codes of two at once", atOnce.map(({ code }) => code).join(" "), "0 0");
    requireEqual("how often migrations were applied", String(applied.length), String(migrationCount));
    const again = await runMigrate(pooler.url("pooled"));
    requireEqual("what the next one says", again.said, "The database is up to date.\n");
    console.log(`through PgBouncer, two at once: ${applied.length} migrations applied once each; the next: up to date`);

    const killed = await upgrade(pooler, async (child) => void child.kill("SIGKILL"));
    requireEqual("the exit code of one that is killed", String(killed.code), "null");
    const next = await runMigrate(pooler.url("upgraded"));
    requireEqual("the exit code of the one after it", String(next.code), "0");
    requireEqual("the schema", schemaOf("upgraded"), wantedSchema);
    const locks = await cluster.query("postgres", "SELECT 1 FROM pg_locks WHERE locktype = 'advisory'");
    requireEqual("advisory locks that stay with the pooler's connections", String(locks.length), "0");
    const changed = await changedSettings(pooler.url("upgraded"));
    requireEqual("settings that stay with the pooler's connections", changed.join(", "), "");
    console.log("through PgBouncer, killed: the next one went on, schema equal, 0 locks and 0 settings left behind");
  } finally {
    await pooler.stop();
  }
}

async function runMigrate(url: string): Promise<{ code: number | null; said: string }> {
  const child = spawnMigrate(url);
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const [code] = (await once(child, "close")) as [number | null]; // null if a signal has ended it
  return { code, said };
}

/**
 * Returns the settings of a session behind the pooler that some client has changed, except those that PgBouncer itself
 * sets for each of its clients.
 */
async function changedSettings(url: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>(
      `SELECT name FROM pg_settings WHERE source = 'session' AND setting <> reset_val
         AND name NOT IN ('application_name', 'client_encoding', 'DateStyle', 'TimeZone', 'IntervalStyle', 'standard_conforming_strings')
       ORDER BY name`,
    );
    return rows.map(({ name }) => name);
  } finally {
    await client.end();
  }
}

async function createDatabase(name: string, template: string): Promise<void> {
  await cluster.query("postgres", `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  await cluster.query("postgres", `CREATE DATABASE ${name} TEMPLATE ${template} ENCODING 'UTF8' STRATEGY file_copy`);
}

async function migrateTo(name: string, migrations: readonly Migration[]): Promise<void> {
  const database = await openDatabase({ kind: "postgresql", url: cluster.url(name) }, silent);
  try {
    await migrate(database, { migrations });
  } finally {
    await database.close();
  }
}

/** Adds notes as a restored backup does: one account, with a ticket for every hundred notes. */
async function fill(): Promise<void> {
  const client = new pg.Client({ connectionString: cluster.url("filled") });
  await client.connect();
  try {
    const account = "'00000000-0000-4000-8000-000000000001'::uuid";
    await client.query(`
      INSERT INTO accounts (id, slug, name, created_at) VALUES (${account}, 'many', 'Many notes', now());
      INSERT INTO people (id, account_id, name, email, created_at)
        SELECT gen_random_uuid(), ${account}, 'Person ' || i, i || '@example.com', now() FROM generate_series(1, 20) i;
      INSERT INTO memberships (account_id, person_id, role, created_at) SELECT ${account}, id, 'SPECIALIST', now() FROM people;
      INSERT INTO tickets (id, account_id, kind, subject, created_at, updated_at)
        SELECT gen_random_uuid(), ${account}, 'REQUEST', 'Ticket ' || i, now(), now() FROM generate_series(1, ${Math.ceil(noteCount / 100)}) i;
      ALTER TABLE notes DISABLE TRIGGER ALL;
      INSERT INTO notes (id, account_id, ticket_id, author_number, text, is_public, categories, medium, created_at)
        SELECT gen_random_uuid(), ${account}, tickets.id, 1 + i % 20, 'Note ' || i, i % 20 <> 0, '{}',
          (CASE WHEN i % 50 = 0 THEN 'EMAIL' ELSE 'DEFAULT' END)::"NoteMedium", '2026-01-01'::timestamptz + i * interval '1 second'
        FROM generate_series(1, ${noteCount}) i JOIN tickets ON tickets.number = 1 + (i - 1) / 100;
      ALTER TABLE notes ENABLE TRIGGER ALL;
    `);
    await client.query("VACUUM ANALYZE notes");
  } finally {
    await client.end();
  }
}

interface Upgrade {
  /** The exit code of the process that migrates, or null if a signal has ended it. */
  readonly code: number | null;
  readonly said: string;
  /** The time from its first statement for a migration until its end. */
  readonly milliseconds: number;
}

/**
 * Runs `npm run migrate` on a copy of the filled database. Calls `interrupt` when it begins to work, with the id of the
 * server process that works.
 */
async function upgrade(
  { url }: Pick<Cluster, "url">,
  interrupt: (child: ChildProcess, backend: number) => Promise<void>,
): Promise<Upgrade> {
  await createDatabase("upgraded", "filled");
  const child = spawnMigrate(url("upgraded"));
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const exited = once(child, "exit") as Promise<[number | null]>; // null if a signal has ended it
  const backend = await workingBackend(child);
  const began = performance.now();
  await interrupt(child, backend);
  const [code] = await exited;
  return { code, said, milliseconds: performance.now() - began };
}

/** Starts the command of `npm run migrate` without npm. */
function spawnMigrate(url: string) {
  return spawn(process.execPath, [join(root, "src/migrate.ts")], {
    env: { ...process.env, DATABASE_URL: url, DATABASE_URL_DIRECT: "", SIGNING_SECRET: signingSecret },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** Returns the id of the server process that runs a script of a migration, as soon as there is one. */
async function workingBackend(child: ChildProcess): Promise<number> {
  const client = new pg.Client({ connectionString: cluster.url("postgres") });
  await client.connect();
  try {
    while (child.exitCode === null) {
      const { rows } = await client.query<{ pid: number }>(
        "SELECT pid FROM pg_stat_activity WHERE datname = 'upgraded' AND state = 'active' AND query ~ 'CREATE INDEX'",
      );
      if (rows[0] !== undefined) return rows[0].pid;
    }
    throw new Error("The upgrade had ended before it was seen at work: it takes more notes.");
  } finally {
    await client.end();
  }
}

/**
 * Returns the numbers of finished and unfinished migrations in the history. A script may still be running in a server
 * process whose client has ended.
 */
async function historyOf(): Promise<{ finished: number; unfinished: number }> {
  const [row] = await cluster.query<{ finished: number; unfinished: number }>(
    "upgraded",
    `SELECT count(finished_at)::int AS finished, count(*) FILTER (WHERE finished_at IS NULL)::int AS unfinished FROM _prisma_migrations`,
  );
  if (row === undefined) throw new Error("A count has one row.");
  return row;
}

async function rowsOf(database: string): Promise<{ count: string; digest: string }> {
  const [row] = await cluster.query<{ count: string; digest: string }>(
    database,
    `SELECT count(*)::text AS count, sum(hashtextextended(concat_ws('|', id, number, ticket_id, author_number, text, created_at AT TIME ZONE 'UTC'), 0))::text AS digest FROM notes`,
  );
  if (row === undefined) throw new Error("A count has one row.");
  return row;
}

/** Returns the schema as pg_dump writes it, without the two lines that are random. */
function schemaOf(database: string): string {
  const dump = execFileSync(join(programDirectory(), "pg_dump"), ["--schema-only", `--dbname=${cluster.url(database)}`], {
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  return dump.replaceAll(/^\\(un)?restrict .*$/gm, "");
}

function requireEqual(what: string, found: string, wanted: string): void {
  if (found === wanted) return;
  const difference = wanted.length + found.length < 500 ? `${found} and not ${wanted}` : "not that of a fresh database";
  throw new Error(`${what}: ${difference}`);
}

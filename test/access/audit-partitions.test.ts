import { randomUUID } from "node:crypto";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { auditEventsIn } from "../../src/access/audit-events.ts";
import { createAuditMaintenance } from "../../src/database/audit-maintenance.ts";
import { openDatabase, type Database } from "../../src/database/database.ts";
import { readMigrations } from "../../src/database/migration-scripts.ts";
import { migrate } from "../../src/database/migrations.ts";
import { sql } from "../../src/database/sql.ts";
import { addAccount, call, sendText, startApp } from "../support/app.ts";
import { createScratchDatabase, type ScratchDatabase } from "../support/database.ts";
import { addTicket } from "../support/factories.ts";

const isEmbedded = inject("testServer").kind === "embedded";
const partitionsMigration = "20261126150000_audit_by_month";
const quiet = { warn: () => undefined };

let scratch: ScratchDatabase;
let database: Database;
const accountId = randomUUID();

beforeEach(async () => {
  scratch = await createScratchDatabase();
  database = await openDatabase(scratch.config, quiet);
});
afterEach(async () => {
  await database.close();
  await scratch.drop();
});

/** Returns the maintenance at a time, and what it logs. */
function maintenanceAt(at: string, { retentionDays = 365, of = database } = {}) {
  const logged: { readonly level: string; readonly details: object }[] = [];
  const log = {
    info: (details: object) => void logged.push({ level: "info", details }),
    warn: (details: object) => void logged.push({ level: "warn", details }),
  };
  return { logged, run: createAuditMaintenance({ database: of, retentionDays, clock: () => new Date(at), log }) };
}

async function maintain(at: string, retentionDays?: number) {
  const { logged, run } = maintenanceAt(at, { retentionDays });
  await run();
  return logged.map(({ details }) => details).filter((details) => !("month" in details));
}

async function addEvent(createdAt: string, more: { readonly addressRef?: number } = {}): Promise<string> {
  const id = randomUUID();
  await database.pool.query(
    `INSERT INTO audit_events (id, account_id, action, entity, entity_id, address_ref, created_at)
     VALUES ($1, $2, 'EDITED', 'NOTE', gen_random_uuid(), $3, $4)`,
    [id, accountId, more.addressRef, createdAt],
  );
  return id;
}

async function partitions(): Promise<string[]> {
  const { rows } = await database.pool.query<{ name: string }>(
    "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'audit_events'::regclass ORDER BY 1",
  );
  return rows.map(({ name }) => name);
}

/** Returns the partition of each event by its id. */
async function placesOf(ids: readonly string[]): Promise<(string | undefined)[]> {
  const { rows } = await database.pool.query<{ id: string; place: string }>(
    "SELECT id, tableoid::regclass::text AS place FROM audit_events",
  );
  const places = new Map(rows.map(({ id, place }) => [id, place]));
  return ids.map((id) => places.get(id));
}

describe("partitions", () => {
  test("of this month, the next one and all other times are there after the migrations", async () => {
    // The month of the migration, which another one may have followed since.
    const { rows } = await database.pool.query<{ at: Date; names: string[] }>(
      `SELECT started_at AS at,
         ARRAY(SELECT to_char(started_at AT TIME ZONE 'UTC' + m * interval '1 month', '"audit_events_"YYYY_MM') FROM generate_series(0, 1) m) AS names
       FROM _prisma_migrations WHERE migration_name = $1`,
      [partitionsMigration],
    );
    const [migrated] = rows;
    expect(await partitions()).toEqual([...(migrated?.names ?? []), "audit_events_default"].toSorted());
    expect(await maintain(migrated!.at.toISOString())).toEqual([]);
  });

  test("begin and end with a month in UTC, whatever time zone the session has", async () => {
    await database.pool.query("SET TimeZone = 'Pacific/Chatham'");
    expect(await maintain("2031-12-31T23:59:59.999Z")).toMatchObject([
      { made: ["audit_events_2031_12", "audit_events_2032_01"], dropped: expect.any(Array), moved: 0 },
    ]);
    const ids = [
      ...[await addEvent("2031-11-30T23:59:59.999Z"), await addEvent("2031-12-01T00:00:00Z")],
      ...[await addEvent("2031-12-31T23:59:59.999Z"), await addEvent("2032-01-01T00:00:00Z")],
    ];
    expect(await placesOf(ids)).toEqual([
      ...["audit_events_default", "audit_events_2031_12", "audit_events_2031_12", "audit_events_2032_01"],
    ]);
  });

  test("take the events of their month from the default one, which keeps those of later months", async () => {
    const [early, present, later] = [
      ...[await addEvent("2031-05-05T00:00:00Z"), await addEvent("2031-07-05T00:00:00Z")],
      ...[await addEvent("2031-09-05T00:00:00Z")],
    ] as [string, string, string];
    const before = await database.pool.query("SELECT * FROM audit_events ORDER BY id");
    expect(await placesOf([early, present, later])).toEqual(Array.from({ length: 3 }, () => "audit_events_default"));
    expect(await maintain("2031-07-31T12:00:00Z")).toMatchObject([
      { made: ["audit_events_2031_05", "audit_events_2031_07", "audit_events_2031_08"], moved: 3 },
    ]);
    expect(await placesOf([early, present, later])).toEqual([
      ...["audit_events_2031_05", "audit_events_2031_07", "audit_events_default"],
    ]);
    expect((await database.pool.query("SELECT * FROM audit_events ORDER BY id")).rows).toEqual(before.rows);
    expect(await maintain("2031-07-31T12:00:00Z")).toEqual([]);
  });

  test.skipIf(isEmbedded)(
    "are made by one of several processes, and no event of those who write meanwhile is lost",
    async () => {
      const writers = new pg.Pool({ connectionString: scratch.config.kind === "embedded" ? "" : scratch.config.url, max: 20 });
      // The pool has ended when the server still ends its sessions, and then the database is dropped.
      writers.on("connect", (client) => client.on("error", () => undefined));
      try {
        const ids = new Set<string>();
        const write = async (count: number) => {
          const { rows } = await writers.query<{ id: string }>(
            `INSERT INTO audit_events (id, account_id, action, entity, entity_id, created_at)
           VALUES (gen_random_uuid(), $1, 'EDITED', 'NOTE', gen_random_uuid(), '2031-07-05'::timestamptz + $2 * interval '1 second') RETURNING id`,
            [accountId, count],
          );
          ids.add(rows[0]!.id);
        };
        const writing = Promise.all(
          Array.from({ length: 20 }, async (_, writer) => {
            for (let count = 0; count < 50; count += 1) await write(writer * 50 + count);
          }),
        );
        await Promise.all(Array.from({ length: 5 }, () => maintain("2031-07-31T12:00:00Z")));
        await writing;
        await maintain("2031-07-31T12:00:00Z");
        expect(ids.size).toBe(1_000);
        expect(new Set(await placesOf([...ids]))).toEqual(new Set(["audit_events_2031_07"]));
      } finally {
        await writers.end();
      }
    },
  );

  test("have their indexes packed a day after their month is over, one month at a time", async () => {
    const accounts = Array.from({ length: 5 }, () => randomUUID());
    await maintain("2031-07-01T00:00:00Z");
    await database.pool.query(
      `INSERT INTO audit_events (id, account_id, action, entity, entity_id, created_at)
       SELECT gen_random_uuid(), ($1::uuid[])[1 + i % 5], 'EDITED', 'NOTE', gen_random_uuid(), '2031-07-01'::timestamptz + i * interval '1 minute'
       FROM generate_series(1, 20000) i`,
      [accounts],
    );
    const size = async () => {
      const { rows } = await database.pool.query<{ size: number }>(
        "SELECT pg_indexes_size('audit_events_2031_07')::int AS size",
      );
      return rows[0]!.size / 20_000;
    };
    const [before, events] = [await size(), await database.pool.query("SELECT id FROM audit_events ORDER BY id")];
    const packedAt = async (at: string): Promise<string[]> => {
      const months: string[] = [];
      for (;;) {
        const { logged, run } = maintenanceAt(at, { retentionDays: 36_500 });
        await run();
        const month = logged.map(({ details }) => ("month" in details ? String(details.month) : "none"));
        if (month.length === 0) return months;
        months.push(...month);
      }
    };
    expect(await packedAt("2031-08-01T23:59:59Z")).not.toContain("2031-07-01");
    expect(await packedAt("2031-08-02T00:00:00Z")).toEqual(["2031-07-01"]);
    expect(await size()).toBeLessThan(before * 0.8);
    expect((await database.pool.query("SELECT id FROM audit_events ORDER BY id")).rows).toEqual(events.rows);
  });

  test.skipIf(isEmbedded)("are left for later where somebody holds them", async () => {
    const holder = await database.pool.connect();
    try {
      await holder.query("BEGIN; LOCK TABLE audit_events_default IN ACCESS SHARE MODE");
      expect(await maintain("2031-07-31T12:00:00Z")).toEqual([{}]);
      expect(await partitions()).not.toContain("audit_events_2031_07");
      await holder.query("ROLLBACK");
      expect(await maintain("2031-07-31T12:00:00Z")).toMatchObject([{ outcome: "done" }]);
    } finally {
      holder.release(true);
    }
  });

  test("refuse changes by whatever name, also those that were made later", async () => {
    await addEvent("2031-07-05T00:00:00Z");
    await maintain("2031-07-31T12:00:00Z", 36_500);
    await addEvent("2041-07-05T00:00:00Z");
    const names = await partitions();
    expect(names).toEqual(expect.arrayContaining(["audit_events_2031_07", "audit_events_default"]));
    for (const name of ["audit_events", ...names]) {
      for (const statement of [`UPDATE ${name} SET entity_id = id`, `DELETE FROM ${name} WHERE false`, `TRUNCATE ${name}`]) {
        await expect(database.pool.query(statement), statement).rejects.toThrow("audit_events is append-only");
        const asReplica = `SET LOCAL session_replication_role = replica; ${statement}`;
        await expect(database.pool.query(asReplica), asReplica).rejects.toThrow("audit_events is append-only");
      }
    }
    expect((await database.pool.query("SELECT 1 FROM audit_events")).rowCount).toBe(2);
  });
});

describe("the retention", () => {
  test("drops the months whose every event is older, and nothing else", async () => {
    const dropped = ["2028-12-31T23:59:59.999Z", "2029-02-01T00:00:00Z", "2029-02-28T23:59:59.999Z"];
    const kept = [
      "2029-03-01T00:00:00Z",
      "2029-03-14T00:00:00Z",
      "2029-03-16T00:00:00Z",
      "2030-03-15T00:00:00Z",
      "2030-09-01T00:00:00Z",
    ];
    const ids: string[] = [];
    for (const time of [...dropped, ...kept]) ids.push(await addEvent(time));
    const [done] = await maintain("2030-03-15T00:00:00Z");
    expect(done).toMatchObject({ dropped: expect.arrayContaining(["audit_events_2028_12", "audit_events_2029_02"]) });
    expect(await placesOf(ids)).toEqual([
      ...[undefined, undefined, undefined, "audit_events_2029_03", "audit_events_2029_03", "audit_events_2029_03"],
      ...["audit_events_2030_03", "audit_events_default"],
    ]);

    // The last day on which March is kept, and the first on which it is not.
    expect(await maintain("2030-03-31T23:59:59.999Z")).toEqual([]);
    expect(await maintain("2030-04-01T00:00:00Z")).toMatchObject([{ dropped: ["audit_events_2029_03"], moved: 0 }]);
    expect((await placesOf(ids)).filter((place) => place !== undefined)).toEqual([
      ...["audit_events_2030_03", "audit_events_default"],
    ]);
  });

  test("removes the values that no event is left to name, and no other", async () => {
    const addValue = async (value: string, usedIn: string) => {
      const { rows } = await database.pool.query<{ id: number }>(
        "INSERT INTO audit_values (account_id, value, used_in) VALUES ($1, $2, $3) RETURNING id",
        [accountId, value, usedIn],
      );
      return rows[0]!.id;
    };
    const [old, kept] = [await addValue("192.0.2.1", "2028-12-01"), await addValue("192.0.2.2", "2029-03-01")];
    await addEvent("2028-12-31T23:59:59.999Z", { addressRef: old });
    await addEvent("2028-12-31T23:59:59.999Z", { addressRef: kept });
    await addEvent("2029-03-14T00:00:00Z", { addressRef: kept });
    await maintain("2030-03-15T00:00:00Z");
    const values = await database.pool.query("SELECT value FROM audit_values WHERE account_id = $1", [accountId]);
    expect(values.rows).toEqual([{ value: "192.0.2.2" }]);
    const events = await database.query(sql`SELECT e.address FROM ${auditEventsIn(accountId)}`);
    expect(events).toEqual([{ address: "192.0.2.2" }]);
    for (const statement of [`UPDATE audit_values SET value = 'x'`, `DELETE FROM audit_values`, `TRUNCATE audit_values`])
      await expect(database.pool.query(statement), statement).rejects.toThrow("audit_values is append-only");
  });
});

describe("values that events name", () => {
  const idsOf = (pool: pg.Pool, address: string, userAgent: string) =>
    pool
      .query<{ ids: (number | null)[] }>("SELECT (audit_value_ids($1, NULL, NULL, NULL, $2, $3))[4:5] AS ids", [
        accountId,
        address,
        userAgent,
      ])
      .then(({ rows }) => rows[0]!.ids);

  test.skipIf(isEmbedded)("are stored once, whoever of fifty adds them first", async () => {
    const pool = new pg.Pool({ connectionString: scratch.config.kind === "embedded" ? "" : scratch.config.url, max: 50 });
    try {
      // In both orders, so that writers who waited for each other would be found.
      const pairs = Array.from({ length: 500 }, (_, index) => {
        const [one, other] = [`value ${index % 5}`, `value ${(index + 1) % 5}`];
        return index % 2 === 0 ? ([one, other] as const) : ([other, one] as const);
      });
      const found = await Promise.all(pairs.map(([address, userAgent]) => idsOf(pool, address, userAgent)));
      const { rows } = await pool.query<{ id: number; value: string }>(
        "SELECT id, value FROM audit_values WHERE account_id = $1",
        [accountId],
      );
      expect(rows).toHaveLength(5);
      const byValue = new Map(rows.map(({ id, value }) => [value, id]));
      expect(found).toEqual(pairs.map(([address, userAgent]) => [byValue.get(address), byValue.get(userAgent)]));
    } finally {
      await pool.end();
    }
  });

  test("are marked as used once a month", async () => {
    await idsOf(database.pool, "192.0.2.1", "192.0.2.1");
    await database.pool.query("UPDATE audit_values SET used_in = used_in - 40");
    const version = async () =>
      (
        await database.pool.query(
          "SELECT xmin::text, used_in = date_trunc('month', now() AT TIME ZONE 'UTC')::date AS is_now FROM audit_values",
        )
      ).rows as { xmin: string; is_now: boolean }[];
    const [old] = await version();
    const ids = await idsOf(database.pool, "192.0.2.1", "192.0.2.1");
    const [marked] = await version();
    expect([old?.is_now, marked?.is_now]).toEqual([false, true]);
    expect(await idsOf(database.pool, "192.0.2.1", "192.0.2.1")).toEqual(ids);
    expect(await version()).toEqual([marked]);
  });
});

describe("the version before partitions", () => {
  const userAgent = "workshop/1.2";
  const [personId, credentialId, requestId] = [randomUUID(), randomUUID(), randomUUID()];

  /** Writes an event as that version does. */
  async function addAsBefore(event: Readonly<Record<string, unknown>>, of = database): Promise<void> {
    const { rows } = await of.pool.query<{ list: string }>(
      `SELECT string_agg(format('%I', key), ', ') AS list FROM json_object_keys($1::json) key`,
      [JSON.stringify(event)],
    );
    const { list } = rows[0]!;
    await of.pool.query(
      `INSERT INTO audit_events (${list}) SELECT ${list} FROM json_to_record($1::json) AS e (id uuid, account_id uuid, action "AuditAction",
         entity "AuditEntity", entity_id uuid, person_id uuid, credential_kind "CredentialKind", credential_id uuid, address text, user_agent text,
         request_id text, created_at timestamptz)`,
      [JSON.stringify(event)],
    );
  }

  const event = (more: Readonly<Record<string, unknown>> = {}) => ({
    ...{ id: randomUUID(), account_id: accountId, action: "UPLOAD_REQUESTED", entity: "ATTACHMENT", entity_id: randomUUID() },
    ...{ person_id: personId, credential_kind: "API_KEY", credential_id: credentialId, address: "192.0.2.1" },
    ...{ user_agent: userAgent, request_id: requestId, created_at: "2026-11-05T06:07:08.009Z", ...more },
  });
  const columns = sql`e.id, e.account_id, e.action, e.entity, e.entity_id, e.person_id, e.credential_kind, e.credential_id, e.address, e.user_agent,
    e.request_id, e.created_at`;
  const readEvents = (of = database) =>
    of.query<{ created_at: Date }>(sql`SELECT ${columns} FROM ${auditEventsIn(accountId)} ORDER BY e.id`);
  const sorted = (events: readonly { readonly id: string; readonly created_at: string }[]) =>
    events
      .map((one) => ({ ...one, created_at: new Date(one.created_at) }))
      .toSorted((one, other) => (one.id < other.id ? -1 : 1));

  test("writes beside this schema, and nothing of its events is lost", async () => {
    const bare = {
      person_id: null,
      credential_kind: null,
      credential_id: null,
      address: null,
      user_agent: "sweep",
      request_id: null,
    };
    const events = [event(), event(bare), event({ user_agent: null }), event({ request_id: "by hand" })];
    for (const one of events) await addAsBefore(one);
    expect(await readEvents()).toEqual(sorted(events));
    // The act, the person, the credential, the address and two user agents.
    expect((await database.pool.query("SELECT 1 FROM audit_values")).rowCount).toBe(6);
    const stored = "SELECT 1 FROM audit_events WHERE num_nonnulls(person_id, credential_id, address, user_agent) > 0";
    expect((await database.pool.query(stored)).rowCount).toBe(0);

    // It does not find who asked for an upload, and leaves the event to nobody.
    const arrival = event({ ...bare, action: "UPLOAD_ARRIVED", entity_id: events[0]!.entity_id, address: "192.0.2.9" });
    await addAsBefore(arrival);
    const attributed = { ...arrival, person_id: personId, credential_kind: "API_KEY", credential_id: credentialId };
    expect(await readEvents()).toEqual(sorted([...events, attributed]));
  });

  test("has its events moved with every field", async () => {
    const empty = await createScratchDatabase({ empty: true });
    const older = await openDatabase(empty.config, quiet);
    try {
      const migrations = await readMigrations();
      await migrate(older, { migrations: migrations.filter(({ name }) => name < partitionsMigration) });
      const actions = ["CREATED", "EDITED", "USED"];
      const events = Array.from({ length: 300 }, (_, index) =>
        event({
          action: actions[index % 3],
          entity: index % 2 === 0 ? "NOTE" : "TICKET",
          ...(index % 5 === 0 ? { person_id: null, credential_kind: null, credential_id: null } : {}),
          ...(index % 7 === 0 ? { address: null } : { address: `192.0.2.${index % 11}` }),
          ...(index % 3 === 0 ? { user_agent: null } : { user_agent: `agent ${index % 13}` }),
          ...(index % 4 === 0 ? { request_id: null } : { request_id: index % 9 === 0 ? `by hand ${index}` : randomUUID() }),
          created_at: new Date(Date.UTC(2026, index % 11, 1 + (index % 28), 0, 0, index)).toISOString(),
        }),
      );
      for (const one of events) await addAsBefore(one, older);
      expect(await migrate(older)).toContain(partitionsMigration);
      expect(await readEvents(older)).toEqual(sorted(events));
      const { rows } = await older.pool.query("SELECT 1 FROM audit_events_default");
      expect(rows).toEqual([]);
    } finally {
      await older.close();
      await empty.drop();
    }
  });
});

test.skipIf(isEmbedded)("a role that may not change tables serves, and says once that it may not", async () => {
  if (scratch.config.kind === "embedded") throw new Error("Skipped there");
  const role = `auditor_${randomUUID().slice(0, 8)}`;
  await database.pool.query(`CREATE ROLE ${role} LOGIN PASSWORD 'auditor'; GRANT USAGE ON SCHEMA public TO ${role};
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${role}; GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO ${role};
    REVOKE UPDATE, DELETE, INSERT ON audit_values FROM ${role}; REVOKE UPDATE, DELETE ON audit_events FROM ${role}`);
  const url = new URL(scratch.config.url);
  [url.username, url.password] = [role, "auditor"];
  const asRole = await openDatabase({ kind: "postgresql", url: url.href }, quiet);
  const app = await startApp({ database: asRole });
  try {
    const account = await addAccount(app);
    const later = new Date(Date.now() + 100 * 86_400_000);
    const { logged, run } = maintenanceAt(later.toISOString(), { of: asRole });
    await run();
    await run();
    expect(logged).toMatchObject([{ level: "warn", details: { outcome: "forbidden" } }]);

    const ticket = await addTicket(app, account);
    app.time.now = later;
    const body = { ticket_id: ticket.id, value: "Looked at it", is_public: true, categories: [] };
    const added = await call(app, account.specialist.key, "POST", "/v2/tickets/notes", body, { "user-agent": "workshop/1.2" });
    expect(added.status).toBe(201);
    const { data } = await sendText<{ auditEvents: object }>(
      app.url,
      account.administrator.key,
      "{ auditEvents(first: 1, filter: { action: [CREATED], entity: [NOTE] }) { nodes { userAgent address person { name } } } }",
    );
    expect(data.auditEvents).toEqual({
      nodes: [{ userAgent: "workshop/1.2", address: "127.0.0.1", person: { name: account.specialist.name } }],
    });
    const [event] = (
      await asRole.pool.query("SELECT tableoid::regclass::text AS place FROM audit_events WHERE entity = 'NOTE'")
    ).rows;
    expect(event).toEqual({ place: "audit_events_default" });
  } finally {
    await app.close();
    await asRole.close();
    await database.pool.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  }
});

test.skipIf(isEmbedded)("no other role keeps a right to change or delete events, whichever way it got it", async () => {
  const role = `reader_${randomUUID().slice(0, 8)}`;
  const send = (statement: string) => database.pool.query(statement);
  const held = async () =>
    (
      await database.pool.query<{ relation: string; right: string }>(
        `SELECT c.oid::regclass::text AS relation, string_agg(a.privilege_type, ' ' ORDER BY a.privilege_type) AS right
         FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a
         WHERE a.grantee = $1::regrole AND c.relname LIKE 'audit%' AND a.privilege_type IN ('UPDATE', 'DELETE', 'TRUNCATE', 'INSERT')
         GROUP BY c.oid HAVING bool_or(a.privilege_type <> 'INSERT') OR c.relname = 'audit_events' ORDER BY 1`,
        [role],
      )
    ).rows;
  const rest = [{ relation: "audit_events", right: "INSERT" }];
  await send(`CREATE ROLE ${role}`);
  try {
    // As by a restore, after which the tables have the default rights.
    await send(`GRANT ALL ON ALL TABLES IN SCHEMA public TO ${role}`);
    expect((await held()).length).toBeGreaterThan(3);
    await maintain(new Date().toISOString());
    expect(await held()).toEqual(rest);
    // A partition that is made gets the default rights too.
    await send(`ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO ${role}`);
    await maintain(new Date(Date.now() + 100 * 86_400_000).toISOString());
    expect(await held()).toEqual(rest);
  } finally {
    await send(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  }
});

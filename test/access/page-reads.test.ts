import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createAuditMaintenance } from "../../src/database/audit-maintenance.ts";
import { auditEventEntity, credentialEntities } from "../../src/access/relations.ts";
import { openDatabase, type Database } from "../../src/database/database.ts";
import { addAccount, sendText, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { createScratchDatabase, type ScratchDatabase } from "../support/database.ts";
import { columnsOf, indexesOf, rowsRead } from "../support/rows-read.ts";

// An account with many audit events and keys, in a database of its own, and what the pages of them read of it.

const count = 20_000;
const eventCount = 100_000;
/** The time of the first event. There is one a minute until now, so they are in partitions of three months or four. */
const start = Date.now() - eventCount * 60_000;
const hour = (hours: number) => new Date(start + hours * 3_600_000).toISOString();

let scratch: ScratchDatabase;
let database: Database;
let app: TestApp;
let account: TestAccount;
/** Few of the events and keys are the customer's, and all of those are among the oldest. */
const isOfCustomer = "i <= 60";
const entityId = "019a0000-0000-7000-8000-000000000000";

beforeAll(async () => {
  scratch = await createScratchDatabase();
  database = await openDatabase(scratch.config, { warn: () => undefined });
  app = await startApp({ database });
  account = await addAccount(app);
  const { pool, end } = database.openMaintenancePool();
  const people = [account.id, account.customer.id, account.specialist.id];
  // Two events each are of one moment, so that pages end between events that the id alone orders.
  await pool.query(
    `WITH named AS MATERIALIZED (SELECT
       (audit_value_ids($1, NULL, $2::uuid::text, NULL, NULL, NULL))[2] AS customer,
       (audit_value_ids($1, NULL, $3::uuid::text, NULL, NULL, NULL))[2] AS specialist
     )
     INSERT INTO audit_events (id, account_id, action, entity, entity_id, person_ref, created_at)
     SELECT gen_random_uuid(), $1, CASE WHEN ${isOfCustomer} THEN 'DELETED' ELSE 'EDITED' END::"AuditAction",
       CASE WHEN i BETWEEN 61 AND 120 THEN 'TICKET' ELSE 'NOTE' END::"AuditEntity",
       CASE WHEN i % 2000 = 0 THEN '${entityId}' ELSE gen_random_uuid() END,
       CASE WHEN ${isOfCustomer} THEN customer ELSE specialist END, $4::timestamptz + (i / 2) * interval '2 minutes'
     FROM generate_series(1, ${eventCount}) i, named`,
    [...people, hour(0)],
  );
  const log = { info: () => undefined, warn: () => undefined };
  await createAuditMaintenance({ database, retentionDays: 36_500, clock: () => new Date(), log })();
  await pool.query(
    `INSERT INTO api_keys (id, account_id, person_id, name, hash, scopes, created_at)
     SELECT gen_random_uuid(), $1, CASE WHEN ${isOfCustomer} THEN $2::uuid ELSE $3::uuid END, 'Key ' || i, sha256(i::text::bytea), '{notes:read}',
       '2026-01-01'::timestamptz + i * interval '1 second'
     FROM generate_series(1, ${count}) i`,
    people,
  );
  await pool.query("VACUUM ANALYZE audit_events, api_keys");
  await end();
}, 60_000);

afterAll(async () => {
  await app.close();
  await database.close();
  await scratch.drop();
});

interface Answer {
  readonly list: {
    readonly pageInfo: { readonly isPartial: boolean; readonly startCursor: string; readonly endCursor: string };
    readonly nodes: readonly object[];
  };
}

/** Reads a page of `list`. Returns it with the number of rows of `table` that its statement read. */
async function readPage(list: string, table: string, args: string) {
  const query = `{ list: ${list}(${args}) { pageInfo { isPartial startCursor endCursor hasNextPage } nodes { id person { name } } } }`;
  const { result, statements } = await app.statements.during(() => sendText<Answer>(app.url, account.administrator.key, query));
  expect(result.errors).toEqual([]);
  const [statement, ...others] = statements.filter(({ text }) => !text.includes("every_account"));
  expect(others).toEqual([]);
  return { ...result.data.list, read: await rowsRead(database, statement!, table) };
}

/** Each partition is asked for its next event, and the events of one moment are read together. */
const partitionsAndTies = 8;

describe("a page reads the rows it returns and one more", () => {
  test.each([
    ["auditEvents", "audit_events", "", partitionsAndTies],
    ["auditEvents", "audit_events", `entityId: "${entityId}"`, partitionsAndTies],
    ["auditEvents", "audit_events", `personId: ":customer"`, partitionsAndTies],
    ["auditEvents", "audit_events", `action: [DELETED]`, partitionsAndTies],
    // The people of the account were added in another month than the other events.
    ["auditEvents", "audit_events", `action: [CREATED, DELETED, REVOKED]`, partitionsAndTies + 2],
    ["auditEvents", "audit_events", `entity: [TICKET]`, partitionsAndTies],
    ["auditEvents", "audit_events", `entity: [TICKET], action: [EDITED, CREATED]`, partitionsAndTies],
    ["auditEvents", "audit_events", `createdAt: { gte: "${hour(1)}", lt: "${hour(26)}" }`, partitionsAndTies],
    ["auditEvents", "audit_events", `action: [DELETED], createdAt: { lt: "${hour(26)}" }`, partitionsAndTies],
    ["apiKeys", "api_keys", "", 0],
    ["apiKeys", "api_keys", `personId: ":customer"`, 0],
  ])("%s of %s where %s", async (list, table, conditions, more) => {
    const filter = `, filter: { ${conditions.replace(":customer", account.customer.id)} }`;
    const first = await readPage(list, table, `first: 20${filter}`);
    const second = await readPage(list, table, `first: 20, after: "${first.pageInfo.endCursor}"${filter}`);
    const back = await readPage(list, table, `last: 20, before: "${second.pageInfo.startCursor}"${filter}`);
    for (const { nodes, read } of [first, second, back]) {
      expect(nodes).toHaveLength(20);
      expect(read).toBeLessThanOrEqual(21 + more);
    }
    expect(back.nodes).toEqual(first.nodes);
  });

  test("events that are many of each kind are read for each kind once", async () => {
    const { nodes, read } = await readPage("auditEvents", "audit_events", "first: 20, filter: { action: [EDITED] }");
    expect(nodes).toHaveLength(20);
    expect(read).toBeLessThanOrEqual(2 * (21 + partitionsAndTies));
  });
});

test.each([
  ["auditEvents", "audit_events", `personId: ":specialist", action: [DELETED]`],
  ["auditEvents", "audit_events", `personId: ":specialist", action: [CREATED], entity: [NOTE, TICKET]`],
  ["apiKeys", "api_keys", "isRevoked: true"],
])("%s of %s where %s, which none is and no index says, end early and can be gone on with", async (list, table, conditions) => {
  const filter = `, filter: { ${conditions.replace(":specialist", account.specialist.id)} }`;
  let rows = 0;
  let after = "";
  for (let isPartial = true; isPartial;) {
    const { nodes, pageInfo, read } = await readPage(list, table, `first: 20${filter}${after}`);
    expect(nodes).toEqual([]);
    expect(read).toBeLessThanOrEqual(5_000 + partitionsAndTies);
    rows += read;
    ({ isPartial } = pageInfo);
    after = `, after: "${pageInfo.endCursor}"`;
  }
  // To the end: not fewer than there are.
  expect(rows).toBeGreaterThanOrEqual(table === "api_keys" ? count : eventCount);
});

test.each([
  ["audit_events", auditEventEntity, []],
  // A credential is found by its hash where it is used.
  ["api_keys", credentialEntities.API_KEY, ["hash", "id"]],
  ["oauth_clients", credentialEntities.OAUTH_CLIENT, ["hash", "id"]],
] as const)("the indexes that pages of %s are read by are there", async (table, { indexes }, others) => {
  expect([...columnsOf({ indexes }), ...others].toSorted()).toEqual(await indexesOf(database, table));
});

test("the hash of a credential is no field that a read could return", () => {
  for (const { fields } of Object.values(credentialEntities)) {
    expect(fields).toContain("scopes");
    expect(fields).not.toContain("hash");
  }
});

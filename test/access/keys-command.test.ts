import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openDatabase } from "../../src/database/database.ts";
import { call, signingSecret, startApp, type TestApp } from "../support/app.ts";
import { createScratchDatabase, type ScratchDatabase } from "../support/database.ts";
import { askForToken } from "../support/oauth.ts";

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly said: string;
}

/** Runs `npm run keys -- …` as npm would. */
async function run(environment: Record<string, string>, ...given: string[]): Promise<Ran> {
  const child = spawn(process.execPath, [fileURLToPath(new URL("../../src/keys.ts", import.meta.url)), ...given], {
    env: { PATH: process.env["PATH"], NODE_V8_COVERAGE: process.env["NODE_V8_COVERAGE"], ...environment },
  });
  const [out, said, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
  return { code: code as number | null, out: out.trim(), said };
}

describe("on a PostgreSQL that the gateway uses meanwhile", () => {
  let scratch: ScratchDatabase;
  let app: TestApp;
  let environment: Record<string, string>;
  const keys = (...given: string[]) => run(environment, ...given);

  beforeAll(async () => {
    scratch = await createScratchDatabase();
    const { config } = scratch;
    // Where there is no server to test against: see test/administration-socket.test.ts.
    if (config.kind === "embedded") return;
    environment = { DATABASE_URL: config.url, SIGNING_SECRET: signingSecret };
    app = await startApp({ database: await openDatabase(config, { warn: () => undefined }) });
  });
  afterAll(async () => {
    await app.close();
    await app.database.close();
    await scratch.drop();
  });

  test("an account, its people and their credentials come from nothing but the command", async () => {
    expect(await keys("add-account", "--account", "brightwater", "--name", "Brightwater")).toMatchObject({ code: 0 });
    expect(
      await keys("add-account", "--account", "harbour", "--name", "Harbour", "--time-zone", "Europe/Lisbon"),
    ).toMatchObject({ code: 0 });
    const ellen = ["--person", "ellen@brightwater.example"];
    expect(
      await keys("add-person", "--account", "brightwater", "--name", "Ellen Brown", ...ellen, "--role", "specialist"),
    ).toMatchObject({ code: 0 });

    const made = await keys(
      "create",
      "--account",
      "brightwater",
      ...ellen,
      "--name",
      "mobile",
      "--scopes",
      "notes:read, tickets:read",
      "--expires",
      "2999-01-01",
    );
    expect(made).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^tnk_[\w-]{43}$/),
      said: expect.stringContaining("shown this once"),
    });
    const me = await call(app, undefined, "GET", "/v1/me", undefined, { authorization: `Bearer ${made.out}` });
    expect(me.body).toMatchObject({ name: "Ellen Brown", account: { id: "brightwater" } });

    const client = await keys("create", "--account", "brightwater", ...ellen, "--name", "erp", "--client");
    const id = /Client (\S+) /.exec(client.said)?.[1] ?? "";
    const asked = await askForToken(app, { grant_type: "client_credentials", client_id: id, client_secret: client.out });
    expect(asked.status).toBe(200);

    await keys("add-member", "--account", "harbour", "--home", "brightwater", ...ellen, "--role", "customer");
    const elsewhere = { query: "{ viewer { role } }" };
    const viewer = await call(app, made.out, "POST", "/graphql", elsewhere, { "x-account": "harbour" });
    expect(viewer.body).toEqual({ data: { viewer: { role: "CUSTOMER" } } });

    const link = await keys(
      "link",
      "--issuer",
      "https://login.example",
      "--subject",
      "ellen",
      "--account",
      "brightwater",
      ...ellen,
    );
    expect(link).toMatchObject({ code: 0 });
    const again = await keys(
      "link",
      "--issuer",
      "https://login.example",
      "--subject",
      "ellen",
      "--account",
      "brightwater",
      ...ellen,
    );
    expect(again).toMatchObject({ code: 1, said: expect.stringContaining("linked already") });

    const listed = await keys("list", "--account", "brightwater");
    const lines = listed.out.split("\n");
    expect(lines).toHaveLength(3);
    for (const [index, words] of [
      ["link", "ellen of https://login.example"],
      ["client", "erp"],
      ["key", "mobile", "expires 2999-01-01"],
    ].entries()) {
      for (const word of words) expect(lines[index]).toContain(word);
    }
    expect(listed.out).not.toContain(made.out);
    expect(listed.out).not.toContain(client.out);
    for (const line of lines) expect(await keys("revoke", line.split(" ")[0]!)).toMatchObject({ code: 0 });
    await expect
      .poll(
        async () => (await call(app, undefined, "GET", "/v1/me", undefined, { authorization: `Bearer ${made.out}` })).status,
      )
      .toBe(401);
    expect((await keys("list")).out.match(/revoked/g)).toHaveLength(2);

    const { rows } = await app.database.pool.query(
      `SELECT v.value AS user_agent FROM audit_events e JOIN audit_values v ON v.account_id = e.account_id AND v.id = e.user_agent_ref
       WHERE e.action IN ('CREATED', 'REVOKED')`,
    );
    expect(rows).toHaveLength(8);
    for (const row of rows) expect(row.user_agent).toMatch(/^npm run keys \(.+\)$/);
  }, 120_000);

  test.each([
    [["create", "--account", "nowhere", "--person", "a@b.example", "--name", "x"], 1, "no such account"],
    [["create", "--account", "brightwater", "--person", "a@b.example", "--name", "x"], 1, "no such person in that account"],
    [["revoke", "019a0000-0000-7000-8000-000000000000"], 1, "no such key, client or link"],
    [
      ["create", "--account", "brightwater", "--person", "ellen@brightwater.example", "--name", "x", "--expires", "2001-01-01"],
      2,
      "future",
    ],
    [["create", "--account", "brightwater"], 2, "--name is missing"],
    [
      ["create", "--account", "brightwater", "--person", "ellen@brightwater.example", "--name", "x", "--scopes", "everything"],
      2,
      "everything is no scope",
    ],
    [["revoke", "x"], 2, "takes an id"],
    [["bake"], 2, "no command bake"],
  ])("%j ends with %i and says what to do", async (given, code, said) => {
    const ran = await keys(...given);
    expect(ran).toMatchObject({ code, out: "" });
    expect(ran.said).toContain(said);
    expect(ran.said).not.toMatch(/\n\s+at /);
  });

  test("without a command it says what there is", async () => {
    expect(await keys()).toMatchObject({ code: 0, out: expect.stringContaining("Usage: npm run keys") });
  });
});

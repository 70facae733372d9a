import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createProvisioning } from "../src/access/provisioning.ts";
import { openDatabase } from "../src/database/database.ts";
import { addAccount, call, signingSecret, startApp, type TestAccount, type TestApp } from "./support/app.ts";
import { createScratchDatabase, type ScratchDatabase } from "./support/database.ts";

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly said: string;
}

/** Runs `npm run people -- …` as npm would. */
async function run(environment: Record<string, string>, ...given: string[]): Promise<Ran> {
  const child = spawn(process.execPath, [fileURLToPath(new URL("../src/manage-people.ts", import.meta.url)), ...given], {
    env: { PATH: process.env["PATH"], NODE_V8_COVERAGE: process.env["NODE_V8_COVERAGE"], ...environment },
  });
  const [out, said, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
  return { code: code as number | null, out: out.trim(), said };
}

describe("on a PostgreSQL that the gateway uses meanwhile", () => {
  let scratch: ScratchDatabase;
  let app: TestApp;
  let account: TestAccount;
  let environment: Record<string, string>;
  const people = (command: string, ...given: string[]) => run(environment, command, "--account", account.slug, ...given);

  beforeAll(async () => {
    scratch = await createScratchDatabase();
    const { config } = scratch;
    // Where there is no server to test against: see test/administration-socket.test.ts.
    if (config.kind === "embedded") return;
    environment = { DATABASE_URL: config.url, SIGNING_SECRET: signingSecret };
    app = await startApp({ database: await openDatabase(config, { warn: () => undefined }) });
    account = await addAccount(app);
  });
  afterAll(async () => {
    await app.close();
    await app.database.close();
    await scratch.drop();
  });

  test("a person is added, changed, listed and removed, and each change is the operator's in the audit", async () => {
    const nora = ["--person", "nora@example.com"];
    const added = await people("add", "--name", "Nora New", ...nora, "--role", "specialist");
    expect(added).toMatchObject({ code: 0, out: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    const { key } = await app.provisioning.addApiKey({
      ...{ accountId: account.id, personId: added.out, name: "x", scopes: ["tickets:read"] },
    });
    const status = async () => (await call(app, key, "POST", "/graphql", { query: "{ viewer { role } }" })).status;
    expect(await status()).toBe(200);

    expect(await people("change", ...nora, "--name", "Nora Newer", "--role", "customer")).toMatchObject({ code: 0 });
    const line = (await people("list")).out.split("\n").find((one) => one.includes(added.out));
    for (const word of ["customer", "Nora Newer <nora@example.com>"]) expect(line).toContain(word);

    expect(await people("remove", ...nora)).toMatchObject({ code: 0 });
    await expect.poll(status).toBe(401);
    expect((await people("list")).out.split("\n").find((one) => one.includes(added.out))).toContain("left");
    expect(await people("remove", ...nora)).toMatchObject({ code: 1, said: expect.stringContaining("no such person") });
    expect(await people("add", "--name", "Nora", ...nora, "--role", "customer")).toMatchObject({ code: 0, out: added.out });

    const { rows } = await app.database.pool.query(
      `SELECT e.action, e.person_ref, v.value AS user_agent FROM audit_events e
       JOIN audit_values v ON v.account_id = e.account_id AND v.id = e.user_agent_ref
       WHERE e.entity = 'PERSON' AND e.entity_id = $1 ORDER BY e.created_at`,
      [added.out],
    );
    expect(rows.map(({ action }) => action)).toEqual(["CREATED", "EDITED", "DELETED", "CREATED"]);
    for (const row of rows) {
      expect(row.user_agent).toMatch(/^npm run people \(.+\)$/);
      expect(row.person_ref).toBeNull();
    }
  }, 180_000);

  test("the last administrator and another account's people stay as they are", async () => {
    const { email } = await app.database.prisma.person.findUniqueOrThrow({ where: { id: account.administrator.id } });
    for (const command of [["remove"], ["change", "--role", "customer"]] as const) {
      const [name, ...options] = command;
      expect(await people(name, "--person", email, ...options)).toMatchObject({
        ...{ code: 1, out: "", said: expect.stringContaining("only administrator") },
      });
    }
    const other = await addAccount(app);
    const stranger = await app.database.prisma.person.findUniqueOrThrow({ where: { id: other.customer.id } });
    expect(await people("remove", "--person", stranger.email)).toMatchObject({ code: 1 });
    await createProvisioning({ database: app.database, clock: () => new Date(), newId: () => "" }).addMembership({
      ...{ accountId: account.id, personId: stranger.id, role: "CUSTOMER" },
    });
    expect(await people("change", "--person", stranger.email, "--name", "Taken")).toMatchObject({
      ...{ code: 1, said: expect.stringContaining("Another account administers") },
    });
  }, 120_000);

  test("an address that is taken is said to be", async () => {
    const { email } = await app.database.prisma.person.findUniqueOrThrow({ where: { id: account.customer.id } });
    expect(await people("add", "--name", "Twin", "--person", email, "--role", "customer")).toMatchObject({
      ...{ code: 1, out: "", said: expect.stringContaining("already") },
    });
  }, 60_000);
});

describe("arguments", () => {
  // No database is there: they are refused before it is opened.
  const environment = { DATABASE_URL: "postgresql://nobody@127.0.0.1:1/nothing", SIGNING_SECRET: signingSecret };

  test.each([
    [["list"], "--account is missing"],
    [["add", "--account", "a", "--name", "Nora", "--person", "n@example.com"], "--role is missing"],
    [["add", "--account", "a", "--name", "Nora", "--person", "n@example.com", "--role", "king"], "--role is one of"],
    [["add", "--account", "a", "--name", "Nora", "--person", "nora", "--role", "customer"], "must be like name@example.com"],
    [["change", "--account", "a", "--person", "n@example.com"], "Give what to change"],
    [["change", "--account", "a", "--person", "n@example.com", "--new-mail", "x"], "must be like name@example.com"],
    [["remove", "--account", "a", "--person", "n@example.com", "--role", "customer"], "remove takes no --role"],
    [["remove", "nora", "--account", "a"], "takes options only"],
    [["list", "--account", "a", "--colour", "red"], "--colour"],
    [["bake", "--account", "a"], "no command bake"],
  ])("%j end with 2 and say what to do", async (given, said) => {
    const ran = await run(environment, ...given);
    expect(ran).toMatchObject({ code: 2, out: "" });
    expect(ran.said).toContain(said);
    expect(ran.said).toContain("Usage: npm run people");
    expect(ran.said).not.toMatch(/\n\s+at /);
  });

  test("none say what there is", async () => {
    expect(await run(environment)).toMatchObject({ code: 0, out: expect.stringContaining("Usage: npm run people") });
  });
});

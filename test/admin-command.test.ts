import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { operationInputs } from "../src/administration/input.ts";
import { adminProgram } from "../src/command-line/admin-commands.ts";
import { keysProgram, peopleProgram, setupProgram } from "../src/command-line/alias-programs.ts";
import { addAccount, call, startApp, type TestAccount, type TestApp } from "./support/app.ts";
import { connectionTo, openNothing, type OperatorRan, runOperator } from "./support/operator.ts";
import { askForToken } from "./support/oauth.ts";

let app: TestApp;
let account: TestAccount;

beforeAll(async () => {
  app = await startApp();
  account = await addAccount(app);
});
afterAll(() => app.close());

const admin = (...args: string[]): Promise<OperatorRan> => runOperator(adminProgram, args, connectionTo(app.database));

/** What `--json` prints: things by their kind, and perhaps a secret. */
type Printed = Readonly<Record<string, Record<string, unknown>>> & { readonly secret: string };

/** Runs a command with `--json`. A test knows the fields of its command. */
async function adminJson(...args: string[]): Promise<Printed> {
  const ran = await admin(...args, "--json");
  expect(ran).toMatchObject({ code: 0, said: "" });
  return JSON.parse(ran.out) as Printed;
}

const newSlug = () => `operated-${crypto.randomUUID()}`;
const statusOf = async (key: string) =>
  (await call(app, undefined, "GET", "/v1/me", undefined, { authorization: `Bearer ${key}` })).status;

/** What the audit has of a thing, and who did it. */
async function auditOf(id: unknown): Promise<readonly { action: string; entity: string; person: unknown; agent: string }[]> {
  const { rows } = await app.database.pool.query(
    `SELECT e.action, e.entity, e.person_ref AS person, v.value AS agent FROM audit_events e
     JOIN audit_values v ON v.account_id = e.account_id AND v.id = e.user_agent_ref
     WHERE e.entity_id = $1 AND e.action <> 'USED' ORDER BY e.created_at`,
    [id],
  );
  return rows;
}

describe("accounts", () => {
  test("are added, changed and listed", async () => {
    const slug = newSlug();
    const added = await adminJson(
      ...["accounts", "add", "--account", slug, "--name", "Harbour Works", "--time-zone", "Europe/Lisbon"],
      ...["--languages", "english, dutch"],
    );
    expect(added).toEqual({
      account: {
        ...{ id: expect.stringMatching(/^[0-9a-f-]{36}$/), account: slug, name: "Harbour Works", timeZone: "Europe/Lisbon" },
        ...{ languages: ["english", "dutch"], createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) },
      },
    });
    const changes = ["--name", "Harbour", "--time-zone", "UTC", "--languages", "simple"];
    expect(await adminJson("accounts", "change", "--account", slug, ...changes)).toEqual({
      account: { ...added["account"], name: "Harbour", timeZone: "UTC", languages: ["simple"] },
    });
    const listed = await admin("accounts", "list", "--account", slug);
    const [titles, line, ...others] = listed.out.split("\n");
    expect(titles).toMatch(/^ACCOUNT {2,}NAME {2,}TIME ZONE {2}LANGUAGES {2}MADE {2,}ID$/);
    expect(line).toMatch(new RegExp(`^${slug} {2}Harbour {2}UTC {2,}simple {2,}\\d{4}-\\d\\d-\\d\\d {2}[0-9a-f-]{36}$`));
    expect(others).toEqual([]);
  });

  test.each([
    [["add", "--account", "TAKEN", "--name", "Twin"], "CONFLICT", "There is an account of that slug already."],
    [["add", "--account", newSlug(), "--name", "x", "--languages", "klingon"], "INVALID_INPUT", "languages: "],
    [
      ["change", "--account", "nowhere", "--name", "x"],
      "NOT_FOUND",
      "There is no such account: npm run admin -- accounts list",
    ],
  ])("%j end with 1, and say what to do", async (args, code, said) => {
    const words = args.map((word) => (word === "TAKEN" ? account.slug : word));
    expect(await admin("accounts", ...words)).toMatchObject({ code: 1, out: "", said: expect.stringContaining(said) });
    const asJson = await admin("accounts", ...words, "--json");
    expect(asJson).toMatchObject({ code: 1, said: "" });
    expect(JSON.parse(asJson.out)).toEqual({ error: { code, message: expect.stringContaining(said) } });
  });
});

describe("people and roles", () => {
  test("are added, changed, listed and removed, by the operator", async () => {
    const nora = ["--account", account.slug, "--person", "nora@example.com"];
    const { person } = await adminJson("people", "add", ...nora, "--name", "Nora New", "--role", "specialist");
    expect(person).toMatchObject({ role: "specialist", mail: "nora@example.com", home: account.slug });
    expect(await adminJson("people", "change", ...nora, "--new-mail", "nora.n@example.com")).toMatchObject({
      person: { id: person!["id"], mail: "nora.n@example.com", role: "specialist" },
    });
    const now = ["--account", account.slug, "--person", "nora.n@example.com"];
    expect(await adminJson("roles", "change", ...now, "--role", "Customer")).toMatchObject({ person: { role: "customer" } });
    expect(await adminJson("roles", "list", ...now)).toMatchObject({ roles: [{ role: "customer" }] });
    expect(await adminJson("roles", "remove", ...now)).toMatchObject({ person: { role: null } });
    expect(await adminJson("roles", "list", ...now)).toEqual({ roles: [] });
    expect(await adminJson("people", "list", ...now)).toMatchObject({ people: [{ role: null, name: "Nora New" }] });

    const events = await auditOf(person!["id"]);
    expect(events.map(({ action }) => action)).toEqual(["CREATED", "EDITED", "EDITED", "DELETED"]);
    for (const event of events) expect(event).toMatchObject({ person: null, agent: "npm run admin (olga)" });
  });

  test("of another account get a role, which that account does not share", async () => {
    const other = await addAccount(app);
    const { email } = await app.database.prisma.person.findUniqueOrThrow({ where: { id: other.customer.id } });
    const added = ["--account", account.slug, "--person", email, "--home", other.slug, "--role", "specialist"];
    expect(await adminJson("roles", "add", ...added)).toMatchObject({ person: { home: other.slug, role: "specialist" } });
    expect(await adminJson("roles", "list", "--account", other.slug, "--person", email)).toMatchObject({
      roles: [{ role: "customer" }],
    });
    expect(await admin("people", "change", "--account", account.slug, "--person", email, "--name", "X")).toMatchObject({
      ...{ code: 1, said: expect.stringContaining("Another account administers") },
    });
    expect(await admin("roles", "add", ...added)).toMatchObject({ code: 1, said: expect.stringContaining("member") });
    expect(await admin("people", "remove", "--account", other.slug, "--person", "nobody@example.com")).toMatchObject({
      ...{
        code: 1,
        said: `There is no such person in that account: npm run admin -- people list --account <slug> shows what there is.`,
      },
    });
  });
});

describe("keys, clients and links", () => {
  let holder: readonly string[];
  beforeAll(async () => {
    const { email } = await app.database.prisma.person.findUniqueOrThrow({ where: { id: account.specialist.id } });
    holder = ["--account", account.slug, "--person", email];
  });

  test("a key is shown once, works, is changed, and stops working when it is removed", async () => {
    const { key, secret } = await adminJson(
      "keys",
      "add",
      ...holder,
      "--name",
      "mobile",
      "--scopes",
      "tickets:read,notes:read",
    );
    expect(secret).toMatch(/^tnk_[\w-]{43}$/);
    expect(key).toMatchObject({ kind: "key", scopes: ["tickets:read", "notes:read"], expiresAt: null, lastUsedAt: null });
    expect(await statusOf(secret)).toBe(200);
    const id = String(key!["id"]);
    const changed = await adminJson(
      "keys",
      "change",
      id,
      "--name",
      "mobile 2",
      "--expires",
      "2999-01-01",
      "--scopes",
      "notes:read",
    );
    expect(changed).toMatchObject({
      key: { id, name: "mobile 2", expiresAt: "2999-01-01T00:00:00.000Z", scopes: ["notes:read"] },
    });
    expect(await adminJson("keys", "change", id, "--expires", "never")).toMatchObject({ key: { expiresAt: null } });
    const listed = await admin("keys", "list", ...holder, "--name", "mobile 2");
    expect(listed.out).toContain("no expiry");
    expect(listed.out).not.toContain(secret);

    expect(await adminJson("keys", "remove", id)).toEqual({ removed: { id } });
    await expect.poll(() => statusOf(secret)).toBe(401);
    expect(await admin("keys", "change", id, "--name", "x")).toMatchObject({
      ...{ code: 1, said: "The key is revoked: add another one." },
    });
    expect((await auditOf(id)).map(({ action, entity }) => `${action} ${entity}`)).toEqual([
      ...["CREATED API_KEY", "EDITED API_KEY", "EDITED API_KEY", "REVOKED API_KEY"],
    ]);
  });

  test("a client gets tokens, and is no key", async () => {
    const { client, secret } = await adminJson("clients", "add", ...holder, "--name", "parts system");
    const id = String(client!["id"]);
    const credentials = { grant_type: "client_credentials", client_id: id, client_secret: secret };
    expect((await askForToken(app, credentials)).status).toBe(200);
    expect(await admin("keys", "remove", id)).toMatchObject({ code: 1, said: expect.stringContaining("no such key") });
    expect(await adminJson("clients", "change", id, "--name", "parts")).toMatchObject({ client: { name: "parts" } });
    expect(await adminJson("clients", "remove", id)).toEqual({ removed: { id } });
    expect(await adminJson("clients", "list", ...holder)).toMatchObject({
      clients: [{ id, revokedAt: expect.stringMatching(/Z$/) }],
    });
  });

  test("a link is added once, changed and removed", async () => {
    const subject = ["--issuer", "https://login.example", "--subject", crypto.randomUUID()];
    const { link } = await adminJson("links", "add", ...holder, ...subject);
    const id = String(link!["id"]);
    const again = await admin("links", "add", ...holder, ...subject, "--json");
    expect([again.code, JSON.parse(again.out)]).toEqual([
      1,
      { error: { code: "CONFLICT", message: expect.stringContaining("linked already") } },
    ]);
    expect(await adminJson("links", "change", id, "--scopes", "notes:read")).toMatchObject({
      link: { scopes: ["notes:read"] },
    });
    expect(await adminJson("links", "remove", id)).toEqual({ removed: { id } });
    expect(await adminJson("links", "list", ...holder)).toEqual({ links: [] });
    expect(await admin("links", "list", ...holder)).toMatchObject({ code: 0, out: "", said: "There are none." });
    expect((await auditOf(id)).map(({ action }) => action)).toEqual(["CREATED", "EDITED", "REVOKED"]);
  });

  test("a list has all of its pages", async () => {
    const crowd = await addAccount(app);
    await app.database.pool.query(
      `INSERT INTO api_keys (id, account_id, person_id, name, hash, scopes, every_account, created_at)
       SELECT gen_random_uuid(), $1::uuid, $2::uuid, 'one of many', sha256(($1::uuid || ' ' || n)::bytea), '{notes:read}', false,
         timestamptz '2026-01-01' + n / 3 * interval '1 second' FROM generate_series(1, 2003) n`,
      [crowd.id, crowd.customer.id],
    );
    const { keys } = (await adminJson("keys", "list", "--account", crowd.slug)) as unknown as { keys: { id: string }[] };
    expect(new Set(keys.map(({ id }) => id)).size).toBe(2_003 + 4);
    expect(keys).toHaveLength(2_003 + 4);
  });

  test("a name cannot send commands to the terminal", async () => {
    await adminJson("keys", "add", ...holder, "--name", "\u001B[2Jgone");
    expect((await admin("keys", "list", ...holder)).out).toContain(" ?[2Jgone ");
  });
});

describe("arguments that are not valid end with 2 before anything is opened", () => {
  const add = ["--account", "a", "--person", "n@example.com", "--name", "x"];
  const id = "019a0000-0000-7000-8000-000000000000";
  test.each<[string[], string]>([
    [["bake"], "There is no command bake"],
    [["keys", "bake"], "npm run admin -- keys --help"],
    [["accounts", "add"], "--account is missing. --name is missing."],
    [["accounts", "add", "--account", "a"], "--name is missing"],
    [["accounts", "add", "--account", "Not A Slug", "--name", "x"], "small letters, digits and hyphens"],
    [["accounts", "add", "--account", "-a", "--name", "x"], "slug"],
    [["accounts", "add", "--account", "a", "--name", " "], "1 to 255 characters"],
    [["accounts", "add", "--account", "a", "--name", "x", "--time-zone", "Mars/Olympus"], "Europe/Amsterdam"],
    [["accounts", "add", "--account", "a", "--name", "x", "--languages", "a,,b"], "has an item that is empty"],
    [["accounts", "add", "--account", "a", "--name", "x", "--languages", "a;b"], "text search configuration"],
    [["accounts", "add", "--account", "a", "--name"], "--name needs a value"],
    [["accounts", "add", "--name", "--account", "a"], "--name=--value"],
    [["accounts", "change", "--account", "a"], "Give what to change: --name, --time-zone or --languages"],
    [["accounts", "list", "--colour", "red"], "list takes no --colour"],
    [["accounts", "list", "all"], "list takes options only"],
    [["accounts", "remove", "--account", "a"], "There is no command remove"],
    [["people", "list"], "--account is missing"],
    [["people", "add", ...add], "--role is missing"],
    [["people", "add", ...add, "--role", "king"], "--role is one of customer, specialist, administrator"],
    [["people", "add", "--account", "a", "--name", "x", "--person", "nora", "--role", "customer"], "like name@example.com"],
    [["people", "add", "--account", "a", "--name", "x\ny", "--person", "n@example.com", "--role", "customer"], "line breaks"],
    [["people", "change", "--account", "a", "--person", "n@example.com"], "Give what to change: --name, --new-mail or --role"],
    [["people", "change", "--account", "a", "--person", "n@example.com", "--new-mail", "x"], "like name@example.com"],
    [["people", "remove", "--account", "a", "--person", "n@example.com", "--role", "customer"], "remove takes no --role"],
    [["people", "remove", "--account", "a", "--person", " "], "must not be blank"],
    [["roles", "add", "--account", "a", "--person", "n@example.com", "--role", "customer"], "--home is missing"],
    [["roles", "change", "--account", "a", "--person", "n@example.com"], "--role is missing"],
    [["keys", "add", "--account", "a", "--person", "n@example.com"], "--name is missing"],
    [["keys", "add", ...add, "--scopes", "everything"], "everything is no scope. The scopes are tickets:read"],
    [["keys", "add", ...add, "--scopes", ""], "has an item that is empty"],
    [["keys", "add", ...add, "--expires", "soon"], "soon is no date"],
    [["keys", "add", ...add, "--expires", "never"], "never is no date"],
    [["keys", "add", ...add, "--expires", "1999-01-01"], "The expiry must lie in the future."],
    [["keys", "change", id, "--expires", "1999-01-01"], "The expiry must lie in the future."],
    [["clients", "add", ...add, "--expires", "1999-01-01"], "The expiry must lie in the future."],
    [["clients", "change", id, "--expires", "+010000-01-01"], "a date up to the year 9999"],
    [["--bogus", "x"], "npm run admin takes no --bogus: npm run admin -- --help"],
    [["keys", "change", id], "Give what to change: --name, --scopes or --expires"],
    [["keys", "change", "--name", "x"], "change takes one id"],
    [["keys", "change", id, id, "--name", "x"], "change takes options only"],
    [["keys", "remove"], "remove takes one id"],
    [["keys", "remove", "x"], "It takes an id, as list shows it"],
    [["clients", "add", ...add, "--name", "x".repeat(256)], "at most 255 characters"],
    [["links", "add", "--account", "a", "--person", "n@example.com", "--subject", "x"], "--issuer is missing"],
    [["links", "add", "--account", "a", "--person", "n@example.com", "--issuer", "login", "--subject", "x"], "OIDC_ISSUERS"],
    [
      ["links", "add", "--account", "a", "--person", "n@example.com", "--issuer", "https://l.example", "--subject", ""],
      "1 to 255",
    ],
    [["links", "change", id], "--scopes is missing"],
    [["setup"], "Give --account, --account-name, --person, --name, or run it in a terminal"],
    [["setup", "--account", "A", "--account-name", "x", "--person", "n@example.com", "--name", "N"], "small letters"],
    [["setup", "--account", "a", "--account-name", "x", "--person", "n", "--name", "N"], "like name@example.com"],
  ])("%j", async (args, said) => {
    const ran = await runOperator(adminProgram, args, openNothing);
    expect(ran).toMatchObject({ code: 2, out: "", said: expect.stringContaining(said) });
    expect(ran.said).toContain("\n\nUsage: npm run admin -- ");
    const asJson = await runOperator(adminProgram, ["--json", ...args], openNothing);
    // Before a command, --json is an option of no command.
    if (args.length > 0) expect(asJson.code).toBe(2);
    const atItsEnd = await runOperator(adminProgram, [...args, "--json"], openNothing);
    expect(atItsEnd).toMatchObject({ code: 2, said: "" });
    expect(JSON.parse(atItsEnd.out)).toMatchObject({ error: { code: "INVALID_INPUT", message: expect.any(String) } });
  });
});

test.each([
  [setupProgram, "npm run setup takes no --bogus: npm run setup -- --help shows what it takes."],
  [keysProgram, "npm run keys takes no --bogus: npm run keys -- --help shows what it takes."],
])("a program is named by what npm runs", async (program, sentence) => {
  const ran = await runOperator(program, ["--bogus", "x"], openNothing);
  expect([ran.code, ran.said.split("\n")[0]]).toEqual([2, sentence]);
});

describe("help", () => {
  const branches = adminProgram.commands.map((one) => ({ name: one.name, commands: "commands" in one ? one.commands : [] }));
  test.each([
    { args: [], words: ["Usage: npm run admin -- <command>", ...branches.map(({ name }) => name)] },
    { args: ["--help"], words: branches.map(({ name }) => name) },
    ...branches
      .filter(({ commands }) => commands.length > 0)
      .flatMap(({ name, commands }) => [
        { args: [name], words: [`Usage: npm run admin -- ${name} <command>`, ...commands.map((one) => one.name)] },
        ...commands.map((one) => ({
          args: [name, one.name, "-h"],
          words: [`Usage: npm run admin -- ${name} ${one.name}`, "--json"],
        })),
      ]),
  ])("of $args is printed, and nothing is opened", async ({ args, words }) => {
    const ran = await runOperator(adminProgram, args, openNothing);
    expect(ran).toMatchObject({ code: 0, said: "" });
    for (const word of words) expect(ran.out).toContain(word);
  });

  test("each operation has a command, but for the two that only npm run keys needs", () => {
    const named = branches.flatMap(({ name, commands }) => commands.map((one) => `${name}.${one.name}`));
    const others = Object.keys(operationInputs).filter((name) => !named.includes(name));
    expect(others).toEqual(["credentials.list", "credentials.remove"]);
  });

  test.each([
    [keysProgram, ["create", "list", "revoke", "link"], "add-account"],
    [peopleProgram, ["list", "add", "change", "remove"], "setup"],
  ])("of the aliases has their commands", async (program, words, hidden) => {
    const { out } = await runOperator(program, [], openNothing);
    for (const word of words) expect(out).toMatch(new RegExp(`^  ${word}\\b`, "m"));
    expect(out).not.toContain(hidden);
  });
});

test("a fault is none of the answers", async () => {
  const broken = () => Promise.reject(new TypeError("a fault"));
  const connect = () => Promise.resolve({ call: broken, close: () => Promise.resolve() });
  await expect(runOperator(adminProgram, ["accounts", "list", "--json"], connect)).rejects.toThrow("a fault");
});

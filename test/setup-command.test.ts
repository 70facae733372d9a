import { afterAll, beforeAll, expect, test } from "vitest";
import { adminProgram } from "../src/command-line/admin-commands.ts";
import { setupProgram } from "../src/command-line/alias-programs.ts";
import { addAccount, call, startApp, type TestApp } from "./support/app.ts";
import { connectionTo, openNothing, runOperator } from "./support/operator.ts";

let app: TestApp;

beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

const setup = (args: readonly string[], answers?: readonly string[]) =>
  runOperator(setupProgram, args, connectionTo(app.database), answers);
const flagsFor = (account: string) => [
  ...["--account", account, "--account-name", "Harbour Works", "--time-zone", "Europe/Lisbon"],
  ...["--person", "olga@harbour.example", "--name", "Olga Owner", "--key-name", "first"],
];
const newAccount = () => `set-up-${crypto.randomUUID()}`;

async function whoIs(key: string) {
  const query = { query: "{ viewer { role person { name } account { name timeZone } } }" };
  return (await call(app, key, "POST", "/graphql", query)).body;
}

test("flags make an account, an administrator and a key, which works", async () => {
  const ran = await setup(flagsFor(newAccount()));
  expect(ran).toMatchObject({ code: 0, out: expect.stringMatching(/^tnk_[\w-]{43}$/) });
  expect(ran.said.split("\n")).toHaveLength(4);
  expect(ran.said.match(/^Added: /gm)).toHaveLength(3);
  expect(ran.said).toMatch(/shown this once:$/);
  expect(await whoIs(ran.out)).toEqual({
    data: {
      viewer: {
        ...{ role: "ADMINISTRATOR", person: { name: "Olga Owner" } },
        account: { name: "Harbour Works", timeZone: "Europe/Lisbon" },
      },
    },
  });
});

test("a second run changes nothing, says what is there, and shows no secret", async () => {
  const flags = flagsFor(newAccount());
  const first = await setup([...flags, "--json"]);
  const added = JSON.parse(first.out) as { key: { id: string }; secret: string; added: object };
  expect(added).toMatchObject({ added: { account: true, person: true, key: true }, secret: expect.stringMatching(/^tnk_/) });
  const again = await setup(flags);
  expect(again).toMatchObject({ code: 0, out: "" });
  expect(again.said.match(/^There already, and left as it is: /gm)).toHaveLength(3);
  expect(again.said).toContain("npm run admin -- keys add");
  expect(JSON.parse((await setup([...flags, "--json"])).out)).toEqual({
    ...added,
    ...{ secret: null, added: { account: false, person: false, key: false } },
  });
});

test("a run that was cut off is completed by the next one", async () => {
  const account = newAccount();
  const add = ["accounts", "add", "--account", account, "--name", "Harbour Works"];
  await runOperator(adminProgram, add, connectionTo(app.database));
  const ran = await setup([...flagsFor(account), "--json"]);
  expect(JSON.parse(ran.out)).toMatchObject({
    added: { account: false, person: true, key: true },
    account: { timeZone: "UTC" },
  });
});

test("a key that was revoked is replaced", async () => {
  const flags = flagsFor(newAccount());
  const { key } = JSON.parse((await setup([...flags, "--json"])).out) as { key: { id: string } };
  await runOperator(adminProgram, ["keys", "remove", key.id], connectionTo(app.database));
  expect(JSON.parse((await setup([...flags, "--json"])).out)).toMatchObject({ added: { person: false, key: true } });
});

test("somebody with another role does not become an administrator by it", async () => {
  const { slug, customer } = await addAccount(app);
  const { email } = await app.database.prisma.person.findUniqueOrThrow({ where: { id: customer.id } });
  const ran = await setup([...flagsFor(slug), "--person", email]);
  expect(ran).toMatchObject({ code: 1, out: "", said: expect.stringContaining("npm run admin -- roles change --account") });
});

test("a person at a terminal is asked for what is not given", async () => {
  const account = newAccount();
  const ran = await setup(["--person", "olga@harbour.example"], [account, " Harbour Works ", "", "Olga Owner", ""]);
  expect(ran).toMatchObject({ code: 0, out: expect.stringMatching(/^tnk_/) });
  expect(ran.said.match(/: $/gm)).toHaveLength(5);
  expect(ran.said).toContain("Its time zone [UTC]: ");
  expect(ran.said).toContain('"setup"');
  expect(await whoIs(ran.out)).toMatchObject({ data: { viewer: { account: { name: "Harbour Works", timeZone: "UTC" } } } });
});

test.each([
  [["A Slug", "Harbour", "", "olga@harbour.example", "Olga", ""], "small letters"],
  [["", "Harbour", "", "olga@harbour.example", "Olga", ""], "slug"],
  [["harbour", "Harbour", "Mars", "olga@harbour.example", "Olga", ""], "time zone"],
  [["harbour", "Harbour", "", "olga", "Olga", ""], "name@example.com"],
])("the answers %j are refused before anything is opened", async (answers, said) => {
  const ran = await runOperator(setupProgram, [], openNothing, answers);
  expect(ran).toMatchObject({ code: 2, out: "", said: expect.stringContaining(said) });
});

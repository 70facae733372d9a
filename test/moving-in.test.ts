import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openDatabase } from "../src/database/database.ts";
import { scopesOf } from "../src/viewer.ts";
import { signingSecret, startApp, type TestApp } from "./support/app.ts";
import { runProgram } from "./support/command.ts";
import { createScratchDatabase, type ScratchDatabase } from "./support/database.ts";
import { addNotes, addTickets, upload } from "./support/factories.ts";

// Every command of docs/guides/moving-in.md, as it stands there: from one gateway, which is the legacy server, to
// another one.

const guide = readFileSync(new URL("../docs/guides/moving-in.md", import.meta.url), "utf8");
const commands = [...guide.matchAll(/```sh\n(.*?)```/gs)].flatMap(([, block = ""]) => block.trim().split("\n"));
const programs: Readonly<Record<string, string>> = {
  import: "import-data.ts",
  export: "export-data.ts",
  shadow: "compare-reads.ts",
};

interface Side {
  readonly scratch: ScratchDatabase;
  readonly app: TestApp;
  readonly environment: Record<string, string>;
}

let directory: string;
let legacy: Side;
let here: Side;
let keys: Readonly<Record<string, string>>;

async function startSide(name: string): Promise<Side> {
  const scratch = await createScratchDatabase();
  const app = await startApp({ database: await openDatabase(scratch.config, { warn: () => undefined }) });
  const dataDirectory = join(directory, name);
  mkdirSync(dataDirectory);
  symlinkSync(app.filesDirectory, join(dataDirectory, "files"));
  const database = scratch.config.kind === "postgresql" ? { DATABASE_URL: scratch.config.url } : {};
  const environment = { SIGNING_SECRET: signingSecret, DATA_DIR: dataDirectory, WORKING_DIRECTORY: directory, ...database };
  return { scratch, app, environment };
}

async function administratorKey({ app }: Side): Promise<string> {
  const { person, account } = await app.provisioning.personByEmail("brightwater", "ada@brightwater.example");
  const scopes = scopesOf("ADMINISTRATOR");
  const added = await app.provisioning.addApiKey({ accountId: account.id, personId: person.id, name: "move", scopes });
  return added.key;
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "moving-in-"));
  [legacy, here] = [await startSide("legacy"), await startSide("here")];
  const { app } = legacy;
  const account = await app.provisioning.addAccount({ slug: "brightwater", name: "Brightwater", timeZone: "Europe/Amsterdam" });
  const member = { accountId: account.id, role: "ADMINISTRATOR" } as const;
  await app.provisioning.setLanguages("brightwater", ["english", "dutch"]);
  const ada = await app.provisioning.addPerson({ ...member, name: "Ada", email: "ada@brightwater.example" });
  keys = { LEGACY_KEY: await administratorKey(legacy) };
  const tickets = await addTickets(app, account, 3);
  for (const ticket of tickets) {
    const author = { ...ada, role: "ADMINISTRATOR", key: "" } as const;
    const [note] = await addNotes(app, ticket, author, 5);
    if (note)
      expect((await upload(app, keys["LEGACY_KEY"] ?? "", note.id, "photo.png", "bytes", "image/png")).status).toBe(200);
  }
  const csv = tickets.map(({ id, subject, kind, status, createdAt }) => [id, subject, kind, status, createdAt.toISOString()]);
  writeFileSync(
    join(directory, "tickets.csv"),
    ["id,subject,kind,status,created_at", ...csv.map((cells) => cells.join(","))].join("\n"),
  );
  writeFileSync(join(directory, "people.csv"), `id,name,email,role\n${ada.id},Ada,ada@brightwater.example,administrator\n`);
  writeFileSync(join(directory, "roles.csv"), `id,role\n${ada.number},administrator\n`);
  const read = (path: string) => `10.0.0.7 - ada [27/Nov/2026:10:00:00 +0100] "GET ${path} HTTP/1.1" 200 5 "-" "sdk"\n`;
  const paths = ["/v1/notes?per_page=5", "/v1/me", ...tickets.map(({ id }) => `/v2/tickets/notes?ticket_id=${id}`)];
  writeFileSync(join(directory, "access.log"), paths.map(read).join(""));
});

afterAll(async () => {
  for (const { app, scratch } of [legacy, here]) {
    await app.close();
    await app.database.close();
    await scratch.drop();
  }
  rmSync(directory, { recursive: true });
});

test("the guide has commands of all three programs", () => {
  expect(new Set(commands.map((command) => command.split(" ")[2]))).toEqual(new Set(Object.keys(programs)));
});

test.each(commands)("%s", async (command) => {
  const [, , name = "", , ...given] = command.split(" ");
  const side = name === "export" ? legacy : here;
  const variables = name === "shadow" ? { ...keys, KEY: await administratorKey(here) } : keys;
  const filled = given.map((word) =>
    word
      .replace("https://legacy.example", legacy.app.url)
      .replace(/^\$(\w+)$/, (_, variable: string) => Reflect.get(variables, variable)),
  );
  const address = name === "shadow" ? ["--url", here.app.url] : [];
  const { code, out, said } = await runProgram(programs[name] ?? "", side.environment, ...filled, ...address);
  expect(code, `${out}\n${said}`).toBe(0);
  if (name === "shadow") expect(out).toContain("5 reads compared, 0 with 0 unexplained differences.");
  if (command.endsWith("--files moved")) expect(out).toMatch(/^note +15 +0 +0$/m);
  if (command.endsWith("--files moved"))
    expect((await here.app.provisioning.accountBySlug("brightwater")).languages).toEqual(["english", "dutch"]);
  if (command.includes("--from v2")) expect(out).toMatch(/^note +0 +15 +0$/m);
});

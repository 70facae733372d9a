import { afterAll, beforeAll, expect, test } from "vitest";
import { addAccount, call, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { createScratchDatabase } from "../support/database.ts";
import { addNote, addTicket } from "../support/factories.ts";
import { addClient, askForToken, post, tokenOf } from "../support/oauth.ts";
import { openDatabase } from "../../src/database/database.ts";

let app: TestApp;
let account: TestAccount;
const lines: string[] = [];

beforeAll(async () => {
  app = await startApp({ logLevel: "trace", logTo: { write: (line) => void lines.push(line) } });
  account = await addAccount(app);
});
afterAll(() => app.close());

test("no key, secret, token or signature stands in the log, in an answer to anything but its making, or in a URL that is handed out", async () => {
  const { specialist, administrator } = account;
  const client = await addClient(app, specialist, [
    "tickets:read",
    "notes:read",
    "attachments:read",
    "attachments:write",
    "notes:write",
    "notes:internal",
  ]);
  const token = await tokenOf(app, client);
  const wrong = "tnk_wrong-but-somebody-may-have-mistyped-it";
  const secrets = [specialist.key, administrator.key, client.secret, token, token.split(".")[2]!, wrong];
  const answers: { status: number; headers: Headers; body: unknown }[] = [];
  const keep = async (answer: Promise<{ status: number; headers: Headers; body: unknown }>) => answers.push(await answer);

  const ticket = await addTicket(app, account);
  const note = await addNote(app, ticket, specialist);
  for (const credential of [specialist.key, token, wrong]) {
    for (const headers of [
      { "x-api-key": credential },
      { authorization: `Bearer ${credential}` },
      { authorization: `Basic ${btoa(`${credential}:`)}` },
      { authorization: `Bearer  ${credential} x` },
      { cookie: `key=${credential}` },
      { "x-api-key": credential, "x-account": credential },
    ]) {
      await keep(call(app, undefined, "GET", `/v2/tickets/notes/${note.id}`, undefined, headers));
      await keep(call(app, undefined, "POST", "/graphql", { query: "{ viewer { role } nothing }" }, headers));
      await keep(call(app, undefined, "GET", "/v1/me", undefined, headers));
    }
    // Where it does not belong: the query, the path, the body, a variable.
    await keep(call(app, undefined, "GET", `/v2/tickets/notes/${note.id}?api_key=${credential}&access_token=${credential}`));
    await keep(call(app, undefined, "GET", `/v1/me?access_token=${credential}`));
    await keep(
      post(`${app.url}/oauth2/token?client_secret=${credential}`, "", { "content-type": "application/x-www-form-urlencoded" }),
    );
    await keep(askForToken(app, { grant_type: "client_credentials", client_id: client.id, client_secret: credential }));
    await keep(askForToken(app, { grant_type: credential, client_id: client.id, client_secret: client.secret }));
    await keep(post(`${app.url}/token`, `{"client_secret": "${credential}"`, { "content-type": "application/json" }));
    await keep(
      post(`${app.url}/token`, "", {
        authorization: `Basic ${btoa(`${client.id}:${credential}`)}`,
        "content-type": "text/html",
      }),
    );
  }
  const upload = await call(app, specialist.key, "POST", "/v2/tickets/note-attachments", {
    note_id: note.id,
    filename: "a.txt",
  });
  const signedUrl = (upload.body as { signed_url: string }).signed_url;
  const signature = new URL(signedUrl).searchParams.get("signature")!;
  await fetch(signedUrl, { method: "PUT", headers: { "content-type": "text/plain" }, body: "x" });
  await fetch(signedUrl.replace(signature, `${signature.slice(0, -1)}_`), { method: "PUT", body: "x" });

  expect(lines.length).toBeGreaterThan(100);
  const log = lines.join("");
  const said = answers.map(({ headers, body }) => JSON.stringify([[...headers], body])).join("\n");
  for (const secret of [...secrets, ...secrets.map((one) => btoa(`${one}:`)), signature]) expect(log).not.toContain(secret);
  // A grant type that is none is not repeated either.
  for (const secret of secrets) expect(said).not.toContain(secret);
  for (const secret of secrets) expect(signedUrl).not.toContain(secret);
});

test("nor where the database is away, and errors are logged", async () => {
  const scratch = await createScratchDatabase();
  const database = await openDatabase(scratch.config, { warn: () => undefined });
  const written: string[] = [];
  const broken = await startApp({ database, logLevel: "trace", logTo: { write: (line) => void written.push(line) } });
  try {
    const own = await addAccount(broken);
    const client = await addClient(broken, own.specialist, ["notes:read"]);
    await database.pool.query("ALTER TABLE api_keys RENAME TO gone_keys; ALTER TABLE oauth_clients RENAME TO gone_clients");
    const failed = [
      await call(broken, own.specialist.key, "GET", "/v2/tickets/notes/019a0000-0000-7000-8000-000000000000"),
      await call(broken, own.specialist.key, "POST", "/graphql", { query: "{ viewer { role } }" }),
      await call(broken, own.specialist.key, "GET", "/v1/me"),
      await askForToken(broken, { grant_type: "client_credentials", client_id: client.id, client_secret: client.secret }),
    ];
    expect(failed.map(({ status }) => status)).toEqual([500, 500, 500, 500]);
    const log = written.join("");
    expect(log).toContain("does not exist");
    for (const secret of [own.specialist.key, client.secret]) {
      expect(log).not.toContain(secret);
      expect(JSON.stringify(failed.map(({ body }) => body))).not.toContain(secret);
    }
  } finally {
    await broken.close();
    await database.close();
    await scratch.drop();
  }
});

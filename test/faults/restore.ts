// Follows docs/guides/operators.md, command by command: two roles, the first account, a backup under writes, the loss
// of server and files, and their restoration on another server. Clients go on with the keys, tokens and URLs from
// before, and nothing that the backup has is missing or changed. Then HAProxy with the configuration of the guide.
//
// Needs Debian's postgresql and haproxy, openssl and curl.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { isDeepStrictEqual, parseEnv } from "node:util";
import pg from "pg";
import { freePort } from "../support/free-port.ts";
import { fencedBlocks, readDocument, replaced, runShell } from "../support/guide.ts";
import { startCluster, until } from "./support/cluster.ts";
import { type Gateway, raisedLimits, startGateway } from "./support/gateway.ts";

const root = resolve(import.meta.dirname, "../..");
const noteCount = 40;
const problems: string[] = [];

const guide = fencedBlocks(readDocument("docs/guides/operators.md"));
const commands = guide.filter(({ language }) => language === "sh");
/** Returns the one block of commands that has `text`. */
function blockWith(text: string): { readonly text: string } {
  const [block, ...others] = commands.filter((candidate) => candidate.text.includes(text));
  if (block === undefined || others.length > 0) throw new Error(`operators.md has not one block with ${text}.`);
  return block;
}
const steps = {
  roles: blockWith("CREATE ROLE"),
  tables: blockWith("npm run setup"),
  settings: blockWith("gateway.env <<EOF"),
  backup: blockWith("pg_dump"),
  restore: blockWith("pg_restore"),
  rights: blockWith("DATABASE_URL=$DATABASE_URL_DIRECT npm run migrate"),
  check: blockWith("storage:check"),
};
if (Object.keys(steps).length !== commands.length) problems.push("operators.md has commands that are not run here");

const directory = mkdtempSync(join(tmpdir(), "gateway-restore-"));
for (const name of ["etc/ticket-notes", "var/lib/ticket-notes", "var/backups"])
  mkdirSync(join(directory, name), { recursive: true });
const [before, after] = [await startCluster(), await startCluster()];
const port = await freePort();
const replacements = {
  "new-db.example:5432": `127.0.0.1:${after.port}`,
  "db.example:5432": `127.0.0.1:${before.port}`,
  // In the pattern of sed.
  "db\\.example:5432": `127.0.0.1:${before.port}`,
  "https://notes.example": `http://127.0.0.1:${port}`,
  "/etc/": `${directory}/etc/`,
  "/var/": `${directory}/var/`,
};
const run = (...blocks: readonly { readonly text: string }[]) =>
  runShell(blocks, { directory: root, environment: { DATABASE_URL: "", SIGNING_SECRET: "" }, replacements });
const settingsOf = (name: string) =>
  parseEnv(readFileSync(join(directory, "etc/ticket-notes", name), "utf8")) as Record<string, string>; // of words

let gateway: Gateway | undefined;
try {
  const [, printed = ""] = await run(steps.roles, steps.tables, steps.settings);
  const key = /^tnk_\S+$/m.exec(printed)?.[0] ?? "";
  gateway = await start(settingsOf("gateway.env"));
  await checkRights("gateway.env");

  const { ticket, file, redacted } = await write(key);
  const token = await tokenOf(key);
  const stopWriting = writeOn(key, ticket);
  await run(steps.backup);
  const writtenMeanwhile = await stopWriting();
  // Only afterwards: the guide says that a backup from before has it still.
  await ask(key, `mutation { redactNote(input: { id: "${redacted}", reason: SECRET }) { __typename } }`);
  const known = await read(key, ticket);

  await gateway.stop("SIGKILL");
  gateway = undefined;
  await before.stop("SIGKILL");
  rmSync(join(directory, "var/lib/ticket-notes"), { recursive: true });

  const elsewhere = replaced(steps.roles.text, { "db.example:5432": "new-db.example:5432" });
  const began = performance.now();
  const written = await run({ text: elsewhere }, steps.restore, steps.rights, steps.check);
  console.log(
    `restored and checked in ${Math.round(performance.now() - began)} ms: ${(written[3] ?? "").replaceAll(/\s+/g, " ")}`,
  );
  gateway = await start(settingsOf("restored.env"));
  await checkRights("restored.env");
  const restored = await read(key, ticket);
  compare(known, restored);
  expectThat("the redacted text is in the restored backup again", restored.get(redacted) === "A secret.");
  const bytes = await fetch(file);
  expectThat("a URL from before leads to the file", bytes.status === 200 && (await bytes.text()) === "the bytes");
  expectThat("a token from before is taken", (await statusOf({ authorization: `Bearer ${token}` })) === 200);
  expectThat("a note can be added", (await addNote(key, ticket, "After the restore.")) !== undefined);
  console.log(`${known.size} notes, of which ${writtenMeanwhile} were added during the backup, ${restored.size} restored`);
  await behindProxy(gateway.port, key);

  await gateway.stop("SIGTERM");
  gateway = await start({ ...settingsOf("restored.env"), SIGNING_SECRET: "another secret, of more than 32 characters" });
  expectThat("without the secret, keys are taken", (await statusOf({ "x-api-key": key })) === 200);
  expectThat("without the secret, URLs from before are not", (await fetch(file)).status === 403);
  expectThat("without the secret, tokens from before are not", (await statusOf({ authorization: `Bearer ${token}` })) === 401);
} finally {
  await gateway?.stop("SIGKILL");
  await before.remove();
  await after.remove();
  rmSync(directory, { recursive: true, force: true });
}
console.log(`wrong: ${problems.length}`);
for (const problem of problems) console.log(`  ${problem}`);
process.exit(problems.length === 0 ? 0 : 1);

function expectThat(what: string, holds: boolean): void {
  if (!holds) problems.push(`It does not hold that ${what}.`);
}

async function start(environment: Record<string, string>): Promise<Gateway> {
  return startGateway({
    port,
    environment: { ...environment, ...raisedLimits, DRAIN_MS: "0" },
    dataDirectory: environment["DATA_DIR"] ?? "",
  });
}

/** Sends an operation, and returns its data. Throws an `Error` with the errors of the response. */
async function ask(key: string, query: string, variables: object = {}): Promise<Record<string, never>> {
  const response = await fetch(`http://127.0.0.1:${port}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-api-key": key },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = (await response.json()) as { data?: Record<string, never>; errors?: unknown };
  if (data === undefined || errors !== undefined) throw new Error(`${response.status}: ${JSON.stringify(errors)}`);
  return data;
}

async function addNote(key: string, ticketId: string, text: string): Promise<string> {
  const query = "mutation ($input: AddNoteInput!) { addNote(input: $input) { ... on AddNotePayload { note { id } } } }";
  const { addNote: added } = (await ask(key, query, { input: { ticketId, text, isPublic: true } })) as unknown as {
    addNote: { note: { id: string } };
  };
  return added.note.id;
}

/** Adds a ticket with notes, of which one has a file. */
async function write(key: string): Promise<{ ticket: string; file: string; redacted: string }> {
  const { addTicket } = (await ask(
    key,
    'mutation { addTicket(input: { kind: REQUEST, subject: "The lamp" }) { ... on AddTicketPayload { ticket { id } } } }',
  )) as unknown as { addTicket: { ticket: { id: string } } };
  const ticket = addTicket.ticket.id;
  const ids: string[] = [];
  for (let index = 0; index < noteCount; index += 1) ids.push(await addNote(key, ticket, `Note ${index}, Ünïcödé 🎉`));
  const input = { noteId: ids[0], filename: "lamp.txt" };
  const { requestAttachmentUpload: asked } = (await ask(
    key,
    "mutation ($input: RequestAttachmentUploadInput!) { requestAttachmentUpload(input: $input) { ... on RequestAttachmentUploadPayload { upload { url } } } }",
    { input },
  )) as unknown as { requestAttachmentUpload: { upload: { url: string } } };
  const sent = await fetch(asked.upload.url, { method: "PUT", headers: { "content-type": "text/plain" }, body: "the bytes" });
  if (sent.status !== 200) throw new Error(`The upload was answered with ${sent.status}.`);
  const { note } = (await ask(key, "query ($id: ID!) { note(id: $id) { attachments { nodes { download { url } } } } }", {
    id: ids[0],
  })) as unknown as { note: { attachments: { nodes: { download: { url: string } }[] } } };
  const redacted = await addNote(key, ticket, "A secret.");
  return { ticket, file: note.attachments.nodes[0]?.download.url ?? "", redacted };
}

/** Adds notes one after the other until the returned function is called, which returns how many there were. */
function writeOn(key: string, ticket: string): () => Promise<number> {
  let count = 0;
  let isOver = false;
  const writing = (async () => {
    for (; !isOver; count += 1) await addNote(key, ticket, `During the backup, ${count}`);
  })();
  return async () => {
    isOver = true;
    await writing;
    return count;
  };
}

/** Returns the text of each note of the ticket. */
async function read(key: string, id: string): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  for (let cursor: string | null = null, more = true; more;) {
    const { ticket } = (await ask(
      key,
      "query ($id: ID!, $after: String) { ticket(id: $id) { notes(first: 100, after: $after) { nodes { id text } pageInfo { hasNextPage endCursor } } } }",
      { id, after: cursor },
    )) as unknown as {
      ticket: {
        notes: { nodes: { id: string; text: string }[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } };
      };
    };
    for (const note of ticket.notes.nodes) texts.set(note.id, note.text);
    [cursor, more] = [ticket.notes.pageInfo.endCursor, ticket.notes.pageInfo.hasNextPage];
  }
  return texts;
}

/** Compares all but the notes that were added during the backup: those may be in it. */
function compare(known: ReadonlyMap<string, string>, restored: ReadonlyMap<string, string>): void {
  const lasting = (texts: ReadonlyMap<string, string>) => [...texts].filter(([, text]) => text.startsWith("Note ")).toSorted();
  expectThat("all notes are restored as they were", isDeepStrictEqual(lasting(known), lasting(restored)));
  expectThat(`there were ${noteCount}`, lasting(restored).length === noteCount);
  expectThat(
    "no other notes are restored",
    [...restored.keys()].every((id) => known.has(id)),
  );
}

/** The role of requests may neither change a table nor an event of the audit. */
async function checkRights(settings: string): Promise<void> {
  const client = new pg.Client({ connectionString: settingsOf(settings)["DATABASE_URL"] });
  await client.connect();
  for (const statement of [
    "DELETE FROM audit_events",
    "UPDATE audit_values SET value = ''",
    "DELETE FROM audit_events_default",
    "UPDATE audit_events_default SET address = NULL",
    "DROP TABLE notes",
    "CREATE TABLE other ()",
  ]) {
    const refusal: unknown = await client.query(statement).catch((error: unknown) => error);
    // By the lack of a right: the triggers of the audit refuse with the same code.
    const said = refusal instanceof pg.DatabaseError ? refusal.message : "nothing";
    expectThat(`${statement} is refused`, /^(permission denied for|must be owner of)/.test(said));
  }
  await client.end();
}

/** Adds an OAuth client and returns an access token of it. */
async function tokenOf(key: string): Promise<string> {
  const { createOAuthClient: created } = (await ask(
    key,
    'mutation { createOAuthClient(input: { name: "a client" }) { ... on CreateOAuthClientPayload { oauthClient { clientId } secret } } }',
  )) as unknown as { createOAuthClient: { oauthClient: { clientId: string }; secret: string } };
  const body = new URLSearchParams({
    ...{ grant_type: "client_credentials", client_id: created.oauthClient.clientId, client_secret: created.secret },
  });
  const response = await fetch(`http://127.0.0.1:${port}/oauth2/token`, { method: "POST", body });
  return ((await response.json()) as { access_token: string }).access_token;
}

async function statusOf(headers: Record<string, string>): Promise<number> {
  return (await fetch(`http://127.0.0.1:${port}/v1/me`, { headers })).status;
}

/** Starts HAProxy as the guide has it, with the gateway as one of two, and asks through it. */
async function behindProxy(gatewayPort: number, key: string): Promise<void> {
  const front = await freePort();
  const block = guide.find(({ language }) => language === "haproxy")?.text ?? "";
  const own = { ":443": `127.0.0.1:${front}`, ":4000": `:${gatewayPort}`, ":4001": `:${await freePort()}` };
  const path = join(directory, "haproxy.cfg");
  writeFileSync(path, replaced(block, { ...own, "/etc/": `${directory}/etc/` }));
  const pem = join(directory, "etc/ticket-notes/notes.pem");
  const certificate = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=notes.example"];
  execFileSync("openssl", [...certificate, "-keyout", pem, "-out", `${pem}.crt`], { stdio: "ignore" });
  writeFileSync(pem, readFileSync(pem, "utf8") + readFileSync(`${pem}.crt`, "utf8"));
  const proxy = spawn("haproxy", ["-f", path, "-db"], { stdio: ["ignore", "ignore", "inherit"] });
  const exited = once(proxy, "exit");
  const status = (...words: readonly string[]) =>
    execFileSync("curl", ["-sk", "-o", "/dev/null", "-w", "%{http_code} %{http_version}", ...words], { encoding: "utf8" });
  try {
    const answer = await until(10_000, async () => {
      const found = status(`https://127.0.0.1:${front}/v1/me`, "-H", `X-API-Key: ${key}`);
      return found.startsWith("503") ? Promise.reject(new Error(found)) : found;
    });
    expectThat("the proxy passes a request on, by HTTP/2", answer === "200 2");
    expectThat("the proxy hides the metrics", status(`https://127.0.0.1:${front}/metrics`).startsWith("404"));
  } finally {
    proxy.kill("SIGTERM");
    await exited;
  }
}

// Redacts secrets that texts, earlier states, quotations, mails, files, filenames and deleted notes held, kills the
// process (-9) in between, and looks for the secrets where an operator would: in pg_dump's output, in the store, in the
// log and in what each API answers. The bytes of files must be gone a minute after the last redaction.
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { freePort } from "../support/free-port.ts";
import { programDirectory, startCluster } from "./support/cluster.ts";
import { runDemo } from "./support/demo.ts";
import { type Gateway, raisedLimits, startGateway } from "./support/gateway.ts";
import { inParallel, requestOf, type Ticket } from "./support/requests.ts";

const count = 1_000;
const width = 8;
const kills = 5;
const bytesGoneMilliseconds = 60_000;
const sender = "lena.fischer@brightwater.example";
/** The ways in which a secret is written. Each returns what redacts it. */
const ways: readonly ((target: Target, secret: string) => Promise<Redaction>)[] = [
  async (target, secret) => {
    const id = await noteWithEdits(target, secret);
    await uploadTo(target, id, secret);
    return () => redactNote(target, { id, reason: "PERSONAL_DATA" });
  },
  async (target, secret) => {
    const id = await noteWithEdits(target, secret);
    await quote(target, secret);
    const spans = [{ offset: "It is ".length, length: secret.length }];
    return () => redactNote(target, { id, spans, expectedVersion: 3, reason: "SECRET" });
  },
  async (target, secret) => {
    const id = await noteWithEdits(target, secret);
    await uploadTo(target, id, secret);
    await mutate(target, "deleteNote", { id });
    return () => redactNote(target, { id, reason: "SECRET" });
  },
  async (target, secret) => {
    const id = await noteByMail(target, secret);
    return () => redactNote(target, { id, reason: "PERSONAL_DATA" });
  },
  async (target, secret) => {
    const { note } = await mutate(target, "addNote", { ticketId: target.ticket.uuid, text: "See the file.", isPublic: true });
    const attachment = await uploadTo(target, note!.uuid, secret);
    return async () => void (await mutate(target, "redactAttachment", { id: attachment, reason: "SECRET" }));
  },
];

const selections: Readonly<Record<string, string>> = {
  addNote: "note { uuid }",
  updateNote: "note { uuid }",
  deleteNote: "__typename",
  redactNote: "note { uuid }",
  redactAttachment: "attachment { uuid: id }",
};

const cluster = await startCluster();
const dataDirectory = mkdtempSync(join(tmpdir(), "gateway-faults-"));
const start = {
  environment: {
    ...{ LOG_LEVEL: "info", DRAIN_MS: "0", ...raisedLimits, MAIL_TRUSTED_SENDERS: sender },
    ...{ DATABASE_URL: cluster.url("postgres"), SIGNING_SECRET: "a secret of the faults, of 32 characters or more" },
  },
  ...{ dataDirectory, port: await freePort() },
};
const secrets = Array.from({ length: count }, () => `sesame${randomBytes(9).toString("hex")}`);
const logs: string[] = [];
const failures: string[] = [];
let gateway: Gateway | undefined;
try {
  await runDemo({ ...start.environment, DATA_DIR: dataDirectory });
  gateway = await startGateway(start);
  const ticket = await requestOf(gateway.url, gateway.demoKeys().admin);
  // The process is not killed after the last part, so that files are removed without the help of a start.
  for (let part = 0; part <= kills; part += 1) {
    const own = secrets.slice(Math.floor((part * count) / (kills + 1)), Math.floor(((part + 1) * count) / (kills + 1)));
    const target = { url: gateway.url, key: gateway.demoKeys().admin, ticket };
    const redactions = await Promise.all(Array.from({ length: width }, (_, worker) => writeEach(target, own, worker)));
    if (part === 0) checkThatAllAreHeld(own);
    // The process is killed as soon as the last of this part is redacted.
    const pending = redactions.flat();
    await inParallel(pending.length, width, async (index) => await pending[index]!());
    if (part === kills) break;
    logs.push(gateway.logPath);
    await gateway.stop("SIGKILL");
    gateway = await startGateway(start);
  }
  const waited = await untilGone();
  const answers = await answersOf(gateway.url, gateway.demoKeys().admin, ticket);
  const places: Readonly<Record<string, string>> = {
    pg_dump: pgDump(),
    "the store": textOfFiles(),
    "the log": [...logs, gateway.logPath].map((path) => readFileSync(path, "latin1")).join("\n"),
    "the APIs": answers,
  };
  console.log(`bytes gone ${waited} ms after the last redaction (bound: ${bytesGoneMilliseconds})`);
  for (const [place, text] of Object.entries(places)) {
    const held = heldBy(text);
    console.log(`${place}: ${held.length} of ${count} secrets in ${text.length} bytes`);
    if (held.length > 0 || text === "") failures.push(`${place} holds ${held.slice(0, 3).join(", ")}`);
  }
} finally {
  await gateway?.stop("SIGKILL");
  await cluster.remove();
  rmSync(dataDirectory, { recursive: true, force: true });
}
console.log(`wrong: ${failures.length}`);
for (const failure of failures) console.log(`  ${failure}`);
process.exit(failures.length === 0 ? 0 : 1);

interface Target {
  readonly url: string;
  readonly key: string;
  readonly ticket: Ticket;
}

/** Redacts what was written with one secret. */
type Redaction = () => Promise<void>;

/** Writes every secret of one worker, in each of the ways in turn. Returns what redacts them. */
async function writeEach(target: Target, own: readonly string[], worker: number): Promise<readonly Redaction[]> {
  const redactions: Redaction[] = [];
  for (let index = worker; index < own.length; index += width) {
    redactions.push(await ways[index % ways.length]!(target, own[index]!));
  }
  return redactions;
}

type Payload = Readonly<Record<string, { readonly uuid: string } | undefined>>;

/** Executes a mutation. Throws an `Error` if it fails. */
async function mutate({ url, key }: Target, name: string, input: object): Promise<Payload> {
  const type = `${name[0]?.toUpperCase()}${name.slice(1)}`;
  const query = `mutation ($input: ${type}Input!) { result: ${name}(input: $input) { __typename ... on ${type}Payload { ${selections[name]} } } }`;
  const { result } = await ask<{ result: Payload & { __typename: string } }>(url, key, query, { input });
  if (result.__typename !== `${type}Payload`) throw new Error(`${name}: ${result.__typename}`);
  return result;
}

async function ask<Data>(url: string, key: string, query: string, variables: object): Promise<Data> {
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-api-key": key },
    body: JSON.stringify({ query, variables }),
  });
  const text = await response.text();
  const { data } = JSON.parse(text) as { data?: Data | null }; // as the query selects
  if (!data) throw new Error(text.slice(0, 400));
  return data;
}

async function redactNote(target: Target, input: object): Promise<void> {
  await mutate(target, "redactNote", input);
}

/** Writes a note whose text and earlier states hold the secret. Returns its id. Its version is 3. */
async function noteWithEdits(target: Target, secret: string): Promise<string> {
  const { note } = await mutate(target, "addNote", { ticketId: target.ticket.uuid, text: `First ${secret}`, isPublic: true });
  const id = note!.uuid;
  await mutate(target, "updateNote", { id, text: `Then ${secret} and ${secret}` });
  await mutate(target, "updateNote", { id, text: `It is ${secret}` });
  return id;
}

/** Writes a note and a mail that quote the note with the secret, and a note that quoted it before it was changed. */
async function quote(target: Target, secret: string): Promise<void> {
  const { ticket } = target;
  await mutate(target, "addNote", { ticketId: ticket.uuid, text: `> It is ${secret}\n\nYes`, isPublic: true });
  const { note } = await mutate(target, "addNote", { ticketId: ticket.uuid, text: `> It is ${secret}`, isPublic: true });
  await mutate(target, "updateNote", { id: note!.uuid, text: "Never mind" });
  await handOver(target, [
    ...headersOf(ticket, secret, "answer", `Re: [#${ticket.number}] The printer`),
    ...["Content-Type: text/plain; charset=utf-8", "", "Thank you", "", "On Monday Ann wrote:", `> It is ${secret}`, ""],
  ]);
}

/** Uploads a file whose name and bytes hold the secret. Returns the id of the attachment. */
async function uploadTo({ url, key }: Target, noteId: string, secret: string): Promise<string> {
  interface Requested {
    readonly attachment: { readonly uuid: string };
    readonly upload: { readonly url: string; readonly headers: readonly { readonly name: string; readonly value: string }[] };
  }
  const query = `mutation ($input: RequestAttachmentUploadInput!) { result: requestAttachmentUpload(input: $input) {
    ... on RequestAttachmentUploadPayload { attachment { uuid: id } upload { url headers { name value } } } } }`;
  const input = { noteId, filename: `${secret}.txt`, contentType: "text/plain" };
  const { result } = await ask<{ result: Requested }>(url, key, query, { input });
  const headers = Object.fromEntries(result.upload.headers.map(({ name, value }) => [name, value]));
  const sent = await fetch(result.upload.url, { method: "PUT", headers, body: `bytes ${secret}` });
  if (!sent.ok) throw new Error(`The upload was answered with ${sent.status}: ${await sent.text()}`);
  return result.attachment.uuid;
}

/** Hands over a mail with the secret in subject, header, text, filename and file. Returns the id of the note. */
async function noteByMail(target: Target, secret: string): Promise<string> {
  const boundary = `b-${secret.slice(6)}`;
  return await handOver(target, [
    ...headersOf(target.ticket, secret, "first", `[#${target.ticket.number}] About ${secret}`),
    `X-Note: ${secret}`,
    `Content-Type: multipart/mixed; boundary="${boundary}"`,
    "",
    `--${boundary}`,
    "Content-Type: text/plain; charset=utf-8",
    "",
    `The code is ${secret}.`,
    `--${boundary}`,
    `Content-Type: text/plain; name="${secret}.txt"`,
    `Content-Disposition: attachment; filename="${secret}.txt"`,
    "Content-Transfer-Encoding: base64",
    "",
    Buffer.from(`In the file: ${secret}`).toString("base64"),
    `--${boundary}--`,
    "",
  ]);
}

/** Returns the header of a mail to the ticket. The id does not hold the secret as it is searched for. */
function headersOf({ number }: Ticket, secret: string, name: string, subject: string): readonly string[] {
  return [
    `From: ${sender}`,
    `To: desk+${number}@desk.example`,
    `Subject: ${subject}`,
    `Message-ID: <${name}-${secret.slice(6)}@brightwater.example>`,
    `Date: ${new Date().toUTCString()}`,
    "MIME-Version: 1.0",
  ];
}

/** Hands over a mail. Returns the id of its note. */
async function handOver({ url, key }: Target, lines: readonly string[]): Promise<string> {
  const response = await fetch(`${url}/mail/inbound`, {
    method: "POST",
    headers: { "content-type": "message/rfc822", "x-api-key": key },
    body: lines.join("\r\n"),
  });
  const text = await response.text();
  if (response.status !== 201) throw new Error(`The mail was answered with ${response.status}: ${text}`);
  return (JSON.parse(text) as { note: string }).note; // as note-life.md describes the answer
}

/** Checks that this script would find secrets: before they are redacted, the dump and the store hold them. */
function checkThatAllAreHeld(written: readonly string[]): void {
  for (const [place, text] of Object.entries({ pg_dump: pgDump(), "the store": textOfFiles() })) {
    const held = new Set(heldBy(text));
    const missed = written.filter((secret) => !held.has(secret)).length;
    console.log(`before: ${place} holds ${written.length - missed} of ${written.length} secrets`);
    if (missed === written.length || (place === "pg_dump" && missed > 0))
      failures.push(`${place} held no secrets to begin with`);
  }
}

/** Returns the secrets that `text` holds, as they are or in lines of base64. */
function heldBy(text: string): readonly string[] {
  const encoded = [...text.matchAll(/^[A-Za-z0-9+/=]{24,}\r?$/gm)].map(([line]) =>
    Buffer.from(line, "base64").toString("latin1"),
  );
  const held = new Set([text, ...encoded].flatMap((one) => [...one.matchAll(/sesame[0-9a-f]{18}/g)].map(([secret]) => secret)));
  return secrets.filter((secret) => held.has(secret));
}

function pgDump(): string {
  const words = ["--dbname", cluster.url("postgres")];
  return execFileSync(join(programDirectory(), "pg_dump"), words, { encoding: "latin1", maxBuffer: 2 ** 30 });
}

/** Returns the names and the bytes of all files of the store. */
function textOfFiles(): string {
  return filesOf(dataDirectory)
    .map((path) => `${path}\n${readOrEmpty(path)}`)
    .join("\n");
}

/** Waits until no file of the store holds a secret. Returns the milliseconds that this took. */
async function untilGone(): Promise<number> {
  const began = performance.now();
  for (;;) {
    const held = heldBy(textOfFiles()).length;
    const waited = Math.round(performance.now() - began);
    if (held === 0) return waited;
    if (waited > bytesGoneMilliseconds) {
      failures.push(`files still hold ${held} secrets after ${waited} ms`);
      return waited;
    }
    await pause(500);
  }
}

/** Returns the bytes of a file as text, or nothing if the file has been removed meanwhile. */
function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return "";
    throw error;
  }
}

function filesOf(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .map((path) => join(directory, path))
    .filter((path) => !path.endsWith("demo-keys.json") && statSync(path, { throwIfNoEntry: false })?.isFile() === true);
}

interface NotesPage {
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}

/** Returns what the three APIs show of the ticket's notes. */
async function answersOf(url: string, key: string, ticket: Ticket): Promise<string> {
  const answers: string[] = [];
  const get = async (path: string) => (await fetch(`${url}${path}`, { headers: { "x-api-key": key } })).text();
  for (let offset = 0; offset < count; offset += 1_000)
    answers.push(await get(`/v2/tickets/notes?ticket_id=${ticket.uuid}&limit=1000&offset=${offset}`));
  for (let page = 1; page <= 2 + count / 100; page += 1) answers.push(await get(`/v1/notes?per_page=100&page=${page}`));
  const query = `query ($id: ID!, $after: String) { ticket(id: $id) { notes(first: 30, after: $after) { pageInfo { hasNextPage endCursor }
    nodes { text textPlain inboundEmail { subject from messageId } attachments { nodes { filename download { url } } }
      edits { nodes { text diff { text } } } redactions { reason } } } } }`;
  for (let after: string | null = null; ;) {
    const { ticket: read }: { ticket: { notes: NotesPage } } = await ask(url, key, query, { id: ticket.uuid, after });
    answers.push(JSON.stringify(read));
    if (!read.notes.pageInfo.hasNextPage) return answers.join("\n");
    after = read.notes.pageInfo.endCursor;
  }
}

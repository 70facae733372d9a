import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { mixedCalls } from "../faults/support/load.ts";
import type { DemoKeys } from "../faults/support/gateway.ts";
import { formOf, type StorageOffer } from "../support/upload-form.ts";
import type { Images } from "./addresses.ts";
import { type Client, createClient, loadDuring } from "./client.ts";
import type { Container } from "./image.ts";
import { type GatewayName, type Services, startServices } from "./services.ts";

// compose.yaml as Docker Compose reads it, without an engine: the gateways and PgBouncer from the images of the
// Dockerfiles, Debian's Caddy and PostgreSQL, and Ceph's S3 gateway, with the ports and names of the file.

const described = process.env["PACKAGING_IMAGES"] ?? "";
const images = JSON.parse(readFileSync(described, "utf8")) as Images; // of test/packaging/run.ts
const url = "https://notes.localhost";
const clients = 16;

let services: Services;
let client: Client;
let keys: DemoKeys;
let ticketId: string;
let ticketNumber: number;
const gateways = new Map<GatewayName, Container>();

beforeAll(async () => {
  services = await startServices(images);
  await services.run("migrate", ["node", "src/load-demo.ts"]);
  for (const name of ["gateway-1", "gateway-2"] as const) gateways.set(name, await services.startGateway(name));
  client = createClient(services.authority);
  const path = join(services.dataDirectory, "demo-keys.json");
  keys = JSON.parse(readFileSync(path, "utf8")) as DemoKeys; // as running.md has it
  // The proxy asks once a second whether the gateways are ready.
  await wait(2_500);
  const { tickets } = await graphql<{ tickets: { nodes: { uuid: string; number: number }[] } }>(
    "{ tickets(first: 1, filter: { kind: REQUEST }) { nodes { uuid number } } }",
  );
  const [ticket] = tickets.nodes;
  if (ticket === undefined) throw new Error("The demo data has requests.");
  ({ uuid: ticketId, number: ticketNumber } = ticket);
});
afterAll(async () => {
  client?.close();
  await services?.stop();
});

const headers = () => ({ "content-type": "application/json", "x-api-key": keys.specialist });

async function graphql<Data>(query: string, variables: object = {}): Promise<Data> {
  const { status, body } = await client.send(`${url}/graphql`, {
    method: "POST",
    headers: headers(),
    body: JSON.stringify({ query, variables }),
  });
  expect(status, body.toString()).toBe(200);
  return (JSON.parse(body.toString()) as { data: Data }).data; // as the query selects
}

async function rest<Result>(method: string, path: string, sent?: object): Promise<Result> {
  const body = sent === undefined ? {} : { body: JSON.stringify(sent) };
  const answer = await client.send(`${url}${path}`, { method, headers: headers(), ...body });
  expect(answer.status, answer.body.toString()).toBeLessThan(300);
  return JSON.parse(answer.body.toString()) as Result; // as the OpenAPI documents have it
}

const gatewayOf = (name: GatewayName): Container => {
  const container = gateways.get(name);
  if (container === undefined) throw new Error(`${name} does not run`);
  return container;
};

test("a command makes the first account beside the gateways", async () => {
  const who = ["--account", "harbour", "--account-name", "Harbour Works", "--time-zone", "Europe/Lisbon"];
  const printed = await services.run("migrate", [
    ...["node", "src/setup.ts", ...who, "--person", "olga@harbour.example", "--name", "Olga Owner", "--json"],
  ]);
  const { secret } = JSON.parse(printed) as { secret: string }; // as docs/administration.md has it
  const body = JSON.stringify({ query: "{ viewer { role } }" });
  const sent = { method: "POST", headers: { "content-type": "application/json", "x-api-key": secret }, body };
  const answer = await client.send(`${url}/graphql`, sent);
  expect(JSON.parse(answer.body.toString())).toEqual({ data: { viewer: { role: "ADMINISTRATOR" } } });
});

test("notes that are written on each API are read on the others", async () => {
  const added = await graphql<{ addNote: { note: { text: string } } }>(
    "mutation ($input: AddNoteInput!) { addNote(input: $input) { ... on AddNotePayload { note { text } } } }",
    { input: { ticketId, text: "By GraphQL." } },
  );
  expect(added).toEqual({ addNote: { note: { text: "By GraphQL." } } });
  await rest("POST", "/v2/tickets/notes", { ticket_id: ticketId, value: "By /v2." });
  await rest("POST", `/v1/requests/${ticketNumber}/notes`, { text: "By /v1." });

  const texts = ["By GraphQL.", "By /v2.", "By /v1."];
  const onV2 = await rest<{ result: { value: string }[] }>("GET", `/v2/tickets/notes?ticket_id=${ticketId}&limit=100`);
  expect(onV2.result.map(({ value }) => value)).toEqual(expect.arrayContaining(texts));
  const onV1 = await rest<{ text: string }[]>("GET", `/v1/requests/${ticketNumber}/notes?per_page=100&fields=text`);
  expect(onV1.map(({ text }) => text)).toEqual(expect.arrayContaining(texts));
});

test("a file of 64 MiB goes to the store and back by signed URLs, which the proxy passes on", async () => {
  const note = await rest<{ id: string }>("POST", "/v2/tickets/notes", { ticket_id: ticketId, value: "With a file." });
  const file = randomBytes(64 * 1024 * 1024);
  const offered = await rest<{ signed_url: string }>("POST", "/v2/tickets/note-attachments", {
    note_id: note.id,
    filename: "large.bin",
  });
  expect(offered.signed_url).toMatch(/^https:\/\/files\.notes\.localhost\/attachments\//);
  const contentType = { "content-type": "application/octet-stream" };
  const put = await client.send(offered.signed_url, { method: "PUT", headers: contentType, body: file });
  expect(put.status, put.body.toString()).toBe(200);

  const stored = await rest<{ signed_url: string }>("GET", `/v2/tickets/note-attachments/${note.id}/large.bin`);
  const { status, body } = await client.send(stored.signed_url);
  const digest = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
  expect([status, digest(body)]).toEqual([200, digest(file)]);
});

test("a file of a form goes through a gateway, which passes it on as it comes", async () => {
  const offer = await rest<StorageOffer>("GET", "/v1/attachments/storage");
  expect(offer.upload_uri).toMatch(/^https:\/\/notes\.localhost\//);
  const form = formOf(offer, "application/octet-stream");
  form.append("file", new Blob([randomBytes(64 * 1024 * 1024)]), "form.bin");
  const encoded = new Response(form);
  const { status, body } = await client.send(offer.upload_uri, {
    method: "POST",
    headers: { "content-type": encoded.headers.get("content-type") ?? "" },
    body: Buffer.from(await encoded.arrayBuffer()),
  });
  expect(status, body.toString()).toBe(201);
});

test("the gateways know the address of the client, from the proxy alone", async () => {
  await client.send(`${url}/v1/account`, { headers: { ...headers(), "x-forwarded-for": "192.0.2.1" } });
  await wait(300);
  const logs = [...gateways.values()].map((container) => container.printed()).join("\n");
  expect(logs).toContain('"remoteAddress":"127.0.0.1"');
  expect(logs).not.toContain("192.0.2.1");
});

test("PostgreSQL has no more connections than PgBouncer may open", async () => {
  const database = new pg.Client({ connectionString: services.databaseUrl });
  await database.connect();
  const { rows } = await database.query<{ client_addr: string; count: string }>(
    "SELECT host(client_addr) AS client_addr, count(*) FROM pg_stat_activity WHERE usename = 'notes' AND pid <> pg_backend_pid() GROUP BY 1",
  );
  await database.end();
  expect(rows.reduce((sum, { count }) => sum + Number(count), 0)).toBeLessThanOrEqual(20);
});

test("a gateway that is stopped under load loses no request, and ends with 0", async () => {
  const calls = mixedCalls(keys.specialist, ticketId);
  const codes: (number | null)[] = [];
  const { answered, failed } = await loadDuring({ authority: services.authority, url, clients, calls }, async () => {
    for (const name of ["gateway-1", "gateway-2"] as const) {
      await wait(1_000);
      codes.push(await gatewayOf(name).stop("SIGTERM"));
      gateways.set(name, await services.startGateway(name));
      await wait(2_500);
    }
  });
  console.log(`both gateways stopped in turn: ${answered} requests answered, ${failed.length} failed`);
  expect(failed).toEqual([]);
  expect(codes).toEqual([0, 0]);
  expect(answered).toBeGreaterThan(100);
});

test("a gateway that is killed under load loses what it was answering, and nothing after that", async () => {
  const calls = mixedCalls(keys.specialist, ticketId);
  const { answered, failed } = await loadDuring({ authority: services.authority, url, clients, calls }, async () => {
    await wait(1_000);
    expect(await gatewayOf("gateway-1").stop("SIGKILL")).not.toBe(0);
    await wait(3_000);
  });
  console.log(`one gateway killed: ${answered} requests answered, ${failed.length} failed: ${[...new Set(failed)].join(", ")}`);
  expect(failed.length).toBeLessThanOrEqual(clients);
  expect(failed.filter((failure) => !failure.endsWith(": 502"))).toEqual([]);
  const after = await loadDuring({ authority: services.authority, url, clients, calls }, () => wait(1_000));
  expect(after.failed).toEqual([]);
});

// npm run trace -- query|mutation|list [directory]
//   prints the files that run for one warm request, of this checkout or of another one
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { Session } from "node:inspector/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { freePort } from "../test/support/free-port.ts";

/** What the gateway is asked, given ids of the demo data. */
interface Ids {
  readonly note: string;
  readonly ticket: string;
}
interface Asked {
  readonly path: string;
  readonly body?: object;
}

const requests: Readonly<Record<string, (ids: Ids) => Asked>> = {
  query: ({ note }) => ({ path: "/graphql", body: { query: `{ note(id: "${note}") { text } }` } }),
  mutation: ({ ticket }) => ({
    path: "/graphql",
    body: {
      query: "mutation ($input: AddNoteInput!) { addNote(input: $input) { ... on AddNotePayload { note { text } } } }",
      variables: { input: { ticketId: ticket, text: "Traced." } },
    },
  }),
  list: () => ({ path: "/v1/notes" }),
};

/** How often a request is sent before it is traced: by then its document, its plan and its connection are cached. */
const warmRequests = 3;

const [name = "", directory = resolve(import.meta.dirname, "..")] = process.argv.slice(2);
const request = requests[name];
if (!request) {
  console.error("Usage: npm run trace -- query|mutation|list [directory]");
  process.exit(2);
}

const dataDirectory = mkdtempSync(join(tmpdir(), "ticket-notes-trace-"));
const url = `http://127.0.0.1:${await freePort()}`;
const session = new Session();
session.connect();
await session.post("Profiler.enable");
await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false });

// The gateway of that checkout, in this process, with an embedded database of its own.
delete process.env["DATABASE_URL"];
Object.assign(process.env, { PORT: new URL(url).port, DATA_DIR: dataDirectory, LOG_LEVEL: "silent" });
const source = pathToFileURL(join(resolve(directory), "src/")).href;
await import(new URL("main.ts", source).href);

// As src/demo/start.ts writes it.
const keys = JSON.parse(readFileSync(join(dataDirectory, "demo-keys.json"), "utf8")) as { specialist: string };
const found = await send({ path: "/graphql", body: { query: "{ notes(first: 1) { nodes { id ticket { id } } } }" } });
// as asked
const [note] = (found as { data: { notes: { nodes: { id: string; ticket: { id: string } }[] } } }).data.notes.nodes;
if (!note) throw new Error("The demo data has no note.");

const asked = request({ note: note.id, ticket: note.ticket.id });
for (let count = 0; count < warmRequests; count += 1) await send(asked);
// Work that these requests left for the background is over by then.
await setTimeout(500);
// What ran until now is reported once, and not again.
await session.post("Profiler.takePreciseCoverage");
await send(asked);
const { result } = await session.post("Profiler.takePreciseCoverage");

const files = result
  .filter((script) => script.url.startsWith(source) && !script.url.includes("/generated/"))
  .map((script) => ({
    file: script.url.slice(source.length),
    functions: script.functions.filter(({ ranges: [whole] }) => whole !== undefined && whole.count > 0).length,
  }))
  .filter(({ functions }) => functions > 0)
  .toSorted((one, other) => (one.file < other.file ? -1 : 1));
console.table(files);
console.log(`${name}: ${files.length} files, ${files.reduce((sum, { functions }) => sum + functions, 0)} functions`);
process.on("exit", () => rmSync(dataDirectory, { recursive: true, force: true }));
process.kill(process.pid, "SIGTERM");

/** Sends a request and returns the JSON of the response. Throws an Error if its status is not 200. */
async function send({ path, body }: Asked): Promise<unknown> {
  const response = await fetch(`${url}${path}`, {
    method: body ? "POST" : "GET",
    headers: { authorization: `Bearer ${keys.specialist}`, "content-type": "application/json" },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${path} answered ${response.status}: ${text}`);
  return JSON.parse(text);
}

// Runs published, unmodified clients of /v1's family against a gateway. They write notes with files in each way that
// they offer, and find them again.
//
// V1_CLIENTS names a directory outside the repository with the clients, each as in its repository:
//   ruby/           code4me/4me-sdk-ruby             gem_config/     manuelmeurer/gem_config, which the SDK needs
//   python/         fasteiner/xurrent-python         python-upload/  a module fixit.py with the class FixItClient
// Debian packages: ruby ruby-activesupport ruby-mime-types python3 python3-requests python3-xmltodict python3-tenacity.
//
// Prints a line for each way. Fails if a note or a byte of a file is not found again, or is visible to a person who
// must not see it.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { startGateway } from "./support/gateway.ts";

interface Client {
  readonly name: string;
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** The number of ways in which it writes notes. */
  readonly ways: number;
  /** The number of files that it uploads with them. */
  readonly files: number;
}

/** A note that a client has found again. */
interface FoundNote {
  readonly way: string;
  readonly note: number;
  readonly text: string;
  readonly internal: boolean;
  readonly files: readonly FoundFile[];
}

interface FoundFile {
  readonly name: string;
  readonly key: string;
  readonly inline: boolean;
  readonly size: number;
  readonly uri: string;
}

const kinds = ["requests", "problems", "workflows", "tasks", "project_tasks", "projects", "releases", "risks"];
const account = "brightwater";

const clients = process.env["V1_CLIENTS"];
if (clients === undefined || !existsSync(clients)) {
  console.log("NOT RUN: set V1_CLIENTS to the directory of the clients (see the head of this script).");
  process.exit(0);
}
process.exit((await run(clients)) ? 0 : 1);

async function run(directory: string): Promise<boolean> {
  const drivers = join(import.meta.dirname, "v1-clients");
  const ruby = ["-I", join(directory, "ruby/lib"), "-I", join(directory, "gem_config/lib"), join(drivers, "ruby.rb")];
  const pythonPath = [join(directory, "python/src"), join(directory, "python-upload")].join(":");
  const files = mkdtempSync(join(tmpdir(), "v1-clients-"));
  writeFiles(files);
  const gateway = await startGateway();
  try {
    const { specialist, customer } = gateway.demoKeys();
    const get = async (path: string, key: string) =>
      fetch(`${gateway.url}/v1${path}`, { headers: { authorization: `Bearer ${key}` } });
    // The contract has this shape.
    const idsOf = async (path: string) => (await (await get(path, specialist)).json()) as { id: number }[];
    const records = Object.fromEntries(
      await Promise.all(kinds.map(async (kind) => [kind, (await idsOf(`/${kind}?per_page=1&sort=-id`))[0]?.id] as const)),
    );
    const [request] = (await (await get("/requests/open?per_page=1", customer)).json()) as { id: number }[]; // likewise
    if (!request) throw new Error("The demo data has no open request of the customer's.");
    const environment = {
      ...{ GATEWAY_URL: gateway.url, TOKEN: specialist, ACCOUNT: account, FILES: files },
      ...{ REQUEST: String(request.id), RECORDS: JSON.stringify(records) },
    };
    const all: readonly Client[] = [
      { name: "Ruby", command: ["/usr/bin/ruby", ...ruby], ways: 15, files: 19 },
      {
        name: "Python",
        command: ["/usr/bin/python3", join(drivers, "python.py")],
        environment: { PYTHONPATH: pythonPath, PYTHONDONTWRITEBYTECODE: "1" },
        ways: 8,
        files: 7,
      },
    ];
    let isRight = true;
    for (const client of all) {
      const lines = await linesOf(client, environment);
      const notes = lines.filter((line): line is FoundNote => "way" in line);
      const problems: string[] = [];
      for (const note of notes) problems.push(...(await problemsOf(note, files, (path) => get(path, customer))));
      const found = notes.reduce((sum, note) => sum + note.files.length, 0);
      console.log(`${client.name}: ${notes.length} of ${client.ways} notes and ${found} of ${client.files} files found again`);
      for (const note of notes)
        console.log(`  ${note.way}: note ${note.note}, ${note.files.length} files, internal ${note.internal}`);
      for (const line of lines) if (!("way" in line)) console.log(`  ${JSON.stringify(line)}`);
      problems.push(...problemsOfWalks(lines));
      for (const problem of problems) console.log(`  WRONG: ${problem}`);
      if (notes.length !== client.ways || found !== client.files || problems.length > 0) isRight = false;
    }
    return isRight;
  } finally {
    await gateway.stop();
    rmSync(files, { recursive: true });
  }
}

function writeFiles(directory: string): void {
  const png = Buffer.from("89504e470d0a1a0a0000000d4948445200000001000000010806000000", "hex");
  writeFileSync(join(directory, "camera.png"), Buffer.concat([png, Buffer.alloc(3_000, 1)]));
  writeFileSync(join(directory, "screen.png"), Buffer.concat([png, Buffer.alloc(70_000, 2)]));
  writeFileSync(join(directory, "log.txt"), "12:01 fault P0301\r\n--\r\n".repeat(200));
  writeFileSync(join(directory, "cells.csv"), "cell;volt\n1;3,71\n2;3,69\n");
}

/**
 * Runs a client, which prints one JSON object a line. If it fails, its messages go to the standard error of this
 * script.
 */
async function linesOf(
  { name, command: [program = "", ...words], environment }: Client,
  common: Readonly<Record<string, string>>,
): Promise<readonly (FoundNote | object)[]> {
  const child = spawn(program, words, {
    env: { ...process.env, ...common, ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [printed, [code]] = await Promise.all([text(child.stdout), once(child, "exit")]);
  if (code !== 0) console.log(`${name} ended with ${String(code)}`);
  return printed
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as FoundNote | object); // the drivers beside this script print nothing else
}

/**
 * Returns the problems of a note that a client has found: of the bytes of its files, and of what the customer sees of
 * it.
 */
async function problemsOf(
  note: FoundNote,
  directory: string,
  asCustomer: (path: string) => Promise<Response>,
): Promise<string[]> {
  const problems: string[] = [];
  for (const file of note.files) {
    const expected = readFileSync(join(directory, file.name));
    const answer = await fetch(file.uri);
    const bytes = Buffer.from(await answer.arrayBuffer());
    if (!answer.ok || digest(bytes) !== digest(expected)) problems.push(`${note.way}: ${file.name} has other bytes`);
    if (file.size !== expected.length) problems.push(`${note.way}: ${file.name} has the size ${file.size}`);
    if (file.inline !== note.text.includes(`![](${file.key})`))
      problems.push(`${note.way}: ${file.name} inline ${file.inline}`);
  }
  // The customer sees their own request and none of the other records.
  const { status } = await asCustomer(`/notes/${note.note}`);
  if (note.internal && status !== 404) problems.push(`${note.way}: the customer reads an internal note`);
  return problems;
}

/** Checks that each walk of a client has met records. A client reports their numbers. */
function problemsOfWalks(lines: readonly object[]): string[] {
  // The drivers print this shape.
  const walked = lines.flatMap((line) => ("walked" in line ? Object.entries(line.walked as Record<string, number>) : []));
  if (walked.length === 0) return ["it did not come to its walks"];
  return walked.filter(([, count]) => !(count > 0)).map(([walk]) => `the walk ${walk} met nothing`);
}

function digest(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

import { createHash } from "node:crypto";
import { createWriteStream, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { join } from "node:path";
import { v1Collections } from "../../src/transfer/shapes.ts";

export interface LegacyFolder {
  readonly directory: string;
  readonly slug: string;
  readonly people: number;
  readonly tickets: number;
  readonly notes: number;
  /** One note in this many has a file. 0: none has. */
  readonly notesPerFile: number;
  /** The integer id of the first person, which is unique in all accounts of a gateway. Default: 10000. */
  readonly firstPerson?: number;
}

const kinds = Object.entries(v1Collections);
const media = ["default", "default", "default", "email", "outbound_email", "system", "automation"];
const mediumOf = (n: number) => media[n % media.length] ?? "default";
const words = `the of and to pump valve pressure sensor was not is that it for customer line test again cable readings
  replaced leak checked report with after before driver gearbox brake engine lamp coolant fuse relay harness connector
  voltage drop resistance ground noise start idle warm cold minutes hours tomorrow today please call back parts ordered
  arrived fitted torque spec manual page photo attached invoice quote approved waiting`.split(/\s+/);

/** Numbers that look random and are the same in every run. */
function numbersFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 4_294_967_296) * below);
  };
}

/**
 * Writes a folder of /v1 lists, as a legacy system would answer them: without UUIDs, with authors who are not among the
 * people, redacted notes, mails, mentions, and files, of which each has other bytes.
 */
export async function writeLegacyFolder({
  directory,
  slug,
  people,
  tickets,
  notes,
  notesPerFile,
  firstPerson = 10_000,
}: LegacyFolder): Promise<void> {
  const next = numbersFrom(notes + people);
  mkdirSync(join(directory, "files"), { recursive: true });
  const account = { id: slug, name: `Account ${slug}` };
  writeFileSync(
    join(directory, "accounts.json"),
    JSON.stringify([{ ...account, time_zone: "Europe/Amsterdam", created_at: "2020-01-01T00:00:00Z" }]),
  );
  const nameOf = (n: number) => ({ id: firstPerson + n, name: `Person ${n}` });
  const roles = ["customer", "customer", "customer", "specialist", "administrator"] as const;
  await writeLines(join(directory, "people.ndjson"), people, (n) => ({
    ...nameOf(n),
    primary_email: `person${n}@${slug}.example`,
    account,
    role: n % 50 === 49 ? "left" : roles[n % roles.length],
  }));

  const kindOf = (ticket: number) => kinds[ticket % kinds.length] ?? ["REQUEST", "requests"];
  const ticketNumber = (ticket: number) => 20_000 + ticket;
  const firstAt = Date.UTC(2024, 0, 1);
  const subjectOf = (ticket: number) => `Ticket ${ticket} of ${slug}`;
  for (const [index, [, collection]] of kinds.entries()) {
    const count = Math.ceil((tickets - index) / kinds.length);
    await writeLines(join(directory, `${collection}.ndjson`), Math.max(0, count), (n) => {
      const ticket = n * kinds.length + index;
      return {
        id: ticketNumber(ticket),
        subject: subjectOf(ticket),
        status:
          { PROJECT: "in_progress", RISK: "anticipated", RELEASE: "in_progress", WORKFLOW: "in_progress" }[kindOf(ticket)[0]] ??
          (kindOf(ticket)[0] === "PROBLEM" ? "solved" : "completed"),
        requested_by: ticket % 3 === 0 ? null : nameOf(ticket % people),
        account,
        created_at: new Date(firstAt + ticket * 1000).toISOString(),
        updated_at: new Date(firstAt + ticket * 2000).toISOString(),
      };
    });
  }

  const fileOf = (note: number) => `${note}.txt`;
  await writeLines(join(directory, "notes.ndjson"), notes, (note) => {
    const ticket = next(tickets);
    const [kind] = kindOf(ticket);
    const hasFile = notesPerFile > 0 && note % notesPerFile === 0;
    const key = `attachments/${slug}/${note}/report.txt`;
    const isRedacted = note % 997 === 0;
    const isUnknown = note % 991 === 0;
    const createdAt = new Date(firstAt + note * 60_000);
    const text = Array.from(
      { length: 12 + next(30) },
      () => words[Math.floor(((next(1000) * next(1000)) / 1_000_000) * words.length)],
    ).join(" ");
    if (hasFile) writeFileSync(join(directory, "files", fileOf(note)), `file of note ${note} of ${slug}\n`);
    return {
      id: 100_000 + note,
      person: isUnknown ? { id: 90_000 + (note % 7), name: `Somebody ${note % 7}` } : nameOf(next(people)),
      created_at: createdAt.toISOString().replace(".000Z", "+00:00"),
      text: isRedacted
        ? ""
        : `${text}${note % 11 === 0 ? ` <@${nameOf(note % people).id}|Person>` : ""}${hasFile ? ` ![](${key})` : ""}`,
      medium: isRedacted ? "redacted" : mediumOf(note),
      internal: note % 2 === 0,
      attachments:
        hasFile && !isRedacted
          ? [
              {
                id: 500_000 + note,
                name: "report.txt",
                key,
                inline: true,
                size: Buffer.byteLength(`file of note ${note} of ${slug}\n`),
                file: fileOf(note),
                created_at: createdAt.toISOString(),
              },
            ]
          : [],
      account,
      inbound_email: mediumOf(note) === "email" && !isRedacted ? { id: 1000 + note, subject: `Mail ${note}` } : null,
      [kind.toLowerCase()]: { id: ticketNumber(ticket), subject: subjectOf(ticket) },
    };
  });
}

async function writeLines(path: string, count: number, lineOf: (n: number) => object): Promise<void> {
  const stream = createWriteStream(path);
  for (let n = 0; n < count; n += 1) if (!stream.write(`${JSON.stringify(lineOf(n))}\n`)) await once(stream, "drain");
  stream.end();
  await once(stream, "close");
}

/** A record of a list, as far as it is compared. */
interface LegacyRecord {
  readonly id: number;
  readonly subject: string;
  readonly status: string;
  readonly requested_by: unknown;
  readonly created_at: string;
  readonly updated_at: string;
  readonly person: unknown;
  readonly text: string;
  readonly medium: string;
  readonly internal: boolean;
  readonly inbound_email: { readonly id: number; readonly subject: string } | null;
  readonly attachments: readonly {
    readonly id: number;
    readonly name: string;
    readonly key: string;
    readonly inline: boolean;
    readonly size: number;
    readonly file: string;
  }[];
}

/**
 * Returns what a folder says, in one line for each record, whatever the order and the form of its times. Members that
 * only an export has are left out.
 */
export function linesOfFolder(directory: string): string[] {
  const listOf = (name: string) =>
    readdirSync(directory)
      .filter((file) => file === `${name}.ndjson`)
      .flatMap((file) => readFileSync(join(directory, file), "utf8").split("\n"))
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as LegacyRecord); // lists of the shapes above
  const digestOf = (file: string) =>
    createHash("sha256")
      .update(readFileSync(join(directory, "files", file)))
      .digest("hex");
  const time = (at: string) => new Date(at).getTime();
  const notes = listOf("notes").map((note) => {
    const [kind, reference] = Object.entries(note).find(([name]) => kindNames.has(name)) ?? [];
    const email = note.inbound_email && [note.inbound_email.id, note.inbound_email.subject];
    const files = note.attachments.map(({ id, name, key, inline, size, file }) => {
      return [id, name, key, inline, size, digestOf(file)];
    });
    const said = [note.person, time(note.created_at), note.text, note.medium, note.internal];
    return JSON.stringify(["note", note.id, ...said, kind, reference, email, files]);
  });
  const tickets = kinds.flatMap(([, collection]) =>
    listOf(collection).map((ticket) => {
      const { id, subject, status, requested_by: requester, created_at: created, updated_at: updated } = ticket;
      return JSON.stringify([collection, id, subject, status, requester, time(created), time(updated)]);
    }),
  );
  return [...notes, ...tickets].toSorted();
}

const kindNames = new Set(kinds.map(([kind]) => kind.toLowerCase()));

/** Returns a line for each person of a folder. An import adds those whom only notes name. */
export function peopleOfFolder(directory: string): string[] {
  return readFileSync(join(directory, "people.ndjson"), "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const { id, name, primary_email: email, role } = JSON.parse(line) as Record<string, unknown>;
      return JSON.stringify([id, name, email, role]);
    })
    .toSorted();
}

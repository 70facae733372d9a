import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createLineWriter, type LineWriterOptions } from "../src/lib/line-writer.ts";
import { errorCodeOf } from "../src/lib/error-code.ts";

const { O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;
const options: LineWriterOptions = { togetherCharacters: 100, togetherMilliseconds: 5, maxWaitingCharacters: 1_000_000 };

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "line-writer-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** Returns a pipe with a name, which readers may leave and come back to. */
function openPipe(name: string) {
  const path = join(directory, name);
  execFileSync("mkfifo", [path]);
  const openReader = () => openSync(path, O_RDONLY | O_NONBLOCK);
  let reader = openReader();
  const writer = openSync(path, O_WRONLY | O_NONBLOCK);
  return {
    writer,
    /** Returns what is in the pipe. */
    read(): string {
      const buffer = Buffer.alloc(1_048_576);
      try {
        return buffer.toString("utf8", 0, readSync(reader, buffer));
      } catch (error) {
        if (errorCodeOf(error) === "EAGAIN") return "";
        throw error;
      }
    },
    leave: () => closeSync(reader),
    comeBack() {
      reader = openReader();
    },
    close() {
      closeSync(reader);
      closeSync(writer);
    },
  };
}

const linesFrom = (first: number, count: number) => Array.from({ length: count }, (_, index) => `line ${first + index}\n`);

test("lines are written together and in order, and what waits is written when it is flushed", async () => {
  const pipe = openPipe("order");
  const writer = createLineWriter(pipe.writer, options);
  for (const line of linesFrom(1, 50)) writer.write(line);
  let read = "";
  await expect.poll(() => (read += pipe.read())).toBe(linesFrom(1, 50).join(""));
  writer.write("the last\n");
  writer.flush();
  expect(pipe.read()).toBe("the last\n");
  pipe.close();
});

test("a reader who reads late gets every line, whole and in order", async () => {
  const pipe = openPipe("late");
  const writer = createLineWriter(pipe.writer, options);
  const lines = linesFrom(1, 20_000);
  for (const line of lines) writer.write(line);
  // More than a pipe holds, so that a part of it is written, and then nothing.
  await setTimeout(50);
  let read = "";
  await expect.poll(() => (read += pipe.read()).length, { timeout: 10_000 }).toBe(lines.join("").length);
  expect(read).toBe(lines.join(""));
  pipe.close();
});

test("what nobody reads is lost, and the next reader gets whole lines", async () => {
  const pipe = openPipe("lost");
  const writer = createLineWriter(pipe.writer, options);
  for (const line of linesFrom(1, 20_000)) writer.write(line);
  await setTimeout(50);
  pipe.leave();
  // The rest of what was written in part is refused now.
  await setTimeout(50);
  writer.write("lost\n");
  writer.flush();
  pipe.comeBack();
  expect(pipe.read()).toMatch(/^line 1\n[^]*[^\n]$/);
  writer.write("found\n");
  writer.flush();
  expect(pipe.read()).toBe("\nfound\n");
  pipe.close();
});

test("lines beyond the maximum are dropped, and none of the others", () => {
  const pipe = openPipe("maximum");
  const writer = createLineWriter(pipe.writer, { ...options, togetherCharacters: 1_000, maxWaitingCharacters: 70 });
  for (const line of linesFrom(10, 20)) writer.write(line);
  writer.flush();
  expect(pipe.read()).toBe(linesFrom(10, 8).join("").slice(0, 64));
  writer.write("later\n");
  writer.flush();
  expect(pipe.read()).toBe("later\n");
  pipe.close();
});

describe.each([
  ["a full disk", () => ({ writer: openSync("/dev/full", O_WRONLY), close: () => undefined })],
  ["a reader who reads nothing", () => openPipe("unread")],
])("with %s", (_name, open) => {
  test("a process that logs goes on, and ends when it is told to", async () => {
    const program = `
      const { createLog } = await import(${JSON.stringify(new URL("../src/lib/log.ts", import.meta.url).href)});
      const log = createLog("info");
      const say = () => {
        for (let line = 1; line <= 2_000; line += 1) log.info({ line }, "a line that is longer than others are");
      };
      say();
      process.on("SIGTERM", () => process.exit(7));
      setTimeout(say, 200);
      setTimeout(() => process.send("alive"), 400);
      setTimeout(() => undefined, 60_000);`;
    const { writer, close } = open();
    const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
      stdio: ["ignore", writer, "pipe", "ipc"],
    });
    const errors: string[] = [];
    child.stderr?.on("data", (chunk: Buffer) => errors.push(chunk.toString()));
    const ended = once(child, "exit") as Promise<[code: number | null]>; // the event of a child process
    expect(await Promise.race([once(child, "message"), ended])).toContain("alive");
    child.kill("SIGTERM");
    expect(await ended).toContain(7);
    expect(errors.join("")).toBe("");
    close();
  });
});

import { write, writeSync } from "node:fs";
import { errorCodeOf } from "./error-code.ts";

/**
 * Writes lines to a file descriptor, many together. It throws nothing and holds nothing up: what the descriptor cannot
 * take, because the disk is full or the reader is gone, is lost, and what comes later is written when it can be.
 */
export interface LineWriter {
  write(line: string): void;
  /**
   * Writes the lines that wait before it returns, as a process that ends must. If their reader does not read, it gives
   * up after half a second.
   */
  flush(): void;
}

export interface LineWriterOptions {
  /** Lines are written when they have this many characters together, */
  readonly togetherCharacters: number;
  /** and at least this often. */
  readonly togetherMilliseconds: number;
  /** How many characters may wait for a reader. Further lines are dropped. */
  readonly maxWaitingCharacters: number;
}

const flushMilliseconds = 500;
/** How long a descriptor whose reader does not read is left alone. */
const busyMilliseconds = 10;

const lineEnd = 0x0a;

/** Returns the writer of the descriptor `fd`. */
export function createLineWriter(fd: number, options: LineWriterOptions): LineWriter {
  const { togetherCharacters, togetherMilliseconds, maxWaitingCharacters } = options;
  let waiting = "";
  /** The bytes that are next, and whether the system has them at the moment. */
  let next: Buffer | undefined;
  let isWriting = false;
  let timer: NodeJS.Timeout | undefined;
  let lastByte = lineEnd;

  /** Returns the lines that wait as bytes, on a line of their own if the end of the line before was lost. */
  function takeWaiting(byteBefore: number): Buffer {
    const bytes = Buffer.from(waiting === "" || byteBefore === lineEnd ? waiting : `\n${waiting}`);
    waiting = "";
    return bytes;
  }

  function begin(): void {
    if (next !== undefined || waiting === "") return;
    next = takeWaiting(lastByte);
    send(next);
  }

  function beginSoon(): void {
    timer ??= setTimeout(() => {
      timer = undefined;
      begin();
    }, togetherMilliseconds).unref();
  }

  function send(bytes: Buffer): void {
    isWriting = true;
    write(fd, bytes, 0, bytes.length, null, (error, count) => {
      isWriting = false;
      if (error) refused(bytes, error);
      else written(bytes, count);
    });
  }

  function written(bytes: Buffer, count: number): void {
    lastByte = bytes[count - 1] ?? lastByte;
    if (count < bytes.length) {
      next = bytes.subarray(count);
      return send(next);
    }
    next = undefined;
    if (waiting.length >= togetherCharacters) begin();
    else if (waiting !== "") beginSoon();
  }

  function refused(bytes: Buffer, error: Error): void {
    if (isBusy(error)) {
      // Until then the bytes are next, and may be flushed.
      setTimeout(() => {
        if (next === bytes && !isWriting) send(bytes);
      }, togetherMilliseconds).unref();
      return;
    }
    next = undefined;
    if (waiting !== "") beginSoon();
  }

  return {
    write(line) {
      if (waiting.length + line.length > maxWaitingCharacters) return;
      waiting += line;
      if (waiting.length >= togetherCharacters) begin();
      else beginSoon();
    },

    flush() {
      // What the system has at the moment is written, or not, without this process.
      const before = isWriting || next === undefined ? Buffer.alloc(0) : next;
      const left = Buffer.concat([before, takeWaiting(before.at(-1) ?? lastByte)]);
      if (!isWriting) next = undefined;
      lastByte = writeWithin(flushMilliseconds, fd, left) ?? lastByte;
    },
  };
}

/** Writes `bytes`, for at most that time. Returns the last byte that was written, or undefined if there is none. */
function writeWithin(milliseconds: number, fd: number, bytes: Buffer): number | undefined {
  const end = performance.now() + milliseconds;
  let count = 0;
  while (count < bytes.length) {
    try {
      count += writeSync(fd, bytes, count);
    } catch (error) {
      // Of the file system. Only a reader who does not read at the moment is waited for.
      if (!isBusy(error) || performance.now() >= end) break;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, busyMilliseconds);
    }
  }
  return count === 0 ? undefined : bytes[count - 1];
}

/** Whether a reader has not read what it was sent before. */
function isBusy(error: unknown): boolean {
  const code = errorCodeOf(error);
  return code === "EAGAIN" || code === "EBUSY";
}

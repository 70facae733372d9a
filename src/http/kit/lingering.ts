import type { IncomingMessage } from "node:http";
import { finished } from "node:stream/promises";

/** The answer, and then nothing until the request has been read and dropped, which takes at most `milliseconds`. */
export async function* lingering(answer: string, raw: IncomingMessage, milliseconds: number): AsyncGenerator<string> {
  yield answer;
  const timer = setTimeout(() => raw.destroy(), milliseconds);
  raw.resume();
  // A connection that broke is as good an end.
  await finished(raw, { writable: false }).catch(() => undefined);
  clearTimeout(timer);
}

import type { IncomingMessage } from "node:http";
import { finished } from "node:stream/promises";

/**
 * Yields the response and ends only when the rest of the request has been read and dropped, or after `milliseconds`.
 */
export async function* lingering(response: string, raw: IncomingMessage, milliseconds: number): AsyncGenerator<string> {
  yield response;
  const timer = setTimeout(() => raw.destroy(), milliseconds);
  raw.resume();
  // A lost connection ends the wait as well.
  await finished(raw, { writable: false }).catch(() => undefined);
  clearTimeout(timer);
}

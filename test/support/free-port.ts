import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { errorCodeOf } from "../../src/lib/error-code.ts";

/**
 * Systems give higher ports than these to whoever asks for any: from 32768 on Linux, from 49152 on others. So nobody
 * takes one of these by chance between its probe and its use.
 */
const [first, count] = [11_000, 21_000];
/** Some programs take the ports after theirs as well: Ceph's store looks among fifty. */
const step = 64;

/** Each process begins somewhere else and gives no port twice, so two processes seldom probe one at the same time. */
let next = randomInt(count);

/** Returns a port that was free a moment ago. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < count; tries += 1) {
    const port = first + next;
    next = (next + step) % count;
    if (await isFree(port)) return port;
  }
  throw new Error("There is no free port.");
}

async function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  try {
    await once(probe.listen(port, "127.0.0.1"), "listening");
  } catch (error) {
    if (errorCodeOf(error) !== "EADDRINUSE") throw error;
    return false;
  }
  probe.close();
  await once(probe, "close");
  return true;
}

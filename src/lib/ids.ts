import { v7 as uuidv7 } from "uuid";

/** For how many ids random bytes are fetched at once: fetching costs as much for many as for one, and more than everything else about an id. */
const idsPerFetch = 256;
const bytesPerId = 16;

/** Makes UUIDs of version 7. Each sorts after the one before it, also within a millisecond and where the clock goes back. */
export function createIds(clock: () => number = Date.now): () => string {
  const pool = new Uint8Array(idsPerFetch * bytesPerId);
  let next = pool.length;
  let msecs = -Infinity;
  let seq = 0;

  function nextRandom(): Uint8Array {
    if (next === pool.length) {
      crypto.getRandomValues(pool);
      next = 0;
    }
    next += bytesPerId;
    return pool.subarray(next - bytesPerId, next);
  }

  return () => {
    const random = nextRandom();
    const now = clock();
    if (now > msecs) {
      msecs = now;
      // One bit is left for counting on. The bytes are those that no other part of the id is made of.
      seq = new DataView(random.buffer, random.byteOffset).getUint32(6) & 0x7f_ff_ff_ff;
    } else {
      seq = (seq + 1) | 0;
      if (seq === 0) msecs += 1;
    }
    return uuidv7({ random, msecs, seq });
  };
}

import { v7 as uuidv7 } from "uuid";

/**
 * The number of ids for which random bytes are fetched at once. A fetch of many bytes costs as much as one of a few,
 * and more than all other work for an id.
 */
const idsPerFetch = 256;
const bytesPerId = 16;

/**
 * Returns a function that makes UUIDs of version 7 (RFC 9562, section 5.7). Each one sorts after the one before it,
 * also within a millisecond and when the clock goes back.
 */
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
      // The top bit stays zero, so that the counter has room to grow. The four bytes are in no other part of the id.
      seq = new DataView(random.buffer, random.byteOffset).getUint32(6) & 0x7f_ff_ff_ff;
    } else {
      seq = (seq + 1) | 0;
      if (seq === 0) msecs += 1;
    }
    return uuidv7({ random, msecs, seq });
  };
}

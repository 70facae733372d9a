import { createHmac, hkdfSync, timingSafeEqual } from "node:crypto";
import { z } from "zod";
import type { Position } from "./keyset.ts";

/**
 * Writes positions as opaque cursors and reads them back. A cursor is signed together with where it was handed out (a connection,
 * its parent, its order), so one that was forged, or comes from elsewhere, is refused.
 */
export interface CursorCodec {
  encode(place: string, position: Position): string;
  /** Null where the cursor was not handed out for `place`. */
  decode(place: string, cursor: string): Position | null;
  /**
   * What `cursor` says, whoever has made it: to read ahead by, where the place is not known yet. {@link CursorCodec.decode} has to be asked before
   * anything of what was read is told.
   */
  peek(cursor: string): Position | null;
}

// 96 bits: far beyond what can be guessed online, and a quarter of the cursor's length saved on every edge.
const tagLength = 12;

const positionShape = z.array(z.union([z.string(), z.number()]));

export function createCursorCodec(secret: string): CursorCodec {
  const key = Buffer.from(hkdfSync("sha256", secret, "", "cursor", 32));

  function tag(place: string, payload: string): Buffer {
    return createHmac("sha256", key).update(`${place}\n${payload}`).digest().subarray(0, tagLength);
  }

  return {
    encode(place, position) {
      const payload = JSON.stringify(position);
      return Buffer.concat([tag(place, payload), Buffer.from(payload)]).toString("base64url");
    },

    decode(place, cursor) {
      const bytes = bytesOf(cursor);
      if (!bytes) return null;
      const payload = bytes.subarray(tagLength).toString();
      if (!timingSafeEqual(tag(place, payload), bytes.subarray(0, tagLength))) return null;
      return positionShape.parse(JSON.parse(payload));
    },

    peek(cursor) {
      const bytes = bytesOf(cursor);
      return bytes && positionIn(bytes.subarray(tagLength).toString());
    },
  };
}

function bytesOf(cursor: string): Buffer | null {
  const bytes = Buffer.from(cursor, "base64url");
  // Re-encoding settles spelling: base64url decoding skips what it does not know, and so many texts would name one cursor.
  return bytes.length <= tagLength || bytes.toString("base64url") !== cursor ? null : bytes;
}

function positionIn(payload: string): Position | null {
  try {
    return positionShape.parse(JSON.parse(payload));
  } catch {
    return null;
  }
}

/** The bytes that must move within a window of time, whenever it is the client that is waited for. */
export interface MinimumRate {
  readonly bytes: number;
  readonly milliseconds: number;
}

/** Judges whether bytes move fast enough, window after window. */
export interface Pace {
  /** Begins anew, as a request does. */
  restart(): void;
  /**
   * Returns whether less than `rate` has moved in a whole window. Call it repeatedly: `bytes` counts what has moved so far, and
   * is undefined while the client is not waited for. Then a new window begins.
   */
  isTooSlow(bytes: number | undefined, rate: MinimumRate, now: number): boolean;
}

export function createPace(): Pace {
  let window: { readonly bytes: number; readonly began: number } | undefined;
  return {
    restart() {
      window = undefined;
    },
    isTooSlow(bytes, rate, now) {
      if (bytes === undefined) {
        window = undefined;
        return false;
      }
      window ??= { bytes, began: now };
      if (now - window.began < rate.milliseconds) return false;
      const moved = bytes - window.bytes;
      window = { bytes, began: now };
      return moved < rate.bytes;
    },
  };
}

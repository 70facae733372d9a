/** The bytes that a client must send or read in a window of time while the gateway waits for it. */
export interface MinimumRate {
  readonly bytes: number;
  readonly milliseconds: number;
}

/** Measures in successive windows whether a client sends or reads fast enough. */
export interface Pace {
  /** Begins a new window, for a new request. */
  restart(): void;
  /**
   * Returns whether a window has ended with fewer bytes than `rate`. Call it repeatedly. `bytes` is the total so far,
   * or undefined while the gateway does not wait for the client, which ends the window.
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

import { AnswerTooLarge, type DomainError, TooExpensive, Unavailable } from "../errors.ts";

/**
 * Bounds the memory of all responses under way in this process: each has a maximum of its own, and all together have a
 * shared one. A request is admitted while there is room. The parts of its response are charged when they arrive from
 * the database, and released when the response has been sent. Large parts are reserved before they are requested.
 */
export interface ResponseBudget {
  /** The maximum size of a response, in bytes of UTF-8. */
  readonly maximumBytes: number;
  /** Returns the allowance of a response to `reader`. */
  open(reader: Reader): OpenResponse;
  /** The allowance of work without a response, such as loading the demo data. It is not counted with the others. */
  readonly withoutResponse: ResponseAllowance;
  /** The bytes that all responses under way have taken. */
  readonly usedBytes: number;
  /** The number of requests that wait for room. */
  readonly waitingRequests: number;
}

/** The memory that one response has taken, and may still take. */
export interface ResponseAllowance {
  /**
   * Returns a promise that resolves when there is room for another response, or undefined if there is room now. The
   * promise rejects with {@link Unavailable} if there is no room for too long.
   */
  admit(): Promise<void> | undefined;
  /**
   * Reserves `bytes` before they are requested. Throws {@link AnswerTooLarge} if the response becomes too large, and
   * {@link Unavailable} if there is no room for too long.
   */
  reserve(bytes: number): Promise<void>;
  /**
   * Charges `bytes` that have arrived already, or releases them if `bytes` is negative. Throws {@link AnswerTooLarge}
   * if the response becomes too large.
   */
  charge(bytes: number): void;
  /** The limits on rendering for this response. */
  readonly rendering: RenderingAllowance;
  /** The bytes that this response may still take. */
  readonly remainingBytes: number;
}

/** The allowance of a response that is under way. */
export interface OpenResponse extends ResponseAllowance {
  /** Releases everything that the response has taken. Further calls have no effect. */
  release(): void;
}

/** The client of a response, with the properties that a `ServerResponse` of Node.js has. */
export interface Reader {
  /** Whether the whole response has been written, though perhaps not sent. */
  readonly writableEnded: boolean;
  /** Whether all of the response has been handed to the operating system. */
  readonly writableFinished: boolean;
  destroy(): unknown;
}

/** The limits on rendering for one response. */
export interface RenderingAllowance {
  /** Charges the characters of a text that is to be rendered. Throws {@link TooExpensive} if there are too many. */
  takeCharacters(characters: number): void;
  /** Charges the time that rendering has taken, in milliseconds. */
  takeMilliseconds(milliseconds: number): void;
  /**
   * Returns the reason why nothing more is rendered: it has taken too long, or the client has disconnected. Undefined
   * if there is no reason.
   */
  refusal(): DomainError | undefined;
}

export interface ResponseBudgetOptions {
  readonly maximumBytes: number;
  /** The maximum time that a request waits for room. Default: five seconds. */
  readonly waitMilliseconds?: number;
}

/** The default of the maximum size of a response, in bytes. */
export const usualMaximumBytes = 16_777_216;

/**
 * The number of responses of the maximum size that all responses under way may take together. A response is in memory
 * more than once: as its parts and as the text that is sent.
 */
const maxLargestResponses = 4;
/**
 * The share that reserved parts may take at most. The rest stays free for small responses while slow readers receive
 * large ones.
 */
const maxReservedShare = 0.5;
const defaultWaitMilliseconds = 5_000;

/**
 * The limits on rendering for one response. A text of 64 KB can be written so that rendering it takes a quarter of a
 * second.
 */
const maxRenderedCharacters = 16_777_216;
const maxRenderingMilliseconds = 10_000;

/**
 * Responses up to this size leave at once, however slow their readers are, because the operating system buffers them.
 */
const unbufferedBytes = 16_384;

/**
 * The time after which a reader who has not received the whole response is disconnected, if others wait for its room.
 */
const slowReaderMilliseconds = 10_000;

interface Waiting {
  /** Takes the room if there is enough now. Returns whether it did. */
  readonly tryTake: () => boolean;
  readonly resolve: () => void;
}

export function createResponseBudget(options: ResponseBudgetOptions): ResponseBudget {
  const { maximumBytes, waitMilliseconds = defaultWaitMilliseconds } = options;
  const totalBytes = maxLargestResponses * maximumBytes;
  const maxReservedBytes = totalBytes * maxReservedShare;
  const waiting = new Set<Waiting>();
  /**
   * The responses that may be cut off. Small ones are left out, because V8 frees what is removed from a set only at its
   * next full collection.
   */
  const large = new Set<Response>();
  let usedBytes = 0;

  function admitWaiting(): void {
    for (const one of waiting) {
      if (!one.tryTake()) continue;
      waiting.delete(one);
      one.resolve();
    }
  }

  function cutOffSlowReaders(): void {
    const now = performance.now();
    for (const response of large) response.cutOffSlowReader(now);
  }

  function waitForRoom(tryTake: () => boolean): Promise<void> | undefined {
    if (tryTake()) return undefined;
    cutOffSlowReaders();
    if (tryTake()) return undefined;
    return new Promise((resolve, reject) => {
      const one: Waiting = {
        tryTake,
        resolve: () => {
          clearTimeout(timer);
          resolve();
        },
      };
      const timer = setTimeout(() => {
        waiting.delete(one);
        reject(new Unavailable({}, "The gateway is busy with other large answers. Try again in a few seconds."));
      }, waitMilliseconds);
      waiting.add(one);
    });
  }

  const hasRoom = () => usedBytes < totalBytes;

  /** A class, because one is created for every request and its methods are shared. */
  class Response implements OpenResponse {
    readonly #reader: Reader;
    /** The first time at which the response was found to be written but not sent completely. */
    #sendingSince: number | undefined;
    /** Created when it is first used. */
    #rendering: RenderingAllowance | undefined;
    #bytes = 0;
    #isReleased = false;

    constructor(reader: Reader) {
      this.#reader = reader;
    }

    get remainingBytes(): number {
      return Math.max(0, maximumBytes - this.#bytes);
    }

    get rendering(): RenderingAllowance {
      this.#rendering ??= createRenderingAllowance(maxRenderedCharacters, maxRenderingMilliseconds, () => this.#isReleased);
      return this.#rendering;
    }

    admit(): Promise<void> | undefined {
      return waitForRoom(hasRoom);
    }

    async reserve(bytes: number): Promise<void> {
      this.#requireWithinMaximum(bytes);
      await waitForRoom(() => {
        // A response that is alone always fits.
        const fits = usedBytes + bytes <= maxReservedBytes || usedBytes === this.#bytes;
        if (fits) this.#take(bytes);
        return fits;
      });
    }

    charge(bytes: number): void {
      this.#take(bytes);
      if (bytes > 0) this.#requireWithinMaximum(0);
    }

    release(): void {
      if (this.#isReleased) return;
      this.#isReleased = true;
      large.delete(this);
      usedBytes -= this.#bytes;
      if (this.#bytes > 0) admitWaiting();
    }

    cutOffSlowReader(now: number): void {
      if (!this.#reader.writableEnded || this.#reader.writableFinished) return;
      this.#sendingSince ??= now;
      if (now - this.#sendingSince < slowReaderMilliseconds) return;
      this.release();
      this.#reader.destroy();
    }

    #take(bytes: number): void {
      // Data for a client that has disconnected is not charged when it arrives.
      if (this.#isReleased) return;
      this.#bytes += bytes;
      usedBytes += bytes;
      if (this.#bytes > unbufferedBytes) large.add(this);
      if (bytes < 0) admitWaiting();
    }

    #requireWithinMaximum(bytes: number): void {
      const wanted = this.#bytes + bytes;
      if (wanted > maximumBytes) throw new AnswerTooLarge(maximumBytes, wanted);
    }
  }

  return {
    maximumBytes,
    withoutResponse: createUncountedAllowance(maximumBytes),
    get usedBytes() {
      return usedBytes;
    },
    get waitingRequests() {
      return waiting.size;
    },
    open: (reader) => new Response(reader),
  };
}

/** An allowance that is not counted with others. Each part of it may be as large as a whole response. */
function createUncountedAllowance(maximumBytes: number): ResponseAllowance {
  return {
    remainingBytes: maximumBytes,
    rendering: createRenderingAllowance(Infinity, Infinity, () => false),
    admit: () => undefined,
    async reserve(bytes) {
      if (bytes > maximumBytes) throw new AnswerTooLarge(maximumBytes, bytes);
    },
    charge(bytes) {
      if (bytes > maximumBytes) throw new AnswerTooLarge(maximumBytes, bytes);
    },
  };
}

function createRenderingAllowance(
  maxCharacters: number,
  maxMilliseconds: number,
  isReleased: () => boolean,
): RenderingAllowance {
  let characters = 0;
  let milliseconds = 0;
  return {
    takeCharacters(more) {
      characters += more;
      if (characters <= maxCharacters) return;
      throw new TooExpensive(
        `The texts to be rendered have ${characters} characters or more; at most ${maxCharacters} are rendered for one operation. Ask for smaller pages.`,
      );
    },
    takeMilliseconds(more) {
      milliseconds += more;
    },
    refusal() {
      if (isReleased()) return new Unavailable({}, "The request was given up before it was answered.");
      if (milliseconds <= maxMilliseconds) return undefined;
      return new TooExpensive(
        `Rendering the texts takes more than the ${maxMilliseconds / 1000} seconds that it may take for one operation. Ask for smaller pages.`,
      );
    },
  };
}

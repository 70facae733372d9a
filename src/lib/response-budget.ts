import { AnswerTooLarge, type DomainError, TooExpensive, Unavailable } from "../errors.ts";

/**
 * Bounds the memory of all responses under way in this process: each has a maximum of its own, and all together have a shared
 * one. A request is admitted while there is room. The parts of its response are charged when they arrive from the database, and
 * released when the response has been sent. Large parts are reserved before they are requested.
 */
export interface ResponseBudget {
  /** The largest answer, in bytes of UTF-8. */
  readonly maximumBytes: number;
  /** Opens the allowance of a response that goes to `reader`. */
  open(reader: Reader): OpenResponse;
  /** The allowance of work that is done for no response, such as loading the demo data: large, and never counted with others. */
  readonly withoutResponse: ResponseAllowance;
  /** Bytes that all answers under way have taken. */
  readonly usedBytes: number;
  /** How many requests wait for room. */
  readonly waitingRequests: number;
}

/** What one response takes up, and may still take up. */
export interface ResponseAllowance {
  /** Resolves when there is room for another answer; undefined where there is now. @throws {Unavailable} where there is none for too long. */
  admit(): Promise<void> | undefined;
  /**
   * Reserves `bytes` before they are requested.
   *
   * @throws {AnswerTooLarge} if the response becomes too large, {@link Unavailable} if there is no room for too long.
   */
  reserve(bytes: number): Promise<void>;
  /**
   * Charges `bytes` that have arrived already, or releases `-bytes`. @throws {AnswerTooLarge} if the response becomes too large.
   */
  charge(bytes: number): void;
  /** What may be rendered for this answer. */
  readonly rendering: RenderingAllowance;
  /** Bytes that this answer may still take. */
  readonly remainingBytes: number;
}

/** The allowance of a response that is under way. */
export interface OpenResponse extends ResponseAllowance {
  /** Gives back all that was taken; more than once is as good as once. */
  release(): void;
}

/** Who an answer goes to, as a `ServerResponse` of Node.js knows them. */
export interface Reader {
  /** Whether the whole response has been written, though perhaps not sent. */
  readonly writableEnded: boolean;
  /** Whether all of it has left. */
  readonly writableFinished: boolean;
  destroy(): unknown;
}

/** What may still be rendered for one answer. */
export interface RenderingAllowance {
  /** Takes the characters of a text that is to be rendered. @throws {TooExpensive} where they are too many. */
  takeCharacters(characters: number): void;
  /** Takes time that rendering has taken, in milliseconds. */
  takeMilliseconds(milliseconds: number): void;
  /** Why nothing more is rendered: it took too long, or the client has gone. Undefined where there is no reason. */
  refusal(): DomainError | undefined;
}

export interface ResponseBudgetOptions {
  readonly maximumBytes: number;
  /** How long a request waits for room. Default: five seconds. */
  readonly waitMilliseconds?: number;
}

/** The largest answer where nothing else is configured. */
export const usualMaximumBytes = 16_777_216;

/**
 * How many responses of the maximum size all responses under way may take together. A response is in memory more than once: as
 * its parts and as the text that is sent.
 */
const largestAnswersTogether = 4;
/** Large parts take half of that at most: small ones go on while large ones are with slow readers. */
const shareOfLargeParts = 0.5;
const usualWaitMilliseconds = 5_000;

/** What may be rendered for one answer. A text of 64 KB can be made to take a quarter of a second. */
const maximumRenderedCharacters = 16_777_216;
const maximumRenderingMilliseconds = 10_000;

/** Answers up to this many bytes leave at once, however slow their readers are: the operating system takes them. */
const unbufferedBytes = 16_384;

/** A reader who has had an answer for so long, and has not taken all of it, is cut off where others wait for the room that it takes. */
const slowReaderMilliseconds = 10_000;

interface Waiting {
  /** Reserves what is waited for, if there is room now. */
  readonly tryTake: () => boolean;
  readonly resolve: () => void;
}

export function createResponseBudget(options: ResponseBudgetOptions): ResponseBudget {
  const { maximumBytes, waitMilliseconds = usualWaitMilliseconds } = options;
  const totalBytes = largestAnswersTogether * maximumBytes;
  const largeBytes = totalBytes * shareOfLargeParts;
  const waiting = new Set<Waiting>();
  /** Those that may be cut off. Not all: entries that leave a set keep what they held until V8's next full collection. */
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

  function whenThereIsRoom(tryTake: () => boolean): Promise<void> | undefined {
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

  const isThereRoom = () => usedBytes < totalBytes;

  /** Made for every request: a class, whose methods all of them share. */
  class Response implements OpenResponse {
    readonly #reader: Reader;
    /** When the reader was first found to be reading. */
    #readingSince: number | undefined;
    /** Made when something is to be rendered. */
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
      this.#rendering ??= createRenderingAllowance(
        maximumRenderedCharacters,
        maximumRenderingMilliseconds,
        () => this.#isReleased,
      );
      return this.#rendering;
    }

    admit(): Promise<void> | undefined {
      return whenThereIsRoom(isThereRoom);
    }

    async reserve(bytes: number): Promise<void> {
      this.#requireWithinMaximum(bytes);
      await whenThereIsRoom(() => {
        // An answer that is alone is never too large for all of them together.
        const fits = usedBytes + bytes <= largeBytes || usedBytes === this.#bytes;
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
      this.#readingSince ??= now;
      if (now - this.#readingSince < slowReaderMilliseconds) return;
      this.release();
      this.#reader.destroy();
    }

    #take(bytes: number): void {
      // What was read for a client that has disconnected is released when it arrives.
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
  maximumCharacters: number,
  maximumMilliseconds: number,
  isReleased: () => boolean,
): RenderingAllowance {
  let characters = 0;
  let milliseconds = 0;
  return {
    takeCharacters(more) {
      characters += more;
      if (characters <= maximumCharacters) return;
      throw new TooExpensive(
        `The texts to be rendered have ${characters} characters or more; at most ${maximumCharacters} are rendered for one operation. Ask for smaller pages.`,
      );
    },
    takeMilliseconds(more) {
      milliseconds += more;
    },
    refusal() {
      if (isReleased()) return new Unavailable({}, "The request was given up before it was answered.");
      if (milliseconds <= maximumMilliseconds) return undefined;
      return new TooExpensive(
        `Rendering the texts takes more than the ${maximumMilliseconds / 1000} seconds that it may take for one operation. Ask for smaller pages.`,
      );
    },
  };
}

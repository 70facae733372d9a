import { AsyncLocalStorage } from "node:async_hooks";
import { AnswerTooLarge, type DomainError, TooExpensive, Unavailable } from "../errors.ts";

/**
 * What the answers under way may take up in this process: each no more than its own maximum, and all of them together no more than a
 * shared one. A request is admitted while there is room. What its answer is made of is charged to it when it arrives from the database, and
 * given back when the answer has left. Large parts are reserved before they are asked for.
 */
export interface ResponseBudget {
  /** The largest answer, in bytes of UTF-8. */
  readonly maximumBytes: number;
  /**
   * Opens a response. Whatever is charged while `work` runs, and in all that it starts, is charged to it. Returns what gives all of it back; more than
   * once is as good as once.
   */
  open(reader: Reader, work: () => void): () => void;
  /** Resolves when there is room for another answer; undefined where there is now. @throws {Unavailable} where there is none for too long. */
  admit(): Promise<void> | undefined;
  /**
   * Takes `bytes` for the answer before they are asked for.
   *
   * @throws {AnswerTooLarge} where the answer becomes too large, {@link Unavailable} where there is no room for too long.
   */
  reserve(bytes: number): Promise<void>;
  /** Takes `bytes` that are there already, or gives `-bytes` back. @throws {AnswerTooLarge} where the answer becomes too large. */
  charge(bytes: number): void;
  /** What may be rendered for this answer: one object for each response, and one for what is no response. */
  rendering(): RenderingAllowance;
  /** Bytes that this answer may still take. */
  readonly remainingBytes: number;
  /** Bytes that all answers under way have taken. */
  readonly usedBytes: number;
  /** How many requests wait for room. */
  readonly waitingRequests: number;
}

/** Who an answer goes to, as a `ServerResponse` of Node.js knows them. */
export interface Reader {
  /** Whether the whole answer is on its way. */
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

/** All answers under way may take as much as so many of the largest. Beside its text an answer is in memory as what it is made of and as what is sent. */
const largestAnswersTogether = 4;
/** Large parts take half of that at most: small ones go on while large ones are with slow readers. */
const shareOfLargeParts = 0.5;
const usualWaitMilliseconds = 5_000;

/** What may be rendered for one answer. A text of 64 KB can be made to take a quarter of a second. */
const maximumRenderedCharacters = 16_777_216;
const maximumRenderingMilliseconds = 10_000;

/** A reader who has had an answer for so long, and has not taken all of it, is cut off where others wait for the room that it takes. */
const slowReaderMilliseconds = 10_000;

/** A response that something is charged to. */
interface Charged {
  readonly reader: Reader;
  /** When the reader was first found to be reading. */
  readingSince: number | undefined;
  /** Made when something is to be rendered. */
  rendering: RenderingAllowance | undefined;
  bytes: number;
  released: boolean;
}

interface Waiting {
  /** Takes what is waited for, where there is room for it now. */
  readonly tryTake: () => boolean;
  readonly resolve: () => void;
}

export function createResponseBudget(options: ResponseBudgetOptions): ResponseBudget {
  const { maximumBytes, waitMilliseconds = usualWaitMilliseconds } = options;
  const totalBytes = largestAnswersTogether * maximumBytes;
  const largeBytes = totalBytes * shareOfLargeParts;
  const responses = new AsyncLocalStorage<Charged>();
  const unlimitedRendering = createRenderingAllowance(Infinity, Infinity, () => false);
  const waiting = new Set<Waiting>();
  const open = new Set<Charged>();
  let usedBytes = 0;

  function take(response: Charged | undefined, bytes: number): void {
    // What was read for a client that has gone by now is given back as it comes.
    if (!response || response.released) return;
    response.bytes += bytes;
    usedBytes += bytes;
    if (bytes < 0) admitWaiting();
  }

  function requireWithinMaximum(response: Charged | undefined, bytes: number): void {
    const wanted = (response?.bytes ?? 0) + bytes;
    if (wanted > maximumBytes) throw new AnswerTooLarge(maximumBytes, wanted);
  }

  function admitWaiting(): void {
    for (const one of waiting) {
      if (!one.tryTake()) continue;
      waiting.delete(one);
      one.resolve();
    }
  }

  function release(response: Charged): void {
    if (response.released) return;
    response.released = true;
    open.delete(response);
    usedBytes -= response.bytes;
    if (response.bytes > 0) admitWaiting();
  }

  function cutOffSlowReaders(): void {
    const now = performance.now();
    for (const response of open) {
      const { reader } = response;
      if (response.bytes === 0 || !reader.writableEnded || reader.writableFinished) continue;
      response.readingSince ??= now;
      if (now - response.readingSince < slowReaderMilliseconds) continue;
      release(response);
      reader.destroy();
    }
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

  return {
    maximumBytes,
    get usedBytes() {
      return usedBytes;
    },
    get remainingBytes() {
      return Math.max(0, maximumBytes - (responses.getStore()?.bytes ?? 0));
    },
    get waitingRequests() {
      return waiting.size;
    },
    open(reader, work) {
      const response: Charged = { reader, readingSince: undefined, rendering: undefined, bytes: 0, released: false };
      open.add(response);
      responses.run(response, work);
      return () => release(response);
    },
    admit: () => whenThereIsRoom(() => usedBytes < totalBytes),
    async reserve(bytes) {
      const response = responses.getStore();
      requireWithinMaximum(response, bytes);
      await whenThereIsRoom(() => {
        // An answer that is alone is never too large for all of them together.
        const fits = usedBytes + bytes <= largeBytes || usedBytes === (response?.bytes ?? 0);
        if (fits) take(response, bytes);
        return fits;
      });
    },
    charge(bytes) {
      const response = responses.getStore();
      take(response, bytes);
      if (bytes > 0) requireWithinMaximum(response, 0);
    },
    rendering() {
      const response = responses.getStore();
      if (!response) return unlimitedRendering;
      response.rendering ??= createRenderingAllowance(
        maximumRenderedCharacters,
        maximumRenderingMilliseconds,
        () => response.released,
      );
      return response.rendering;
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

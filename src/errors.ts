/**
 * The closed list of expected errors: mistakes of the caller, and dependencies that are not available. The list knows
 * neither HTTP nor GraphQL. Each API maps `code` with an exhaustive record, so a new code does not compile until every
 * API maps it.
 *
 * Users read the messages, which say what went wrong and what to do. All other errors are unexpected: every API masks
 * them and logs them with the request id.
 */
export const errorCodes = [
  "INVALID_INPUT",
  "UNAUTHENTICATED",
  "FORBIDDEN",
  "NOT_FOUND",
  "CHANGED",
  "CONFLICT",
  "TOO_LARGE",
  "TOO_EXPENSIVE",
  "ANSWER_TOO_LARGE",
  "TOO_MANY_REQUESTS",
  "UNAVAILABLE",
] as const;

export type ErrorCode = (typeof errorCodes)[number];

/**
 * One refused field: its `path` in the names of the service, outermost first, and a sentence that says what the value
 * must be.
 */
export interface FieldProblem {
  readonly path: readonly string[];
  readonly message: string;
}

export abstract class DomainError extends Error {
  abstract readonly code: ErrorCode;
}

/** The input is not valid. Thrown before anything is written. */
export class InvalidInput extends DomainError {
  readonly code = "INVALID_INPUT";
  readonly fields: readonly FieldProblem[];

  constructor(fields: readonly FieldProblem[]) {
    super(fields.map((field) => field.message).join(" "));
    this.name = "InvalidInput";
    this.fields = fields;
  }
}

/** The call needs a credential and none was given, or the one given is not valid. */
export class Unauthenticated extends DomainError {
  readonly code = "UNAUTHENTICATED";

  constructor(message = "This needs a credential: send an API key as X-API-Key or as Authorization: Bearer.") {
    super(message);
    this.name = "Unauthenticated";
  }
}

/**
 * The viewer may see the object, but may not do this with it. If the viewer may not see the object, {@link NotFound} is
 * thrown.
 */
export class Forbidden extends DomainError {
  readonly code = "FORBIDDEN";
  /** The scopes that the credential lacks, if that is the reason. */
  readonly missingScopes: readonly string[];

  constructor(message: string, missingScopes: readonly string[] = []) {
    super(message);
    this.name = "Forbidden";
    this.missingScopes = missingScopes;
  }
}

/**
 * The object is missing, belongs to another account, or is invisible to the viewer. The message is the same, so that a
 * caller cannot tell which.
 */
export class NotFound extends DomainError {
  readonly code = "NOT_FOUND";

  constructor(what: string) {
    super(`There is no such ${what}, or you may not see it.`);
    this.name = "NotFound";
  }
}

/**
 * The object is not in the version that the caller expects, because somebody has changed it since the caller read it.
 * Nothing was written.
 */
export abstract class Changed<Row> extends DomainError {
  readonly code = "CHANGED";
  /** The object as it is now. */
  readonly current: Row;

  constructor(what: string, current: Row) {
    super(`Somebody has changed the ${what} since you read it. Read it again, and repeat your change if it still fits.`);
    this.name = "Changed";
    this.current = current;
  }
}

/** What is asked for contradicts what is there, or what another call does at the moment. Nothing was written. */
export class Conflict extends DomainError {
  readonly code = "CONFLICT";

  constructor(message: string) {
    super(message);
    this.name = "Conflict";
  }
}

/** The idempotency key of the call belongs to a call with another input. */
export class KeyReused extends Conflict {
  constructor() {
    super("This idempotency key was sent with another input before. Use a new key for each thing that you want to do.");
    this.name = "KeyReused";
  }
}

/** A call with the same idempotency key is still being answered. */
export class KeyInFlight extends Conflict {
  /** The seconds until a retry. */
  readonly retryAfterSeconds = 1;

  constructor() {
    super("A request with this idempotency key is still being answered. Try again in a second.");
    this.name = "KeyInFlight";
  }
}

/** The caller has sent more bytes than are accepted. */
export class TooLarge extends DomainError {
  readonly code = "TOO_LARGE";

  constructor(message: string) {
    super(message);
    this.name = "TooLarge";
  }
}

/**
 * The call would cost more than one call may, and was not started. The message states the limit and the cost of the
 * call.
 */
export class TooExpensive extends DomainError {
  readonly code = "TOO_EXPENSIVE";

  constructor(message: string) {
    super(message);
    this.name = "TooExpensive";
  }
}

/** The response would be larger than one response may be (`MAX_RESPONSE_BYTES`). */
export class AnswerTooLarge extends DomainError {
  readonly code = "ANSWER_TOO_LARGE";

  /**
   * `maximumBytes` is the limit. `bytes` is the size of the response, or of the part of it that was too large, if it is
   * known.
   */
  constructor(maximumBytes: number, bytes?: number) {
    const size = bytes === undefined ? "" : ` of ${bytes} bytes`;
    super(
      `The answer${size} is larger than the ${maximumBytes} bytes that one answer may have. Ask for smaller pages or fewer fields.`,
    );
    this.name = "AnswerTooLarge";
  }
}

/** The caller has used up its rate limit. A retry can succeed after `retryAfterSeconds`. */
export class TooManyRequests extends DomainError {
  readonly code = "TOO_MANY_REQUESTS";
  readonly retryAfterSeconds: number;

  constructor(retryAfterSeconds: number) {
    super(`Too many requests: try again in ${retryAfterSeconds} s.`);
    this.name = "TooManyRequests";
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The message of every API if the database or the object store does not answer. */
const unavailableMessage = "The service cannot reach its data at the moment. Try again in a few seconds.";

/**
 * The database or the object store does not answer now, or the process has no capacity for the call. A retry can
 * succeed.
 */
export class Unavailable extends DomainError {
  readonly code = "UNAVAILABLE";
  /** The seconds until a retry. The APIs send it as `retry-after`. */
  readonly retryAfterSeconds: number = 2;

  constructor(options?: ErrorOptions, message = unavailableMessage) {
    super(message, options);
    this.name = "Unavailable";
  }
}

/**
 * Returns the seconds after which a call that failed with `error` can be retried, or undefined if a retry does not
 * help.
 */
export function retryAfterOf(error: unknown): number | undefined {
  const isTemporary = error instanceof Unavailable || error instanceof TooManyRequests || error instanceof KeyInFlight;
  return isTemporary ? error.retryAfterSeconds : undefined;
}

/** Returns an {@link InvalidInput} for a single field. */
export function invalid(path: string | readonly string[], message: string): InvalidInput {
  return new InvalidInput([{ path: typeof path === "string" ? [path] : path, message }]);
}

/** Returns what was thrown as an error. JavaScript can throw any value. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** Returns the result of `work`, or the error that it throws if the error is one of `kinds`. Throws any other error. */
export function attempt<Result, Kind extends Error>(
  work: () => Result,
  ...kinds: readonly (abstract new (...args: never[]) => Kind)[]
): Result | Kind {
  try {
    return work();
  } catch (error) {
    const isExpected = (kind: abstract new (...args: never[]) => Kind) => error instanceof kind;
    if (kinds.some(isExpected)) return error as Kind; // which the condition has just checked
    throw error;
  }
}

import { createHash } from "node:crypto";

/** The number of statements that a connection may keep prepared. */
const maxNames = 500;
const maxSeenOnce = 5_000;

/** Names for statements, and which of them a connection may still know. */
export interface StatementNames {
  /** The name of the statement `text`; undefined where it is to be parsed anew. */
  nameOf(text: string): string | undefined;
  /** Counts how often all names were given anew. */
  readonly generation: number;
}

/**
 * Names statements by a hash of their text. Another process that shares a connection of the server can mean nothing else by the
 * same name. A statement is named when it comes a second time, since most statements come once. The server keeps named statements
 * as long as the connection lives, so at most {@link maxNames} have names. Then all names begin anew, and connections that know
 * the old ones are closed. Otherwise a caller that sends many statements twice would have every later one parsed each time.
 */
export function createStatementNames(): StatementNames {
  const names = new Map<string, string>();
  const seenOnce = new Set<string>();
  let generation = 1;
  return {
    get generation() {
      return generation;
    },
    nameOf(text) {
      const name = names.get(text);
      if (name !== undefined) return name;
      if (!seenOnce.has(text)) {
        if (seenOnce.size >= maxSeenOnce) seenOnce.clear();
        seenOnce.add(text);
        return undefined;
      }
      seenOnce.delete(text);
      if (names.size >= maxNames) {
        names.clear();
        generation += 1;
      }
      const given = statementName(text);
      names.set(text, given);
      return given;
    },
  };
}

/** The name of the statement `text`: 132 bits of its SHA-256, well below the 63 bytes of a PostgreSQL name. */
export function statementName(text: string): string {
  return `s_${createHash("sha256").update(text).digest("base64url").slice(0, 22)}`;
}

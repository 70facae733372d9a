import { createHash } from "node:crypto";

/** The number of statements that a connection may keep prepared. */
const maxNames = 500;
const maxSeenOnce = 5_000;

/** The names of prepared statements. */
export interface StatementNames {
  /** Returns the name of the statement `text`, or undefined if it is to be sent unnamed. */
  nameOf(text: string): string | undefined;
  /** Increases when all names are dropped. Connections of an earlier generation must be closed. */
  readonly generation: number;
}

/**
 * Returns names that are hashes of the statements' texts. If another process shares a connection of the server, the
 * same name means the same statement there. A statement gets a name when it is sent for the second time, because most
 * statements are sent once. The server keeps named statements as long as the connection lives, so at most {@link
 * maxNames} have names. Then all names are dropped, and connections that know them are closed. Otherwise a caller that
 * sends many statements twice would leave no names for later ones, which the server would then parse each time.
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

/** Returns the name of the statement `text`: 132 bits of its SHA-256, well below the 63 bytes of a PostgreSQL name. */
export function statementName(text: string): string {
  return `s_${createHash("sha256").update(text).digest("base64url").slice(0, 22)}`;
}

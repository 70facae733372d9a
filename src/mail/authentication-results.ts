import { domainOf, type MailHeader, headerValues } from "./headers.ts";

/**
 * Returns whether the mail server `authservId` says that a mail comes from `domain`, which the mail has in From: by
 * `dmarc=pass` for this domain in `Authentication-AuthenticationResults` (RFC 8601).
 *
 * Only the topmost field of that server counts. Whatever is below it may have come with the mail, and fields of other
 * servers are worth nothing here.
 */
export function hasPassedDmarc(headers: readonly MailHeader[], authservId: string, domain: string): boolean {
  for (const value of headerValues(headers, "authentication-results")) {
    const tokens = tokensIn(value);
    // It may be that of the server, made unreadable by what the mail says.
    if (!tokens) return false;
    const results = readResults(tokens);
    if (results?.authservId.toLowerCase() === authservId.toLowerCase()) return isPass(results, domain);
  }
  return false;
}

function isPass({ version, methods }: AuthenticationResults, domain: string): boolean {
  if (version !== "1") return false;
  const [dmarc, ...others] = methods.filter(([first]) => first !== undefined && /^dmarc(\/1)?$/i.test(first.name));
  if (!dmarc || others.length > 0) return false;
  const [verdict, ...properties] = dmarc;
  if (verdict?.value.toLowerCase() !== "pass") return false;
  const from = properties.filter(({ name }) => name.toLowerCase() === "header.from");
  return from.length === 1 && from.every(({ value }) => domainOf(value) === domain);
}

interface Pair {
  readonly name: string;
  readonly value: string;
}

/** A field: the server that wrote it, and of each method its result and then its properties. */
interface AuthenticationResults {
  readonly authservId: string;
  readonly version: string;
  readonly methods: readonly (readonly Pair[])[];
}

/** Returns what a field says, or undefined if it does not say by whom. */
function readResults(tokens: readonly Token[]): AuthenticationResults | undefined {
  const [server = [], ...results] = split(tokens);
  const [id, version = { text: "1", isText: true }, ...rest] = server;
  if (!id?.isText || !version.isText || rest.length > 0) return undefined;
  return { authservId: id.text, version: version.text, methods: results.map(pairsIn) };
}

interface Token {
  readonly text: string;
  /** False for `=` and `;` outside of quotes. */
  readonly isText: boolean;
}

const tokenShape = /\s+|"((?:[^"\\]|\\.)*)"|([=;])|([^\s"=;()]+)/sy;

/** Returns the tokens of a field without its comments, or undefined if a comment or a quoted text has no end. */
function tokensIn(field: string): Token[] | undefined {
  const tokens: Token[] = [];
  for (let at = 0; at < field.length;) {
    if (field[at] === "(") {
      const end = endOfComment(field, at);
      if (end === undefined) return undefined;
      at = end;
      continue;
    }
    tokenShape.lastIndex = at;
    const match = tokenShape.exec(field);
    if (!match) return undefined;
    at = tokenShape.lastIndex;
    const [, quoted, special, word] = match;
    if (special !== undefined) tokens.push({ text: special, isText: false });
    else if (quoted !== undefined) tokens.push({ text: quoted.replaceAll(/\\(.)/gs, "$1"), isText: true });
    else if (word !== undefined) tokens.push({ text: word, isText: true });
  }
  return tokens;
}

/** Returns the place after the comment that begins at `start`. Comments may be within each other. */
function endOfComment(field: string, start: number): number | undefined {
  let depth = 0;
  for (let at = start; at < field.length; at += 1) {
    if (field[at] === "\\") at += 1;
    else if (field[at] === "(") depth += 1;
    else if (field[at] === ")" && (depth -= 1) === 0) return at + 1;
  }
  return undefined;
}

function split(tokens: readonly Token[]): Token[][] {
  const parts: Token[][] = [[]];
  for (const token of tokens) {
    if (!token.isText && token.text === ";") parts.push([]);
    else parts.at(-1)?.push(token);
  }
  return parts;
}

/** Returns the pairs `name=value` of a result, or none if it is anything else. */
function pairsIn(tokens: readonly Token[]): Pair[] {
  const pairs: Pair[] = [];
  for (let at = 0; at < tokens.length; at += 3) {
    const [name, equals, value] = tokens.slice(at, at + 3);
    if (!name?.isText || equals?.isText !== false || !value?.isText) return [];
    pairs.push({ name: name.text, value: value.text });
  }
  return pairs;
}

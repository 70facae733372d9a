/**
 * Returns what the sender of a mail wrote, without the mails that their program quoted and without their signature.
 * What they wrote between the lines of a quotation stays, with the quotation. If nothing would be left, all stays.
 */
export function withoutQuotations(text: string): string {
  const lines = text.split("\n").map((line) => line.trimEnd());
  const ownLines = cutSignature(lines, text.split("\n"));
  const own = cutTrailingQuotation(cutHistory(cutLeadingQuotation(ownLines)))
    .join("\n")
    .trim();
  return own === "" ? text.trim() : own;
}

/**
 * What a line of a text is: a quotation, a line within the paragraph of one, which a program may have broken, or the
 * writer's own.
 */
export type QuotedLine = "QUOTED" | "CONTINUED" | "OWN";

/**
 * `>` or its full-width form, after marks of a list or the initials of a writer. Characters that cannot be seen may
 * precede.
 */
const quotationMark = /^[\s\u00ad\u200b-\u200d\u2060\ufeff]*(?:(?:[*+-]|\d{1,9}[.)])\s+)*[A-Z]{0,3}[>＞]/u;

/** Returns the number of characters before what a line quotes: marks of quotations and of lists, and spaces. */
export function quotationPrefixLength(line: string): number {
  const [marks = ""] = quotationMark.exec(line) ?? [];
  return marks.length + (/^[\s>＞]*/.exec(line.slice(marks.length))?.[0].length ?? 0);
}

/**
 * Returns for each line of a text whether it quotes: it begins with `>`, stands within a `blockquote` of HTML, or
 * belongs to the history below a mail.
 */
export function quotedLines(lines: readonly string[]): QuotedLine[] {
  const trimmed = lines.map((line) => line.trimEnd());
  const history = cutHistory(trimmed).length;
  let isInParagraph = false;
  let depth = 0;
  return trimmed.map((line, index) => {
    const isMarked = quotationMark.test(line);
    isInParagraph = isMarked || (isInParagraph && line !== "");
    const opened = depth + (line.match(/<blockquote\b/gi)?.length ?? 0);
    depth = Math.max(0, opened - (line.match(/<\/blockquote\b/gi)?.length ?? 0));
    if (isMarked || opened > 0 || index >= history) return "QUOTED";
    return isInParagraph ? "CONTINUED" : "OWN";
  });
}

/** RFC 3676, section 4.3. The space at its end is what tells it from a rule. */
function cutSignature(lines: readonly string[], untrimmed: readonly string[]): readonly string[] {
  const start = untrimmed.findIndex((line) => /^-- \r?$/.test(line));
  return start === -1 ? lines : lines.slice(0, start);
}

/** Lines with which programs begin what follows them: the mail that is answered. */
const separators: readonly RegExp[] = [
  /^-{2,}\s*(original message|original appointment|forwarded message|ursprüngliche nachricht|oorspronkelijk bericht|message d'origine|messaggio originale|mensaje original|mensagem original)\s*-{2,}$/i,
  /^_{20,}$/,
];

/** The names of From, and of Sent and To, in the headers that Outlook writes above the mail that is answered. */
const headerFrom = /^\**(from|von|van|de|da|från|fra)\s*:\**\s*\S/i;
const headerOthers =
  /^\**(sent|date|gesendet|datum|verzonden|envoyé|enviado|inviato|data|skickat|sendt|to|an|aan|à|para|a|til|till|subject|betreff|onderwerp|objet|asunto|oggetto|assunto|ämne|emne)\s*:/i;

/** `On …, … wrote:` in the languages of the common programs. It may be broken into three lines. */
const attributions: readonly RegExp[] = [
  /^on\b.{4,400}\bwrote\s*:$/i,
  /^am\b.{4,400}\bschrieb\b.{0,200}:$/i,
  /^op\b.{4,400}\b(schreef\b.{0,200}|geschreven)\s*:$/i,
  /^le\b.{4,400}\ba écrit\s*:$/i,
  /^el\b.{4,400}\bescribió\s*:$/i,
  /^il\b.{4,400}\bha scritto\s*:$/i,
  /^em\b.{4,400}\bescreveu\s*:$/i,
  /^(den|på)\b.{4,400}\bskrev\b.{0,200}:$/i,
];

/** The number of lines that an attribution may have, and that the headers of a quoted mail are looked for in. */
const maxAttributionLines = 3;
const maxHeaderLines = 6;

/** Cuts the history that begins with a separator, with headers or with an attribution. */
function cutHistory(lines: readonly string[]): readonly string[] {
  for (let index = 0; index < lines.length; index += 1) {
    if (isSeparator(lines, index) || isHeaders(lines, index)) return lines.slice(0, index);
    const length = attributionAt(lines, index);
    if (length > 0 && !isAnsweredBetween(lines, index + length)) return lines.slice(0, index);
  }
  return lines;
}

function isSeparator(lines: readonly string[], index: number): boolean {
  const line = lines[index] ?? "";
  const [words, rule] = separators;
  if (words?.test(line)) return true;
  // A rule alone may be one of the sender's.
  return rule?.test(line) === true && isHeaders(lines, nextFilled(lines, index + 1));
}

function isHeaders(lines: readonly string[], index: number): boolean {
  if (!headerFrom.test(lines[index] ?? "")) return false;
  return lines.slice(index + 1, index + maxHeaderLines).filter((line) => headerOthers.test(line)).length >= 2;
}

/** Returns the number of lines of the attribution that begins there, or 0. */
function attributionAt(lines: readonly string[], index: number): number {
  let joined = "";
  for (let length = 1; length <= maxAttributionLines; length += 1) {
    const line = lines[index + length - 1];
    if (line === undefined || line === "") return 0;
    joined = joined === "" ? line : `${joined} ${line}`;
    if (joined.length > 700) return 0;
    if (attributions.some((attribution) => attribution.test(joined))) return length;
  }
  return 0;
}

/** Whether a quotation begins there in which, or after which, the sender has written something. */
function isAnsweredBetween(lines: readonly string[], start: number): boolean {
  const first = nextFilled(lines, start);
  if (!isQuoted(lines[first])) return false;
  // No slice: a mail can have thousands of attributions.
  for (let index = first; index < lines.length; index += 1) {
    if (lines[index] !== "" && !isQuoted(lines[index])) return true;
  }
  return false;
}

/**
 * Cuts the attribution and the quotation that a mail begins with, if all that the sender wrote is below them. If they
 * quote more further down, they answer between the lines.
 */
function cutLeadingQuotation(lines: readonly string[]): readonly string[] {
  const start = nextFilled(lines, 0);
  const length = attributionAt(lines, start);
  if (length === 0) return lines;
  const quotation = nextFilled(lines, start + length);
  if (!isQuoted(lines[quotation])) return lines;
  let end = quotation;
  while (end < lines.length && (lines[end] === "" || isQuoted(lines[end]))) end += 1;
  const rest = lines.slice(end);
  return rest.some(isQuoted) ? lines : rest;
}

function cutTrailingQuotation(lines: readonly string[]): readonly string[] {
  let end = lines.length;
  while (end > 0 && (lines[end - 1] === "" || isQuoted(lines[end - 1]))) end -= 1;
  return lines.slice(0, end);
}

function isQuoted(line: string | undefined): boolean {
  return line?.startsWith(">") === true;
}

function nextFilled(lines: readonly string[], start: number): number {
  let index = start;
  while (index < lines.length && lines[index] === "") index += 1;
  return index;
}

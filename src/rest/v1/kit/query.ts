/** A parameter of a URL. */
export interface Parameter {
  readonly name: string;
  readonly value: string;
  /** The query as it was sent, safe in a header: the links of a page keep the caller's own spelling. */
  readonly text: string;
}

/** The parameters of a URL in their order, each as often as it was sent. */
export interface Query {
  readonly parameters: readonly Parameter[];
  /** The value of a parameter: the last one, where it was sent more than once. */
  last(name: string): string | undefined;
}

/**
 * Reads the query of a URL itself, since filters put operators where other parsers see none: in `created_at=>=T` the value is all
 * that follows the first `=`, and in `id!=1` the `!` belongs to the name.
 */
export function readQuery(url: string): Query {
  const parameters = (/\?(.*)/s.exec(url)?.[1] ?? "")
    .split("&")
    .filter((part) => part !== "")
    .map((part) => {
      const [name = "", ...value] = part.split("=");
      return { name: decode(name), value: decode(value.join("=")), text: part.replaceAll(unsafe, encodeByte) };
    });
  return { parameters, last: (name) => parameters.findLast((parameter) => parameter.name === name)?.value };
}

/** What clients that split a header at commas, semicolons or brackets would stumble over, and what no URL may hold. */
const unsafe = /[^\w\-.~!$&'()*+/:=?@%]/g;

/** Node hands over URLs as Latin-1: a character is a byte. */
function encodeByte(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
}

function decode(text: string): string {
  const spaced = text.replaceAll("+", " ");
  try {
    return decodeURIComponent(spaced);
  } catch {
    // A percent sign that encodes nothing is kept as it is.
    return spaced;
  }
}

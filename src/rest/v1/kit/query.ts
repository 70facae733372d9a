/** A parameter of a URL. */
export interface Parameter {
  readonly name: string;
  readonly value: string;
  /**
   * The parameter as it was sent, with the characters encoded that are unsafe in a header. The links of a page repeat
   * it.
   */
  readonly text: string;
}

/** The parameters of a URL in the order in which they were sent. A name may occur several times. */
export interface Query {
  readonly parameters: readonly Parameter[];
  /** Returns the value of the last parameter with that name. */
  last(name: string): string | undefined;
}

/**
 * Returns the query of a URL. Other parsers do not fit, because filters have operators around the equals sign: in
 * `created_at=>=T` the value is everything after the first `=`, and in `id!=1` the name is `id!`.
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

/**
 * The characters at which some clients split a header (commas, semicolons, brackets), and those that are not allowed in
 * a URL.
 */
const unsafe = /[^\w\-.~!$&'()*+/:=?@%]/g;

/** Node.js decodes URLs as Latin-1, so each character is one byte. */
function encodeByte(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
}

function decode(text: string): string {
  const spaced = text.replaceAll("+", " ");
  try {
    return decodeURIComponent(spaced);
  } catch {
    // Invalid percent-encoding stays as it is.
    return spaced;
  }
}

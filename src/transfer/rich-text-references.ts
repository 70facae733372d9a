/**
 * Returns `text` with other integers in its mentions `<@209|Name>` and references `<request#5>`. `numberOf` takes
 * `person#209` or `request#5`; what it returns undefined for stays as it is.
 */
export function withNumbers(text: string, numberOf: (reference: string) => number | undefined): string {
  return text
    .replaceAll(/<@(\d+)\|/g, (whole, id: string) => {
      const number = numberOf(`person#${id}`);
      return number === undefined ? whole : `<@${number}|`;
    })
    .replaceAll(/<([a-z_]+)#(\d+)>/g, (whole, kind: string, id: string) => {
      const number = numberOf(`${kind}#${id}`);
      return number === undefined ? whole : `<${kind}#${number}>`;
    });
}

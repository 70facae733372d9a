/** The pattern of a UUID in lower case, as the source of a regular expression. */
export const uuidSource = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}";

const uuid = new RegExp(`^${uuidSource}$`, "i");

/**
 * Returns whether `text` is a UUID of any version. PostgreSQL accepts all versions, and older rows may have them.
 * `validate` of the package `uuid` refuses versions and variants that RFC 9562 does not define.
 */
export function isUuid(text: string): boolean {
  return uuid.test(text);
}

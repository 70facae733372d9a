/** How a UUID is written, as a part of a pattern. */
export const uuidSource = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}";

const uuid = new RegExp(`^${uuidSource}$`, "i");

/**
 * Whether `text` is a UUID, of whatever version: as PostgreSQL takes them, and rows of before may have them. `validate` of the package `uuid` refuses
 * versions and variants that RFC 9562 does not name.
 */
export function isUuid(text: string): boolean {
  return uuid.test(text);
}

/**
 * Returns the code of an error of the system, of Node.js or of a driver, such as `ENOENT`. Undefined if it has none.
 */
export function errorCodeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

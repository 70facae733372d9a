import { join, relative } from "node:path";

/** The longest path of a socket: 104 bytes with the final NUL on macOS and BSD, 108 on Linux. */
const maxSocketPathBytes = 103;

/**
 * Returns the path of the socket by which the commands of an operator reach the gateway that runs on `dataDirectory`:
 * absolute, or if that is longer than the operating system allows, relative to the current directory. Null if both are
 * longer. The socket has a directory of its own, which its owner alone may enter.
 */
export function administrationSocketPath(dataDirectory: string): string | null {
  const absolute = join(dataDirectory, "administration", "socket");
  const paths = [absolute, relative(process.cwd(), absolute)];
  return paths.find((path) => Buffer.byteLength(path) <= maxSocketPathBytes) ?? null;
}

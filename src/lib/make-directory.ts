import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { errorCodeOf } from "./error-code.ts";

/**
 * Creates a directory, and those above it, for its owner only. It may be there already. Throws the error of the file
 * system.
 *
 * With `recursive`, Node's own `mkdir` never returns where the file system refuses by ENOENT although the directory
 * above is there, as /proc does.
 */
export function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (errorCodeOf(error) === "EEXIST" && statSync(path).isDirectory()) return;
    if (errorCodeOf(error) !== "ENOENT" || dirname(path) === path) throw error;
    makeDirectory(dirname(path));
    makeOne(path);
  }
}

/** Creates one directory, which another process may have created meanwhile. */
function makeOne(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (errorCodeOf(error) !== "EEXIST") throw error;
  }
}

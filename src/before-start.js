// For `node --import`, before anything else. JavaScript, since Node.js would load a compiler of TypeScript for this file alone, into each thread: 20 MB.
import { enableCompileCache } from "node:module";
import { fileURLToPath } from "node:url";
import { isMainThread } from "node:worker_threads";

boundArenas();
// What V8 makes of the sources is kept for the next start, and so are the sources without their types.
enableCompileCache(fileURLToPath(new URL("../node_modules/.cache/compiled/", import.meta.url)));

/**
 * Has glibc serve all threads from two arenas. It makes one for each, which keep what they have been given: 50 MB under load. The C library looks for
 * its settings as a process begins, so the process begins once more, as itself. Whoever has chosen a number keeps it.
 */
function boundArenas() {
  const { execve, platform, env, execPath, execArgv, argv } = process;
  const hasChannel = process.send !== undefined;
  if (platform !== "linux" || !execve || !isMainThread || hasChannel || env.MALLOC_ARENA_MAX !== undefined) return;
  execve(execPath, [execPath, ...execArgv, ...argv.slice(1)], { ...env, MALLOC_ARENA_MAX: "2" });
}

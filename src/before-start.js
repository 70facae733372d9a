// For `node --import`, before anything else. JavaScript, since Node.js would load a compiler of TypeScript for this
// file alone, into each thread: 20 MB.
import { enableCompileCache } from "node:module";
import { fileURLToPath } from "node:url";
import { isMainThread } from "node:worker_threads";

/**
 * glibc raises the size from which it maps memory for one allocation by itself, to what was freed last. Buffers of
 * megabytes are then cut out of its arenas, which kept 100 MB under load.
 */
const allocation = { MALLOC_MMAP_THRESHOLD_: "1048576" };

beginOnceMore();
// What V8 makes of the sources is kept for the next start, and so are the sources without their types.
enableCompileCache(fileURLToPath(new URL("../node_modules/.cache/compiled/", import.meta.url)));

/**
 * Begins the process once more, as itself, with what has to be known as a process begins. glibc serves all threads from
 * two arenas: it makes one for each, which keep what they have been given, 50 MB under load. V8's heap has room for all
 * answers that may be under way, as they are in memory several times, and no more: it would collect nothing before it
 * is much larger. Whoever has chosen either keeps it.
 */
function beginOnceMore() {
  const { execve, platform, env, execPath, execArgv, argv } = process;
  const hasChannel = process.send !== undefined;
  if (platform !== "linux" || !execve || !isMainThread || hasChannel || env.MALLOC_ARENA_MAX !== undefined) return;
  const isHeapChosen = [...execArgv, env.NODE_OPTIONS ?? ""].some((words) => words.includes("--max-old-space-size"));
  const heap = isHeapChosen ? [] : [`--max-old-space-size=${heapMegabytes(Number(env.MAX_RESPONSE_BYTES))}`];
  execve(execPath, [execPath, ...heap, ...execArgv, ...argv.slice(1)], { ...allocation, ...env, MALLOC_ARENA_MAX: "2" });
}

/**
 * See src/lib/response-budget.ts: answers of four times the largest are under way at most, and each is in memory some
 * four times.
 */
function heapMegabytes(maximumBytes) {
  const largest = maximumBytes > 0 ? maximumBytes : 16_777_216;
  return Math.round(192 + (4 * 4 * largest) / 1_048_576);
}

// node src/launch.js <program> [arguments]: runs the program in this process, with what must be known as a process
// begins. JavaScript, since Node.js would load a compiler of TypeScript for this file alone: 20 MB.
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { setFlagsFromString } from "node:v8";
// V8's flags of the gateway: see docs/decisions/0060.
import startFlags from "./start-flags.json" with { type: "json" };

/**
 * Settings of glibc. It serves all threads from two arenas: it would make one for each, which keep what they have been
 * given, 50 MB under load. It would also raise the size from which it maps memory for one allocation, to what was freed
 * last: buffers of megabytes would then be cut out of its arenas, which kept 100 MB under load.
 */
const allocation = { MALLOC_ARENA_MAX: "2", MALLOC_MMAP_THRESHOLD_: "1048576" };

const [, , program, ...words] = process.argv;
if (program === undefined) throw new Error("Usage: node src/launch.js <program> [arguments]");
if (process.execve) replaceProcess(process.execve);
await runHere();

/** Begins the process once more, as the program and with the same id. Whoever has chosen a setting keeps it. */
function replaceProcess(execve) {
  const { env, execPath, execArgv } = process;
  const isHeapChosen = [...execArgv, env.NODE_OPTIONS ?? ""].some((given) => given.includes("--max-old-space-size"));
  const heap = isHeapChosen ? [] : [`--max-old-space-size=${heapMegabytes(Number(env.MAX_RESPONSE_BYTES))}`];
  const before = `--import=${new URL("before-start.js", import.meta.url).href}`;
  execve(execPath, [execPath, ...heap, before, ...startFlags, ...execArgv, program, ...words], { ...allocation, ...env });
}

/** Runs the program where a process cannot begin once more, as on Windows. The sizes of the heap stay Node's own. */
async function runHere() {
  for (const flag of startFlags) setFlagsFromString(flag);
  await import("./before-start.js");
  const path = resolve(program);
  process.argv.splice(1, 2, path);
  await import(pathToFileURL(path).href);
}

/**
 * V8's heap has room for all answers that may be under way, as they are in memory several times, and no more: it would
 * collect nothing before it is much larger. See src/lib/response-budget.ts: answers of four times the largest are under
 * way at most, and each is in memory some four times.
 */
function heapMegabytes(maximumBytes) {
  const largest = maximumBytes > 0 ? maximumBytes : 16_777_216;
  return Math.round(192 + (4 * 4 * largest) / 1_048_576);
}

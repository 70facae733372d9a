import { setFlagsFromString } from "node:v8";

/**
 * Sets V8's flags for the WebAssembly of PGlite and Prisma. `npm start` sets the same flags. V8 accepts cached code
 * only with the flags with which it was compiled, so they should not change after sources are loaded.
 *
 * V8 keeps replaced compiled code, which is a few megabytes. Freeing it while PGlite starts or ends in a thread
 * sometimes crashed the process: "Check failed: jit_page_->allocations_.erase(addr) == 1",
 * github.com/nodejs/node/issues/64500.
 *
 * The optimizing compiler is off. It needs 600 MB for one of PGlite's functions, within a second of every start, and V8
 * cannot exclude single functions. See docs/decisions/0060-start-and-memory.md for the cost.
 */
export function settleWebAssembly(): void {
  for (const flag of ["--no-wasm-code-gc", "--no-wasm-tier-up", "--no-wasm-dynamic-tiering"]) setFlagsFromString(flag);
}

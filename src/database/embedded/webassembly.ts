import { setFlagsFromString } from "node:v8";

/**
 * Settles how V8 treats WebAssembly, PGlite's and Prisma's. `npm start` has said the same already: flags are part of what makes compiled sources fit, so
 * they should not change once sources are loaded.
 *
 * What V8 has compiled is kept when a better version has replaced it, a few megabytes. Freeing it while PGlite starts or ends in a thread has crashed the
 * process now and then: "Check failed: jit_page_->allocations_.erase(addr) == 1", github.com/nodejs/node/issues/64500.
 *
 * The optimizing compiler stays out of it. It needs 600 MB for a single one of PGlite's functions, within a second of every start, and V8 offers
 * no choice of functions; see docs/decisions/0060-start-and-memory.md for what that costs.
 */
export function settleWebAssembly(): void {
  for (const flag of ["--no-wasm-code-gc", "--no-wasm-tier-up", "--no-wasm-dynamic-tiering"]) setFlagsFromString(flag);
}

import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";

const root = resolve(import.meta.dirname, "../../..");

/**
 * Runs the command of `npm run demo`, and kills it after `killAfter` milliseconds if that is set. Returns its exit
 * code, or null if it was killed.
 */
export async function runDemo(environment: Record<string, string>, killAfter?: number): Promise<number | null> {
  return runKilled(["src/load-demo.ts"], environment, killAfter);
}

/** Runs a program with `words` as {@link runDemo}. */
export async function runKilled(
  words: readonly string[],
  environment: Record<string, string>,
  killAfter?: number,
): Promise<number | null> {
  const child = spawn(process.execPath, words, { cwd: root, env: { ...process.env, ...environment }, stdio: "ignore" });
  const exited = once(child, "exit") as Promise<[number | null]>; // null if a signal has ended it
  const timer = killAfter === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), killAfter);
  const [code] = await exited;
  clearTimeout(timer);
  return code;
}

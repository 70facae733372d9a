import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

/** What a command has printed, and how it has ended. */
export interface CommandResult {
  readonly code: number | null;
  readonly out: string;
  readonly said: string;
}

/** Runs a program of src/, such as `import-data.ts`, as npm would: in `WORKING_DIRECTORY`, if that is given. */
export async function runProgram(
  program: string,
  environment: Readonly<Record<string, string>>,
  ...given: readonly string[]
): Promise<CommandResult> {
  const { WORKING_DIRECTORY: cwd, ...variables } = environment;
  const child = spawn(process.execPath, [fileURLToPath(new URL(`../../src/${program}`, import.meta.url)), ...given], {
    cwd,
    env: { PATH: process.env["PATH"], NODE_V8_COVERAGE: process.env["NODE_V8_COVERAGE"], ...variables },
  });
  const [out, said, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
  return { code: code as number | null, out: out.trim(), said }; // null if a signal has ended it
}

import { userInfo } from "node:os";
import { createInterface } from "node:readline/promises";
import { errorCodeOf } from "../lib/error-code.ts";
import type { ProgramDefinition, Terminal } from "./definition.ts";
import { runProgram } from "./program.ts";

/** Runs a program with the arguments, the environment and the terminal of this process, and sets its exit code. */
export async function runProcess(program: ProgramDefinition): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) stream.on("error", ignoreClosedPipe);
  process.exitCode = await runProgram(program, process.argv.slice(2), terminalOfProcess());
}

function terminalOfProcess(): Terminal {
  const isInteractive = process.stdin.isTTY && process.stderr.isTTY;
  return {
    environment: process.env,
    user: userInfo().username,
    write: (line) => void process.stdout.write(`${line}\n`),
    complain: (line) => void process.stderr.write(`${line}\n`),
    ask: isInteractive ? askAtTerminal : undefined,
  };
}

/** Who reads the output, such as `head`, may have seen enough. */
function ignoreClosedPipe(error: Error): void {
  if (errorCodeOf(error) !== "EPIPE") throw error;
}

/** Asks on standard error, because standard output is for what scripts read. */
async function askAtTerminal(question: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await lines.question(question);
  } finally {
    lines.close();
  }
}

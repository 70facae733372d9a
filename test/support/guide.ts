import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";

const root = resolve(import.meta.dirname, "../..");

/** A fenced block of a document. */
export interface FencedBlock {
  readonly language: string;
  readonly text: string;
  /** The JSON that the document shows below it, with nothing but an empty line between. */
  readonly shown: unknown;
}

/** Returns the text of a document of this repository. */
export function readDocument(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

/** Returns the fenced blocks of a document in their order, without those that show what a command writes. */
export function fencedBlocks(document: string): readonly FencedBlock[] {
  return [...document.matchAll(/^```(\w+)\n([^]*?)^```\n(?:\n```json\n([^]*?)^```$)?/gm)].map(
    ([, language = "", block = "", shown]) => ({
      language,
      text: block,
      shown: shown === undefined ? undefined : (JSON.parse(shown) as unknown),
    }),
  );
}

export interface ShellOptions {
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  /** What stands in the commands, and what is written there instead: other addresses and directories. */
  readonly replacements: Readonly<Record<string, string>>;
}

/** Returns `commands` with all `replacements`, of which the longest come first. */
export function replaced(commands: string, replacements: Readonly<Record<string, string>>): string {
  return Object.keys(replacements)
    .toSorted((one, other) => other.length - one.length)
    .reduce((replacedSoFar, found) => replacedSoFar.replaceAll(found, replacements[found] ?? ""), commands);
}

/**
 * Runs blocks of commands in one shell, in their order, and returns what each has written to standard output. Throws an
 * `Error` with all output if a command fails.
 */
export async function runShell(
  blocks: readonly Pick<FencedBlock, "text">[],
  { directory, environment, replacements }: ShellOptions,
): Promise<readonly string[]> {
  const commands = blocks.map((block) => `${replaced(block.text, replacements)}printf '\\0'\n`).join("");
  const shell = spawn("bash", ["-c", `set -euo pipefail\n${commands}`], {
    cwd: directory,
    env: { ...process.env, NODE_OPTIONS: "", ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [out, said, [code]] = await Promise.all([text(shell.stdout), text(shell.stderr), once(shell, "close")]);
  if (code !== 0) throw new Error(`The commands ended with ${code}:\n${commands}\n${out}\n${said}`);
  return out.split("\0").slice(0, -1);
}

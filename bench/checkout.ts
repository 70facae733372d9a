import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";

/** The directory of this checkout. */
const workingTree = resolve(import.meta.dirname, "..");

/** The installed sources of one version. */
export interface Checkout {
  /** The name in the report: the reference and its commit. */
  readonly name: string;
  readonly directory: string;
  remove(): void;
}

/** Returns the working tree, with uncommitted changes. */
export function openWorkingTree(): Checkout {
  const isChanged = run("git", ["status", "--porcelain"]) !== "";
  const name = `${run("git", ["rev-parse", "--short", "HEAD"])}${isChanged ? " with changes" : ""}`;
  return { name: `the working tree (${name})`, directory: workingTree, remove: () => undefined };
}

/**
 * Returns the current commit of a reference. It is resolved once, because a branch may move before it is checked out.
 * Throws an `Error` if there is no such reference.
 */
export function commitOf(reference: string): string {
  return run("git", ["rev-parse", "--verify", "--short", `${reference}^{commit}`]);
}

/**
 * Returns the installed files of a commit in a temporary directory. If its lock file is the same, it uses the packages
 * that are installed here, because copying them takes minutes on a busy disk. Throws an `Error` if it cannot be
 * installed.
 */
export function checkOut(reference: string, commit: string): Checkout {
  const directory = mkdtempSync(join(tmpdir(), "gateway-compare-"));
  const remove = () => rmSync(directory, { recursive: true, force: true });
  try {
    // An archive, not a worktree of git, because it leaves nothing in the repository, however this process ends.
    run("git", ["archive", "--format=tar", `--output=${join(directory, "sources.tar")}`, commit]);
    run("tar", ["-xf", "sources.tar"], directory);
    rmSync(join(directory, "sources.tar"));
    install(directory);
  } catch (error) {
    remove();
    throw error;
  }
  return { name: reference === commit ? commit : `${reference} (${commit})`, directory, remove };
}

function install(directory: string): void {
  const lockOf = (checkout: string) => readFileSync(join(checkout, "package-lock.json"), "utf8");
  if (lockOf(directory) !== lockOf(workingTree)) {
    run("npm", ["ci", "--silent"], directory);
    return;
  }
  symlinkSync(join(workingTree, "node_modules"), join(directory, "node_modules"));
  run("npm", ["run", "--silent", "generate"], directory);
}

/** Returns the output of a command. Throws an `Error` with its error output if it fails. */
function run(command: string, words: readonly string[], directory = workingTree): string {
  // npm sets variables for the scripts of this checkout, which must not reach the npm of another checkout.
  const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("npm_")));
  const { status, stdout, stderr, error } = spawnSync(command, words, {
    cwd: directory,
    encoding: "utf8",
    env: { ...environment, PATH: [join(directory, "node_modules/.bin"), process.env["PATH"]].join(delimiter) },
  });
  if (status !== 0) throw new Error(`${command} ${words.join(" ")} failed: ${error?.message ?? stderr}`);
  return stdout.trim();
}

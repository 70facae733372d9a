import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";

/** The directory of this checkout. */
const workingTree = resolve(import.meta.dirname, "../..");

/** The sources of one version, installed. */
export interface Checkout {
  /** What it is called in the report: the reference and the commit that it stood for. */
  readonly name: string;
  readonly directory: string;
  remove(): void;
}

/** The working tree, with changes that are not committed. */
export function openWorkingTree(): Checkout {
  const isChanged = run("git", ["status", "--porcelain"]) !== "";
  const name = `${run("git", ["rev-parse", "--short", "HEAD"])}${isChanged ? " with changes" : ""}`;
  return { name: `the working tree (${name})`, directory: workingTree, remove: () => undefined };
}

/**
 * Returns the commit to which a reference leads now: a branch may have moved when it is checked out. @throws {Error} if there is
 * none
 */
export function commitOf(reference: string): string {
  return run("git", ["rev-parse", "--verify", "--short", `${reference}^{commit}`]);
}

/**
 * The files of a commit in a temporary directory, installed: where the same is locked, with the packages that are installed here, since
 * a copy of them takes minutes on a busy disk.
 *
 * @throws {Error} where it cannot be installed
 */
export function checkOut(reference: string, commit: string): Checkout {
  const directory = mkdtempSync(join(tmpdir(), "gateway-compare-"));
  const remove = () => rmSync(directory, { recursive: true, force: true });
  try {
    // An archive, not a worktree of git: it leaves nothing in the repository, however this process ends.
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

/** What a command prints. @throws {Error} with what it complains of where it fails */
function run(command: string, words: readonly string[], directory = workingTree): string {
  // npm sets variables for the scripts of this checkout, which the npm of another checkout must not get.
  const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("npm_")));
  const { status, stdout, stderr, error } = spawnSync(command, words, {
    cwd: directory,
    encoding: "utf8",
    env: { ...environment, PATH: [join(directory, "node_modules/.bin"), process.env["PATH"]].join(delimiter) },
  });
  if (status !== 0) throw new Error(`${command} ${words.join(" ")} failed: ${error?.message ?? stderr}`);
  return stdout.trim();
}

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import dockerignore from "@balena/dockerignore";
import { readStages, type Stage, type Step } from "./dockerfile.ts";

/** What a Dockerfile makes, as a directory. Its processes run in it by `chroot`. */
export interface Image {
  readonly root: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly workingDirectory: string;
  /** A user, or a user and a group: names or numbers. */
  readonly user: string;
  readonly command: readonly string[];
  readonly healthCheck: readonly string[];
  readonly stopSignal: string;
}

export interface BuildOptions {
  readonly dockerfile: string;
  readonly context: string;
  /** A directory for the stages. All but the last are removed. */
  readonly directory: string;
  /** The directories of the images that stages begin from, by their names. */
  readonly bases: Readonly<Record<string, string>>;
}

/**
 * Carries out the instructions of a Dockerfile in directories, and needs root. Throws an `Error` for an instruction
 * that it does not know, and if a command fails.
 */
export function buildImage({ dockerfile, context, directory, bases }: BuildOptions): Image {
  const images = new Map<string, Image>();
  const stages = readStages(dockerfile);
  stages.forEach((stage, index) => {
    const root = join(directory, `stage-${index}`);
    const base = images.get(stage.base) ?? emptyImage(bases[stage.base]);
    mkdirSync(directory, { recursive: true });
    execFileSync("cp", ["--archive", "--reflink=auto", base.root, root]);
    images.set(stage.name ?? "", buildStage(stage, { ...base, root }, { context, images }));
  });
  const built = images.get(stages.at(-1)?.name ?? "");
  if (built === undefined) throw new Error(`${dockerfile} has no stage`);
  for (const { root } of images.values()) if (root !== built.root) rmSync(root, { recursive: true, force: true });
  return built;
}

function emptyImage(root: string | undefined): Image {
  if (root === undefined) throw new Error("A stage begins from an image that is not there");
  const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  return {
    ...{ root, environment: { PATH: path }, workingDirectory: "/", user: "0:0", command: [], healthCheck: [] },
    stopSignal: "SIGTERM",
  };
}

interface Surroundings {
  readonly context: string;
  readonly images: ReadonlyMap<string, Image>;
}

function buildStage(stage: Stage, base: Image, surroundings: Surroundings): Image {
  return stage.steps.reduce((image, step) => {
    const carryOut = instructions[step.instruction];
    if (carryOut === undefined) throw new Error(`${step.instruction} is not known here`);
    return carryOut(image, step, surroundings);
  }, base);
}

type CarryOut = (image: Image, step: Step, surroundings: Surroundings) => Image;

const instructions: Readonly<Record<string, CarryOut>> = {
  CMD: (image, { words, text }) => ({ ...image, command: words ?? ["/bin/sh", "-c", text] }),
  COPY: copy,
  ENV(image, { variables }) {
    const expanded = (value: string) => value.replaceAll(/\$\{?(\w+)\}?/g, (_, name: string) => image.environment[name] ?? "");
    const added = variables.map(([name, value]) => [name, expanded(value)] as const);
    return { ...image, environment: { ...image.environment, ...Object.fromEntries(added) } };
  },
  EXPOSE: (image) => image,
  HEALTHCHECK: (image, { words = [] }) => ({ ...image, healthCheck: words }),
  RUN(image, { text }) {
    runIn(image, ["/bin/sh", "-c", text]);
    return image;
  },
  STOPSIGNAL: (image, { text }) => ({ ...image, stopSignal: text }),
  USER: (image, { text }) => ({ ...image, user: text }),
  VOLUME(image, { text }) {
    mkdirSync(join(image.root, text), { recursive: true });
    return image;
  },
  WORKDIR(image, { text }) {
    const workingDirectory = resolve(image.workingDirectory, text);
    mkdirSync(join(image.root, workingDirectory), { recursive: true });
    return { ...image, workingDirectory };
  },
};

/** As Docker does: what is copied belongs to root, whoever the user is. */
function copy(image: Image, { flags, text }: Step, { context, images }: Surroundings): Image {
  const paths = text.split(/\s+/);
  const sources = paths.slice(0, -1);
  const destination = join(image.root, resolve(image.workingDirectory, paths.at(-1) ?? ""));
  const stage = images.get(flags["from"] ?? "");
  for (const source of sources) {
    if (stage !== undefined) copyAsRoot(join(stage.root, source), destination);
    else copyFromContext(context, source, sources.length > 1 ? join(destination, source) : destination);
  }
  return image;
}

function copyFromContext(context: string, source: string, destination: string): void {
  const files = contextFiles(context, source);
  if (files.length === 0) throw new Error(`There is no ${source} to copy, or .dockerignore excludes it`);
  for (const file of files) {
    const into = join(destination, file.slice(source.length));
    mkdirSync(dirname(into), { recursive: true });
    cpSync(join(context, file), into);
  }
  execFileSync("chown", ["--recursive", "0:0", destination]);
}

function copyAsRoot(source: string, destination: string): void {
  mkdirSync(dirname(destination), { recursive: true });
  execFileSync("cp", ["--archive", "--no-target-directory", "--reflink=auto", source, destination]);
  execFileSync("chown", ["--recursive", "--no-dereference", "0:0", destination]);
}

/** Returns the files that git knows below a path of the context, without those that .dockerignore excludes. */
export function contextFiles(context: string, source: string): readonly string[] {
  const options = { cwd: context, encoding: "utf8", maxBuffer: 16 * 1024 * 1024 } as const;
  const known = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "--", source], options);
  const path = join(context, ".dockerignore");
  const ignored = dockerignore.default().add(existsSync(path) ? readFileSync(path, "utf8") : "");
  return ignored.filter(known.split("\n").filter((file) => file !== "" && existsSync(join(context, file))));
}

/** Runs a command of a build, which may use the network as this machine does. Throws an `Error` if it fails. */
function runIn(image: Image, command: readonly string[]): void {
  const registry = execFileSync("npm", ["config", "get", "registry"], { encoding: "utf8" }).trim();
  const { NODE_EXTRA_CA_CERTS: authorities = "" } = process.env;
  const machine = {
    npm_config_registry: registry,
    ...(authorities === "" ? {} : { NODE_EXTRA_CA_CERTS: "/run/authorities.pem" }),
  };
  const mounts = [
    `mount --bind /dev "$root/dev"`,
    `mount -t proc proc "$root/proc"`,
    `mount -t tmpfs tmpfs "$root/run"`,
    `touch "$root/etc/resolv.conf" && mount --bind /etc/resolv.conf "$root/etc/resolv.conf"`,
    ...(authorities === "" ? [] : [`cp '${realpathSync(authorities)}' "$root/run/authorities.pem"`]),
  ];
  const [program = "", ...words] = inRoot(image, { ...image.environment, ...machine }, command);
  execFileSync("unshare", namespaced(mounts, image.root, [program, ...words]), { stdio: ["ignore", "inherit", "inherit"] });
}

/** The arguments of `unshare` that make `mounts` for one command only. `$root` is the directory of the image. */
function namespaced(
  mounts: readonly string[],
  root: string,
  command: readonly string[],
  flags: readonly string[] = [],
): string[] {
  const script = ["set -e", 'root="$1"', "shift", ...mounts, 'exec "$@"'].join("\n");
  return ["--mount", "--propagation", "private", ...flags, "sh", "-c", script, "sh", root, ...command];
}

/** The command line of a command in the image: as its user, in its directory, with these variables and no rights. */
function inRoot(image: Image, environment: Readonly<Record<string, string>>, command: readonly string[]): string[] {
  const [user = "0", group = user] = image.user.split(":");
  // A user without rights has none to lose; apt needs those of root.
  const rights = user === "0" ? [] : ["--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"];
  const variables = Object.entries({ HOME: homeOf(image, user), ...environment }).map(([name, value]) => `${name}=${value}`);
  return [
    ...["chroot", image.root, "setpriv", `--reuid=${user}`, `--regid=${group}`, "--clear-groups", ...rights],
    ...["env", "-i", `--chdir=${image.workingDirectory}`, ...variables, ...command],
  ];
}

/** Returns the home of a user as Docker sets it: that of /etc/passwd, or the root. */
function homeOf({ root }: Image, user: string): string {
  const users = readFileSync(join(root, "etc/passwd"), "utf8")
    .split("\n")
    .map((line) => line.split(":"));
  const [, , , , , home = "/"] = users.find(([name, , id]) => name === user || id === user) ?? [];
  return home;
}

export interface ContainerOptions {
  readonly environment?: Readonly<Record<string, string>>;
  /** Default: that of the image. */
  readonly command?: readonly string[];
  /** Directories and files of this machine, by their paths in the container. */
  readonly mounts?: Readonly<Record<string, string>>;
}

/** A process of an image: process 1 of its own namespace, with a root file system that nobody can write to. */
export interface Container {
  /** What it has printed so far. */
  printed(): string;
  /** The same on standard error. */
  complaints(): string;
  /** The id of the image's process on this machine. */
  pid(): number;
  readonly exited: Promise<number | null>;
  /** Sends a signal and waits for the end. Returns the exit code, or null if the signal has ended it. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  /** Runs the health check of the image beside it. Returns its exit code. */
  health(): number;
}

/** Starts the command of an image. */
export function startContainer(image: Image, { environment = {}, command, ...options }: ContainerOptions = {}): Container {
  const variables = { ...image.environment, ...environment };
  const mounts = { "/etc/hosts": "/etc/hosts", ...options.mounts };
  const binds = Object.entries(mounts).map(([target, source]) => `mount --bind '${source}' "$root${target}"`);
  for (const [target, source] of Object.entries(mounts)) addMountPoint(join(image.root, target), source);
  const script = [
    // A mount of its own, which can be made read-only.
    `mount --bind "$root" "$root" && mount -o remount,bind,ro "$root"`,
    `mount -t proc proc "$root/proc"`,
    `mount --bind /dev "$root/dev"`,
    `mount -t tmpfs tmpfs "$root/tmp"`,
    ...binds,
  ];
  const words = inRoot(image, variables, command ?? image.command);
  const child = spawn("unshare", namespaced(script, image.root, words, ["--pid", "--fork", "--kill-child"]), {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = { printed: "", complaints: "" };
  child.stdout.on("data", (chunk: Buffer) => (said.printed += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (said.complaints += chunk.toString()));
  // The code is null if a signal has ended it.
  const exited = once(child, "close").then(([code]: unknown[]) => code as number | null);
  const pid = () => childOf(child);
  return {
    ...{ exited, pid, printed: () => said.printed, complaints: () => said.complaints },
    stop(signal = "SIGTERM") {
      if (child.exitCode === null && child.signalCode === null) process.kill(pid(), signal);
      return exited;
    },
    health() {
      const probe = inRoot(image, variables, image.healthCheck);
      return exitCodeOf("unshare", namespaced([`mount --bind /dev "$root/dev"`], image.root, probe));
    },
  };
}

/** As Docker does, which mounts what the image has no place for. */
function addMountPoint(path: string, source: string): void {
  if (existsSync(path)) return;
  const isDirectory = statSync(source).isDirectory();
  mkdirSync(isDirectory ? path : dirname(path), { recursive: true });
  if (!isDirectory) writeFileSync(path, "");
}

/** Returns the process that `unshare --fork` waits for. */
function childOf({ pid }: ChildProcess): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim());
}

function exitCodeOf(program: string, words: readonly string[]): number {
  try {
    execFileSync(program, words, { stdio: "ignore" });
    return 0;
  } catch (error) {
    // The error of a command that has ended has its exit code.
    if (error instanceof Error && "status" in error) return Number(error.status);
    throw error;
  }
}

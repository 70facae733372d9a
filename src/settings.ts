import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { createServer } from "node:net";
import { asDataDirectoryProblem, type Config, ConfigError, misspeltSettings, readConfig } from "./config.ts";
import { readConnectionString } from "./database/connection-string.ts";
import { lockWithPidFile } from "./database/embedded/embedded-database.ts";
import { loadManifests } from "./graphql/server/load-manifests.ts";
import { loadPlugins } from "./graphql/server/load-plugins.ts";
import type { GraphqlPlugin } from "./graphql/server/plugins.ts";
import { DirectoryInUse } from "./lib/directory-lock.ts";
import { errorCodeOf } from "./lib/error-code.ts";
import { makeDirectory } from "./lib/make-directory.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Returns the configuration in `environment`, whose connection strings can be used too. Says on standard error which
 * variables are misspelt. Throws {@link ConfigError} with every problem found.
 */
export function readSettings(environment: Environment): Config {
  for (const line of misspeltSettings(environment)) console.error(line);
  const attempts = [() => readConfig(environment), ...urlVariables.map((name) => () => readUrl(environment, name))];
  const problems = attempts.flatMap(problemsOf);
  if (problems.length > 0) throw new ConfigError([...new Set(problems)]);
  return readConfig(environment);
}

/** What a start of the gateway needs, all of it checked. */
export interface StartSettings {
  readonly config: Config;
  readonly plugins: readonly GraphqlPlugin[];
}

/**
 * Returns the configuration, with a free port if PORT is 0, and the plugins. Also checks what a start finds out only
 * late: whether the manifests of documents can be used, the port can be listened on, and the data directory can be
 * written to and is free. Throws {@link ConfigError} with every problem found.
 */
export async function readStartSettings(environment: Environment): Promise<StartSettings> {
  const problems: string[] = [];
  const gather = async <Result>(work: () => Result | Promise<Result>): Promise<Result | undefined> => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(...error.problems);
      return undefined;
    }
  };
  const read = await gather(() => readSettings(environment));
  const pluginsPath = environment["GRAPHQL_PLUGINS"] ?? "";
  const plugins = await gather(() => (pluginsPath === "" ? [] : loadPlugins(pluginsPath)));
  const manifestsPath = environment["PERSISTED_DOCUMENTS"] ?? "";
  if (manifestsPath !== "") await gather(() => loadManifests(manifestsPath));
  const port = read && (await gather(() => portToListenOn(read)));
  if (read) await gather(() => checkDataDirectory(read));
  if (!read || !plugins || port === undefined || problems.length > 0) throw new ConfigError(problems);
  // The port is chosen before anything is signed, because URLs contain it.
  return { config: { ...read, port, publicUrl: read.publicUrl.replace(/:0$/, `:${port}`) }, plugins };
}

const urlVariables = ["DATABASE_URL", "DATABASE_URL_DIRECT"] as const;

function readUrl(environment: Environment, name: string): void {
  const url = environment[name] ?? "";
  if (url !== "") readConnectionString(url, name);
}

function problemsOf(work: () => unknown): readonly string[] {
  try {
    work();
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

/** Returns the port, or a free one for 0. Throws {@link ConfigError} if it cannot be listened on. */
async function portToListenOn({ host, port }: Config): Promise<number> {
  const probe = createServer();
  try {
    await once(probe.listen(port, host), "listening");
    const address = probe.address();
    return typeof address === "object" && address !== null ? address.port : port;
  } catch (error) {
    throw asListeningProblem(error, { host, port });
  } finally {
    probe.close();
  }
}

/** Returns a {@link ConfigError} if `error` says that the process cannot listen there; otherwise `error` itself. */
export function asListeningProblem(error: unknown, { host, port }: Pick<Config, "host" | "port">): unknown {
  // Names are looked up by getaddrinfo, which has a code for each way in which they are not known.
  const isOfName = error instanceof Error && "syscall" in error && error.syscall === "getaddrinfo";
  const code = isOfName ? "getaddrinfo" : (errorCodeOf(error) ?? "");
  const problem = Object.hasOwn(listeningProblems, code) ? listeningProblems[code]?.(host, port) : undefined;
  return problem === undefined ? error : new ConfigError([problem]);
}

const listeningProblems: Readonly<Record<string, (host: string, port: number) => string>> = {
  getaddrinfo: (host) => `HOST ${host} is a name without an address: set an address of this machine, or a name that has one`,
  EADDRINUSE: (_, port) => `PORT ${port} is taken by another process: set a port that is free, or 0 for any`,
  EACCES: (_, port) => `PORT ${port} may not be listened on by this user: set a port above 1023`,
  EADDRNOTAVAIL: (host) => `HOST ${host} is no address of this machine: set one that is, such as 127.0.0.1 or 0.0.0.0`,
};

/** Throws {@link ConfigError} if the data directory is needed and cannot be written to, or another process uses it. */
async function checkDataDirectory({ database, storage, dataDirectory }: Config): Promise<void> {
  if (database.kind !== "embedded" && storage.kind !== "file") return;
  try {
    makeDirectory(dataDirectory);
    accessSync(dataDirectory, constants.W_OK);
    if (database.kind === "embedded") await (await lockWithPidFile(database.directory)).release();
  } catch (error) {
    if (error instanceof DirectoryInUse) throw new ConfigError([`DATA_DIR: ${error.message}`]);
    throw asDataDirectoryProblem(error);
  }
}

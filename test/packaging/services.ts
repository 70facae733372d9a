import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { programDirectory, unprivilegedDirectory, unprivilegedUser, until } from "../faults/support/cluster.ts";
import { raisedLimits } from "../faults/support/gateway.ts";
import { type Radosgw, startRadosgw } from "../s3/radosgw.ts";
import { addresses, type Images } from "./addresses.ts";
import { type Container, startContainer } from "./image.ts";

const root = resolve(import.meta.dirname, "../..");
const composeDirectory = join(root, "packaging/compose");

interface Mounted {
  readonly source: string;
  readonly target: string;
}

/** A service as `docker compose config` describes it. */
interface Service {
  readonly command: readonly string[] | null;
  readonly environment?: Readonly<Record<string, string>>;
  readonly configs?: readonly Mounted[];
}

interface Project {
  readonly services: Readonly<Record<string, Service>>;
  readonly configs: Readonly<Record<string, { readonly file?: string; readonly content?: string }>>;
}

export type GatewayName = "gateway-1" | "gateway-2";

/** What compose.yaml describes, running without an engine. */
export interface Services {
  /** The certificate of Caddy's authority, for clients. */
  readonly authority: string;
  /** Where PostgreSQL is for an administrator. */
  readonly databaseUrl: string;
  /** A directory that `/data` of each gateway and command is. */
  readonly dataDirectory: string;
  /** Starts a gateway and waits until it is ready. */
  startGateway(name: GatewayName): Promise<Container>;
  /** Runs a command as `docker compose run migrate` would. Returns what it prints. Throws an `Error` if it fails. */
  run(service: string, command?: readonly string[]): Promise<string>;
  stop(): Promise<void>;
}

/** Starts all services but the gateways, and runs those that run once. */
export async function startServices(images: Images): Promise<Services> {
  const directory = mkdtempSync(join(tmpdir(), "gateway-compose-"));
  const dataDirectory = join(directory, "data");
  mkdirSync(dataDirectory);
  chownSync(dataDirectory, 1000, 1000);
  const project = await readProject(images, directory);
  const stops: (() => Promise<void>)[] = [async () => rmSync(directory, { recursive: true, force: true })];
  const onStop = (stop: () => Promise<void>) => void stops.unshift(stop);

  const serviceOf = (name: string): Service => {
    const service = project.services[name];
    if (service === undefined) throw new Error(`compose.yaml has no ${name}`);
    return service;
  };
  const environmentOf = (name: string) => serviceOf(name).environment ?? {};
  const mountsOf = (name: string) =>
    Object.fromEntries(
      (serviceOf(name).configs ?? []).map(({ source, target }) => [target, fileOf(project, source, directory)]),
    );

  const run = async (name: string, command = serviceOf(name).command ?? undefined): Promise<string> => {
    const mounts = { ...mountsOf(name), "/data": dataDirectory };
    const given = command === undefined ? {} : { command };
    const container = startContainer(images.gateway, { ...given, mounts, environment: environmentOf(name) });
    const code = await container.exited;
    if (code !== 0) throw new Error(`${name} ended with ${code}: ${container.printed()} ${container.complaints()}`);
    return container.printed();
  };

  try {
    const { POSTGRES_PASSWORD: password = "" } = environmentOf("postgresql");
    onStop(await startPostgresql(password));
    const store = await startStore(environmentOf("store"));
    onStop(() => store.stop());
    const pgbouncer = startContainer(images.pgbouncer, { mounts: mountsOf("pgbouncer") });
    onStop(async () => void (await pgbouncer.stop("SIGINT")));
    const authority = await startCaddy(environmentOf("proxy"), directory, onStop);
    await run("migrate");
    await run("bucket");
    return {
      ...{ authority, dataDirectory, run, databaseUrl: `postgresql://notes:${password}@postgresql:5432/notes` },
      async startGateway(name) {
        const container = startContainer(images.gateway, {
          // In a container it would listen on every address.
          environment: { ...environmentOf(name), ...raisedLimits, HOST: addresses[name] },
          mounts: { "/data": dataDirectory },
        });
        onStop(async () => void (await container.stop("SIGKILL")));
        await until(60_000, async () => {
          const { ok } = await fetch(`http://${name}:4000/ready`);
          if (!ok) throw new Error(`${name} is not ready: ${container.printed()} ${container.complaints()}`);
        });
        return container;
      },
      async stop() {
        for (const stop of stops) await stop();
      },
    };
  } catch (error) {
    for (const stop of stops) await stop();
    throw error;
  }
}

/** Returns what Docker Compose makes of compose.yaml, with secrets in a copy of .env.example. */
async function readProject(images: Images, directory: string): Promise<Project> {
  const settings = join(directory, "settings");
  const example = readFileSync(join(composeDirectory, ".env.example"), "utf8");
  let secrets = 0;
  writeFileSync(
    settings,
    example.replaceAll(/^(\w+)=$/gm, (_, name: string) => `${name}=${String((secrets += 1)).repeat(40)}`),
  );
  const compose = startContainer(images.compose, { mounts: { "/project": root, "/settings": settings } });
  const code = await compose.exited;
  if (code !== 0 || compose.complaints() !== "") throw new Error(`Docker Compose says: ${compose.complaints()}`);
  return JSON.parse(compose.printed()) as Project; // of `config --format json`
}

/** Returns the file of a config. Docker Compose has seen the project in another directory. */
function fileOf({ configs }: Project, name: string, directory: string): string {
  const { file, content } = configs[name] ?? {};
  if (file !== undefined) return join(composeDirectory, file.replace(/^.*\//, ""));
  const path = join(directory, name);
  writeFileSync(path, content ?? "");
  return path;
}

/** Debian's PostgreSQL with the role, the database and the passwords of the image `postgres`. */
async function startPostgresql(password: string): Promise<() => Promise<void>> {
  const directory = unprivilegedDirectory("gateway-postgresql-");
  const [data, passwordFile] = [join(directory, "data"), join(directory, "password")];
  writeFileSync(passwordFile, password, { mode: 0o644 });
  const user = unprivilegedUser();
  const make = (program: string, ...words: readonly string[]) =>
    execFileSync(join(programDirectory(), program), words, { ...user, cwd: directory, stdio: ["ignore", "ignore", "pipe"] });
  make("initdb", "-D", data, "-U", "notes", "-A", "scram-sha-256", `--pwfile=${passwordFile}`, "--no-sync", "-E", "UTF8");
  writeFileSync(join(data, "pg_hba.conf"), "local all all trust\nhost all all all scram-sha-256\n");
  const settings = [`unix_socket_directories=${directory}`, `listen_addresses=${addresses.postgresql}`, "fsync=off"];
  const server = spawn(
    join(programDirectory(), "postgres"),
    ["-D", data, "-p", "5432", ...settings.flatMap((setting) => ["-c", setting])],
    { ...user, cwd: directory, stdio: "ignore" },
  );
  // It also says that the server is ready.
  await until(20_000, async () => make("createdb", "-h", directory, "-U", "notes", "notes"));
  return async () => {
    const exited = once(server, "exit");
    server.kill("SIGQUIT");
    await exited;
    rmSync(directory, { recursive: true, force: true });
  };
}

/** Ceph's S3 gateway with the credentials of the image `versitygw`, which Debian does not have. */
function startStore({ ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY }: Readonly<Record<string, string>>): Promise<Radosgw> {
  if (ROOT_ACCESS_KEY_ID === undefined || ROOT_SECRET_ACCESS_KEY === undefined) throw new Error("The store has no credentials");
  return startRadosgw({ port: 7070, accessKeyId: ROOT_ACCESS_KEY_ID, secretAccessKey: ROOT_SECRET_ACCESS_KEY });
}

async function startCaddy(
  environment: Readonly<Record<string, string>>,
  directory: string,
  onStop: (stop: () => Promise<void>) => void,
): Promise<string> {
  const home = join(directory, "caddy");
  const caddy = spawn("caddy", ["run", "--config", join(composeDirectory, "Caddyfile"), "--adapter", "caddyfile"], {
    env: { ...process.env, ...environment, HOME: home, XDG_DATA_HOME: home },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let log = "";
  caddy.stderr.on("data", (chunk: Buffer) => (log += chunk.toString()));
  onStop(async () => {
    const exited = once(caddy, "exit");
    if (caddy.exitCode === null) caddy.kill("SIGKILL");
    else return;
    await exited;
  });
  return until(20_000, async () => {
    if (caddy.exitCode !== null) throw new Error(`Caddy ended: ${log}`);
    await wait(100);
    return readFileSync(join(home, "caddy/pki/authorities/local/root.crt"), "utf8");
  });
}

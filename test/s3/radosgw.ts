import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { promisify } from "node:util";
import { freePort } from "../support/free-port.ts";

const run = promisify(execFile);

/** A running object store that speaks S3 and verifies signatures. */
export interface Radosgw {
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Stops answering, without closing a connection, as a frozen machine does; `resume` ends that. */
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
}

export interface RadosgwOptions {
  /** Default: any free port. */
  readonly port?: number;
  readonly accessKeyId?: string;
  readonly secretAccessKey?: string;
}

const packages = ["ceph-mon", "ceph-osd", "ceph-common", "radosgw"];

/**
 * Starts Ceph's S3 gateway on this machine alone: one monitor, one store in memory, no authentication between them,
 * everything below a temporary directory. Where the programs are missing, and this is a Debian that lets us, they are
 * installed.
 */
export async function startRadosgw(options: RadosgwOptions = {}): Promise<Radosgw> {
  await requirePrograms();
  const directory = await mkdtemp(join(tmpdir(), "radosgw-"));
  const [monitorPort, osdPort] = await Promise.all([freePort(), freePort()]);
  const s3Port = options.port ?? (await freePort());
  const monitor = `v1:127.0.0.1:${monitorPort}`;
  const fsid = randomUUID();
  const { accessKeyId = "TESTACCESSKEY", secretAccessKey = randomUUID() } = options;
  const configuration = ["-c", join(directory, "ceph.conf")];
  const daemons: ChildProcess[] = [];

  const ceph = (program: string, ...args: string[]) =>
    run(program, [...args, ...configuration], { cwd: directory, timeout: 60_000 });

  /**
   * Tells the monitor. Busy with itself, it refuses for a moment to say which commands it knows; each of those here may
   * come twice.
   */
  async function tell(...args: string[]): Promise<void> {
    for (let attempts = 20; ; attempts -= 1) {
      try {
        await ceph("ceph", ...args);
        return;
      } catch (error) {
        if (attempts === 1 || !String(error).includes("getting command descriptions")) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }

  function daemon(program: string, ...args: string[]): ChildProcess {
    const child = spawn(program, [...args, ...configuration, "-f"], { cwd: directory, stdio: ["ignore", "pipe", "pipe"] });
    const output = createWriteStream(join(directory, `${program}.out`));
    child.stdout.pipe(output);
    child.stderr.pipe(output);
    daemons.push(child);
    return child;
  }

  async function stop(): Promise<void> {
    for (const child of daemons) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill("SIGKILL");
      await new Promise((resolve) => child.once("exit", resolve));
    }
    await rm(directory, { recursive: true, force: true });
  }

  try {
    await writeFile(
      join(directory, "ceph.conf"),
      `[global]
fsid = ${fsid}
mon host = ${monitor}
auth cluster required = none
auth service required = none
auth client required = none
public addr = 127.0.0.1
ms bind port min = ${osdPort}
ms bind port max = ${osdPort + 50}
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd crush chooseleaf type = 0
osd class update on start = false
osd crush update on start = false
mon allow pool size one = true
mon data avail crit = 1
osd objectstore = memstore
memstore device bytes = 1073741824
mon data = ${directory}/mon
osd data = ${directory}/osd
rgw data = ${directory}/rgw
keyring = ${directory}/keyring
log file = ${directory}/$name.log
run dir = ${directory}
admin socket =
rgw frontends = beast endpoint=127.0.0.1:${s3Port}
`,
    );
    await ceph("ceph-authtool", "--create-keyring", "keyring", "--gen-key", "-n", "mon.", "--cap", "mon", "allow *");
    await ceph(
      "ceph-authtool",
      "keyring",
      "--gen-key",
      "-n",
      "client.admin",
      "--cap",
      "mon",
      "allow *",
      "--cap",
      "osd",
      "allow *",
    );
    await ceph("monmaptool", "--create", "--fsid", fsid, "--addv", "a", `[${monitor}]`, "monmap");
    await ceph("ceph-mon", "--mkfs", "-i", "a", "--monmap", "monmap", "--keyring", "keyring");
    daemon("ceph-mon", "-i", "a");
    const osd = randomUUID();
    await tell("osd", "new", osd);
    await mkdir(join(directory, "osd"));
    await ceph("ceph-osd", "--mkfs", "-i", "0", "--osd-uuid", osd, "--monmap", "monmap");
    await tell("osd", "crush", "add", "osd.0", "1.0", "root=default", "host=localhost");
    daemon("ceph-osd", "-i", "0");
    const gateway = daemon("radosgw", "-n", "client.admin");
    const endpoint = `http://127.0.0.1:${s3Port}`;
    await answers(endpoint, gateway);
    const user = ["user", "create", "--uid", "test", "--display-name", "test"];
    await ceph("radosgw-admin", ...user, "--access-key", accessKeyId, "--secret-key", secretAccessKey);
    return {
      endpoint,
      accessKeyId,
      secretAccessKey,
      pause: () => void gateway.kill("SIGSTOP"),
      resume: () => void gateway.kill("SIGCONT"),
      stop,
    };
  } catch (error) {
    const said = await readFile(join(directory, "radosgw.out"), "utf8").catch(() => "");
    await stop();
    throw new Error(`Ceph's S3 gateway did not start. ${said}`, { cause: error });
  }
}

async function requirePrograms(): Promise<void> {
  if (await isInstalled()) return;
  process.stderr.write(`Installing ${packages.join(", ")} …\n`);
  try {
    await run("apt-get", ["update", "-qq"]);
    const install = ["apt-get", "install", "-y", "--no-install-recommends", ...packages];
    await run("env", ["DEBIAN_FRONTEND=noninteractive", ...install], {
      maxBuffer: 64 * 1024 * 1024,
    });
  } catch (error) {
    throw new Error(
      `THE S3 STORE WAS NOT TESTED: it needs Ceph's S3 gateway, which is not installed and cannot be installed from here. ` +
        `On Debian or Ubuntu, as root: apt-get install --no-install-recommends ${packages.join(" ")}`,
      { cause: error },
    );
  }
}

async function isInstalled(): Promise<boolean> {
  try {
    for (const program of ["ceph-mon", "ceph-osd", "radosgw", "radosgw-admin"]) await run(program, ["--version"]);
    return true;
  } catch {
    return false;
  }
}

async function answers(endpoint: string, gateway: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 240; tries++) {
    if (gateway.exitCode !== null) break;
    const response = await fetch(endpoint, { signal: AbortSignal.timeout(1000) }).catch(() => undefined);
    if (response?.ok) return;
    await wait(250);
  }
  throw new Error(`Nothing answers at ${endpoint}.`);
}

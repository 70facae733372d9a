// npm run test:packaging   builds the images without Docker, and tests what starts from them
//
// Needs root, and these of Debian's packages: see `required`. The images are directories: the Dockerfiles' steps are
// carried out in empty systems that mmdebstrap makes. The tests run in a network namespace, where the services have the
// ports of compose.yaml and names of their own, and nothing is reached but each other.
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { addresses, type Images } from "./addresses.ts";
import { buildImage } from "./image.ts";

/** Programs, and Debian's packages that have them. */
const required: Readonly<Record<string, string>> = {
  mmdebstrap: "mmdebstrap",
  caddy: "caddy",
  ip: "iproute2",
  pg_lsclusters: "postgresql",
  "systemd-analyze": "systemd",
  radosgw: "radosgw",
  "ceph-mon": "ceph-mon",
  "ceph-osd": "ceph-osd",
  ceph: "ceph-common",
};

const root = resolve(import.meta.dirname, "../..");

requireMachine();
const directory = mkdtempSync(join(tmpdir(), "gateway-packaging-"));
try {
  process.exitCode = test(build());
} finally {
  rmSync(directory, { recursive: true, force: true });
}

function requireMachine(): void {
  if (process.getuid?.() !== 0) refuse("This makes directories that are systems, and must be run as root.");
  const missing = Object.entries(required).filter(([program]) => spawnSync("which", [program]).status !== 0);
  const packages = missing.map(([, name]) => name).join(" ");
  if (packages !== "") refuse(`This needs programs of Debian: apt-get install --no-install-recommends ${packages}`);
}

function refuse(message: string): never {
  console.error(message);
  process.exit(2);
}

function build(): Images {
  const [debian, node] = [join(directory, "debian"), join(directory, "node")];
  timed("debian:trixie-slim", () => {
    const words = ["--variant=minbase", "--mode=root", "--quiet", "trixie", debian];
    execFileSync("mmdebstrap", words, { stdio: ["ignore", "inherit", "inherit"] });
  });
  timed("node:24-trixie-slim", () => makeNodeImage(debian, node));
  const bases = { "debian:trixie-slim": debian, "node:24-trixie-slim": node };
  const image = (name: string, dockerfile: string, context: string) =>
    timed(name, () => buildImage({ dockerfile, context, directory: join(directory, name), bases }));
  return {
    gateway: image("gateway", join(root, "Dockerfile"), root),
    pgbouncer: image("pgbouncer", join(root, "packaging/pgbouncer/Dockerfile"), join(root, "packaging/pgbouncer")),
    compose: image("compose", join(import.meta.dirname, "compose.Dockerfile"), import.meta.dirname),
  };
}

/** The Node.js of this process and the npm of this machine, at the places where that image has them, and its user. */
function makeNodeImage(debian: string, node: string): void {
  execFileSync("cp", ["--archive", "--reflink=auto", debian, node]);
  const { npm_execpath: npmProgram = "" } = process.env;
  if (npmProgram === "") throw new Error("Start this by npm run test:packaging: npm says where it is.");
  const modules = join(node, "usr/local/lib/node_modules");
  mkdirSync(modules, { recursive: true });
  cpSync(process.execPath, join(node, "usr/local/bin/node"));
  execFileSync("cp", ["--archive", "--dereference", resolve(npmProgram, "../.."), join(modules, "npm")]);
  execFileSync("useradd", ["--root", node, "--uid=1000", "--user-group", "--create-home", "node"]);
  symlinkSync("../lib/node_modules/npm/bin/npm-cli.js", join(node, "usr/local/bin/npm"));
}

function timed<Result>(name: string, work: () => Result): Result {
  const began = performance.now();
  const result = work();
  console.log(`${name}: ${Math.round((performance.now() - began) / 1000)} s`);
  return result;
}

/** Runs the tests of this folder in a network of their own. Returns the exit code. */
function test(images: Images): number {
  const [hosts, described] = [join(directory, "hosts"), join(directory, "images.json")];
  writeFileSync(described, JSON.stringify(images));
  const lines = Object.entries(addresses).map(([name, address]) => `${address} ${name}`);
  writeFileSync(hosts, `127.0.0.1 localhost notes.localhost files.notes.localhost\n${lines.join("\n")}\n`);
  const adds = [...new Set(Object.values(addresses))].map((address) => `ip address add ${address}/32 dev lo`);
  const script = ["set -e", "ip link set lo up", ...adds, `mount --bind ${hosts} /etc/hosts`, 'exec "$@"'].join("\n");
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const words = [process.execPath, vitest, "run", "--config", join(import.meta.dirname, "vitest.config.ts")];
  const namespaces = ["--net", "--mount", "--propagation", "private"];
  const { status } = spawnSync("unshare", [...namespaces, "sh", "-c", script, "sh", ...words, ...process.argv.slice(2)], {
    cwd: root,
    env: { ...process.env, PACKAGING_IMAGES: described },
    stdio: ["ignore", "inherit", "inherit"],
  });
  return status ?? 1;
}

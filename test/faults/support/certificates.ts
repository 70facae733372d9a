import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, copyFileSync } from "node:fs";
import { join } from "node:path";
import { unprivilegedUser } from "./cluster.ts";

/** A private certificate authority in `directory`, and its certificate for 127.0.0.1 and localhost. */
export interface Authority {
  /** The certificate that clients get as `sslrootcert`. */
  readonly rootPath: string;
  /** Copies the server's certificate to the paths of its `ssl_cert_file` and `ssl_key_file`. */
  installIn(dataDirectory: string): void;
}

/** Creates an authority called `name`. Needs the program `openssl`. */
export function makeAuthority(directory: string, name: string): Authority {
  const path = (suffix: string) => join(directory, `${name}-${suffix}`);
  const openssl = (...words: string[]) => execFileSync("openssl", words, { stdio: ["ignore", "ignore", "pipe"] });
  const keyAnd = ["-newkey", "rsa:2048", "-nodes", "-days", "2"];
  openssl("req", "-x509", ...keyAnd, "-keyout", path("root.key"), "-out", path("root.pem"), "-subj", `/CN=${name}`);
  openssl(
    ...["req", "-x509", ...keyAnd, "-keyout", path("server.key"), "-out", path("server.pem"), "-subj", "/CN=localhost"],
    ...["-CA", path("root.pem"), "-CAkey", path("root.key")],
    ...["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"],
  );
  return {
    rootPath: path("root.pem"),
    installIn(dataDirectory) {
      const { uid, gid } = unprivilegedUser();
      for (const [from, to] of [
        ["server.key", "server.key"],
        ["server.pem", "server.crt"],
      ] as const) {
        const installed = join(dataDirectory, to);
        copyFileSync(path(from), installed);
        chmodSync(installed, 0o600);
        if (uid !== undefined && gid !== undefined) chownSync(installed, uid, gid);
      }
    },
  };
}

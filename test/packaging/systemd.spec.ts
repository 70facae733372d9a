import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";

const unit = resolve(import.meta.dirname, "../../packaging/systemd/ticket-notes-gateway.service");

/** The highest exposure of the unit, of ten. systemd calls less than 2.5 "OK". What remains is the network. */
const exposureTenths = 15;

test("systemd understands the unit", () => {
  // The program of ExecStart must be there.
  const application = "/opt/ticket-notes-gateway";
  const opt = mkdtempSync(join(tmpdir(), "gateway-opt-"));
  mkdirSync(join(opt, "ticket-notes-gateway/node_modules/.bin"), { recursive: true });
  symlinkSync("/bin/true", join(opt, "ticket-notes-gateway/node_modules/.bin/node"));
  const verify = `mkdir -p /opt && mount --bind ${opt} /opt && test -e ${application} && exec systemd-analyze verify --man=no ${unit}`;
  const namespace = ["--mount", "--propagation", "private", "sh", "-c", verify];
  // It prints what it does not understand, and may end with 0 all the same.
  const said = execFileSync("unshare", namespace, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  rmSync(opt, { recursive: true });
  expect(said).toBe("");
});

test("the unit exposes little of the system", () => {
  const words = ["security", "--offline=true", `--threshold=${exposureTenths}`, "--no-pager", unit];
  const table = execFileSync("systemd-analyze", words, { encoding: "utf8" });
  expect(table).toMatch(/Overall exposure level for ticket-notes-gateway\.service: [01]\.\d/);
});

// npm run test:faults                  runs every script of this folder
// npm run test:faults -- pooler kill9  runs these two
//
// The results are written to the file FAULTS_REPORT, if it is set, in the format of Jest's reports.
//
// A script is a program. It prints its figures, and exits with 0 if all of its bounds hold.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

const directory = import.meta.dirname;
const scripts = readdirSync(directory)
  .filter((file) => file.endsWith(".ts") && file !== basename(import.meta.filename))
  .map((file) => basename(file, ".ts"))
  .toSorted();

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !scripts.includes(name));
if (unknown.length > 0) {
  console.error(`There is no ${unknown.join(", ")}. There are: ${scripts.join(", ")}.`);
  process.exit(2);
}

const results: { readonly fullName: string; readonly status: "passed" | "failed" }[] = [];
const chosen = asked.length === 0 ? scripts : asked;
for (const name of chosen) {
  console.log(`\n━━━ ${name}`);
  const began = performance.now();
  const code = await exitCodeOf(name);
  const status = code === 0 ? "passed" : "failed";
  results.push({ fullName: `faults: ${name}`, status });
  const seconds = Math.round((performance.now() - began) / 1000);
  console.log(`━━━ ${name}: ${status === "passed" ? status : "FAILED"} in ${seconds} s`);
}
const failed = results.filter(({ status }) => status === "failed").length;
const { FAULTS_REPORT: reportPath } = process.env;
if (reportPath !== undefined) {
  const status = failed === 0 ? "passed" : "failed";
  writeFileSync(reportPath, JSON.stringify({ testResults: [{ status, assertionResults: results }] }));
}
console.log(`\n${chosen.length - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

async function exitCodeOf(name: string): Promise<number> {
  const child = spawn(process.execPath, [join(directory, `${name}.ts`)], { stdio: ["ignore", "inherit", "inherit"] });
  const [code] = (await once(child, "exit")) as [number | null]; // null if a signal has ended it
  return code ?? 1;
}

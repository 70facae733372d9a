// npm run test:faults                  runs every script of this folder
// npm run test:faults -- pooler kill9  runs those
//
// A script is a program: it prints its figures, and exits with 0 where all of its bounds hold.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
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

let failed = 0;
const chosen = asked.length === 0 ? scripts : asked;
for (const name of chosen) {
  console.log(`\n━━━ ${name}`);
  const began = performance.now();
  const code = await exitCodeOf(name);
  if (code !== 0) failed += 1;
  const seconds = Math.round((performance.now() - began) / 1000);
  console.log(`━━━ ${name}: ${code === 0 ? "passed" : "FAILED"} in ${seconds} s`);
}
console.log(`\n${chosen.length - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

async function exitCodeOf(name: string): Promise<number> {
  const child = spawn(process.execPath, [join(directory, `${name}.ts`)], { stdio: ["ignore", "inherit", "inherit"] });
  const [code] = (await once(child, "exit")) as [number | null]; // null where a signal has ended it
  return code ?? 1;
}

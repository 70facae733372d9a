// Imported into a process (node --import). When the process ends, this writes the URLs of its loaded modules to the
// file LOADED_MODULES, a line each.
import { writeFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { isMainThread } from "node:worker_threads";

const path = process.env["LOADED_MODULES"];
if (isMainThread && path !== undefined) {
  const loaded: string[] = [];
  registerHooks({
    load(url, context, next) {
      loaded.push(url);
      return next(url, context);
    },
  });
  process.on("exit", () => writeFileSync(path, loaded.join("\n")));
}

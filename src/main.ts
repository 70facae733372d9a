import { enableCompileCache } from "node:module";
import { fileURLToPath } from "node:url";
import { settleWebAssembly } from "./platform/webassembly.ts";

settleWebAssembly();
// What V8 makes of the sources is kept for the next start. Whatever is imported before this goes without, hence the import below.
enableCompileCache(fileURLToPath(new URL("../node_modules/.cache/compiled/", import.meta.url)));
await import("./start.ts");

// npm run setup: adds the first account, its administrator and their API key. It asks, or takes flags.
import { setupProgram } from "./command-line/alias-programs.ts";
import { runProcess } from "./command-line/process.ts";

await runProcess(setupProgram);

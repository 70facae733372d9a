// npm run keys -- <command>: manages credentials, as npm run admin does. `npm run keys` lists the commands.
import { keysProgram } from "./command-line/alias-programs.ts";
import { runProcess } from "./command-line/process.ts";

await runProcess(keysProgram);

// npm run people -- <command>: manages the people of an account, as npm run admin does. `npm run people` lists the
// commands.
import { peopleProgram } from "./command-line/alias-programs.ts";
import { runProcess } from "./command-line/process.ts";

await runProcess(peopleProgram);

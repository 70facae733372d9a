// npm run admin -- <command>: manages accounts, people, roles and credentials. `npm run admin` lists the commands.
import { adminProgram } from "./command-line/admin-commands.ts";
import { runProcess } from "./command-line/process.ts";

await runProcess(adminProgram);

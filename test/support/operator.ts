import { createAdministration } from "../../src/administration/service.ts";
import { originOfOperator } from "../../src/administration/request.ts";
import type { OperatorConnection } from "../../src/command-line/connect.ts";
import type { ProgramDefinition, Terminal } from "../../src/command-line/definition.ts";
import { runProgram } from "../../src/command-line/program.ts";
import type { Database } from "../../src/database/database.ts";
import { createIds } from "../../src/lib/ids.ts";

/** What a program of an operator has printed, and its exit code. */
export interface OperatorRan {
  readonly code: number;
  readonly out: string;
  readonly said: string;
}

export type OpenConnection = (program: string, terminal: Terminal) => Promise<OperatorConnection>;

/** Returns a connection in this process with a database, which the caller closes. */
export function connectionTo(database: Database): OpenConnection {
  const administration = createAdministration({ database, clock: () => new Date(), newId: createIds() });
  return (program, { user }) =>
    Promise.resolve({
      call: (name, input) => administration.run(originOfOperator({ program, user }), name, input),
      close: () => Promise.resolve(),
    });
}

/** Fails: nothing is to be opened. */
export const openNothing: OpenConnection = () => {
  throw new Error("The database was opened, although the arguments are not valid.");
};

/** Runs a program in this process. `answers` are what the person at the terminal types; without them there is none. */
export async function runOperator(
  program: ProgramDefinition,
  args: readonly string[],
  connect: OpenConnection,
  answers?: readonly string[],
): Promise<OperatorRan> {
  const [out, said]: [string[], string[]] = [[], []];
  const open = [...(answers ?? [])];
  const code = await runProgram(
    program,
    args,
    {
      environment: {},
      user: "olga",
      write: (line) => void out.push(line),
      complain: (line) => void said.push(line),
      ask:
        answers &&
        ((question) => {
          said.push(question);
          const answer = open.shift();
          return answer === undefined ? Promise.reject(new Error(`Nobody answers ${question}`)) : Promise.resolve(answer);
        }),
    },
    connect,
  );
  return { code, out: out.join("\n"), said: said.join("\n") };
}

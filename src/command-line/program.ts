import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { ConfigError } from "../config.ts";
import { MigrationFailed } from "../database/migration-history.ts";
import { missingRightOf, missingRightSentence } from "../database/missing-right.ts";
import { UnusableDatabase } from "../database/start-checks.ts";
import { DomainError, InvalidInput, Unavailable } from "../errors.ts";
import {
  type ConnectOptions,
  connectProgram,
  type OperatorConnection,
  NoWayToTheDatabase,
  RefusedByGateway,
} from "./connect.ts";
import {
  type CommandDefinition,
  type CommandWork,
  type GivenOptions,
  optionDefinitions,
  type OptionName,
  type ProgramDefinition,
  type Shown,
  type Terminal,
} from "./definition.ts";

/** Returns a connection for a program that runs at that terminal. */
type ConnectProgram = (program: string, terminal: Terminal, options: ConnectOptions) => Promise<OperatorConnection>;

/** The exit codes of the programs. */
type ExitCode = 0 | 1 | 2;

/** Thrown for arguments that are not valid. `usage` is how the command is used. */
class WrongUsage extends Error {
  readonly usage: string;

  constructor(message: string, usage: string) {
    super(message);
    this.name = "WrongUsage";
    this.usage = usage;
  }
}

/** A command with its arguments, as it was called. */
interface Called {
  readonly definition: CommandDefinition;
  readonly command: Command;
  readonly given: GivenOptions;
}

/**
 * Reads the arguments of a program, does what they say and shows the result: for people, or with `--json` as one JSON
 * document on standard output. All that can be said of the arguments is said before the database is opened. Returns the
 * exit code: 2 if the arguments are not valid, 1 if the command has failed. Throws what is a fault of the code.
 */
export async function runProgram(
  program: ProgramDefinition,
  args: readonly string[],
  terminal: Terminal,
  connectTo: ConnectProgram = connectProgram,
): Promise<ExitCode> {
  const asJson = args.includes("--json");
  try {
    const read = readArguments(program, args);
    if (typeof read === "string") {
      terminal.write(read);
      return 0;
    }
    const work = await readWork(read, terminal);
    const connection = await connectTo(program.name, terminal, { mayMigrate: read.definition.mayMigrate });
    try {
      show(await work(connection.call), asJson, terminal);
    } finally {
      await connection.close();
    }
    return 0;
  } catch (error) {
    return explainFailure(error, asJson, terminal);
  }
}

/** Returns the command that is called, or the help that is asked for. Throws {@link WrongUsage}. */
function readArguments(program: ProgramDefinition, args: readonly string[]): Called | string {
  let called: Called | undefined;
  let printed = "";
  const [only, ...others] = program.commands;
  const root = new Command(`${program.name} --`).description(program.about).usage("<command> [options]");
  const context: ReadContext = { args, call: (one) => void (called = one) };
  // A program of one command is that command.
  if (only && others.length === 0 && !("commands" in only)) addCommand(root, only, context);
  else for (const one of program.commands) addBranch(root, one, context);
  for (const command of withDescendants(root)) {
    command.helpCommand(false).configureOutput({ writeOut: collect, writeErr: collect, outputError: () => undefined });
    command.exitOverride((error) => {
      throw error.code.startsWith("commander.help")
        ? error
        : new WrongUsage(sentenceOfMistake(error, command), usageOf(command));
    });
  }
  function collect(text: string): void {
    printed += text;
  }

  try {
    root.parse(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
  }
  return called ?? printed.trimEnd();
}

/** The arguments that are read, and where the command goes that they call. */
interface ReadContext {
  readonly args: readonly string[];
  readonly call: (called: Called) => void;
}

function addBranch(parent: Command, branch: ProgramDefinition["commands"][number], context: ReadContext): void {
  const isHidden = "isHidden" in branch && branch.isHidden;
  const command = parent.command(branch.name, { hidden: isHidden }).description(branch.about);
  if (!("commands" in branch)) return addCommand(command, branch, context);
  command.usage("<command> [options]");
  for (const one of branch.commands) addBranch(command, one, context);
}

function addCommand(command: Command, definition: CommandDefinition, { args, call }: ReadContext): void {
  const { takesId = false, required = [], optional = [] } = definition;
  if (takesId) command.argument("<id>", "the id, as list shows it");
  for (const name of [...required, ...optional]) command.addOption(optionOf(name, args));
  command.option("--json", "prints JSON; see docs/administration.md");
  const needed = [...(takesId ? ["<id>"] : []), ...required.map(flagsOf)];
  command.usage([...needed, "[options]"].join(" "));
  command.action(() => {
    const entries = Object.entries<unknown>(command.opts());
    const isOption = (name: string): name is OptionName => Object.hasOwn(optionDefinitions, name);
    const text: Partial<Record<OptionName, string>> = {};
    const flags = new Set<OptionName>();
    for (const [name, value] of entries) {
      if (!isOption(name)) continue;
      if (typeof value === "string") text[name] = value;
      if (value === true) flags.add(name);
    }
    const [id] = command.args;
    call({ definition, command, given: { text, flags, ...(takesId && { id }) } });
  });
}

/** An option whose value is not the next option: `--person --role` is a mistake, and `--person=--role` is meant. */
function optionOf(name: OptionName, args: readonly string[]): Option {
  const option = new Option(flagsOf(name), aboutOf(name));
  if (!option.required) return option;
  return option.argParser((value: string) => {
    if (value.startsWith("--") && !args.includes(`${option.long}=${value}`)) throw new InvalidArgumentError("");
    return value;
  });
}

function flagsOf(name: OptionName): string {
  return optionDefinitions[name].flags;
}

function aboutOf(name: OptionName): string {
  return optionDefinitions[name].about;
}

function withDescendants(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withDescendants)];
}

/** Reads what the arguments mean. Throws {@link WrongUsage}. */
async function readWork({ definition, command, given }: Called, terminal: Terminal): Promise<CommandWork> {
  // All at once. Commander would name the first one only.
  const missing = (definition.required ?? []).filter((name) => given.text[name] === undefined);
  if (missing.length > 0) {
    const sentence = missing.map((name) => `${firstWord(flagsOf(name))} is missing.`).join(" ");
    throw new WrongUsage(sentence, usageOf(command));
  }
  try {
    return await definition.read(given, terminal);
  } catch (error) {
    throw error instanceof InvalidInput ? new WrongUsage(error.message, usageOf(command)) : error;
  }
}

/** The sentence for each kind of mistake that Commander finds. `quoted` is what its own sentence quotes. */
const sentences: Readonly<Record<string, (quoted: string, command: string) => string>> = {
  "commander.unknownCommand": (quoted, command) => `There is no command ${quoted}: ${command} --help shows the commands.`,
  "commander.optionMissingArgument": (quoted) => `${firstWord(quoted)} needs a value.`,
  "commander.invalidArgument": (quoted) =>
    `${firstWord(quoted)} needs a value. One that begins with two hyphens follows an =: ${firstWord(quoted)}=--value.`,
  "commander.unknownOption": (quoted, command) =>
    `${wordOf(command)} takes no ${quoted}: ${command} --help shows what it takes.`,
  "commander.missingArgument": (_quoted, command) => `${wordOf(command)} takes one id, as list shows it.`,
  "commander.excessArguments": (_quoted, command) => `${wordOf(command)} takes options only, besides the id if it takes one.`,
};

function sentenceOfMistake({ code, message }: CommanderError, command: Command): string {
  const [, quoted = ""] = /'([^']*)'/.exec(message) ?? [];
  return sentences[code]?.(quoted, fullNameOf(command)) ?? message.replace(/^error: /, "");
}

const firstWord = (text: string) => text.split(" ", 1)[0] ?? "";

/** Returns the word of a command, or the name of its program if it has none. Arguments follow two hyphens there. */
function wordOf(command: string): string {
  return command.endsWith(" --") ? command.slice(0, -" --".length) : (command.split(" ").at(-1) ?? "");
}

function fullNameOf(command: Command): string {
  return command.parent ? `${fullNameOf(command.parent)} ${command.name()}` : command.name();
}

function usageOf(command: Command): string {
  return `Usage: ${fullNameOf(command)} ${command.usage()}`;
}

function show({ json, lines = [], remarks = [] }: Shown, asJson: boolean, { write, complain }: Terminal): void {
  if (asJson) return write(JSON.stringify(json));
  for (const remark of remarks) complain(remark);
  for (const line of lines) write(line);
}

/** Shows what went wrong. Returns the exit code. Throws `error` if nobody expects it. */
function explainFailure(error: unknown, asJson: boolean, { write, complain }: Terminal): ExitCode {
  const failure = explanationOf(error);
  if (!failure) throw error;
  const { code, message, usage } = failure;
  if (asJson) write(JSON.stringify({ error: { code, message } }));
  else complain(usage === undefined ? message : `${message}\n\n${usage}`);
  return usage === undefined ? 1 : 2;
}

interface Explanation {
  readonly code: string;
  readonly message: string;
  readonly usage?: string;
}

function explanationOf(error: unknown): Explanation | undefined {
  if (error instanceof WrongUsage) return { code: "INVALID_INPUT", message: error.message, usage: error.usage };
  if (error instanceof NoWayToTheDatabase) return { code: "IN_USE", message: error.message };
  if (error instanceof RefusedByGateway || error instanceof DomainError)
    return { code: error.code, message: `${forOperators(error.message)}${remarkOnCause(error)}` };
  if (error instanceof ConfigError || error instanceof UnusableDatabase || error instanceof MigrationFailed)
    return { code: "CONFIGURATION", message: error.message };
  const right = missingRightOf(error);
  return right === undefined ? undefined : { code: "CONFIGURATION", message: missingRightSentence(right) };
}

function remarkOnCause(error: Error): string {
  return error instanceof Unavailable && error.cause instanceof Error ? `\nIts cause: ${error.cause.message}` : "";
}

/** Where an operator sees what there is. */
const whereToLook: Readonly<Record<string, string>> = {
  account: "accounts list",
  "person in that account": "people list --account <slug>",
  key: "keys list",
  client: "clients list",
  link: "links list",
};

/** An operator may see everything, so what is not there is not there. */
function forOperators(message: string): string {
  const [, missing] = /^There is no such (.*), or you may not see it\.$/.exec(message) ?? [];
  if (missing === undefined) return message;
  const list = whereToLook[missing] ?? "keys list, clients list or links list";
  return `There is no such ${missing}: npm run admin -- ${list} shows what there is.`;
}

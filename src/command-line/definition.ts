import type { OperationInput, OperationName } from "../administration/input.ts";
import type { ResultOfOperation } from "../administration/service.ts";

// What a program for operators is made of.

/** A program that npm runs, and its commands. */
export interface ProgramDefinition {
  /** How npm runs it, such as `npm run admin`. The audit names it. */
  readonly name: string;
  readonly about: string;
  readonly commands: readonly (CommandDefinition | CommandGroup)[];
}

/** Commands under a common word. */
export interface CommandGroup {
  readonly name: string;
  readonly about: string;
  readonly commands: readonly CommandDefinition[];
}

export interface CommandDefinition {
  readonly name: string;
  readonly about: string;
  /** Whether it takes one id before its options. */
  readonly takesId?: boolean;
  readonly required?: readonly OptionName[];
  readonly optional?: readonly OptionName[];
  /** Whether the help leaves it out: a command of before, which is still understood. */
  readonly isHidden?: boolean;
  /** Whether it applies the migrations that the database lacks, as the first command of a new gateway. */
  readonly mayMigrate?: boolean;
  /** Reads the arguments. Returns what is then done. Throws `InvalidInput`. */
  readonly read: (given: GivenOptions, terminal: Terminal) => CommandWork | Promise<CommandWork>;
}

/** Does the operations of a command. */
export type CommandWork = (call: OperationCall) => Promise<Shown>;

/** Does an operation, in the database or in the gateway that has it open. */
export type OperationCall = <Name extends OperationName>(
  name: Name,
  input: OperationInput<Name>,
) => Promise<ResultOfOperation<Name>>;

/** What a command shows at its end. */
export interface Shown {
  /** What `--json` prints. */
  readonly json: object;
  /** The lines of standard output. Scripts read what has been made from it: an id, or a secret alone. */
  readonly lines?: readonly string[];
  /** The lines of standard error, for people. */
  readonly remarks?: readonly string[];
}

/** Where a program runs. */
export interface Terminal {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The user of the operating system, for the audit. */
  readonly user: string;
  write(line: string): void;
  complain(line: string): void;
  /** Asks the person at the terminal. Undefined if there is none. */
  readonly ask?: ((question: string) => Promise<string>) | undefined;
}

/** The options of all commands. Their names are those of the operations' inputs. */
export const optionDefinitions = {
  account: { flags: "--account <slug>", about: "the account" },
  person: { flags: "--person <mail>", about: "the person, by mail address" },
  name: { flags: "--name <text>", about: "the name" },
  role: { flags: "--role <role>", about: "customer, specialist or administrator" },
  newMail: { flags: "--new-mail <mail>", about: "the new mail address" },
  home: { flags: "--home <slug>", about: "the account that the person belongs to" },
  scopes: { flags: "--scopes <a,b>", about: "what it may do; default: all that the person's role may" },
  expires: { flags: "--expires <date>", about: "when it stops working, such as 2027-01-01" },
  ownAccountOnly: { flags: "--own-account-only", about: "works in no other account of the person" },
  client: { flags: "--client", about: "a client of the token endpoint in place of a key" },
  issuer: { flags: "--issuer <url>", about: "one of OIDC_ISSUERS" },
  subject: { flags: "--subject <text>", about: "the subject of the issuer's tokens, or their client" },
  timeZone: { flags: "--time-zone <zone>", about: "such as Europe/Amsterdam; default: UTC" },
  languages: { flags: "--languages <a,b>", about: "text search configurations of PostgreSQL, such as english" },
  accountName: { flags: "--account-name <text>", about: "the account's name" },
  keyName: { flags: "--key-name <text>", about: "the key's name; default: setup" },
} as const;

export type OptionName = keyof typeof optionDefinitions;

/** The arguments of a command, as they were given. */
export interface GivenOptions {
  readonly id?: string | undefined;
  readonly text: Readonly<Partial<Record<OptionName, string>>>;
  readonly flags: ReadonlySet<OptionName>;
}

// npm run people -- <command>: lists, adds, changes and removes the people of an account. `npm run people` lists the
// commands.
import { parseArgs } from "node:util";
import { v7 as uuidv7 } from "uuid";
import type { Actor } from "./access/audit.ts";
import { createMembers, type ListedMember, type Members } from "./access/members.ts";
import { createProvisioning } from "./access/provisioning.ts";
import { DomainError } from "./errors.ts";
import { systemClock } from "./lib/clock.ts";
import {
  type OperatorWork,
  refuseForeignOptions,
  requiredOption,
  roleNamed,
  runOperatorProgram,
  UsageError,
} from "./operator-command.ts";
import { checkPerson } from "./people/input.ts";

const peopleUsage = `Usage: npm run people -- <command>

  list   --account <slug>
      Everyone who is or was a member of the account, by number.
  add    --account <slug> --name <text> --person <mail> --role <customer|specialist|administrator>
      Adds a person, or lets one who left come back. Prints their id.
  change --account <slug> --person <mail> [--name <text>] [--new-mail <mail>] [--role <customer|specialist|administrator>]
      Changes what is given. Name and mail address can be changed in the person's home account only.
  remove --account <slug> --person <mail>
      Removes a person. Their keys, clients and links of the account stop working within a second; their notes stay.

It works on the database that DATABASE_URL names, or on the embedded one in DATA_DIR while the gateway is stopped.`;

const peopleOptions = {
  account: { type: "string" },
  person: { type: "string" },
  name: { type: "string" },
  role: { type: "string" },
  "new-mail": { type: "string" },
  help: { type: "boolean", short: "h" },
} as const;

type GivenPeople = ReturnType<typeof readPeopleArguments>["values"];

/** What a command works with. */
interface PeopleTools {
  readonly members: Members;
  readonly actor: Actor;
  readonly accountId: string;
  /** Returns the id of the member with that mail address. Throws `NotFound` if there is none. */
  readonly personWith: (email: string) => Promise<string>;
}

interface PeopleCommand {
  readonly takes: readonly (keyof typeof peopleOptions)[];
  /** Reads the options. Returns what is then done. Throws {@link UsageError}. */
  readonly read: (given: GivenPeople) => (tools: PeopleTools) => Promise<void>;
}

const peopleCommands: Readonly<Record<string, PeopleCommand>> = {
  list: { takes: ["account"], read: () => listMembers },
  add: { takes: ["account", "name", "person", "role"], read: readAddition },
  change: { takes: ["account", "person", "name", "new-mail", "role"], read: readChange },
  remove: { takes: ["account", "person"], read: readRemoval },
};

await runOperatorProgram(
  {
    name: "npm run people",
    usage: peopleUsage,
    meanwhile: "let an administrator use the GraphQL mutations addPerson, updatePerson and removePerson",
  },
  readPeopleCommand,
);

/** Returns the work of the command that is named, or undefined if none is. Throws {@link UsageError}. */
function readPeopleCommand(): OperatorWork | undefined {
  const { values, positionals } = readPeopleArguments();
  const [name, ...rest] = positionals;
  if (name === undefined || values.help === true) return undefined;
  const command = peopleCommands[name];
  if (!command) throw new UsageError(`There is no command ${name}.`);
  refuseForeignOptions(name, values, command.takes);
  if (rest.length > 0) throw new UsageError(`${name} takes options only.`);
  const slug = requiredOption(values, "account");
  const work = command.read(values);
  return async (database, origin) => {
    const dependencies = { database, clock: systemClock, newId: () => uuidv7() };
    const provisioning = createProvisioning({ ...dependencies, origin });
    const { id: accountId } = await provisioning.accountBySlug(slug);
    const personWith = async (email: string) => (await provisioning.personByEmail(slug, email)).person.id;
    await work({ members: createMembers(dependencies), actor: { origin }, accountId, personWith });
  };
}

async function listMembers({ members, accountId }: PeopleTools): Promise<void> {
  for (const member of await members.list(accountId)) console.log(lineOfMember(member));
}

function readAddition(given: GivenPeople): (tools: PeopleTools) => Promise<void> {
  const role = roleNamed(requiredOption(given, "role"));
  const input = { name: requiredOption(given, "name"), email: requiredOption(given, "person"), role };
  requireValid(input);
  return async ({ members, actor, accountId }) => console.log(await members.add(actor, accountId, input));
}

function readChange(given: GivenPeople): (tools: PeopleTools) => Promise<void> {
  const person = requiredOption(given, "person");
  const { name, role, "new-mail": email } = given;
  if (name === undefined && role === undefined && email === undefined) {
    throw new UsageError("Give what to change: --name, --new-mail or --role.");
  }
  const changes = { name, email, role: role === undefined ? undefined : roleNamed(role) };
  requireValid(changes);
  return async ({ members, actor, accountId, personWith }) => {
    await members.change(actor, accountId, { id: await personWith(person), ...changes });
    console.error(`${person} is changed.`);
  };
}

function readRemoval(given: GivenPeople): (tools: PeopleTools) => Promise<void> {
  const person = requiredOption(given, "person");
  return async ({ members, actor, accountId, personWith }) => {
    await members.remove(actor, accountId, await personWith(person));
    console.error(`${person} is removed.`);
  };
}

/** Throws {@link UsageError} for what the database would not be asked for. */
function requireValid(input: Parameters<typeof checkPerson>[0]): void {
  try {
    checkPerson(input);
  } catch (error) {
    throw error instanceof DomainError ? new UsageError(error.message) : error;
  }
}

function readPeopleArguments() {
  try {
    return parseArgs({ options: peopleOptions, allowPositionals: true, strict: true });
  } catch (error) {
    // parseArgs says which option it does not know.
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function lineOfMember({ id, number, name, email, role }: ListedMember): string {
  return [id, String(number), (role ?? "left").toLowerCase().padEnd(13), `${name} <${email}>`].join("  ");
}

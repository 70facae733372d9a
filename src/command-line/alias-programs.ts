import type { AdministeredAccount, AdministeredCredential, AdministeredPerson } from "../administration/service.ts";
import { scopes } from "../viewer.ts";
import { adminProgram, dayOf, keysGroup, peopleCommands, shownLink, shownSecret, validityOf } from "./admin-commands.ts";
import type { CommandDefinition, ProgramDefinition, Shown } from "./definition.ts";
import { doing, listing } from "./operation-command.ts";
import { setupCommand } from "./setup-command.ts";

// The programs of before, with the same commands, options and output. They do the operations of `npm run admin`.

const newCommands = (...names: readonly string[]) => keysGroup.commands.filter(({ name }) => names.includes(name));

/** Adds a key, or with --client a client. */
const createCredential: CommandDefinition = {
  name: "create",
  about: "adds an API key, or with --client a client of the token endpoint, and prints its secret, once",
  required: ["account", "person", "name"],
  optional: ["scopes", "expires", "client", "ownAccountOnly"],
  read: (given) =>
    given.flags.has("client")
      ? doing("clients.add", shownSecret("client"))(given)
      : doing("keys.add", shownSecret("key"))(given),
};

const withHomeRemark = ({ id, name, role, account }: AdministeredPerson): Shown => ({
  json: { person: { id } },
  remarks: [`${name} is a ${role} of ${account} too.`],
});
const printedId = ({ id }: AdministeredAccount | AdministeredPerson): Shown => ({ json: { id }, lines: [id] });

/** Commands that `npm run admin` has under other names. */
const formerCommands: readonly CommandDefinition[] = [
  {
    name: "add-account",
    about: "npm run admin -- accounts add",
    required: ["account", "name"],
    optional: ["timeZone"],
    read: doing("accounts.add", printedId),
  },
  {
    name: "set-languages",
    about: "npm run admin -- accounts change --languages",
    required: ["account", "languages"],
    read: doing("accounts.change", ({ account, languages }) => ({
      json: { account, languages },
      remarks: [`The notes of ${account} are found by ${languages.join(", ")}.`],
    })),
  },
  {
    name: "add-person",
    about: "npm run admin -- people add",
    required: ["account", "name", "person", "role"],
    read: doing("people.add", printedId),
  },
  {
    name: "add-member",
    about: "npm run admin -- roles add",
    required: ["account", "person", "home", "role"],
    read: doing("roles.add", withHomeRemark),
  },
];

/** `npm run keys`. */
export const keysProgram: ProgramDefinition = {
  name: "npm run keys",
  about: `Manages API keys, OAuth clients and links. npm run admin does all of this and more.
Scopes: ${scopes.join(", ")}.`,
  commands: [
    createCredential,
    {
      name: "list",
      about: "shows every key, client and link, newest first",
      optional: ["account"],
      read: listing("credentials.list", (rows) => ({
        json: { credentials: rows },
        ...(rows.length === 0 ? { remarks: ["There are none."] } : { lines: rows.map(lineOfCredential) }),
      })),
    },
    {
      name: "revoke",
      about: "revokes a key or a client, or removes a link, by its id: it stops working within a second",
      takesId: true,
      read: doing("credentials.remove", ({ id }) => ({ json: { removed: { id } }, remarks: [`${id} is revoked.`] })),
    },
    {
      name: "link",
      about: "lets tokens of an issuer in OIDC_ISSUERS about that subject act for the person",
      required: ["issuer", "subject", "account", "person"],
      optional: ["scopes", "ownAccountOnly"],
      read: doing("links.add", shownLink),
    },
    ...newCommands("add", "change", "remove"),
    ...formerCommands.map((command) => ({ ...command, isHidden: true })),
  ],
};

/** `npm run people`. */
export const peopleProgram: ProgramDefinition = {
  name: "npm run people",
  about: "Manages the people of an account. npm run admin -- people does the same, with tables.",
  commands: [
    {
      name: "list",
      about: "shows everyone who is or was a member of the account, by number",
      required: ["account"],
      read: listing("people.list", (rows) => ({ json: { people: rows }, lines: rows.map(lineOfPerson) })),
    },
    ...peopleCommands.filter(({ name }) => name !== "list").map(asBefore),
  ],
};

/** `npm run setup`: the command of that name, without its word. */
export const setupProgram: ProgramDefinition = { name: "npm run setup", about: adminProgram.about, commands: [setupCommand] };

/** Only `add` has printed an id. */
function asBefore(command: CommandDefinition): CommandDefinition {
  if (command.name === "add") return command;
  return {
    ...command,
    async read(given, terminal) {
      const work = await command.read(given, terminal);
      return async (call) => ({ ...(await work(call)), lines: [] });
    },
  };
}

function lineOfCredential(credential: AdministeredCredential): string {
  const { id, kind, account, person, mail, name, createdAt, lastUsedAt } = credential;
  return [
    id,
    kind.padEnd("client".length),
    account,
    `${person} <${mail}>`,
    JSON.stringify(name),
    credential.scopes.join(","),
    `made ${dayOf(createdAt)}`,
    validityOf(credential),
    lastUsedAt === null ? "never used" : `used ${dayOf(lastUsedAt)}`,
  ].join("  ");
}

function lineOfPerson({ id, number, role, name, mail }: AdministeredPerson): string {
  return [id, String(number), (role ?? "left").padEnd("administrator".length), `${name} <${mail}>`].join("  ");
}

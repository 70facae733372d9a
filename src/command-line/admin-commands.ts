import type {
  AddedCredential,
  AdministeredAccount,
  AdministeredCredential,
  AdministeredPerson,
} from "../administration/service.ts";
import { scopes } from "../viewer.ts";
import type { CommandDefinition, CommandGroup, ProgramDefinition, Shown } from "./definition.ts";
import { doing, listing } from "./operation-command.ts";
import { setupCommand } from "./setup-command.ts";
import { type TableColumn, tableLines } from "./table.ts";

const columnsOfAccount: readonly TableColumn<AdministeredAccount>[] = [
  { title: "ACCOUNT", value: ({ account }) => account },
  { title: "NAME", value: ({ name }) => name },
  { title: "TIME ZONE", value: ({ timeZone }) => timeZone },
  { title: "LANGUAGES", value: ({ languages }) => languages.join(",") },
  { title: "MADE", value: ({ createdAt }) => dayOf(createdAt) },
  { title: "ID", value: ({ id }) => id },
];

const columnsOfPerson: readonly TableColumn<AdministeredPerson>[] = [
  { title: "NUMBER", value: ({ number }) => number },
  { title: "ROLE", value: ({ role }) => role ?? "left" },
  { title: "NAME", value: ({ name }) => name },
  { title: "MAIL", value: ({ mail }) => mail },
  { title: "HOME", value: ({ home }) => home },
  { title: "ID", value: ({ id }) => id },
];

const columnsOfRole: readonly TableColumn<AdministeredPerson>[] = [
  { title: "ROLE", value: ({ role }) => role ?? "" },
  { title: "MAIL", value: ({ mail }) => mail },
  { title: "NAME", value: ({ name }) => name },
  { title: "HOME", value: ({ home }) => home },
];

const columnsOfCredential: readonly TableColumn<AdministeredCredential>[] = [
  { title: "ID", value: ({ id }) => id },
  { title: "ACCOUNT", value: ({ account }) => account },
  { title: "PERSON", value: ({ mail }) => mail },
  { title: "NAME", value: ({ name }) => name },
  { title: "STATE", value: (credential) => validityOf(credential) },
  { title: "MADE", value: ({ createdAt }) => dayOf(createdAt) },
  { title: "USED", value: ({ lastUsedAt }) => (lastUsedAt === null ? "never" : dayOf(lastUsedAt)) },
  { title: "SCOPES", value: ({ scopes: ofIt }) => (ofIt.length === scopes.length ? "all" : ofIt.join(",")) },
];

/** Returns when a credential stops working, or has. */
export function validityOf({ expiresAt, revokedAt }: AdministeredCredential): string {
  if (revokedAt !== null) return `revoked ${dayOf(revokedAt)}`;
  return expiresAt === null ? "no expiry" : `expires ${dayOf(expiresAt)}`;
}

/** Returns the day of an instant, in UTC. */
export function dayOf(instant: string): string {
  return instant.slice(0, "2026-01-01".length);
}

function shownList<Row>(field: string, columns: readonly TableColumn<Row>[]): (rows: readonly Row[]) => Shown {
  return (rows) => ({
    json: { [field]: rows },
    ...(rows.length === 0 ? { remarks: ["There are none."] } : { lines: tableLines(columns, rows) }),
  });
}

/** Shows what was added or changed, and prints its id. */
function shownThing<Row extends { readonly id: string }>(field: string, remark: (row: Row) => string) {
  return (row: Row): Shown => ({ json: { [field]: row }, lines: [row.id], remarks: [remark(row)] });
}

const personShown = (what: string) =>
  shownThing<AdministeredPerson>("person", ({ name, mail, account }) => `${name} <${mail}> ${what} ${account}.`);

/** Shows a credential that was added: its secret alone on standard output, once. */
export function shownSecret(field: "key" | "client"): (added: AddedCredential) => Shown {
  return ({ credential, role, secret }) => {
    const { id, person, account } = credential;
    const whom = `${person} (${role} of ${account}): ${credential.scopes.join(", ")}`;
    return {
      json: { [field]: credential, secret },
      lines: [secret ?? ""],
      remarks:
        field === "key"
          ? [`Key ${id} acts for ${whom}`, "It is shown this once:"]
          : [`Client ${id} acts for ${whom}`, "Its id is the client_id. Its secret is shown this once:"],
    };
  };
}

/** Shows a link that was added, and prints its id. */
export function shownLink({ credential }: AddedCredential): Shown {
  const { id, name, person, account } = credential;
  return { json: { link: credential }, lines: [id], remarks: [`Tokens of ${name} act for ${person} of ${account}.`] };
}

const accountsGroup: CommandGroup = {
  name: "accounts",
  about: "the accounts of the gateway; an account is never removed, for its tickets and notes belong to it",
  commands: [
    {
      name: "list",
      about: "shows the accounts",
      optional: ["account"],
      read: listing("accounts.list", shownList("accounts", columnsOfAccount)),
    },
    {
      name: "add",
      about: "adds an account and prints its id",
      required: ["account", "name"],
      optional: ["timeZone", "languages"],
      read: doing(
        "accounts.add",
        shownThing<AdministeredAccount>("account", ({ account }) => `${account} is added.`),
      ),
    },
    {
      name: "change",
      about: "changes what is given; with --languages its notes are read anew",
      required: ["account"],
      optional: ["name", "timeZone", "languages"],
      read: doing(
        "accounts.change",
        shownThing<AdministeredAccount>("account", ({ account }) => `${account} is changed.`),
      ),
    },
  ],
};

/** The commands for people, as `npm run people` has them too. */
export const peopleCommands: readonly CommandDefinition[] = [
  {
    name: "list",
    about: "shows everyone who is or was a member of the account",
    required: ["account"],
    optional: ["person"],
    read: listing("people.list", shownList("people", columnsOfPerson)),
  },
  {
    name: "add",
    about: "adds a person, or lets one who left come back, and prints their id",
    required: ["account", "name", "person", "role"],
    read: doing("people.add", personShown("is a member of")),
  },
  {
    name: "change",
    about: "changes what is given; name and mail address are changed in the person's home account only",
    required: ["account", "person"],
    optional: ["name", "newMail", "role"],
    read: doing("people.change", personShown("is changed in")),
  },
  {
    name: "remove",
    about: "removes a person; their keys, clients and links of the account stop working, their notes stay",
    required: ["account", "person"],
    read: doing("people.remove", personShown("is removed from")),
  },
];

const rolesGroup: CommandGroup = {
  name: "roles",
  about: "who may do what in an account, also people of another one",
  commands: [
    {
      name: "list",
      about: "shows the role of each member of the account",
      required: ["account"],
      optional: ["person"],
      read: listing("roles.list", shownList("roles", columnsOfRole)),
    },
    {
      name: "add",
      about: "gives a person of another account, --home, a role in this one too",
      required: ["account", "person", "home", "role"],
      read: doing("roles.add", personShown("has a role in")),
    },
    {
      name: "change",
      about: "gives a member another role",
      required: ["account", "person", "role"],
      read: doing("roles.change", personShown("has another role in")),
    },
    {
      name: "remove",
      about: "takes a member's role, so that they are removed from the account",
      required: ["account", "person"],
      read: doing("roles.remove", personShown("is removed from")),
    },
  ],
};

function secretsGroup(group: "keys" | "clients", kind: "key" | "client", about: string): CommandGroup {
  return {
    name: group,
    about,
    commands: [
      {
        name: "list",
        about: `shows the ${group}, newest first, without their secrets`,
        optional: ["account", "person", "name"],
        read: listing(`${group}.list`, shownList(group, columnsOfCredential)),
      },
      {
        name: "add",
        about: `adds a ${kind} and prints its secret, once`,
        required: ["account", "person", "name"],
        optional: ["scopes", "expires", "ownAccountOnly"],
        read: doing(`${group}.add`, shownSecret(kind)),
      },
      {
        name: "change",
        about: `changes what is given of a ${kind}, by its id; --expires never lets it work until it is removed`,
        takesId: true,
        optional: ["name", "scopes", "expires"],
        read: doing(
          `${group}.change`,
          shownThing<AdministeredCredential>(kind, ({ name }) => `${name} is changed.`),
        ),
      },
      removal(`${group}.remove`, `revokes a ${kind}, by its id: it stops working within a second`),
    ],
  };
}

function removal(operation: "keys.remove" | "clients.remove" | "links.remove", about: string): CommandDefinition {
  return {
    name: "remove",
    about,
    takesId: true,
    read: doing(operation, ({ id }) => ({ json: { removed: { id } }, remarks: [`${id} is revoked.`] })),
  };
}

const linksGroup: CommandGroup = {
  name: "links",
  about: "which subjects of an issuer in OIDC_ISSUERS act for whom",
  commands: [
    {
      name: "list",
      about: "shows the links, newest first",
      optional: ["account", "person"],
      read: listing("links.list", shownList("links", columnsOfCredential)),
    },
    {
      name: "add",
      about: "lets tokens of that issuer about that subject act for the person, and prints the link's id",
      required: ["account", "person", "issuer", "subject"],
      optional: ["scopes", "ownAccountOnly"],
      read: doing("links.add", shownLink),
    },
    {
      name: "change",
      about: "changes the scopes of a link, by its id",
      takesId: true,
      required: ["scopes"],
      read: doing(
        "links.change",
        shownThing<AdministeredCredential>("link", ({ name }) => `${name} is changed.`),
      ),
    },
    removal("links.remove", "removes a link, by its id: it stops working within a second"),
  ],
};

/** The group for keys, whose commands `npm run keys` has too. */
export const keysGroup = secretsGroup("keys", "key", "API keys, by which clients act for a person");

/** `npm run admin`. */
export const adminProgram: ProgramDefinition = {
  name: "npm run admin",
  about: `Manages accounts, people, their roles and their credentials.
It works in the database of DATABASE_URL, or in the embedded one of DATA_DIR, also while the gateway runs.`,
  commands: [
    setupCommand,
    accountsGroup,
    { name: "people", about: "the people of an account", commands: peopleCommands },
    rolesGroup,
    keysGroup,
    secretsGroup("clients", "client", "OAuth clients, which get access tokens with their id and secret"),
    linksGroup,
  ],
};

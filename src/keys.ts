// npm run keys -- <command>: manages accounts, people and their credentials. `npm run keys` lists the commands.
import { parseArgs } from "node:util";
import { v7 as uuidv7 } from "uuid";
import { createProvisioning, type ListedCredential, type Provisioning } from "./access/provisioning.ts";
import { systemClock } from "./lib/clock.ts";
import { isUuid } from "./lib/uuid.ts";
import {
  type OperatorWork,
  refuseForeignOptions,
  requiredOption,
  roleNamed,
  runOperatorProgram,
  UsageError,
} from "./operator-command.ts";
import { type Role, type Scope, scopes, scopesOf } from "./viewer.ts";

const keysUsage = `Usage: npm run keys -- <command>

  create --account <slug> --person <mail> --name <text> [--scopes <a,b>] [--expires <date>] [--client] [--own-account-only]
      Makes an API key, or with --client a client of the token endpoint. The secret is printed once, alone on standard output.
  list [--account <slug>]
      Every key, client and link, newest first.
  revoke <id>
      Revokes a key or a client, or removes a link: it stops working within a second.
  link --issuer <url> --subject <text> --account <slug> --person <mail> [--scopes <a,b>] [--own-account-only]
      Tokens of that outside issuer (see OIDC_ISSUERS) about that subject, or of that client, act for the person from now on.

  add-account --account <slug> --name <text> [--time-zone <zone>]
  set-languages --account <slug> --languages <a,b>
      Finds the words of an account's notes in their forms: text search configurations of PostgreSQL, such as english.
  add-person  --account <slug> --name <text> --person <mail> --role <customer|specialist|administrator>
  add-member  --account <slug> --person <mail> --home <slug> --role <customer|specialist|administrator>
      Lets a person of another account, --home, work for this one too.

Scopes: ${scopes.join(", ")}. Left out: all that the person's role can use.
It works on the database that DATABASE_URL names, or on the embedded one in DATA_DIR while the gateway is stopped.`;

const keysOptions = {
  account: { type: "string" },
  person: { type: "string" },
  home: { type: "string" },
  name: { type: "string" },
  role: { type: "string" },
  scopes: { type: "string" },
  expires: { type: "string" },
  issuer: { type: "string" },
  subject: { type: "string" },
  "time-zone": { type: "string" },
  languages: { type: "string" },
  client: { type: "boolean" },
  "own-account-only": { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

const kinds: Readonly<Record<ListedCredential["kind"], string>> = {
  API_KEY: "key",
  OAUTH_CLIENT: "client",
  IDENTITY_LINK: "link",
};

type Given = ReturnType<typeof readKeysArguments>["values"];
type Command = (provisioning: Provisioning, given: Given, rest: readonly string[]) => Promise<void>;

const commands: Readonly<Record<string, { readonly takes: readonly (keyof typeof keysOptions)[]; readonly run: Command }>> = {
  create: { takes: ["account", "person", "name", "scopes", "expires", "client", "own-account-only"], run: create },
  list: { takes: ["account"], run: listCredentials },
  revoke: { takes: [], run: revoke },
  link: { takes: ["issuer", "subject", "account", "person", "scopes", "own-account-only"], run: addLink },
  "add-account": { takes: ["account", "name", "time-zone"], run: addAccount },
  "set-languages": { takes: ["account", "languages"], run: setLanguages },
  "add-person": { takes: ["account", "name", "person", "role"], run: addPerson },
  "add-member": { takes: ["account", "person", "home", "role"], run: addMembership },
};

await runOperatorProgram(
  {
    name: "npm run keys",
    usage: keysUsage,
    meanwhile: "let an administrator use the GraphQL mutation createApiKey",
  },
  readKeysCommand,
);

/** Returns the work of the command that is named, or undefined if none is. Throws {@link UsageError}. */
function readKeysCommand(): OperatorWork | undefined {
  const { values, positionals } = readKeysArguments();
  const [name, ...rest] = positionals;
  if (name === undefined || values.help === true) return undefined;
  const command = commands[name];
  if (!command) throw new UsageError(`There is no command ${name}.`);
  refuseForeignOptions(name, values, command.takes);
  if (rest.length !== (name === "revoke" ? 1 : 0)) {
    throw new UsageError(name === "revoke" ? "revoke takes one id, as list shows it." : `${name} takes options only.`);
  }
  return (database, origin) => {
    const provisioning = createProvisioning({ database, clock: systemClock, newId: () => uuidv7(), origin });
    return command.run(provisioning, values, rest);
  };
}

async function create(provisioning: Provisioning, given: Given): Promise<void> {
  const name = requiredOption(given, "name");
  const expiresAt = expiryOf(given);
  const holder = await provisioning.personByEmail(requiredOption(given, "account"), requiredOption(given, "person"));
  const input = {
    accountId: holder.account.id,
    personId: holder.person.id,
    name,
    scopes: scopesIn(given, holder.role),
    expiresAt,
    everyAccount: given["own-account-only"] !== true,
  };
  const whom = `${holder.person.name} (${holder.role.toLowerCase()} of ${holder.account.slug}): ${input.scopes.join(", ")}`;
  if (given.client === true) {
    const { client, secret } = await provisioning.addOAuthClient(input);
    console.error(`Client ${client.id} acts for ${whom}`);
    console.error("Its id is the client_id. Its secret is shown this once:");
    console.log(secret);
    return;
  }
  const { apiKey, key } = await provisioning.addApiKey(input);
  console.error(`Key ${apiKey.id} acts for ${whom}`);
  console.error("It is shown this once:");
  console.log(key);
}

async function listCredentials(provisioning: Provisioning, given: Given): Promise<void> {
  const listed = await provisioning.list(given.account);
  if (listed.length === 0) console.error("There are none.");
  for (const credential of listed) console.log(lineOf(credential));
}

async function revoke(provisioning: Provisioning, _given: Given, [id = ""]: readonly string[]): Promise<void> {
  if (!isUuid(id)) throw new UsageError("revoke takes an id, as list shows it.");
  await provisioning.revoke(id);
  console.error(`${id} is revoked.`);
}

async function addLink(provisioning: Provisioning, given: Given): Promise<void> {
  const holder = await provisioning.personByEmail(requiredOption(given, "account"), requiredOption(given, "person"));
  const added = await provisioning.addIdentityLink({
    accountId: holder.account.id,
    personId: holder.person.id,
    issuer: requiredOption(given, "issuer"),
    subject: requiredOption(given, "subject"),
    scopes: scopesIn(given, holder.role),
    everyAccount: given["own-account-only"] !== true,
  });
  console.error(`Tokens of ${added.issuer} about ${added.subject} act for ${holder.person.name} of ${holder.account.slug}.`);
  console.log(added.id);
}

async function addAccount(provisioning: Provisioning, given: Given): Promise<void> {
  const timeZone = given["time-zone"] ?? "UTC";
  if (!Intl.supportedValuesOf("timeZone").includes(timeZone) && timeZone !== "UTC") {
    throw new UsageError(`${timeZone} is no time zone, such as Europe/Amsterdam.`);
  }
  const account = await provisioning.addAccount({
    slug: requiredOption(given, "account"),
    name: requiredOption(given, "name"),
    timeZone,
  });
  console.log(account.id);
}

async function setLanguages(provisioning: Provisioning, given: Given): Promise<void> {
  const names = requiredOption(given, "languages").split(",");
  const { slug, languages } = await provisioning.setLanguages(requiredOption(given, "account"), names);
  console.error(`The notes of ${slug} are found by ${languages.join(", ")}.`);
}

async function addPerson(provisioning: Provisioning, given: Given): Promise<void> {
  const account = await provisioning.accountBySlug(requiredOption(given, "account"));
  const person = await provisioning.addPerson({
    accountId: account.id,
    name: requiredOption(given, "name"),
    email: requiredOption(given, "person"),
    role: roleIn(given),
  });
  console.log(person.id);
}

async function addMembership(provisioning: Provisioning, given: Given): Promise<void> {
  const account = await provisioning.accountBySlug(requiredOption(given, "account"));
  const { person } = await provisioning.personByEmail(requiredOption(given, "home"), requiredOption(given, "person"));
  await provisioning.addMembership({ accountId: account.id, personId: person.id, role: roleIn(given) });
  console.error(`${person.name} is a ${roleIn(given).toLowerCase()} of ${account.slug} too.`);
}

function readKeysArguments() {
  try {
    return parseArgs({ options: keysOptions, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function scopesIn({ scopes: named }: Given, role: Role): readonly Scope[] {
  if (named === undefined) return scopesOf(role);
  const names = named.split(",").map((name) => name.trim());
  return names.map((name) => {
    const scope = scopes.find((known) => known === name);
    if (!scope) throw new UsageError(`${name} is no scope.`);
    return scope;
  });
}

function expiryOf({ expires }: Given): Date | undefined {
  if (expires === undefined) return undefined;
  const date = new Date(expires);
  if (Number.isNaN(date.getTime())) throw new UsageError(`${expires} is no date, such as 2027-01-01.`);
  return date;
}

function roleIn(given: Given): Role {
  return roleNamed(requiredOption(given, "role"));
}

function lineOf(credential: ListedCredential): string {
  const { expiresAt, revokedAt, lastUsedAt } = credential;
  const state = revokedAt ? `revoked ${day(revokedAt)}` : expiresAt ? `expires ${day(expiresAt)}` : "no expiry";
  return [
    credential.id,
    kinds[credential.kind].padEnd(6),
    credential.account,
    `${credential.person} <${credential.email}>`,
    JSON.stringify(credential.name),
    credential.scopes.join(","),
    `made ${day(credential.createdAt)}`,
    state,
    lastUsedAt ? `used ${day(lastUsedAt)}` : "never used",
  ].join("  ");
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10);
}

// npm run keys -- <command>: manages accounts, people and their credentials. `npm run keys` lists the commands.
import { userInfo } from "node:os";
import { parseArgs } from "node:util";
import { pino } from "pino";
import { v7 as uuidv7 } from "uuid";
import { createProvisioning, type ListedCredential, type Provisioning } from "./access/provisioning.ts";
import { ConfigError, readConfig } from "./config.ts";
import { DomainError, Unavailable } from "./errors.ts";
import { systemClock } from "./lib/clock.ts";
import { openDatabase } from "./database/database.ts";
import { DirectoryInUse } from "./lib/directory-lock.ts";
import { MigrationFailed } from "./database/migration-history.ts";
import { migrate, requireMigrated } from "./database/migrations.ts";
import { awaitDatabase, UnusableDatabase } from "./database/start-checks.ts";
import { isUuid } from "./lib/uuid.ts";
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
  add-person  --account <slug> --name <text> --person <mail> --role <customer|specialist|administrator>
  add-member  --account <slug> --person <mail> --home <slug> --role <customer|specialist|administrator>
      Lets a person of another account, --home, work for this one too.

Scopes: ${scopes.join(", ")}. Left out: all that the person's role can use.
It works on the database that DATABASE_URL names, or on the embedded one in DATA_DIR while the gateway is stopped.`;

/** Thrown for arguments that are not valid. The message is printed with the usage. */
class UsageError extends Error {}

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
  "add-person": { takes: ["account", "name", "person", "role"], run: addPerson },
  "add-member": { takes: ["account", "person", "home", "role"], run: addMembership },
};

try {
  await main();
} catch (error) {
  process.exitCode = explain(error);
}

async function main(): Promise<void> {
  const { values, positionals } = readKeysArguments();
  const [name, ...rest] = positionals;
  if (name === undefined || values.help === true) {
    console.log(keysUsage);
    return;
  }
  const command = commands[name];
  if (!command) throw new UsageError(`There is no command ${name}.`);
  const foreign = Object.keys(values).find((option) => !command.takes.some((taken) => taken === option));
  if (foreign !== undefined) throw new UsageError(`${name} takes no --${foreign}.`);
  if (rest.length !== (name === "revoke" ? 1 : 0)) {
    throw new UsageError(name === "revoke" ? "revoke takes one id, as list shows it." : `${name} takes options only.`);
  }

  const config = readConfig(process.env);
  // Logs go to standard error, because scripts read secrets from standard output.
  const log = pino({ level: "warn" }, pino.destination(2));
  await awaitDatabase(config.database, log);
  const database = await openDatabase(config.database, log);
  try {
    await migrate(database, { log });
    await requireMigrated(database);
    const origin = { address: null, userAgent: `npm run keys (${userInfo().username})`, requestId: null };
    await command.run(createProvisioning({ database, clock: systemClock, newId: () => uuidv7(), origin }), values, rest);
  } finally {
    await database.close();
  }
}

async function create(provisioning: Provisioning, given: Given): Promise<void> {
  const name = required(given, "name");
  const expiresAt = expiryOf(given);
  const holder = await provisioning.personByEmail(required(given, "account"), required(given, "person"));
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
  const holder = await provisioning.personByEmail(required(given, "account"), required(given, "person"));
  const added = await provisioning.addIdentityLink({
    accountId: holder.account.id,
    personId: holder.person.id,
    issuer: required(given, "issuer"),
    subject: required(given, "subject"),
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
  const account = await provisioning.addAccount({ slug: required(given, "account"), name: required(given, "name"), timeZone });
  console.log(account.id);
}

async function addPerson(provisioning: Provisioning, given: Given): Promise<void> {
  const account = await provisioning.accountBySlug(required(given, "account"));
  const person = await provisioning.addPerson({
    accountId: account.id,
    name: required(given, "name"),
    email: required(given, "person"),
    role: roleIn(given),
  });
  console.log(person.id);
}

async function addMembership(provisioning: Provisioning, given: Given): Promise<void> {
  const account = await provisioning.accountBySlug(required(given, "account"));
  const { person } = await provisioning.personByEmail(required(given, "home"), required(given, "person"));
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

function required(given: Given, option: keyof typeof keysOptions): string {
  const value = given[option];
  if (typeof value !== "string" || value === "") throw new UsageError(`--${option} is missing.`);
  return value;
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
  const roles: readonly Role[] = ["CUSTOMER", "SPECIALIST", "ADMINISTRATOR"];
  const role = roles.find((known) => known === required(given, "role").toUpperCase());
  if (!role) throw new UsageError(`--role is one of ${roles.map((known) => known.toLowerCase()).join(", ")}.`);
  return role;
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

/** Prints what went wrong. Returns the exit code: 2 if the arguments are not valid, 1 if the command has failed. */
function explain(error: unknown): 1 | 2 {
  if (error instanceof UsageError) {
    console.error(`${error.message}\n\n${keysUsage}`);
    return 2;
  }
  if (error instanceof DirectoryInUse) {
    console.error("The gateway has the embedded database open, and only one process at a time may have it.");
    console.error(
      "Stop the gateway and try again; or, while it runs, let an administrator use the GraphQL mutation createApiKey.",
    );
    console.error(error.message);
    return 1;
  }
  const foreseen = [ConfigError, MigrationFailed, UnusableDatabase, DomainError].some((type) => error instanceof type);
  if (!foreseen || !(error instanceof Error)) throw error;
  // An operator may see everything, so the second half of the message does not apply.
  console.error(error.message.replace(", or you may not see it", ""));
  if (error instanceof Unavailable && error.cause instanceof Error) console.error(`Its cause: ${error.cause.message}`);
  return 1;
}

import { readOperationInput } from "../administration/input.ts";
import { Conflict, invalid } from "../errors.ts";
import type { CommandDefinition, CommandWork, GivenOptions, OperationCall, OptionName, Terminal } from "./definition.ts";
import { allRows, listIn } from "./operation-command.ts";

/** What a new gateway needs before its first request. */
interface SetupInput {
  readonly account: string;
  readonly accountName: string;
  readonly timeZone: string | undefined;
  readonly languages: readonly string[] | undefined;
  /** The administrator's mail address and name. */
  readonly person: string;
  readonly name: string;
  readonly keyName: string;
}

/** What setup asks for if it is not given, in this order. */
const questions: readonly { readonly option: OptionName; readonly question: string; readonly usual?: string }[] = [
  { option: "account", question: "The account's slug, which clients send, such as brightwater" },
  { option: "accountName", question: "The account's name, such as Brightwater Rentals" },
  { option: "timeZone", question: "Its time zone", usual: "UTC" },
  { option: "person", question: "The administrator's mail address" },
  { option: "name", question: "The administrator's name" },
  { option: "keyName", question: "The name of the administrator's API key", usual: "setup" },
];
const usualKeyName = "setup";

/** Adds the first account, its administrator and their key. What is there already stays as it is, and is said. */
export const setupCommand: CommandDefinition = {
  name: "setup",
  about: "adds an account, its administrator and their API key; asks for what is not given",
  optional: ["account", "accountName", "timeZone", "languages", "person", "name", "keyName"],
  mayMigrate: true,
  read: async (given, terminal) => setupWork(readSetup(await completed(given, terminal))),
};

/** Returns the options with the answers of the person at the terminal. Throws `InvalidInput` if there is nobody. */
async function completed({ text }: GivenOptions, { ask }: Terminal): Promise<GivenOptions["text"]> {
  const open = questions.filter(({ option }) => text[option] === undefined);
  const missing = open.filter(({ usual }) => usual === undefined);
  if (missing.length === 0) return text;
  if (!ask) {
    const flags = missing.map(({ option }) => `--${option.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`);
    throw invalid("setup", `Give ${flags.join(", ")}, or run it in a terminal, where it asks for them.`);
  }
  const answers: Partial<Record<OptionName, string>> = { ...text };
  for (const { option, question, usual } of open) {
    const answer = (await ask(`${question}${usual === undefined ? "" : ` [${usual}]`}: `)).trim();
    answers[option] = answer === "" ? (usual ?? "") : answer;
  }
  return answers;
}

/** Throws `InvalidInput` with what is wrong with one of the three. */
function readSetup(text: GivenOptions["text"]): SetupInput {
  const languages = text.languages === undefined ? undefined : listIn(text.languages);
  const {
    account,
    name: accountName,
    timeZone,
  } = readOperationInput("accounts.add", {
    ...{ account: text.account, name: text.accountName, languages },
    ...(text.timeZone !== undefined && { timeZone: text.timeZone }),
  });
  const { person, name } = readOperationInput("people.add", {
    ...{ account, person: text.person, name: text.name, role: "administrator" },
  });
  const { name: keyName } = readOperationInput("keys.add", { account, person, name: text.keyName ?? usualKeyName });
  return { account, accountName, timeZone, languages, person, name, keyName };
}

function setupWork(input: SetupInput): CommandWork {
  return async (call) => {
    const account = await accountOfSetup(call, input);
    const administrator = await administratorOfSetup(call, input);
    const key = await keyOfSetup(call, input);
    const things = [
      { what: `the account ${account.row.account} (${account.row.name})`, isNew: account.isNew },
      { what: `the administrator ${administrator.row.name} <${administrator.row.mail}>`, isNew: administrator.isNew },
      { what: `the API key ${key.row.id} "${input.keyName}"`, isNew: key.isNew },
    ];
    return {
      json: {
        account: account.row,
        person: administrator.row,
        key: key.row,
        secret: key.secret,
        added: { account: account.isNew, person: administrator.isNew, key: key.isNew },
      },
      lines: key.secret === null ? [] : [key.secret],
      remarks: [
        ...things.map(({ what, isNew }) => (isNew ? `Added: ${what}.` : `There already, and left as it is: ${what}.`)),
        key.secret === null
          ? `The key was shown when it was added. For another one: npm run admin -- keys add --account ${input.account} --person ${input.person} --name <text>`
          : "The key is shown this once:",
      ],
    };
  };
}

async function accountOfSetup(call: OperationCall, { account, accountName: name, timeZone = "UTC", languages }: SetupInput) {
  const [found] = await allRows(call, "accounts.list", { account });
  if (found) return { row: found, isNew: false };
  const given = languages === undefined ? {} : { languages: [...languages] };
  return { row: await call("accounts.add", { account, name, timeZone, ...given }), isNew: true };
}

async function administratorOfSetup(call: OperationCall, { account, person, name }: SetupInput) {
  const members = await allRows(call, "roles.list", { account, person });
  const [found] = members;
  if (!found) return { row: await call("people.add", { account, person, name, role: "ADMINISTRATOR" }), isNew: true };
  if (found.role === "administrator") return { row: found, isNew: false };
  throw new Conflict(
    `${found.mail} is a ${found.role} of ${account} already. To make them an administrator: npm run admin -- roles change --account ${account} --person ${found.mail} --role administrator`,
  );
}

async function keyOfSetup(call: OperationCall, { account, person, keyName: name }: SetupInput) {
  const keys = await allRows(call, "keys.list", { account, person, name });
  const found = keys.find(({ revokedAt }) => revokedAt === null);
  if (found) return { row: found, isNew: false, secret: null };
  const { credential, secret } = await call("keys.add", { account, person, name, ownAccountOnly: false });
  return { row: credential, isNew: true, secret };
}

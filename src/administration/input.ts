import { z } from "zod";
import { checkCredential, checkLink } from "../access/input.ts";
import { attempt, InvalidInput } from "../errors.ts";
import { codePointLength, unstorable } from "../lib/text.ts";
import { checkPerson } from "../people/input.ts";
import { type Role, type Scope, scopes } from "../viewer.ts";

// What an operator can do, and the input of each operation. The command line reads its arguments by these before it
// opens anything, and the gateway reads them once more from the socket.

const roles: readonly Role[] = ["CUSTOMER", "SPECIALIST", "ADMINISTRATOR"];
const maxAccountNameLength = 255;
/** As the constraint of the column. */
const maxAccountLanguages = 8;
const maxPathLength = 255;

/** A value of `type` that `check` does not refuse. */
function acceptedBy<Type extends z.ZodType>(type: Type, check: (value: z.output<Type>) => void): Type {
  return type.superRefine((value, context) => {
    const problem = attempt(() => check(value), InvalidInput);
    for (const { message } of problem instanceof InvalidInput ? problem.fields : []) context.addIssue(message);
  });
}

const personName = acceptedBy(z.string(), (name) => checkPerson({ name }));
const newMailAddress = acceptedBy(z.string(), (email) => checkPerson({ email }));
const credentialName = acceptedBy(z.string(), (name) => checkCredential({ name }, new Date()));

/** A text by which something is looked up. */
const storable = z.string().superRefine((value, context) => {
  const problem = unstorable(value) ?? (value.trim() === "" ? "must not be blank" : undefined);
  if (problem) context.addIssue(`A name, a mail address and a role ${problem}.`);
});

const accountSlug = z
  .string("Name the account by its slug.")
  .regex(
    /^[a-z0-9][a-z0-9-]{0,62}$/,
    "The account's slug has 1 to 63 small letters, digits and hyphens, and does not begin with a hyphen.",
  );

const accountName = z
  .string()
  .refine(
    (value) =>
      unstorable(value) === undefined && !/^\s*$|\p{Cc}/u.test(value) && codePointLength(value) <= maxAccountNameLength,
    `The account's name must have 1 to ${maxAccountNameLength} characters, and no line breaks.`,
  );

const timeZone = z
  .string()
  .refine(
    (value) => value === "UTC" || Intl.supportedValuesOf("timeZone").includes(value),
    "The time zone must be one such as Europe/Amsterdam.",
  );

const languages = z
  .array(z.string().regex(/^[a-z0-9_]{1,63}$/i, "A language is a text search configuration of PostgreSQL, such as english."))
  .min(1, "Name one language at least, such as english.")
  .max(maxAccountLanguages, `An account has at most ${maxAccountLanguages} languages.`);

/** A role in any letters. */
const roleName = z.string().transform((value, context): Role => {
  const found = roles.find((known) => known === value.toUpperCase());
  if (found) return found;
  context.addIssue(`--role is one of ${roles.map((known) => known.toLowerCase()).join(", ")}.`);
  return z.NEVER;
});

const scope = z.string().transform((value, context): Scope => {
  const found = scopes.find((known) => known === value);
  if (found) return found;
  context.addIssue(`${value} is no scope. The scopes are ${scopes.join(", ")}.`);
  return z.NEVER;
});
const someScopes = z.array(scope).min(1, "Name one scope at least, or leave the scopes out.");

const date = z.union([z.string(), z.date()]).transform((value, context): Date => {
  const read = new Date(value);
  if (!Number.isNaN(read.getTime())) return read;
  context.addIssue(`${String(value)} is no date, such as 2027-01-01.`);
  return z.NEVER;
});
const expiry = date.pipe(acceptedBy(z.date(), (expiresAt) => checkCredential({ expiresAt }, new Date())));

/** The mail address of a person who is there. */
const person = storable;
const credentialId = z.uuid("It takes an id, as list shows it.");
/** Where the page before ended. */
const after = z.string().max(maxPathLength).optional();
const ownAccountOnly = z.boolean().default(false);

const credentialFilter = z.strictObject({
  account: accountSlug.optional(),
  person: person.optional(),
  name: storable.optional(),
  after,
});
const newCredential = z.strictObject({
  account: accountSlug,
  person,
  name: credentialName,
  scopes: someScopes.optional(),
  expires: expiry.optional(),
  ownAccountOnly,
});
const credentialChange = z
  .strictObject({
    id: credentialId,
    name: credentialName.optional(),
    scopes: someScopes.optional(),
    /** Null: it does not expire. */
    expires: expiry.nullish(),
  })
  .refine(
    (given) => given.name !== undefined || given.scopes !== undefined || given.expires !== undefined,
    "Give what to change: --name, --scopes or --expires.",
  );
const credentialRemoval = z.strictObject({ id: credentialId });
const membersOfAccount = z.strictObject({ account: accountSlug, person: person.optional(), after });

/** The input of each operation. */
export const operationInputs = {
  "accounts.list": z.strictObject({ account: accountSlug.optional(), after }),
  "accounts.add": z.strictObject({
    account: accountSlug,
    name: accountName,
    timeZone: timeZone.default("UTC"),
    languages: languages.optional(),
  }),
  "accounts.change": z
    .strictObject({
      account: accountSlug,
      name: accountName.optional(),
      timeZone: timeZone.optional(),
      languages: languages.optional(),
    })
    .refine(
      (given) => given.name !== undefined || given.timeZone !== undefined || given.languages !== undefined,
      "Give what to change: --name, --time-zone or --languages.",
    ),
  "people.list": membersOfAccount,
  "people.add": z.strictObject({ account: accountSlug, person: newMailAddress, name: personName, role: roleName }),
  "people.change": z
    .strictObject({
      account: accountSlug,
      person,
      name: personName.optional(),
      newMail: newMailAddress.optional(),
      role: roleName.optional(),
    })
    .refine(
      (given) => given.name !== undefined || given.newMail !== undefined || given.role !== undefined,
      "Give what to change: --name, --new-mail or --role.",
    ),
  "people.remove": z.strictObject({ account: accountSlug, person }),
  "roles.list": membersOfAccount,
  "roles.add": z.strictObject({ account: accountSlug, person, home: accountSlug, role: roleName }),
  "roles.change": z.strictObject({ account: accountSlug, person, role: roleName }),
  "roles.remove": z.strictObject({ account: accountSlug, person }),
  "keys.list": credentialFilter,
  "keys.add": newCredential,
  "keys.change": credentialChange,
  "keys.remove": credentialRemoval,
  "clients.list": credentialFilter,
  "clients.add": newCredential,
  "clients.change": credentialChange,
  "clients.remove": credentialRemoval,
  "links.list": credentialFilter,
  "links.add": z.strictObject({
    account: accountSlug,
    person,
    issuer: acceptedBy(z.string(), (issuer) => checkLink({ issuer })),
    subject: acceptedBy(z.string(), (subject) => checkLink({ subject })),
    scopes: someScopes.optional(),
    ownAccountOnly,
  }),
  "links.change": z.strictObject({ id: credentialId, scopes: someScopes }),
  "links.remove": credentialRemoval,
  "credentials.list": credentialFilter,
  "credentials.remove": credentialRemoval,
} as const;

export type OperationName = keyof typeof operationInputs;
export type OperationInput<Name extends OperationName> = z.output<(typeof operationInputs)[Name]>;

/** Returns whether an operation has that name. */
export function isOperation(name: string): name is OperationName {
  return Object.hasOwn(operationInputs, name);
}

/**
 * Returns the input of an operation. Throws {@link InvalidInput} with all that is wrong with it, so far as that can be
 * said without the database.
 */
export function readOperationInput<Name extends OperationName>(name: Name, given: unknown): OperationInput<Name> {
  const parsed = operationInputs[name].safeParse(given);
  if (!parsed.success) throw new InvalidInput(parsed.error.issues.map(problemOfInput));
  return parsed.data as OperationInput<Name>; // of the shape with that name
}

function problemOfInput({ path, message }: z.core.$ZodIssue): { path: string[]; message: string } {
  return { path: path.map(String), message: /[.]$/.test(message) ? message : `${path.join(".")}: ${message}.` };
}

import { builder } from "../graphql/kit/builder.ts";
import { type ConnectionArguments, readPage } from "../graphql/kit/connections.ts";
import { defineConnection } from "../graphql/kit/define-connection.ts";
import { readId } from "../graphql/kit/ids.ts";
import { loadNode } from "../graphql/kit/nodes.ts";
import "../graphql/kit/scalars.ts";
import type { CursorScope } from "../query/model/cursor.ts";
import { authorize, type PersonViewer, type Scope, scopes } from "../viewer.ts";
import { byNumber, type PersonFilter, type PersonRead, wordsOfQuery } from "./input.ts";
import { maySeeEmail } from "./policy.ts";
import { peopleOfAccount } from "./relations.ts";
import type { Account, Person } from "./service.ts";

export const AccountRef = builder.prismaObject("Account", {
  description: "An organisation with its tickets, notes and people. An account cannot see the tickets and notes of another.",
  fields: (t) => ({
    uuid: t.column("id", { type: "UUID", description: "The account's UUID." }),
    slug: t.column("slug", {
      description:
        "The account's short name. The request header `X-Account` selects an account by it, and /v1 shows it as the account's " +
        "id.",
    }),
    name: t.column("name", { description: "The account's name." }),
    timeZone: t.column("timeZone", {
      description: "The account's IANA time zone, such as `Europe/Amsterdam`. /v1 writes times in it; GraphQL always uses UTC.",
    }),
    languages: t.computed({
      type: ["String"],
      description:
        "The languages in whose forms words are found: text search configurations of PostgreSQL, such as `english`. `simple` finds " +
        "words as they are written, and always belongs to them.",
      columns: ["languages"],
      resolve: ({ languages }) => [...new Set(["simple", ...languages])],
    }),
  }),
});

builder.nodeRef(AccountRef, {
  id: { description: "The account's global id.", resolve: (account: Account) => account.id },
  loadWithoutCache: loadNode("Account", ({ services }) => services.people.accountsByIds),
});

export const RoleEnum = builder.enumType("Role", {
  description: "What a person may do in an account. The scopes of a credential can limit it further.",
  values: {
    CUSTOMER: {
      description:
        "Sees the tickets that they requested and the public notes on them. Updates and deletes the notes they wrote.",
    },
    SPECIALIST: { description: "Sees all tickets of the account and all notes on them, and updates and deletes these notes." },
    ADMINISTRATOR: {
      description:
        "May do everything that a specialist may. Also manages people, API keys and OAuth clients, and reads the audit events.",
    },
  } as const,
});

export const PersonRef = builder.objectRef<Person>("Person").implement({
  description: "A person who writes notes or requests tickets: a customer, a specialist or an administrator.",
  fields: (t) => ({
    uuid: t.expose("id", { type: "UUID", description: "The person's UUID. /v2 uses it." }),
    number: t.expose("number", { type: "SafeInt", description: "The person's number: the integer id that /v1 uses." }),
    name: t.exposeString("name", { description: "The person's full name." }),
    email: t.computed({
      type: "String",
      nullable: true,
      description:
        "The person's email address. Null if the viewer is a customer and this is another person, or if this is a person of " +
        "another account who has left the viewer's.",
      columns: ["id", "accountId", "role", "email"],
      resolve: (person, _args, { viewer }) => (maySeeEmail(viewer, person) ? person.email : null),
    }),
    role: t.expose("role", {
      type: RoleEnum,
      nullable: true,
      description:
        "The person's role in the viewer's account. Null if they have none, because they left the account: their notes stay, " +
        "under their name.",
    }),
  }),
});

builder.nodeRef(PersonRef, {
  id: { description: "The person's global id.", resolve: (person: Person) => person.id },
  loadWithoutCache: loadNode("Person", ({ services }) => services.people.byIds),
});

export const PersonConnection = defineConnection({ type: PersonRef, singular: "A person", plural: "people" });

const PersonFilterInput = builder.inputType("PersonFilter", {
  description: "Conditions on people. All given conditions must hold; a condition that is null or omitted is ignored.",
  fields: (t) => ({
    query: t.string({
      description:
        "Only people for whom each word of this text is a part of their name, or of their email address where the viewer may " +
        "read it: `an bak` finds Anna Bakker. Small and capital letters are the same. 1 to 256 characters and 16 words, not blank.",
    }),
    role: t.field({ type: [RoleEnum], description: "Only people with one of these roles in the account." }),
    ids: t.idList({ description: "Only people with one of these ids: global ids or UUIDs." }),
  }),
});

interface PeopleArguments extends ConnectionArguments {
  readonly filter?: typeof PersonFilterInput.$inferInput | null | undefined;
}

function readPersonFilter(filter: PeopleArguments["filter"]): PersonFilter {
  return {
    ids: filter?.ids?.map((id) => readId("Person", id, ["filter", "ids"])),
    roles: filter?.role ?? undefined,
    words: typeof filter?.query === "string" ? wordsOfQuery(filter.query, ["filter", "query"]) : undefined,
  };
}

const scopeOfPeople = (name: string) => (): CursorScope => ({ name, ordering: byNumber });

/** Returns what a field of people with these arguments reads. Throws {@link InvalidInput} if they are not valid. */
function readPeople(args: PeopleArguments, scope: CursorScope): PersonRead {
  return { filter: readPersonFilter(args.filter), ordering: scope.ordering, page: readPage(args, scope) };
}

const peopleFilterDescription = "Conditions on the people. Without it all whom the viewer can find are returned.";

builder.prismaObjectField(AccountRef, "people", (t) =>
  t.toMany({
    connection: PersonConnection,
    description:
      "The people of this account whom the viewer can find, by number. Specialists and administrators find everyone; a customer " +
      "themselves and the participants of their tickets. Nobody finds people who have left.",
    args: { filter: t.arg({ type: PersonFilterInput, description: peopleFilterDescription }) },
    relation: peopleOfAccount,
    scope: scopeOfPeople("Account.people"),
    input: readPeople,
    read: ({ people }) => people.ofAccounts,
    total: ({ services, viewer }, _accountId, { filter }) => services.people.total(viewer, filter),
  }),
);

builder.queryField("people", (t) =>
  t.rootConnection({
    connection: PersonConnection,
    description:
      "Returns the people of the viewer's account whom the viewer can find, by number. Specialists and administrators find " +
      "everyone; a customer themselves and the participants of their tickets. Nobody finds people who have left.",
    args: { filter: t.arg({ type: PersonFilterInput, description: peopleFilterDescription }) },
    scope: scopeOfPeople("Query.people"),
    input: readPeople,
    read: ({ services, viewer }, input, selection) => services.people.list(viewer, input, selection),
    total: ({ services, viewer }, { filter }) => services.people.total(viewer, filter),
  }),
);

const scopeDescriptions: Record<Scope, string> = {
  "tickets:read": "Reads tickets.",
  "tickets:write": "Adds tickets.",
  "notes:read": "Reads notes. Internal notes also need NOTES_INTERNAL.",
  "notes:write": "With TICKETS_READ adds notes; with NOTES_READ updates and deletes them.",
  "notes:internal": "Reads and writes internal notes. Only of use to specialists and administrators.",
  "notes:redact": "Redacts notes and attachments for ever. Only of use to administrators.",
  "attachments:read": "Reads the attachments of the notes that the credential may read.",
  "attachments:write": "With NOTES_READ and NOTES_WRITE uploads and deletes attachments.",
  "people:manage": "Adds, updates and removes people of the account. Only of use to administrators.",
  "mail:write":
    "Hands over received mails, which become notes of the people who sent them, and adds notes of the medium OUTBOUND_EMAIL. Only " +
    "of use to administrators.",
  admin:
    "Manages API keys and OAuth clients, reads audit events and adds notes of the medium SYSTEM or AUTOMATION. Only of use to " +
    "administrators.",
};

export const ScopeEnum = builder.enumType("Scope", {
  description: "What a credential may be used for. It never allows more than the role of its person does.",
  // GraphQL names have no colon: notes:read is NOTES_READ.
  values: Object.fromEntries(
    scopes.map((scope) => [
      scope.replace(":", "_").toUpperCase(),
      { value: scope, description: `${scopeDescriptions[scope]} Scope \`${scope}\`.` },
    ]),
  ),
});

const ViewerRef = builder.objectRef<PersonViewer>("Viewer").implement({
  description:
    "The viewer: the person for whom the credential acts, with the account, the role and the scopes that apply to this request.",
  fields: (t) => ({
    person: t.rowByKey({
      type: PersonRef,
      description: "The person for whom the credential acts.",
      key: (viewer) => viewer.person.id,
      read: ({ people }) => people.byIds,
    }),
    account: t.rowByKey({
      type: AccountRef,
      description: "The account in which the credential acts: its own, or the one that the header `X-Account` selects.",
      key: (viewer) => viewer.account.id,
      read: ({ people }) => people.accountsByIds,
    }),
    role: t.field({ type: RoleEnum, description: "The person's role in this account.", resolve: (viewer) => viewer.role }),
    scopes: t.field({
      type: [ScopeEnum],
      description: "The scopes of the credential that are of use to the person's role.",
      resolve: (viewer) => [...viewer.scopes],
    }),
  }),
});

builder.queryField("viewer", (t) =>
  t.field({
    type: ViewerRef,
    description: "Returns the viewer. Fails with UNAUTHENTICATED if the request has no valid credential.",
    resolve: (_root, _args, { viewer }) => authorize(viewer),
  }),
);

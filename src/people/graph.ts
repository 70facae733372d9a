import { builder } from "../graph/builder.ts";
import { whenThere } from "../platform/eventually.ts";
import { loadNode } from "../graph/nodes.ts";
import { from, stored } from "../graph/sources.ts";
import "../graph/scalars.ts";
import { authorize, type PersonViewer, scopes } from "../viewer.ts";
import { maySeeEmail } from "./policy.ts";
import { accountEntity, personEntity } from "./relations.ts";
import type { Account, Person } from "./service.ts";

export const AccountRef = builder.prismaObject("Account", {
  description: "An organisation that keeps tickets. Nothing of one account is ever seen from another.",
  fields: (t) => ({
    uuid: t.field({
      type: "UUID",
      description: "The UUID alone.",
      extensions: stored(accountEntity, "id"),
      resolve: ({ id }) => id,
    }),
    slug: t.exposeString("slug", { description: "The account's short name: what /v1 and the account headers use." }),
    name: t.exposeString("name", { description: "The account's name, for people." }),
    timeZone: t.exposeString("timeZone", { description: "The IANA time zone that /v1 writes times in." }),
  }),
});

builder.nodeRef(AccountRef, {
  id: { description: "The global id.", resolve: (account: Account) => account.id },
  loadWithoutCache: loadNode("Account", ({ services }) => services.people.accountsByIds),
});

export const PersonRef = builder.prismaObject("Person", {
  description: "Somebody who writes notes or requests tickets: a customer, a specialist or an administrator.",
  fields: (t) => ({
    uuid: t.field({
      type: "UUID",
      description: "The UUID that /v2 uses.",
      extensions: stored(personEntity, "id"),
      resolve: ({ id }) => id,
    }),
    number: t.expose("number", { type: "SafeInt", description: "The integer id that /v1 uses." }),
    name: t.exposeString("name", { description: "The full name." }),
    email: t.string({
      nullable: true,
      description: "The mail address; null where you are a customer and this is somebody else.",
      extensions: from(personEntity, "id", "email"),
      resolve: (person, _args, { viewer }) => (maySeeEmail(viewer, person) ? person.email : null),
    }),
  }),
});

builder.nodeRef(PersonRef, {
  id: { description: "The global id.", resolve: (person: Person) => person.id },
  loadWithoutCache: loadNode("Person", ({ services }) => services.people.byIds),
});

const RoleEnum = builder.enumType("Role", {
  description: "What a person is in an account.",
  values: {
    CUSTOMER: { description: "Sees the public notes of the tickets they requested." },
    SPECIALIST: { description: "Works on every ticket of the account." },
    ADMINISTRATOR: { description: "Does what a specialist does, and looks after the account." },
  } as const,
});

export const ScopeEnum = builder.enumType("Scope", {
  description: "What a credential may be used for.",
  // GraphQL names have no colon: notes:read is NOTES_READ.
  values: Object.fromEntries(
    scopes.map((scope) => [scope.replace(":", "_").toUpperCase(), { value: scope, description: `The scope \`${scope}\`.` }]),
  ),
});

const ViewerRef = builder.objectRef<PersonViewer>("Viewer").implement({
  description: "Who is asking: the credential's person, the account it acts in, the role there, and the scopes it was given.",
  fields: (t) => ({
    person: t.field({
      type: PersonRef,
      description: "The person the credential belongs to.",
      resolve: (viewer, _args, context, info) =>
        whenThere(context.load(context.services.people.byIds, viewer.person.id, context.selected(info)), present),
    }),
    account: t.field({
      type: AccountRef,
      description: "The account the credential acts in.",
      resolve: (viewer, _args, context, info) =>
        whenThere(context.load(context.services.people.accountsByIds, viewer.account.id, context.selected(info)), present),
    }),
    role: t.field({ type: RoleEnum, description: "What the person is in that account.", resolve: (viewer) => viewer.role }),
    scopes: t.field({
      type: [ScopeEnum],
      description: "What the credential may be used for.",
      resolve: (viewer) => [...viewer.scopes],
    }),
  }),
});

builder.queryField("viewer", (t) =>
  t.field({
    type: ViewerRef,
    description: "Who you are here. Fails with UNAUTHENTICATED without a credential.",
    resolve: (_root, _args, { viewer }) => authorize(viewer),
  }),
);

/** What the database's own constraints promise to be there. */
export function present<Row>(row: Row | null): Row {
  if (row === null) throw new Error("A row that a foreign key points to was not visible with the row that points to it.");
  return row;
}

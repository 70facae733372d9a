import { encodeGlobalId } from "../platform/global-ids.ts";
import { relatedAs, type Selection, selectOne } from "../reading/selection.ts";
import { answerRecord } from "../rest/v1/collection.ts";
import { fromRelated, fromRow, type Shape } from "../rest/v1/fields.ts";
import { findById } from "../rest/v1/ids.ts";
import type { Operation, V1Request } from "../rest/v1/operation.ts";
import { maySeeEmail } from "./policy.ts";
import { homeAccountOfPerson } from "./relations.ts";
import type { Account, Person } from "./service.ts";

/** An account as every record shows it: by its slug. */
export function accountStub(account: Pick<Account, "slug" | "name"> | null | undefined): { id: string; name: string } | null {
  return account ? { id: account.slug, name: account.name } : null;
}

/** A person as other records show them. */
export function personStub(person: Pick<Person, "number" | "name"> | null | undefined): { id: number; name: string } | null {
  return person ? { id: person.number, name: person.name } : null;
}

const accountOfRecord: Selection = { fields: new Set(["slug", "name"]), relations: new Map() };
const home = selectOne(homeAccountOfPerson, accountOfRecord);

/** What is read of a person that another record shows. */
export const personOfRecord: Selection = { fields: new Set(["number", "name"]), relations: new Map([["home", home]]) };

/** The account that a person, read as {@link personOfRecord}, is at home in. */
export function homeAccountOf(person: Person | null): { id: string; name: string } | null {
  return accountStub(person && relatedAs(person, "home", home));
}

const personShape: Shape<Person> = {
  fields: {
    id: fromRow(["number"], (person) => person.number),
    name: fromRow(["name"], (person) => person.name),
    primary_email: fromRow(["email"], (person, { viewer }) => (maySeeEmail(viewer, person) ? person.email : null)),
    account: fromRelated({ name: "home", relation: home }, (account) => accountStub(account)),
    nodeID: fromRow([], (person) => encodeGlobalId("Person", person.id)),
  },
};

export const getMe: Operation = (request) =>
  answerRecord(request, personShape, (selection) =>
    findById("Person", String(request.viewer.person.number), personReads(request, selection)),
  );

export const getPerson: Operation = (request) =>
  answerRecord(request, personShape, (selection) => personOf(request, selection));

/** Teams are not kept here. Clients ask for them on their way to the notes, and find that somebody is in none. */
export const listTeams: Operation = async (request) => {
  await personOf(request);
  return { body: [] };
};

function personOf(request: V1Request, selection?: Selection): Promise<Person> {
  return findById("Person", request.id, personReads(request, selection));
}

function personReads({ services, viewer }: V1Request, selection?: Selection): Parameters<typeof findById<Person>>[2] {
  return {
    byNumber: (number) => services.people.byNumbers(viewer, [number], selection),
    byId: (id) => services.people.byIds(viewer, [id], selection),
  };
}

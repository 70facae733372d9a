import type { Selection } from "../reading/selection.ts";
import { type RowShape, storedField } from "../reading/shape.ts";
import { answerRecord } from "../rest/v1/collection.ts";
import { type FieldContext, relatedRow, type Shape, stored, worked } from "../rest/v1/fields.ts";
import { findById } from "../rest/v1/ids.ts";
import type { Operation, V1Request } from "../rest/v1/operation.ts";
import { maySeeEmail } from "./policy.ts";
import { accountEntity, homeAccountOfPerson, personEntity } from "./relations.ts";
import type { Person } from "./service.ts";

/** An account as every record shows it: by its slug. */
export const accountStub: RowShape = [
  { name: "id", content: storedField(accountEntity, "slug", "json") },
  { name: "name", content: storedField(accountEntity, "name", "json") },
];

/** A person as other records show them. */
export const personStub: RowShape = [
  { name: "id", content: storedField(personEntity, "number", "bare") },
  { name: "name", content: storedField(personEntity, "name", "json") },
];

/** The account that the viewer acts in, as {@link accountStub}. */
export function ownAccount({ viewer: { account } }: FieldContext): { id: string; name: string } {
  return { id: account.slug, name: account.name };
}

const personShape: Shape<Person> = {
  fields: {
    id: stored(personEntity, "number", "bare"),
    name: stored(personEntity, "name", "json"),
    primary_email: worked(personEntity, ["email"], (person, { viewer }) => (maySeeEmail(viewer, person) ? person.email : null)),
    account: relatedRow(homeAccountOfPerson, accountStub),
    nodeID: stored(personEntity, "id", { globalIdOf: "Person" }),
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

import { columnContent, type RowMembers, type Selection } from "../query/model/selection.ts";
import { answerCollection, answerRecord } from "../rest/v1/kit/collection.ts";
import { type FieldContext, relatedRow, type Shape, storedValue, computedValue } from "../rest/v1/kit/fields.ts";
import { integerField, textField } from "../rest/v1/kit/filters.ts";
import { findById } from "../rest/v1/kit/ids.ts";
import type { V1Operation, V1Request } from "../rest/v1/kit/operation.ts";
import { NotFound } from "../errors.ts";
import { personOrderings } from "./input.ts";
import { maySeeEmail } from "./policy.ts";
import { accountEntity, homeAccountOfPerson, personEntity } from "./relations.ts";
import type { Account, Person } from "./service.ts";

/** An account as a part of other records. Its id is its slug. */
export const accountStub: RowMembers = [
  { name: "id", content: columnContent(accountEntity, "slug", "json") },
  { name: "name", content: columnContent(accountEntity, "name", "json") },
];

/** A person as other records show them. */
export const personStub: RowMembers = [
  { name: "id", content: columnContent(personEntity, "number", "bare") },
  { name: "name", content: columnContent(personEntity, "name", "json") },
];

/** Returns the account in which the viewer acts, in the shape of {@link accountStub}. */
export function ownAccount({ viewer: { account } }: FieldContext): { id: string; name: string } {
  return { id: account.slug, name: account.name };
}

const personShape: Shape<Person> = {
  fields: {
    id: storedValue(personEntity, "number", "bare"),
    name: storedValue(personEntity, "name", "json"),
    primary_email: computedValue(personEntity, ["id", "accountId", "role", "email"], (person, { viewer }) =>
      maySeeEmail(viewer, person) ? person.email : null,
    ),
    account: relatedRow(homeAccountOfPerson, accountStub),
    nodeID: storedValue(personEntity, "id", { nodeIdOf: "Person" }),
  },
};

/** The record of the account in which the viewer acts. */
const accountShape: Shape<Account> = {
  fields: {
    id: storedValue(accountEntity, "slug", "json"),
    name: storedValue(accountEntity, "name", "json"),
    time_zone: storedValue(accountEntity, "timeZone", "json"),
    created_at: computedValue(accountEntity, ["createdAt"], ({ createdAt }, { viewer, formatTime }) =>
      formatTime(createdAt, viewer.account.timeZone),
    ),
    nodeID: storedValue(accountEntity, "id", { nodeIdOf: "Account" }),
  },
};

export const getAccount: V1Operation = (request) =>
  answerRecord(request, accountShape, async (selection) => {
    const { services, viewer } = request;
    const [account] = await services.people.accountsByIds(viewer, [viewer.account.id], selection);
    if (!account) throw new NotFound("account");
    return account;
  });

export const listPeople: V1Operation = (request) => {
  const { services, viewer } = request;
  return answerCollection(request, {
    shape: personShape,
    filterable: { number: integerField("id", "ids"), name: textField("name"), email: textField("primary_email") },
    sortable: { id: personOrderings.NUMBER },
    defaultOrder: [{ ...personOrderings.NUMBER, direction: "ASC" }],
    read: ({ fields, ordering, page, selection }) =>
      services.people.list(viewer, { filter: { fields }, ordering, page }, selection),
    count: (fields) => services.people.count(viewer, { fields }),
  });
};

export const getMe: V1Operation = (request) =>
  answerRecord(request, personShape, (selection) =>
    findById("Person", String(request.viewer.person.number), personReads(request, selection)),
  );

export const getPerson: V1Operation = (request) =>
  answerRecord(request, personShape, (selection) => requestedPerson(request, selection));

/** Responds with an empty list, because there are no teams here. Clients request teams before they request notes. */
export const listTeams: V1Operation = async (request) => {
  await requestedPerson(request);
  return { body: [] };
};

function requestedPerson(request: V1Request, selection?: Selection): Promise<Person> {
  return findById("Person", request.id, personReads(request, selection));
}

function personReads({ services, viewer }: V1Request, selection?: Selection): Parameters<typeof findById<Person>>[2] {
  return {
    byNumber: (number) => services.people.foundByNumbers(viewer, [number], selection),
    byId: (id) => services.people.byIds(viewer, [id], selection),
  };
}

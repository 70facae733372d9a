import { encodeGlobalId } from "../platform/global-ids.ts";
import { answerRecord } from "../rest/v1/collection.ts";
import { type Field, fromRow, type Shape } from "../rest/v1/fields.ts";
import { findById } from "../rest/v1/ids.ts";
import type { Operation, V1Request } from "../rest/v1/operation.ts";
import { maySeeEmail } from "./policy.ts";
import type { Account, Person } from "./service.ts";

/** An account as every record shows it: by its slug. */
export function accountStub(account: Pick<Account, "slug" | "name"> | null | undefined): { id: string; name: string } | null {
  return account ? { id: account.slug, name: account.name } : null;
}

/** A person as other records show them. */
export function personStub(person: Pick<Person, "number" | "name"> | null | undefined): { id: number; name: string } | null {
  return person ? { id: person.number, name: person.name } : null;
}

/** The account that the person of each row, named by number, is at home in. */
export function homeAccountOf<Row>(number: (row: Row) => number): Field<Row> {
  return async (rows, { services, viewer }) => (await services.people.homeAccounts(viewer, rows.map(number))).map(accountStub);
}

const personShape: Shape<Person> = {
  fields: {
    id: fromRow((person) => person.number),
    name: fromRow((person) => person.name),
    primary_email: fromRow((person, { viewer }) => (maySeeEmail(viewer, person) ? person.email : null)),
    account: homeAccountOf((person) => person.number),
    nodeID: fromRow((person) => encodeGlobalId("Person", person.id)),
  },
};

export const getMe: Operation = async (request) => {
  const me = await findById("Person", String(request.viewer.person.number), personReads(request));
  return answerRecord(request, personShape, me);
};

export const getPerson: Operation = async (request) => answerRecord(request, personShape, await personOf(request));

/** Teams are not kept here. Clients ask for them on their way to the notes, and find that somebody is in none. */
export const listTeams: Operation = async (request) => {
  await personOf(request);
  return { body: [] };
};

function personOf(request: V1Request): Promise<Person> {
  return findById("Person", request.id, personReads(request));
}

function personReads({ services, viewer }: V1Request): Parameters<typeof findById<Person>>[2] {
  return {
    byNumber: (number) => services.people.byNumbers(viewer, [number]),
    byId: (id) => services.people.byIds(viewer, [id]),
  };
}

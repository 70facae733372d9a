import type { Account, Person } from "#generated/prisma/client.ts";
import type { Reads } from "../query/reads.ts";
import { type CountedSlice, type Selection, totalOnly, type PageSelection } from "../query/model/selection.ts";
import type { Viewer } from "../viewer.ts";
import { type PersonFilter, personOrderings, type PersonRead } from "./input.ts";
import { accountById, peopleOfAccount, personById, personByNumber } from "./relations.ts";

export type { Account, Person } from "#generated/prisma/client.ts";

declare module "../services.ts" {
  interface Services {
    readonly people: People;
  }
}

/**
 * Reads people and accounts for a viewer. A read by keys takes several keys, and returns rows in their order with the selected
 * fields; null for what the viewer cannot see.
 */
export interface People {
  /** Lists the people that the viewer can find. */
  list(viewer: Viewer, read: PersonRead, pageSelection?: PageSelection, selection?: Selection): Promise<CountedSlice<Person>>;
  /** How many there are; no more than `most` are counted. */
  count(viewer: Viewer, filter: PersonFilter, most: number): Promise<number>;
  byIds(viewer: Viewer, ids: readonly string[], selection?: Selection): Promise<(Person | null)[]>;
  byNumbers(viewer: Viewer, numbers: readonly number[], selection?: Selection): Promise<(Person | null)[]>;
  accountsByIds(viewer: Viewer, ids: readonly string[], selection?: Selection): Promise<(Account | null)[]>;
}

/** A count needs no page, and a read has one. */
const firstPerson = {
  ordering: [{ ...personOrderings.NUMBER, direction: "ASC" }],
  page: { size: 1, from: "start" },
} as const;

export function createPeople({ reads }: { reads: Reads }): People {
  return {
    list: (viewer, read, pageSelection, selection) => reads.page(viewer, peopleOfAccount, read, pageSelection, selection),

    async count(viewer, filter, most) {
      const pageSelection = { ...totalOnly, total: { max: most } };
      const { total } = await reads.page(viewer, peopleOfAccount, { filter, ...firstPerson }, pageSelection);
      return total ?? 0;
    },

    byIds: (viewer, ids, selection) => reads.byKeys(viewer, personById, ids, selection),
    byNumbers: (viewer, numbers, selection) => reads.byKeys(viewer, personByNumber, numbers, selection),
    accountsByIds: (viewer, ids, selection) => reads.byKeys(viewer, accountById, ids, selection),
  };
}

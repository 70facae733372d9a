import type { Account, Person } from "#generated/prisma/client.ts";
import type { Reads } from "../query/reads.ts";
import type { CountedSlice, PageSelection, Selection } from "../query/model/selection.ts";
import type { Viewer } from "../viewer.ts";
import type { PersonFilter, PersonRead } from "./input.ts";
import { accountById, peopleOfAccount, personById, personByNumber } from "./relations.ts";

export type { Account, Person } from "#generated/prisma/client.ts";

declare module "../services.ts" {
  interface Services {
    readonly people: People;
  }
}

/**
 * Reads people and accounts for a viewer. A read by keys takes several keys and returns rows in their order with the
 * selected fields, or null for a row that is missing or that the viewer may not see.
 */
export interface People {
  /** Returns a page of the people that the viewer can find. */
  list(viewer: Viewer, read: PersonRead, selection?: PageSelection): Promise<CountedSlice<Person>>;
  /** Returns the number of them, or one more than `maxTotal` if there are more. */
  count(viewer: Viewer, filter: PersonFilter): Promise<number>;
  byIds(viewer: Viewer, ids: readonly string[], selection?: Selection): Promise<(Person | null)[]>;
  byNumbers(viewer: Viewer, numbers: readonly number[], selection?: Selection): Promise<(Person | null)[]>;
  accountsByIds(viewer: Viewer, ids: readonly string[], selection?: Selection): Promise<(Account | null)[]>;
}

export function createPeople({ reads }: { reads: Reads }): People {
  return {
    list: (viewer, read, selection) => reads.page(viewer, peopleOfAccount, read, selection),
    count: (viewer, filter) => reads.count(viewer, peopleOfAccount, { filter }),
    byIds: (viewer, ids, selection) => reads.byKeys(viewer, personById, ids, selection),
    byNumbers: (viewer, numbers, selection) => reads.byKeys(viewer, personByNumber, numbers, selection),
    accountsByIds: (viewer, ids, selection) => reads.byKeys(viewer, accountById, ids, selection),
  };
}

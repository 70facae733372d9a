import type { Account } from "#generated/prisma/client.ts";
import type { ReadPages, Reads } from "../query/reads.ts";
import type { Total } from "../query/model/page.ts";
import type { CountedSlice, PageSelection, Selection } from "../query/model/selection.ts";
import type { Viewer } from "../viewer.ts";
import type { PersonFilter, PersonRead } from "./input.ts";
import { accountById, peopleOfAccount, type Person, personById, personByNumber, personFoundByNumber } from "./relations.ts";

export type { Account } from "#generated/prisma/client.ts";
export type { Person } from "./relations.ts";

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
  total(viewer: Viewer, filter: PersonFilter): Promise<Total>;
  /** Returns a page of them for each account: null for an account in which the viewer does not act. */
  readonly ofAccounts: ReadPages<Person, PersonRead>;
  byIds(viewer: Viewer, ids: readonly string[], selection?: Selection): Promise<(Person | null)[]>;
  /** For the people of rows that the viewer may see. */
  byNumbers(viewer: Viewer, numbers: readonly number[], selection?: Selection): Promise<(Person | null)[]>;
  /** For numbers that a client sends, which can be guessed, unlike ids: people whom the viewer can find. */
  foundByNumbers(viewer: Viewer, numbers: readonly number[], selection?: Selection): Promise<(Person | null)[]>;
  accountsByIds(viewer: Viewer, ids: readonly string[], selection?: Selection): Promise<(Account | null)[]>;
}

export function createPeople({ reads }: { reads: Reads }): People {
  return {
    list: (viewer, read, selection) => reads.page(viewer, peopleOfAccount, read, selection),
    count: (viewer, filter) => reads.count(viewer, peopleOfAccount, { filter }),
    total: (viewer, filter) => reads.total(viewer, peopleOfAccount, { filter }),
    ofAccounts: (viewer, accountIds, read, selection) =>
      reads.pagesOf(viewer, { relation: accountById, keys: accountIds }, peopleOfAccount, read, selection),
    byIds: (viewer, ids, selection) => reads.byKeys(viewer, personById, ids, selection),
    byNumbers: (viewer, numbers, selection) => reads.byKeys(viewer, personByNumber, numbers, selection),
    foundByNumbers: (viewer, numbers, selection) => reads.byKeys(viewer, personFoundByNumber, numbers, selection),
    accountsByIds: (viewer, ids, selection) => reads.byKeys(viewer, accountById, ids, selection),
  };
}

import type { Account, Person } from "#generated/prisma/client.ts";
import type { Reads } from "../reading/reads.ts";
import type { Selection } from "../reading/selection.ts";
import type { Viewer } from "../viewer.ts";
import { accountById, personById, personByNumber } from "./relations.ts";

export type { Account, Person } from "#generated/prisma/client.ts";

/**
 * People and accounts, as a viewer may read them. Every read takes many keys, and answers in their order with what is selected, null where there
 * is nothing to see.
 */
export interface People {
  byIds(viewer: Viewer, ids: readonly string[], selection?: Selection): Promise<(Person | null)[]>;
  byNumbers(viewer: Viewer, numbers: readonly number[], selection?: Selection): Promise<(Person | null)[]>;
  accountsByIds(viewer: Viewer, ids: readonly string[], selection?: Selection): Promise<(Account | null)[]>;
}

export function createPeople({ reads }: { reads: Reads }): People {
  return {
    byIds: (viewer, ids, selection) => reads.byKeys(viewer, personById, ids, selection),
    byNumbers: (viewer, numbers, selection) => reads.byKeys(viewer, personByNumber, numbers, selection),
    accountsByIds: (viewer, ids, selection) => reads.byKeys(viewer, accountById, ids, selection),
  };
}

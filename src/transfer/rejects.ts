import { writeFileSync } from "node:fs";

export type RecordKind = "account" | "person" | "ticket" | "note" | "attachment" | "inbound email";

/** A record that was not taken. It has nothing of what the record says, because the file may go to others. */
export interface Reject {
  readonly kind: RecordKind;
  readonly id: string;
  /** Where it is in the source. */
  readonly at: string;
  readonly reason: string;
}

/** Writes `rejects.ndjson`: one JSON object a line for each record that was not taken. */
export interface Rejects {
  add(reject: Reject): void;
  readonly count: number;
}

/** Returns the rejects of one run. The file of an earlier run is replaced with the first of them, or emptied. */
export function createRejects(path: string): Rejects {
  let count = 0;
  writeFileSync(path, "");
  return {
    add(reject) {
      count += 1;
      writeFileSync(path, `${JSON.stringify(reject)}\n`, { flag: "a" });
    },
    get count() {
      return count;
    },
  };
}

import { decodeGlobalId } from "../lib/global-ids.ts";
import { DomainError } from "../errors.ts";
import type { IdMapping, MappedKind } from "../transfer/id-map.ts";
import { withNumbers } from "../transfer/rich-text-references.ts";
import { ticketKinds, v1Collections } from "../transfer/shapes.ts";

/** Tells which ids of the legacy system an id map has given others. */
export interface IdTranslation {
  /** Returns the path of a read, with the ids that its records have here. */
  path(path: string): string;
  /** Returns whether the id map has `here` for the id `there` of a record of that kind. */
  isMapped(kind: MappedKind, there: unknown, here: unknown): boolean;
  /** Returns a text with the numbers that its mentions and references have here. */
  text(text: string): string;
}

const collections = new Map<string, MappedKind>([
  ["notes", "note"],
  ["people", "person"],
  ...Object.values(v1Collections).map((name): [string, MappedKind] => [name, "ticket"]),
]);
const pathWithId = /^\/v1\/([a-z_]+)\/(\d+)(?=[/?.]|$)/;
const uuids = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi;

export function createIdTranslation(mappings: readonly IdMapping[]): IdTranslation {
  const numbers = new Map<string, number>();
  const ids = new Map<string, string>();
  for (const { kind, from, to } of mappings) {
    if (from.number !== undefined) numbers.set(`${kind} ${from.number}`, to.number);
    ids.set(from.id, to.id);
  }
  const references = new Set(ticketKinds.map((kind) => kind.toLowerCase()));
  const numberOf = (reference: string): number | undefined => {
    const [kind = "", number] = reference.split("#");
    return numbers.get(`${references.has(kind) ? "ticket" : kind} ${number}`);
  };

  return {
    path: (path) =>
      path
        .replace(pathWithId, (whole, collection: string, number: string) => {
          const here = numbers.get(`${collections.get(collection) ?? ""} ${number}`);
          return here === undefined ? whole : `/v1/${collection}/${here}`;
        })
        .replaceAll(uuids, (id) => ids.get(id.toLowerCase()) ?? id),
    isMapped(kind, there, here) {
      if (typeof there === "number") return numbers.get(`${kind} ${there}`) === here;
      if (typeof there !== "string" || typeof here !== "string") return false;
      return ids.get(uuidIn(there)) === uuidIn(here);
    },
    text: (text) => withNumbers(text, numberOf),
  };
}

function uuidIn(text: string): string {
  try {
    return decodeGlobalId(text).id;
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    return text.toLowerCase();
  }
}

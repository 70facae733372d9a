import type { MappedKind } from "../transfer/id-map.ts";
import { ticketKinds, v1Collections } from "../transfer/shapes.ts";
import type { IdTranslation } from "./id-translation.ts";

/** What a server has answered to a read. */
export interface Answer {
  readonly status: number;
  /** The headers that tell something of the records, without the others. */
  readonly headers: Readonly<Record<string, string>>;
  /** The JSON of the body, or its text if it is no JSON. */
  readonly body: unknown;
  /** The base URL of the server that has answered. */
  readonly base: string;
}

/** Why two values may differ although the records are the same. */
export type DifferenceExplanation = "host" | "signed URL" | "id map" | "same instant" | "cursor";

export interface Difference {
  /** The field, such as `body[3].person.name`. */
  readonly field: string;
  readonly there: unknown;
  readonly here: unknown;
  /** Undefined: nothing explains it. */
  readonly explanation: DifferenceExplanation | undefined;
}

/** The place of a value in an answer. */
interface Place {
  readonly field: string;
  /** The names of the members on the way to it, without the indices. */
  readonly names: readonly string[];
}

/** Returns the differences of two answers, field by field, in the order of the fields there. */
export function compareAnswers(path: string, there: Answer, here: Answer, ids: IdTranslation): Difference[] {
  const differences: Difference[] = [];
  const explain = (place: Place, one: unknown, other: unknown) =>
    explanationOfDifference(path, place, one, other, { there, here, ids });

  function compare(place: Place, one: unknown, other: unknown): void {
    if (Object.is(one, other)) return;
    if (Array.isArray(one) && Array.isArray(other)) {
      compareLists(place, one, other);
      return;
    }
    if (isContainer(one) && isContainer(other) && !Array.isArray(one) && !Array.isArray(other)) {
      for (const name of new Set([...Object.keys(one), ...Object.keys(other)]))
        compare({ field: `${place.field}.${name}`, names: [...place.names, name] }, one[name], other[name]);
      return;
    }
    differences.push({ field: place.field, there: one, here: other, explanation: explain(place, one, other) });
  }

  /** Records are compared with those of their ids, so that one that is missing makes no difference of all after it. */
  function compareLists(place: Place, one: readonly unknown[], other: readonly unknown[]): void {
    const kind = kindOfRecord(path, place.names);
    const isSame = (id: unknown, idHere: unknown) => id === idHere || ids.isMapped(kind, id, idHere);
    for (const pair of recordsInPairs(one, other, isSame))
      compare({ field: `${place.field}[${pair.index}]`, names: place.names }, pair.there, pair.here);
  }

  compare({ field: "status", names: ["status"] }, there.status, here.status);
  compare({ field: "headers", names: ["headers"] }, there.headers, here.headers);
  compare({ field: "body", names: [] }, there.body, here.body);
  return differences;
}

interface Sides {
  readonly there: Answer;
  readonly here: Answer;
  readonly ids: IdTranslation;
}

function explanationOfDifference(
  path: string,
  { names }: Place,
  one: unknown,
  other: unknown,
  { there, here, ids }: Sides,
): DifferenceExplanation | undefined {
  const name = names.at(-1) ?? "";
  if (ids.isMapped(kindOfRecord(path, names), one, other)) return "id map";
  if (typeof one !== "string" || typeof other !== "string") return undefined;
  if (name === "uri" || name === "signed_url") return URL.canParse(one) && URL.canParse(other) ? "signed URL" : undefined;
  const local = ids.path(withoutHosts(name, one, there.base));
  const localHere = withoutHosts(name, other, here.base);
  if (local === localHere) return "host";
  if (name === "link" && withoutCursors(local) === withoutCursors(localHere)) return "cursor";
  if ((name === "text" || name === "value") && ids.text(one) === other) return "id map";
  return isSameInstant(name, one, other) ? "same instant" : undefined;
}

interface RecordPair {
  /** The place in the list there, or here if it is missing there. */
  readonly index: number;
  readonly there: unknown;
  readonly here: unknown;
}

/**
 * Returns the records of two lists in pairs of one id, in the order there, then those that are here alone. Records of
 * another order, and values without an id, are in pairs by their place.
 */
function recordsInPairs(
  there: readonly unknown[],
  here: readonly unknown[],
  isSame: (there: unknown, here: unknown) => boolean,
): readonly RecordPair[] {
  const places = there.map((one) => here.findIndex((other) => isSame(idOf(one), idOf(other))));
  const found = places.filter((place) => place !== -1);
  const areRecords = [...there, ...here].every((one) => idOf(one) !== undefined);
  const areInOrder = found.every((place, index) => index === 0 || place > (found[index - 1] ?? place));
  if (!areRecords || !areInOrder) {
    const longest = there.length > here.length ? there : here;
    return longest.map((_, index) => ({ index, there: there[index], here: here[index] }));
  }
  const known = new Set(found);
  return [
    ...there.map((one, index) => ({ index, there: one, here: here[places[index] ?? -1] })),
    ...here.map((other, index) => ({ index, there: undefined, here: other })).filter(({ index }) => !known.has(index)),
  ];
}

function idOf(record: unknown): unknown {
  return isContainer(record) ? record["id"] : undefined;
}

function isContainer(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

/**
 * Returns a text without the base URL of the server that has answered it. Links begin with the address that clients
 * use, which need not be the one at which the server was asked.
 */
function withoutHosts(name: string, text: string, base: string): string {
  if (name !== "link") return text.replaceAll(base, "");
  return text.replaceAll(/<https?:\/\/[^>]*?(?=\/v[12][/?])/g, "<");
}

function withoutCursors(link: string): string {
  return link.replaceAll(/(search_(?:after|before))=[^&>]+/g, "$1=");
}

function isSameInstant(name: string, one: string, other: string): boolean {
  return name.endsWith("_at") && Date.parse(one) === Date.parse(other);
}

const kindsOfMembers = new Map<string, MappedKind>([
  ["person", "person"],
  ["requested_by", "person"],
  ["author_id", "person"],
  ["ticket_id", "ticket"],
  ["note_id", "note"],
  ["attachments", "attachment"],
  ["inbound_email", "inbound_email"],
  ...ticketKinds.map((kind): [string, MappedKind] => [kind.toLowerCase(), "ticket"]),
]);

/** Returns the kind of record whose id is at this place: that of the member around it, or of the read's records. */
function kindOfRecord(path: string, names: readonly string[]): MappedKind {
  const member = names.findLast((name) => kindsOfMembers.has(name));
  const kind = member === undefined ? undefined : kindsOfMembers.get(member);
  if (kind) return kind;
  if (/^\/v1\/(people|me)\b/.test(path)) return "person";
  const collection = Object.values(v1Collections).find((name) => path.startsWith(`/v1/${name}`));
  return collection !== undefined && !/\/notes\b/.test(path) ? "ticket" : "note";
}

import fc from "fast-check";
import {
  getNamedType,
  type GraphQLField,
  type GraphQLNamedType,
  isCompositeType,
  isInterfaceType,
  isObjectType,
  type GraphQLObjectType,
} from "graphql";
import { schema } from "../../src/schema.ts";

/** The values that operations may contain. */
export interface Vocabulary {
  /** Ids by their type, in every accepted form. */
  readonly ids: Readonly<Record<"Ticket" | "Note" | "Person" | "node", readonly string[]>>;
  readonly numbers: Readonly<Record<"Ticket" | "Note", readonly number[]>>;
  /** Cursors with the connection and order for which they are valid, such as `Ticket.notes createdAt DESC`. */
  readonly cursors: readonly { readonly place: string; readonly cursor: string }[];
  readonly instants: readonly string[];
  /** Texts that people are found by. */
  readonly queries: readonly string[];
}

/** A document, and several sets of variables with which it is executed one after another. */
export interface RandomOperation {
  readonly text: string;
  readonly variables: readonly Record<string, unknown>[];
}

/** The fields that are selected so far at a path of the response. Merged fields must have the same arguments. */
interface Place {
  readonly fields: Map<string, { readonly call: string; readonly inner: Place }>;
}

const newPlace = (): Place => ({ fields: new Map() });

/** Fields of other reads, those that are not of the rows of these operations, and those with an oracle of their own. */
const leftOut = new Set([
  "highlights",
  "suggestion",
  "edits",
  "redactions",
  "textHtml",
  "textPlain",
  "apiKeys",
  "oauthClients",
  "auditEvents",
  "rateLimit",
]);
const ofPages = new Set(["first", "last", "after", "before"]);
const timesAsked = 3;
/** What is searched for: words, some of which notes and subjects have. */
const searchQueries = ["gearbox", "Note", "gr*", '"grinds in"', "-third looked", "looked", "it AT", "absent", " "] as const;
/** The approximate maximum number of fields and fragments in an operation. */
const most = 45;

/** Returns queries over tickets, notes, attachments, people and accounts in every shape that the schema allows. */
export function randomOperations(vocabulary: () => Vocabulary): fc.Arbitrary<RandomOperation> {
  return fc.gen().map((gen) => {
    const number = (max: number) => gen(fc.integer, { min: 0, max });
    const oneIn = (count: number) => number(count - 1) === 0;
    const pick = <Item>(items: readonly Item[]): Item => items[number(items.length - 1)]!;
    const words = vocabulary();
    const declared: string[] = [];
    const variables = Array.from({ length: timesAsked }, (): Record<string, unknown> => ({}));
    const fragments: { readonly name: string; readonly type: string; text: string }[] = [];
    const switches: string[] = [];
    let partsLeft = most;

    /** Returns the value as a literal, or as a variable with a different value in each set. */
    function written(type: string, value: () => unknown, literal: (value: unknown) => string = JSON.stringify): string {
      if (!oneIn(3)) return literal(value());
      const name = `v${declared.length}`;
      declared.push(`$${name}: ${type}`);
      for (const one of variables) if (type.endsWith("!") || !oneIn(8)) one[name] = value();
      return `$${name}`;
    }
    function directive(): string {
      if (!oneIn(6)) return "";
      if (switches.length === 0 || (switches.length < 3 && oneIn(3))) {
        const name = `s${switches.length}`;
        switches.push(name);
        declared.push(`$${name}: Boolean!`);
        for (const one of variables) one[name] = oneIn(2);
      }
      const condition = oneIn(5) ? String(oneIn(2)) : `$${pick(switches)}`;
      return ` @${oneIn(2) ? "include" : "skip"}(if: ${condition})`;
    }
    const list = (value: () => unknown, longest: number) => () => Array.from({ length: number(longest) }, value);
    const enumeration = (value: unknown) => JSON.stringify(value).replaceAll('"', "");
    const numberOf = (type: keyof Vocabulary["numbers"]) => () => (oneIn(60) ? 0 : pick(words.numbers[type]));
    const idOf = (type: keyof Vocabulary["ids"]) => () => (oneIn(60) ? "none" : pick(words.ids[type]));

    function range(): string {
      const bounds = ["gt", "gte", "lt", "lte"].filter(() => oneIn(3));
      return `{ ${bounds.map((bound) => `${bound}: ${written("DateTime", () => (oneIn(12) ? null : pick(words.instants)))}`).join(" ")} }`;
    }
    function filter(of: "notes" | "tickets" | "people"): string {
      if (of === "people") return filterOfPeople();
      const possible: Record<string, () => string> =
        of === "notes"
          ? {
              ids: () => written("[ID!]", list(idOf("Note"), 5)),
              authorId: () => written("ID", idOf("Person")),
              isPublic: () => written("Boolean", () => (oneIn(10) ? null : oneIn(2))),
              categories: () =>
                written(
                  "[NoteCategory!]",
                  list(() => pick(["PRE_SCAN", "POST_SCAN"]), 2),
                  enumeration,
                ),
              medium: () =>
                written(
                  "[NoteMedium!]",
                  list(() => pick(["DEFAULT", "EMAIL", "SYSTEM"]), 2),
                  enumeration,
                ),
              createdAt: range,
              updatedAt: range,
              ticketId: () => written("ID", idOf("Ticket")),
              hasAttachments: () => written("Boolean", () => (oneIn(10) ? null : oneIn(2))),
            }
          : {
              ids: () => written("[ID!]", list(idOf("Ticket"), 3)),
              numbers: () => written("[SafeInt!]", list(numberOf("Ticket"), 3)),
              kind: () =>
                written(
                  "[TicketKind!]",
                  list(() => pick(["REQUEST", "RISK"]), 2),
                  enumeration,
                ),
              status: () =>
                written(
                  "[TicketStatus!]",
                  list(() => pick(["PENDING", "CLOSED"]), 2),
                  enumeration,
                ),
              requesterId: () => written("ID", idOf("Person")),
              createdAt: range,
              updatedAt: range,
              query: () => written("String", () => pick(searchQueries)),
            };
      const chosen = Object.entries(possible).filter(() => oneIn(5));
      return `{ ${chosen.map(([name, value]) => `${name}: ${value()}`).join(" ")} }`;
    }

    function filterOfPeople(): string {
      const possible: Record<string, () => string> = {
        query: () => written("String", () => (oneIn(30) ? " " : pick(words.queries))),
        role: () =>
          written(
            "[Role!]",
            list(() => pick(["CUSTOMER", "SPECIALIST", "ADMINISTRATOR"]), 2),
            enumeration,
          ),
        ids: () => written("[ID!]", list(idOf("Person"), 4)),
      };
      const chosen = Object.entries(possible).filter(() => oneIn(2));
      return `{ ${chosen.map(([name, value]) => `${name}: ${value()}`).join(" ")} }`;
    }

    /** Returns cursors that are valid there, and sometimes one that is not. */
    function cursor(place: string, orderName: string): () => unknown {
      const good = words.cursors.filter((one) => one.place.startsWith(place) && one.place.endsWith(orderName));
      return () => (oneIn(12) ? null : pick(good.length === 0 || oneIn(10) ? words.cursors : good).cursor);
    }
    function pageArguments(type: GraphQLNamedType, { name, args: possible }: GraphQLField<unknown, unknown>): string[] {
      const args: string[] = [];
      const isSorted = possible.some((arg) => arg.name === "orderBy");
      const isOfPeople = name === "people" || name === "participants";
      const isByNumber = isOfPeople || type.name === "Person";
      let orderName = `${isByNumber ? "number" : "createdAt"} ${isSorted ? "DESC" : "ASC"}`;
      if (isSorted && oneIn(2)) {
        const fields = ["CREATED_AT", "NUMBER", "UPDATED_AT", name === "notes" ? "AUTHOR" : "LAST_NOTE_AT"];
        const order = () => ({ field: pick(fields), direction: pick(["ASC", "DESC"]) });
        const { field, direction } = order();
        const names: Readonly<Record<string, string>> = {
          CREATED_AT: "createdAt",
          NUMBER: "number",
          AUTHOR: "authorNumber",
          UPDATED_AT: name === "notes" ? "changedAt" : "updatedAt",
          LAST_NOTE_AT: "lastNoteAt",
        };
        orderName = `${names[field]} ${direction}`;
        // Sometimes the order differs in each set of variables.
        const orders = oneIn(4)
          ? written(name === "notes" ? "NoteOrder" : "TicketOrder", order, enumeration)
          : enumeration({ field, direction });
        args.push(`orderBy: ${orders}`);
      }
      if (possible.some((arg) => arg.name === "filter") && oneIn(3)) {
        args.push(`filter: ${filter(isOfPeople ? "people" : name === "notes" ? "notes" : "tickets")}`);
      }
      const size = () => (oneIn(40) ? 0 : number(3) + 1);
      if (!oneIn(5)) args.push(`${oneIn(3) ? "last" : "first"}: ${written("Int", size)}`);
      const place = `${type.name}.${name}`;
      for (const side of ["after", "before"] as const)
        if (oneIn(4)) args.push(`${side}: ${written("String", cursor(place, orderName))}`);
      return args;
    }

    function searchArguments(): string[] {
      const args = [`query: ${written("String!", () => pick(searchQueries))}`];
      if (oneIn(3)) args.push(`filter: ${filter("notes")}`);
      if (!oneIn(5)) args.push(`first: ${written("Int", () => (oneIn(40) ? 0 : number(3) + 1))}`);
      if (oneIn(4)) args.push(`after: ${written("String", cursor("Query.searchNotes", "searched DESC, score DESC"))}`);
      return args;
    }

    /** Returns the call of a field, and the id of the row that it returns if the text contains it. */
    function callOf(type: GraphQLNamedType, field: GraphQLField<unknown, unknown>) {
      const { name } = field;
      if (name === "nodes" && field.args.length > 0) return { call: `nodes(ids: ${written("[ID!]!", list(idOf("node"), 5))})` };
      if (name === "node" && field.args.length > 0) return { call: `node(id: ${written("ID!", idOf("node"))})` };
      if (name === "ticket" || name === "note") {
        if (field.args.length === 0) return { call: name };
        const id = idOf(name === "ticket" ? "Ticket" : "Note");
        return { call: `${name}(id: ${oneIn(2) ? JSON.stringify(id()) : written("ID!", id)})` };
      }
      if (name === "ticketByNumber" || name === "noteByNumber") {
        const value = numberOf(name === "ticketByNumber" ? "Ticket" : "Note");
        return { call: `${name}(number: ${written("SafeInt!", value)})` };
      }
      if (name === "searchNotes") return { call: `${name}(${searchArguments().join(" ")})` };
      const args = field.args.some((arg) => ofPages.has(arg.name)) ? pageArguments(type, field) : [];
      return { call: args.length === 0 ? name : `${name}(${args.join(" ")})` };
    }

    function selection(type: GraphQLNamedType, place: Place, depth: number): string {
      const size = Math.max(1, Math.min(number(3) + 1, partsLeft));
      partsLeft -= size;
      return `{ ${Array.from({ length: size }, () => part(type, place, depth)).join(" ")} }`;
    }

    function part(type: GraphQLNamedType, place: Place, depth: number): string {
      if (partsLeft < -most) return "__typename";
      if (isInterfaceType(type) && !oneIn(5)) {
        const of = pick<GraphQLObjectType>(schema.getPossibleTypes(type).filter(({ name }) => name in nodeTypes));
        return `... on ${of.name}${directive()} ${selection(of, place, depth)}`;
      }
      if (oneIn(10)) return `...${directive()} ${selection(type, place, depth)}`;
      if (isObjectType(type) && type.getInterfaces().length > 0 && oneIn(15))
        return `... on Node${directive()} { ${oneIn(2) ? "id" : `... on ${type.name} ${selection(type, place, depth)}`} }`;
      if (oneIn(8)) {
        const known = fragments.filter((fragment) => fragment.type === type.name && fragment.text !== "");
        if (known.length > 0 && oneIn(2)) return `...${pick(known).name}${directive()}`;
        const fragment = { name: `f${fragments.length}`, type: type.name, text: "" };
        fragments.push(fragment);
        fragment.text = `fragment ${fragment.name} on ${type.name} ${selection(type, place, depth)}`;
        return `...${fragment.name}${directive()}`;
      }
      return fieldOf(type, place, depth);
    }

    function fieldOf(type: GraphQLNamedType, place: Place, depth: number): string {
      const fields = isObjectType(type) || isInterfaceType(type) ? Object.values(type.getFields()) : [];
      const possible = fields.filter(
        (field) => !leftOut.has(field.name) && (depth > 0 || !isCompositeType(getNamedType(field.type))),
      );
      if (possible.length === 0 || oneIn(15)) return "__typename";
      const composite = possible.filter((field) => isCompositeType(getNamedType(field.type)));
      const again = possible.filter(({ name }) => place.fields.has(`${type.name} ${name}`));
      const field = pick(again.length > 0 && oneIn(4) ? again : composite.length > 0 && oneIn(2) ? composite : possible);
      const alias = oneIn(4) ? `${pick(["a", "b", "constructor", "toString"])}_${field.name}` : undefined;
      const key = alias ?? field.name;
      const known = place.fields.get(`${type.name} ${key}`);
      const fresh = known ? undefined : callOf(type, field);
      const { call, inner } = known ?? { call: fresh!.call, inner: newPlace() };
      place.fields.set(`${type.name} ${key}`, { call, inner });
      const named = getNamedType(field.type);
      // A page and its edges are not counted as levels; their nodes are.
      const isPage = /(Connection|Edge)$/.test(named.name);
      const below = isCompositeType(named) ? ` ${selection(named, inner, isPage ? depth : depth - 1)}` : "";
      return `${alias === undefined ? "" : `${alias}: `}${call}${directive()}${below}`;
    }

    const root = newPlace();
    const body = selection(schema.getQueryType()!, root, 4);
    const head = declared.length > 0 ? `query Q(${declared.join(", ")}) ` : "query Q ";
    const used = fragments.map(({ text }) => text);
    return { text: [`${head}${body}`, ...used].join("\n"), variables };
  });
}

const nodeTypes = { Ticket: true, Note: true, Attachment: true, Person: true, Account: true };

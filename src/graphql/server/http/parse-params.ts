import type { FieldProblem } from "../../../errors.ts";
import { jsonOrUndefined } from "../../../lib/json-shape.ts";
import { namesDocument } from "../../documents/persisted-documents.ts";
import type { RequestParameters } from "../operations.ts";

/** The names of the parameters of a request. */
const parameterNames: ReadonlySet<string> = new Set([
  ...["query", "variables", "operationName", "extensions"],
  ...["documentId", "doc_id"],
]);

/**
 * Returns the parameters in the body of a request, or undefined if they are not well formed: see
 * {@link bodyParameterProblem}.
 */
export function parseParams(body: unknown): RequestParameters | undefined {
  if (typeof body !== "string") return undefined;
  const given = jsonOrUndefined(body);
  if (!isObject(given)) return undefined;
  if (unknownParameterOf(given) !== undefined) return undefined;
  const { query, variables, operationName, extensions, documentId, doc_id: docId } = given;
  if (!isObjectOrNothing(variables) || !isObjectOrNothing(extensions)) return undefined;
  if (!isTextOrNothing(operationName)) return undefined;
  if (documentId === undefined && docId === undefined && extensions?.["persistedQuery"] === undefined)
    return typeof query === "string" ? { query, variables, operationName, extensions } : undefined;
  const named = { variables, operationName, extensions, documentId, doc_id: docId };
  return isTextOrNothing(query) && (query || namesDocument(named)) ? { query, ...named } : undefined;
}

/** Returns what is wrong with a body in which {@link parseParams} finds no parameters. */
export function bodyParameterProblem(body: unknown): FieldProblem {
  const given = typeof body === "string" ? jsonOrUndefined(body) : undefined;
  if (!isObject(given)) return { path: [], message: "The body must be one JSON object, with the document as its query." };
  const unknown = unknownParameterOf(given);
  if (unknown !== undefined)
    return { path: [unknown], message: `The body must have no other members than ${[...parameterNames].join(", ")}.` };
  const noObject = ["variables", "extensions"].find((name) => !isObjectOrNothing(given[name]));
  if (noObject !== undefined) return { path: [noObject], message: `The parameter ${noObject} must be a JSON object.` };
  if (!isTextOrNothing(given["operationName"]))
    return { path: ["operationName"], message: "The parameter operationName must be a text." };
  return isTextOrNothing(given["query"])
    ? { path: ["query"], message: "The body needs a document: send its text as query." }
    : { path: ["query"], message: "The parameter query must be a text." };
}

/** Returns a member that is no parameter. One that is null says nothing, and is passed over. */
function unknownParameterOf(given: Readonly<Record<string, unknown>>): string | undefined {
  for (const name in given) if (!parameterNames.has(name) && given[name] !== null) return name;
  return undefined;
}

/** What is wrong with a URL in which {@link parseUrlParams} finds no parameters. */
export const urlParameterProblem: FieldProblem = {
  ...{ path: ["query"], message: "The URL needs a document: send its text as the parameter query." },
};

/**
 * Returns the parameters in the URL of a GET, or undefined if it names no document: see {@link urlParameterProblem}.
 * The parameters that are JSON must have been checked.
 */
export function parseUrlParams(url: URLSearchParams): RequestParameters | undefined {
  const text = (name: string) => url.get(name) || undefined; // an empty one counts as none
  const json = (name: string) => jsonObjectIn(text(name));
  const named = { extensions: json("extensions"), documentId: text("documentId"), doc_id: text("doc_id") };
  const query = text("query");
  if (query === undefined && !namesDocument(named)) return undefined;
  return { query, variables: json("variables"), operationName: text("operationName"), ...named };
}

function jsonObjectIn(text: string | undefined): Readonly<Record<string, unknown>> | undefined {
  const value = text === undefined ? undefined : jsonOrUndefined(text);
  return isObject(value) ? value : undefined;
}

/** Whether `text` is a JSON object, or `null`, which means none. */
export function isJsonObject(text: string): boolean {
  return text.trim() === "null" || isObject(jsonOrUndefined(text));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isObjectOrNothing(value: unknown): value is Readonly<Record<string, unknown>> | null | undefined {
  return value === undefined || value === null || isObject(value);
}

function isTextOrNothing(value: unknown): value is string | null | undefined {
  return value === undefined || value === null || typeof value === "string";
}

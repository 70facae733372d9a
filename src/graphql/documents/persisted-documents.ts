import { hash } from "node:crypto";
import type { GraphQLError } from "graphql";
import { Forbidden, InvalidInput, invalid, NotFound } from "../../errors.ts";
import { PersistedQueryNotFound, withHttp, wrap } from "../kit/graphql-errors.ts";
import { createDocumentStore } from "./document-store.ts";

/** The documents of the operator's manifests. */
export interface Manifests {
  /** The texts by their ids, and by the SHA-256 of the text. */
  readonly texts: ReadonlyMap<string, string>;
  /** All texts. */
  readonly trusted: ReadonlySet<string>;
}

export const noManifests: Manifests = { texts: new Map(), trusted: new Set() };

/** How a request names its document. `query` is its text, the others are ids. */
export interface DocumentParameters {
  readonly query?: string | null | undefined;
  /** GraphQL over HTTP, Appendix "Persisted Documents": `sha256:` and the hash, or an id of a manifest. */
  readonly documentId?: unknown;
  /** The id of a manifest, as clients of Relay send it. */
  readonly doc_id?: unknown;
  /** `persistedQuery` is that of Apollo's automatic persisted queries. */
  readonly extensions?: Readonly<Record<string, unknown>> | null | undefined;
}

/** Who asks for a document. */
export interface DocumentAsker {
  /** The name of the credential, whose share of the store it is. */
  readonly owner: string;
  /** Whether documents that are in no manifest are taken in any case. */
  readonly mayAskAnything: boolean;
}

export interface PersistedDocumentsOptions {
  /** The manifests as they are now: the operator may change them while the gateway runs. */
  readonly manifests: () => Manifests;
  /** Whether documents must be in a manifest. */
  readonly only: boolean;
}

/**
 * Returns the text of the document that a request names by its text or by an id, or the error with which the request is
 * refused.
 */
export type FindDocument = (parameters: DocumentParameters, asker: DocumentAsker) => string | GraphQLError;

/** A document costs its sender a share of this store only. */
const storeSize = { maxBytes: 16_777_216, maxBytesOfOwner: 262_144 };

/** Returns the function that finds documents in manifests, and among those that clients have registered. */
export function createPersistedDocuments({ manifests, only }: PersistedDocumentsOptions): FindDocument {
  const store = createDocumentStore(storeSize);

  /** Returns the text that `id` stands for. */
  function find({ form, id }: DocumentId, owner: string): string | GraphQLError {
    const text = manifests().texts.get(id) ?? store.find(id, owner);
    if (text !== undefined) return text;
    return form === "persistedQuery"
      ? new PersistedQueryNotFound()
      : withHttp(wrap(new NotFound("persisted document")), { status: 404 });
  }

  /** Returns `query`, which is registered under its hash. */
  function register({ form, id }: DocumentId, query: string, owner: string): string | GraphQLError {
    if (manifests().texts.get(id) === query) return query;
    if (hash("sha256", query) !== id)
      return badRequest(invalid(form, `The ${form} is not the SHA-256 of the document: send one of them, or the right hash.`));
    if (!only) store.add(id, query, owner);
    return query;
  }

  return (parameters, { owner, mayAskAnything }) => {
    const { query } = parameters;
    const named = documentIdIn(parameters);
    if (named instanceof InvalidInput) return badRequest(named);
    if (named === undefined && !only) return query ?? "";
    const text = named === undefined ? (query ?? "") : query ? register(named, query, owner) : find(named, owner);
    if (!only || mayAskAnything || typeof text !== "string" || manifests().trusted.has(text)) return text;
    return withHttp(wrap(new Forbidden(onlyManifests)), { status: 403 });
  };
}

const onlyManifests =
  "This gateway takes only the documents in its manifests. Send the id of one of them, or have this one added.";

interface DocumentId {
  readonly form: "documentId" | "persistedQuery" | "doc_id";
  readonly id: string;
}

/** Returns whether a request names its document by an id. */
export function namesDocument(parameters: DocumentParameters): boolean {
  return documentIdIn(parameters) !== undefined;
}

/** Returns the id that a request names its document by. Of several that agree, returns the first. */
function documentIdIn({ documentId, doc_id: docId, extensions }: DocumentParameters): DocumentId | InvalidInput | undefined {
  const persisted = extensions?.["persistedQuery"];
  // The usual request, which has the text alone.
  if (!isNamed(documentId) && !isNamed(persisted) && !isNamed(docId)) return undefined;
  const named = [
    ...(isNamed(documentId) ? [asId("documentId", documentId)] : []),
    ...(isNamed(persisted) ? [hashIn(persisted)] : []),
    ...(isNamed(docId) ? [asId("doc_id", docId)] : []),
  ];
  const problem = named.find((one) => one instanceof InvalidInput);
  if (problem) return problem;
  const ids = named.filter((one): one is DocumentId => !(one instanceof InvalidInput));
  const [first] = ids;
  const other = ids.find(({ id }) => id !== first?.id);
  if (!first || !other) return first;
  return invalid(other.form, `The ${first.form} and the ${other.form} differ: send one of them.`);
}

function isNamed(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function asId(form: DocumentId["form"], id: unknown): DocumentId | InvalidInput {
  if (typeof id !== "string" || id === "") return invalid(form, `The parameter ${form} must be a text that is not empty.`);
  return { form, id: id.replace(/^sha256:/, "") };
}

function hashIn(persisted: unknown): DocumentId | InvalidInput {
  const { version, sha256Hash } = Object(persisted) as Readonly<Record<string, unknown>>; // an object of any shape
  if (version !== 1 || typeof sha256Hash !== "string" || sha256Hash === "")
    return invalid(["extensions", "persistedQuery"], "The extension persistedQuery must have version 1 and a sha256Hash.");
  return { form: "persistedQuery", id: sha256Hash };
}

function badRequest(error: InvalidInput): GraphQLError {
  return withHttp(wrap(error), { status: 400 });
}

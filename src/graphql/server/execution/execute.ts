import { type ExecutionResult, GraphQLError, type GraphQLSchema, isNonNullType, Kind } from "graphql";
import { wrap } from "../../kit/graphql-errors.ts";
import type { GraphContext } from "../../kit/context.ts";
import type { Operation } from "../../documents/documents.ts";
import { createExecuteAsJson, type FallbackReason, type RootField } from "./execute-as-json.ts";
import { createExecuteAsRows } from "./execute-as-rows.ts";
import { resultOfJson } from "./execution-result.ts";
import type { Variables } from "../../documents/limits.ts";
import { requireBytes } from "./result-size.ts";

/** Counts the root fields that could not be executed as JSON. */
export interface ExecutionCounts {
  fellBack(reason: FallbackReason): void;
  failed(): void;
}

/** Returns the context of an operation for either executor. */
export interface Contexts {
  readonly inJson: () => GraphContext;
  readonly asRows: () => GraphContext;
}

/** Executes an operation. It never throws: errors are in the result. */
export type Execute = (operation: Operation, contexts: Contexts, variables: Variables) => Promise<ExecutionResult>;

export interface ExecuteOptions {
  /** The maximum size of a result, in bytes. */
  readonly maximumBytes: number;
  readonly counts: ExecutionCounts;
  /** Whether everything is executed as rows. */
  readonly onlyRows: boolean;
}

/**
 * Returns a function that executes queries as JSON, and as rows what cannot be executed as JSON: mutations,
 * introspection and root fields with an error for the client. A root field that was executed as JSON is not read again.
 */
export function createExecute(schema: GraphQLSchema, { maximumBytes, counts, onlyRows }: ExecuteOptions): Execute {
  const executeAsJson = createExecuteAsJson(schema);
  const executeAsRows = createExecuteAsRows(schema, maximumBytes);

  return async (operation, contexts, variables) => {
    const asRows = (what: Operation) => executeAsRows(what, contexts.asRows(), variables);
    try {
      const execution = onlyRows ? undefined : executeAsJson(operation, contexts.inJson(), variables);
      if (!execution) return await asRows(operation);
      const fields = execution instanceof Promise ? await execution : execution;
      if (fields.every(isJson)) return resultOfFields(fields, maximumBytes);

      for (const { outcome } of fields) {
        if (outcome.kind === "fault") counts.failed();
        if (outcome.kind === "rows" && outcome.reason !== undefined) counts.fellBack(outcome.reason);
      }
      const left = fields.filter(({ outcome }) => outcome.kind === "rows");
      if (left.length === fields.length) return await asRows(operation);
      return mergeResults(fields, left.length === 0 ? {} : await asRows(only(left, operation)), maximumBytes);
    } catch (error) {
      // An error of the whole operation: the result is too large, or the database is not available.
      return { errors: [wrap(error)] };
    }
  };
}

type JsonField = RootField & { readonly outcome: { readonly kind: "json" } };

function isJson(field: RootField): field is JsonField {
  return field.outcome.kind === "json";
}

/** Throws {@link AnswerTooLarge} if the result has more than `maximumBytes`. */
function resultOfFields(fields: readonly JsonField[], maximumBytes: number): ExecutionResult {
  const members = fields.flatMap(({ name, outcome }, place) => [`${place === 0 ? "" : ","}"${name}":`, outcome.json]);
  const data = ["{", ...members, "}"];
  requireBytes(data, maximumBytes);
  return resultOfJson(data);
}

/** Returns the operation with `fields` alone. */
function only(fields: readonly RootField[], operation: Operation): Operation {
  const selections = fields.flatMap(({ nodes }) => nodes);
  const node = { ...operation.node, selectionSet: { ...operation.node.selectionSet, selections } };
  const others = operation.document.definitions.filter(({ kind }) => kind === Kind.FRAGMENT_DEFINITION);
  return { ...operation, node, document: { ...operation.document, definitions: [node, ...others] } };
}

/**
 * Returns the result of all `fields`. `rows` has those that were executed as rows.
 *
 * Throws {@link AnswerTooLarge} if the result has more than `maximumBytes`.
 */
function mergeResults(fields: readonly RootField[], rows: ExecutionResult, maximumBytes: number): ExecutionResult {
  // The execution did not start, or its result is too large.
  if (rows.errors && !("data" in rows)) return rows;
  const faults = fields.flatMap((field) => (field.outcome.kind === "fault" ? [faultOf(field, field.outcome.error)] : []));
  const errors = [...(rows.errors ?? []), ...faults];
  const isNothing = rows.data === null || fields.some(({ outcome, field }) => outcome.kind === "fault" && isRequired(field));
  if (isNothing) return { errors, data: null };
  const known = fields.map(({ outcome, ...field }) => {
    const json = outcome.kind === "json" ? outcome.json : JSON.stringify(rows.data?.[field.name] ?? null);
    return { ...field, outcome: { kind: "json" as const, json } };
  });
  const result = resultOfFields(known, maximumBytes);
  return errors.length === 0 ? result : { errors, data: result.data ?? null };
}

function isRequired(field: RootField["field"]): boolean {
  return field !== undefined && isNonNullType(field.type);
}

function faultOf({ name, nodes }: RootField, error: Error): GraphQLError {
  return new GraphQLError(error.message, { nodes, path: [name], originalError: error });
}

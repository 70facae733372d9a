import { execute, type ExecutionResult, type GraphQLSchema } from "graphql";
import { LRUCache } from "lru-cache";
import { withHttp } from "./closed-errors.ts";
import { compile, type Compiled, mayBeCompiled } from "./compilation.ts";
import type { GraphContext } from "./context.ts";
import type { Operation } from "./documents.ts";
import type { Variables } from "./limits.ts";

/** How many times an operation comes before it is compiled. */
const compiledFrom = 3;
/** How many times an operation is left alone by its compiled form after that met an error. */
const restAfterError = 20;
/** How large all compiled operations are together, in fields. */
const keptFields = 10_000;
/** For each millisecond of compiling, how many pass before the next: it never takes more than a twentieth of the time. */
const pauseFactor = 20;

interface Kept {
  readonly run: Compiled;
  rest: number;
}

/**
 * Executes operations of `schema`: by graphql-js, and those that come often in compiled form. What is compiled only ever gives results without
 * errors. Whatever it finds wrong is asked again of graphql-js, of the same context, so that errors are never but graphql-js's own; that is
 * why only queries are compiled.
 */
export function createExecutor(
  schema: GraphQLSchema,
  now: () => number,
): (operation: Operation, context: GraphContext, variables: Variables) => Promise<ExecutionResult> {
  const kept = new LRUCache<Operation, Kept>({ maxSize: keptFields, sizeCalculation: (_kept, { fields }) => fields });
  /** How often an operation has come that is not compiled. */
  const times = new WeakMap<Operation, number>();
  let nextCompilation = 0;

  function compiledFormOf(operation: Operation): Kept | undefined {
    const found = kept.get(operation);
    if (found) return found;
    const time = (times.get(operation) ?? 0) + 1;
    times.set(operation, time);
    const begun = now();
    if (time < compiledFrom || begun < nextCompilation) return undefined;
    const run = mayBeCompiled(schema, operation) ? compile(schema, operation) : undefined;
    const end = now();
    nextCompilation = end + (end - begun) * pauseFactor;
    // Never again: what cannot be compiled now cannot be later.
    times.set(operation, run ? 0 : -Infinity);
    if (!run) return undefined;
    const form = { run, rest: 0 };
    kept.set(operation, form);
    return form;
  }

  return async (operation, context, variables) => {
    const compiled = compiledFormOf(operation);
    if (compiled && compiled.rest === 0) {
      const result = await compiled.run(context, variables);
      if (result) return result;
      compiled.rest = restAfterError;
    } else if (compiled) {
      compiled.rest -= 1;
    }
    const result = await execute({
      schema,
      document: operation.document,
      contextValue: context,
      variableValues: variables,
      operationName: operation.node.name?.value ?? null,
    });
    if ("data" in result || !result.errors) return result;
    // What was not even begun, by now for its variables, is no result in any media type.
    return { errors: result.errors.map((error) => withHttp(error, { status: 400 })) };
  };
}

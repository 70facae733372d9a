import { createRequire } from "node:module";
import {
  BREAK,
  type ExecutionResult,
  getNamedType,
  type GraphQLSchema,
  isEnumType,
  isSpecifiedScalarType,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from "graphql";
import { compileQuery, isCompiledQuery } from "graphql-jit";
import type { GraphContext } from "./context.ts";
import type { Operation } from "./documents.ts";
import type { Variables } from "./limits.ts";

/** An operation in compiled form. It answers as graphql-js does, or with nothing where anything went wrong. */
export type Compiled = (context: GraphContext, variables: Variables) => Promise<ExecutionResult | undefined>;

/** The most fields that an operation has for it to be worth compiling: some milliseconds. */
const mostFields = 400;

/** What may stand in text that becomes a part of the program. graphql-jit writes some strings as code, where they begin with a mark of its own. */
const harmlessText = /^(?!.*__)[\w ,.:;+/=-]*$/;

/**
 * Whether graphql-jit makes of `operation` what graphql-js does. What it is known to read otherwise is left to graphql-js:
 *
 * - It shares the conditions of `@skip` and `@include` among all places in which a fragment is spread, and tells resolvers of fields that are left out.
 * - It joins response keys by underscores to tell places apart, and makes `__proto__` of one the prototype.
 * - It gives a variable within a literal as null where it was left out, and ignores the default value of a variable that is not null.
 * - It writes literals into a program, as JSON: dates become texts, and some texts become code.
 * - Mutations cannot be asked again of graphql-js, and introspection is not worth it.
 */
export function mayBeCompiled(schema: GraphQLSchema, { document, node, fields }: Operation): boolean {
  if (node.operation !== OperationTypeNode.QUERY || fields > mostFields) return false;
  const alwaysGiven = new Set(definitionsOf(node).filter(isAlwaysGiven).map(nameOf));
  const types = new TypeInfo(schema);
  let may = true;
  const refuse = () => {
    may = false;
    return BREAK;
  };
  const refuseUnless = (is: boolean) => (is ? undefined : refuse());
  let literals = 0;
  const enterLiteral = () => {
    literals += 1;
  };
  const leaveLiteral = () => {
    literals -= 1;
  };
  const isReadAlike = () => {
    const type = getNamedType(types.getInputType() ?? undefined);
    if (!type) return false;
    return (
      isSpecifiedScalarType(type) || (isEnumType(type) && type.getValues().every(({ value }) => typeof value === "string"))
    );
  };

  visit(
    document,
    visitWithTypeInfo(types, {
      Directive: refuse,
      Field: ({ alias, name }) =>
        refuseUnless(!alias?.value.includes("_") && (name.value === "__typename" || !name.value.includes("_"))),
      VariableDefinition: (definition) =>
        refuseUnless(
          !nameOf(definition).includes("_") &&
            definition.defaultValue?.kind !== Kind.OBJECT &&
            !(definition.defaultValue && definition.type.kind === Kind.NON_NULL_TYPE),
        ),
      ListValue: { enter: enterLiteral, leave: leaveLiteral },
      ObjectValue: { enter: enterLiteral, leave: leaveLiteral },
      Variable: ({ name }) => refuseUnless(literals === 0 || alwaysGiven.has(name.value)),
      StringValue: ({ value }) => refuseUnless(isReadAlike() && harmlessText.test(value)),
      IntValue: () => refuseUnless(isReadAlike()),
      FloatValue: () => refuseUnless(isReadAlike()),
      BooleanValue: () => refuseUnless(isReadAlike()),
      EnumValue: () => refuseUnless(isReadAlike()),
    }),
  );
  return may;
}

/** `operation` in compiled form, or undefined where there is none. To be asked only where {@link mayBeCompiled}. */
export function compile(schema: GraphQLSchema, { document, node }: Operation): Compiled | undefined {
  guardRuntime();
  const compiled = compileQuery(schema, document, node.name?.value, { disablingCapturingStackErrors: true });
  if (!isCompiledQuery(compiled)) return undefined;
  return async (context, variables) => {
    try {
      const result = await compiled.query(undefined, context, variables);
      return result.errors ? undefined : result;
    } catch {
      return undefined;
    }
  };
}

const definitionsOf = ({ variableDefinitions = [] }: OperationDefinitionNode) => variableDefinitions;
type VariableDefinition = ReturnType<typeof definitionsOf>[number];
const nameOf = ({ variable }: VariableDefinition) => variable.name.value;
const isAlwaysGiven = ({ type, defaultValue }: VariableDefinition) =>
  type.kind === Kind.NON_NULL_TYPE && defaultValue === undefined;

/** What a compiled operation keeps while it runs: as much of it as is used here. */
interface Run {
  promiseCounter: number;
  readonly errors: unknown[];
  /** Set once everything has begun that begins at once. */
  resolve?: (run: Run) => void;
}

type Settle = (run: Run, value: unknown, onValue: (value: unknown) => void, onError: (error: unknown) => void) => void;

let guarded = false;

/**
 * Makes graphql-jit wait for values with care. Left to itself, what is thrown while a value is completed that had to be waited for, by a getter
 * or a type's resolver, is an unhandled rejection, which ends the process; here it is an error of the operation.
 */
function guardRuntime(): void {
  if (guarded) return;
  guarded = true;
  // Required, as graphql-jit's own modules do: imported it would be another copy.
  const { jitRuntime } = createRequire(import.meta.url)("graphql-jit/dist/runtime.js") as {
    jitRuntime: { handleResolverResult: Settle; handleListItemResult: Settle };
  };
  jitRuntime.handleResolverResult = settle;
  jitRuntime.handleListItemResult = settle;
}

function settle(...[run, value, onValue, onError]: Parameters<Settle>): void {
  if (!isThenable(value)) return onValue(value);
  run.promiseCounter += 1;
  const end = (step: () => void) => {
    try {
      step();
    } catch (error) {
      run.errors.push(error);
    }
    run.promiseCounter -= 1;
    if (run.promiseCounter === 0) run.resolve?.(run);
  };
  value.then(
    (known) => end(() => onValue(known)),
    (error: unknown) => end(() => onError(error)),
  );
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

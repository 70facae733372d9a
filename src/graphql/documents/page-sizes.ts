import { type FieldNode, Kind, type OperationDefinitionNode, type ValueNode } from "graphql";
import { defaultSize, maximumSize } from "../kit/connections.ts";
import type { Variables } from "./limits.ts";

/** The arguments that determine how many nodes a field returns. */
export const sizeArguments: ReadonlySet<string> = new Set(["first", "last", "ids"]);

/** Returns how many nodes a field returns at most, with these values of the variables. */
export type SizeOf = (variables: Variables) => number;

/**
 * Returns the function for the number of nodes that `first`, `last` or `ids` select. Undefined if the field has none of
 * them.
 */
export function askedSize({ arguments: given = [] }: FieldNode, operation: OperationDefinitionNode): SizeOf | undefined {
  const sizes = given.filter(({ name }) => sizeArguments.has(name.value)).map(({ value }) => sizeIn(value, operation));
  if (sizes.length === 0) return undefined;
  return (variables) => {
    for (const size of sizes) {
      const known = size(variables);
      // The resolver refuses an invalid number. A negative one must not reduce the cost of others here.
      if (known !== undefined) return Math.min(Math.max(0, known), maximumSize);
    }
    return defaultSize;
  };
}

/**
 * Returns the function for the number in `value`, or for the length of its list. The function returns undefined if it
 * is neither.
 */
function sizeIn(value: ValueNode, operation: OperationDefinitionNode): (variables: Variables) => number | undefined {
  if (value.kind !== Kind.VARIABLE) {
    const size = value.kind === Kind.INT ? Number(value.value) : value.kind === Kind.LIST ? value.values.length : undefined;
    return () => size;
  }
  const name = value.name.value;
  const usual = operation.variableDefinitions?.find(({ variable }) => variable.name.value === name)?.defaultValue;
  const sizeLeftOut = usual && sizeIn(usual, operation)({});
  return (variables) => {
    const given = variables[name];
    if (given === undefined) return sizeLeftOut;
    if (typeof given === "number") return given;
    return Array.isArray(given) ? given.length : undefined;
  };
}

import {
  type FieldNode,
  getNamedType,
  type GraphQLNamedType,
  type GraphQLResolveInfo,
  isInterfaceType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from "graphql";
import { defaultSize } from "../kit/connections.ts";
import { askedSize, type SizeOf } from "./page-sizes.ts";

/**
 * How many rows an operation reads to find those of its pages, where no index holds all conditions of a filter. It is
 * divided equally among the fields with a filter, and each field divides its part among the pages that it can have.
 */
const maxScannedOfOperation = 5_000;

/** What the budgets of an operation depend on. */
type ExecutedOperation = Pick<GraphQLResolveInfo, "schema" | "fragments" | "operation" | "variableValues">;

/** The budgets of the pages of operations. */
export interface ScanBudgets {
  /** Returns how many rows a page of the field may read, at most. The first node of the field identifies it. */
  of(info: ExecutedOperation, nodes: readonly FieldNode[]): number;
  /** Returns a text that is the same for executions of one operation in which all budgets are the same. */
  nameOf(info: ExecutedOperation): string;
}

/** A field with a filter: the sizes of the pages in which it occurs, for each place where it does. */
type Places = readonly (readonly SizeOf[])[];

interface Compiled {
  readonly fields: ReadonlyMap<FieldNode, Places>;
  /** How many places there are. */
  readonly count: number;
}

/** Returns budgets that compile each operation once. */
export function createScanBudgets(): ScanBudgets {
  const known = new WeakMap<OperationDefinitionNode, Compiled>();
  const compiledOf = (info: ExecutedOperation): Compiled => {
    const before = known.get(info.operation);
    if (before) return before;
    const compiled = compile(info);
    known.set(info.operation, compiled);
    return compiled;
  };
  const budgetOf = (
    { fields, count }: Compiled,
    node: FieldNode | undefined,
    { variableValues }: ExecutedOperation,
  ): number => {
    const places = (node && fields.get(node)) ?? [];
    const pages = places.map((sizes) => sizes.reduce((product, size) => product * Math.max(1, size(variableValues) ?? 1), 1));
    return Math.floor(maxScannedOfOperation / Math.max(1, count) / Math.max(1, ...pages));
  };
  return {
    of: (info, [node]) => budgetOf(compiledOf(info), node, info),
    nameOf(info) {
      const compiled = compiledOf(info);
      return [...compiled.fields.keys()].map((node) => budgetOf(compiled, node, info)).join(",");
    },
  };
}

function compile({ schema, fragments, operation }: ExecutedOperation): Compiled {
  const fields = new Map<FieldNode, (readonly SizeOf[])[]>();
  let count = 0;

  function look({ selections }: SelectionSetNode, type: GraphQLNamedType, sizes: readonly SizeOf[]): void {
    for (const selection of selections) {
      if (selection.kind === Kind.FIELD) {
        lookAtField(selection, type, sizes);
        continue;
      }
      const fragment = selection.kind === Kind.INLINE_FRAGMENT ? selection : fragments[selection.name.value];
      const condition = fragment?.typeCondition && schema.getType(fragment.typeCondition.name.value);
      if (fragment) look(fragment.selectionSet, condition ?? type, sizes);
    }
  }

  function lookAtField(node: FieldNode, parent: GraphQLNamedType, sizes: readonly SizeOf[]): void {
    const field = isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[node.name.value] : undefined;
    if (!field || !node.selectionSet) return;
    if (field.args.some(({ name }) => name === "filter")) {
      count += 1;
      fields.set(node, [...(fields.get(node) ?? []), sizes]);
    }
    const type = getNamedType(field.type);
    const size = askedSize(node, operation) ?? (type.name.endsWith("Connection") ? () => defaultSize : undefined);
    look(node.selectionSet, type, size ? [...sizes, size] : sizes);
  }

  const root = schema.getRootType(operation.operation);
  if (root) look(operation.selectionSet, root, []);
  return { fields, count };
}

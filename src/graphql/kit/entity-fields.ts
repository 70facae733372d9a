// The import of the Prisma plugin comes first: this file adds methods to the field builders that the plugin extends.
import { getModel, type PrismaModelTypes } from "@pothos/plugin-prisma";
import SchemaBuilder, { BasePlugin, type FieldRef, PothosSchemaError, RootFieldBuilder, type SchemaTypes } from "@pothos/core";
import { mapMaybePromise, orRejected } from "../../lib/maybe-promise.ts";
import { type ConnectionArguments, toConnection, withinBudget } from "./connections.ts";
import type { GraphContext } from "./context.ts";
import type {
  ColumnMethod,
  ComputedMethod,
  RootConnectionMethod,
  RowByKeyMethod,
  ToManyMethod,
  ToOneColumnMethod,
  ToOneMethod,
} from "./entity-field-types.ts";
import { extensionsFor } from "./field-options.ts";
import type { PageInput } from "../../query/model/relation.ts";

/** The name by which builders find the plugin. */
export const entityFieldsPlugin = "entityFields";

declare global {
  export namespace PothosSchemaTypes {
    export interface Plugins<Types extends SchemaTypes> {
      entityFields: EntityFieldsPlugin<Types>;
    }
  }
}

/**
 * Adds methods to the field builders (entity-field-types.ts). A field is declared once: the method makes its resolver,
 * and the options from which selections are built.
 */
class EntityFieldsPlugin<Types extends SchemaTypes> extends BasePlugin<Types> {}

SchemaBuilder.registerPlugin(entityFieldsPlugin, EntityFieldsPlugin);

// These types know no feature: a call is checked against entity-field-types.ts, with the types of its row.
type KitTypes = PothosSchemaTypes.ExtendDefaultTypes<{ Context: GraphContext; DefaultFieldNullability: false }>;
type Row = { readonly id: string } & Readonly<Record<string, unknown>>;
type RowKey = string | number;
type RowFields = PothosSchemaTypes.PrismaObjectFieldBuilder<KitTypes, PrismaModelTypes, Row>;
type ObjectFields = PothosSchemaTypes.ObjectFieldBuilder<KitTypes, unknown>;
type QueryFields = PothosSchemaTypes.QueryFieldBuilder<KitTypes, unknown>;

function columnField(this: RowFields, ...[name, options]: Parameters<ColumnMethod<KitTypes, Row>>): FieldRef<KitTypes> {
  const stored = getModel(this.model, this.builder).fields.find((field) => field.name === name);
  if (!stored) throw new PothosSchemaError(`The model ${this.model} has no column ${name}.`);
  const valueOf = stored.type === "BigInt" ? (row: Row) => toNumber(row[name]) : (row: Row) => row[name];
  return this.field({
    // A type that can be left out has the same name in Prisma. The casts: here the compiler needs to see one type and
    // its values.
    type: (options.type ?? stored.type) as "String",
    resolve: (row) => valueOf(row) as string,
    description: options.description,
    nullable: options.nullable ?? false,
    extensions: extensionsFor({ kind: "columns", columns: [name], stored: true }),
  });
}

function toNumber(value: unknown): unknown {
  return typeof value === "bigint" ? Number(value) : value;
}

function computedField(
  this: RowFields,
  { columns, extensions, ...options }: Parameters<ComputedMethod<KitTypes, Row>>[0],
): FieldRef<KitTypes> {
  return this.field({ ...options, extensions: { ...extensionsFor({ kind: "columns", columns }), ...extensions } });
}

function toOneField(
  this: RowFields,
  { relation, by, read, nullable = false, ...options }: Parameters<ToOneMethod<KitTypes, Row>>[0],
): FieldRef<KitTypes> {
  return this.field({
    ...options,
    nullable,
    extensions: extensionsFor({ kind: "toOne", relation, fallbackColumns: typeof by === "string" ? [by] : by.columns }),
    resolve: (row, _args, context, info) => {
      const known = typeof by === "string" ? row[by] : by.key(row, context.viewer);
      const key = known as RowKey | null; // undefined only if the related row is preloaded, and then it is not used
      const related = key === null ? null : context.row(row, info, read(context.services), key);
      return nullable ? related : mapMaybePromise(related, requireRow);
    },
  });
}

function toOneColumnField(
  this: RowFields,
  ...[name, options]: Parameters<ToOneColumnMethod<KitTypes, Row>>
): FieldRef<KitTypes> {
  const { relation, by, read, type, description, nullable = false } = options;
  return this.field({
    type: type as "String", // as in columnField
    description,
    nullable,
    extensions: extensionsFor({ kind: "toOneColumn", relation, fallbackColumns: [by], column: name }),
    resolve: (row, _args, context, info) => {
      const related = context.row(row, info, read(context.services), row[by] as RowKey); // as in toOneField
      return mapMaybePromise(related, (found) => Reflect.get(Object(requireRow(found)), name) as string);
    },
  });
}

function toManyField(this: RowFields, options: Parameters<ToManyMethod<KitTypes>>[0]): FieldRef<KitTypes> {
  const { connection, description, args, relation, scope, read, total, reconcile } = options;
  const input = (given: ConnectionArguments) => options.input(given, scope(given));
  return this.field({
    type: connection.connection,
    description,
    args: { ...args, ...this.arg.connectionArgs() },
    extensions: extensionsFor({ kind: "toMany", relation, input, scope }),
    // graphql-js does not await the items of a list if a later one throws at once: an error of theirs would end the
    // process.
    resolve: (row, given, context, info) =>
      orRejected(() => {
        const readInput = () => withinBudget(input(given), context.scanBudget(info));
        const page = context.page(row, info, read(context.services), readInput, row.id);
        const known = mapMaybePromise(page, requireRow);
        const reconciled = reconcile ? mapMaybePromise(known, (rows) => reconcile(rows, context)) : known;
        return mapMaybePromise(reconciled, (rows) => {
          const asked = input(given);
          return toConnection(rows, { page: asked.page, scope: scope(given), total: () => total(context, row.id, asked) });
        });
      }),
  });
}

function rowByKeyField(
  this: ObjectFields,
  { key: keyOf, read, nullable = false, ...options }: Parameters<RowByKeyMethod<KitTypes, unknown>>[0],
): FieldRef<KitTypes> {
  return this.field({
    ...options,
    nullable,
    resolve: (parent, _args, context, info) => {
      const key = keyOf(parent) as RowKey | null; // `read` takes it, and services read by ids and numbers
      const row = key === null ? null : context.load(read(context.services), key, context.selected(info));
      return nullable ? row : mapMaybePromise(row, requireRow);
    },
  });
}

function rootConnectionField(this: QueryFields, options: Parameters<RootConnectionMethod<KitTypes>>[0]): FieldRef<KitTypes> {
  const { connection, description, args, scope: scopeOf, input: inputOf, read, total } = options;
  return this.field({
    type: connection.connection,
    description,
    args: { ...args, ...this.arg.connectionArgs() },
    resolve: async (_root, given, context, info) => {
      const scope = scopeOf(given);
      const asked = inputOf(given, scope) as PageInput; // each connection's is a page with a filter
      const input = withinBudget(asked, context.scanBudget(info));
      const page = await read(context, input, context.selectedPage(info, scope));
      return toConnection(page, { page: input.page, scope, total: () => total(context, input) });
    },
  });
}

Object.assign(RootFieldBuilder.prototype, {
  column: columnField,
  computed: computedField,
  toOne: toOneField,
  toOneColumn: toOneColumnField,
  toMany: toManyField,
  rowByKey: rowByKeyField,
  rootConnection: rootConnectionField,
});

/** Returns `row`. Throws an Error if it is null, although a foreign key promises that it is there. */
function requireRow<Value>(row: Value | null): Value {
  if (row === null) throw new Error("A row that a foreign key points to was not visible with the row that points to it.");
  return row;
}

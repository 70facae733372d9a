import type {
  CompatibleTypes,
  FieldKind,
  FieldNullability,
  FieldRef,
  InputFieldMap,
  InputShapeFromFields,
  ObjectRef,
  Resolver,
  SchemaTypes,
  ShapeFromTypeParam,
  TypeParam,
} from "@pothos/core";
import type { MaybePromise } from "../../lib/maybe-promise.ts";
import type { CursorScope } from "../../query/model/cursor.ts";
import type { Total } from "../../query/model/page.ts";
import type { ManyRelation, OneRelation, PageInput } from "../../query/model/relation.ts";
import type { PageSelection } from "../../query/model/selection.ts";
import type { Services } from "../../services.ts";
import type { Viewer } from "../../viewer.ts";
import type { ConnectionArguments, CountedRows, Edge, RowWithId } from "./connections.ts";
import type { BatchPages, BatchRead, GraphContext } from "./context.ts";

/** The types of a connection of `Row`: see defineConnection. */
export interface ConnectionTypes<Types extends SchemaTypes, Row> {
  readonly connection: ObjectRef<Types, unknown>;
  readonly edge: ObjectRef<Types, Edge<Row>>;
}

declare global {
  export namespace PothosSchemaTypes {
    export interface RootFieldBuilder<Types extends SchemaTypes, ParentShape, Kind extends FieldKind = FieldKind> {
      /**
       * A field whose value is a column, as it is stored. `type` can be left out for texts, booleans, numbers and
       * times.
       */
      column: OfKind<Kind, "PrismaObject", ColumnMethod<Types, ParentShape>>;
      /** A field whose value is computed from `columns`. Only these are read, and `resolve` gets no others. */
      computed: OfKind<Kind, RowKind, ComputedMethod<Types, ParentShape>>;
      /** A field that is a related row. If the row is not preloaded, it is read by the key in the column `by`. */
      toOne: OfKind<Kind, RowKind, ToOneMethod<Types, ParentShape>>;
      /** A field whose value is a column of a related row, as it is stored. It is read as by `toOne`. */
      toOneColumn: OfKind<Kind, "PrismaObject", ToOneColumnMethod<Types, ParentShape>>;
      /** A field that is a page of related rows. If the page is not preloaded, it is read by the id of the row. */
      toMany: OfKind<Kind, RowKind, ToManyMethod<Types>>;
      /** A field of an object that is no row: the row with the key that `key` returns. */
      rowByKey: OfKind<Kind, "Object", RowByKeyMethod<Types, ParentShape>>;
      /** A field of Query that is a connection. */
      rootConnection: OfKind<Kind, "Query", RootConnectionMethod<Types>>;
    }
  }
}

/** A method of the field builders of one kind. On others it is the name of that kind, which cannot be called. */
type OfKind<Kind extends FieldKind, Only extends FieldKind, Method> = Kind extends Only
  ? Method
  : `For fields of the kind ${Only}`;

/** The kinds of fields of rows: of a model, and of rows without a model of their own. */
type RowKind = "PrismaObject" | "Object";

/** The GraphQL type of a column whose type can be left out. */
type TypeOfColumn<Value> = [Value] extends [Date | null]
  ? "DateTime"
  : [Value] extends [boolean | null]
    ? "Boolean"
    : [Value] extends [number | null]
      ? "Int"
      : // Names of an enumeration are strings too, but not every string is one of them.
        [string] extends [Value]
        ? "String"
        : never;

/** The values of a row as its fields return them. */
type OutputRow<Row> = {
  readonly [Column in keyof Row]: bigint extends Row[Column] ? Exclude<Row[Column], bigint> | number : Row[Column];
};

/**
 * A field whose value may be null must say so. In entity-fields.ts the values are of unknown types, and it may be
 * either.
 */
type NullableOption<Value> = unknown extends Value
  ? { readonly nullable?: boolean }
  : null extends Value
    ? { readonly nullable: true }
    : { readonly nullable?: boolean };

export type ColumnMethod<Types extends SchemaTypes, Row> = <
  Column extends CompatibleTypes<Types, OutputRow<Row>, Type, true> & keyof Row,
  Type extends TypeParam<Types> = TypeOfColumn<Row[Column]> & TypeParam<Types>,
>(
  column: Column,
  options: { readonly description: string; readonly type?: Type } & NullableOption<Row[Column]>,
) => FieldRef<Types, unknown, "PrismaObject">;

export type ComputedMethod<Types extends SchemaTypes, Row> = <
  Type extends TypeParam<Types>,
  const Columns extends readonly (keyof Row & string)[],
  ResolveReturnShape,
  Nullable extends FieldNullability<Type> = Types["DefaultFieldNullability"],
>(options: {
  readonly type: Type;
  readonly description: string;
  readonly nullable?: Nullable;
  readonly columns: Columns;
  readonly extensions?: Readonly<Record<string, unknown>>;
  readonly resolve: Resolver<
    Pick<Row, Columns[number]>,
    object,
    Types["Context"],
    ShapeFromTypeParam<Types, Type, Nullable>,
    ResolveReturnShape
  >;
}) => FieldRef<Types, unknown, "PrismaObject">;

export type ToOneMethod<Types extends SchemaTypes, Row> = <Related, By extends keyof Row & string>(
  options: {
    readonly type: ObjectRef<Types, Related>;
    readonly description: string;
    readonly relation: OneRelation<NoInfer<Related>>;
    /** The column with the key of the related row, or the columns of which the viewer's is one. */
    readonly by: By | { readonly columns: readonly By[]; readonly key: (row: Pick<Row, By>, viewer: Viewer) => Row[By] };
    readonly read: (services: Services) => BatchRead<NonNullable<Row[By]>, NoInfer<Related> | null>;
  } & NullableOption<Row[By]>,
) => FieldRef<Types, unknown, "PrismaObject">;

export type ToOneColumnMethod<Types extends SchemaTypes, Row> = <
  Related,
  Column extends CompatibleTypes<Types, Related, Type, true> & keyof Related & string,
  By extends keyof Row & string,
  Type extends TypeParam<Types>,
>(
  column: Column,
  options: {
    readonly type: Type;
    readonly description: string;
    readonly relation: OneRelation<Related>;
    readonly by: By;
    readonly read: (services: Services) => BatchRead<NonNullable<Row[By]>, NoInfer<Related> | null>;
  } & NullableOption<Related[Column]>,
) => FieldRef<Types, unknown, "PrismaObject">;

/**
 * The arguments of a connection field with the arguments `Args` of its own. Without any, `Args` is all of
 * InputFieldMap.
 */
type ConnectionFieldArguments<Args extends InputFieldMap> = InputFieldMap extends Args
  ? ConnectionArguments
  : ConnectionArguments & InputShapeFromFields<Args>;

/** What the connection fields of rows and of Query have in common. */
interface ConnectionOptions<Types extends SchemaTypes, Row, Input, Args extends InputFieldMap> {
  readonly connection: ConnectionTypes<Types, Row>;
  readonly description: string;
  readonly args?: Args;
  /** Returns the scope of the cursors. */
  readonly scope: (args: ConnectionFieldArguments<Args>) => CursorScope;
  /** Returns what the page is read by. Throws a {@link DomainError} if the arguments are not valid. */
  readonly input: (args: ConnectionFieldArguments<Args>, scope: CursorScope) => Input;
}

export type ToManyMethod<Types extends SchemaTypes> = <
  Related extends RowWithId,
  Input extends PageInput,
  Args extends InputFieldMap = InputFieldMap,
>(
  options: ConnectionOptions<Types, Related, NoInfer<Input>, Args> & {
    readonly relation: ManyRelation<NoInfer<Related>, Input>;
    readonly read: (services: Services) => BatchPages<string, NoInfer<Input>, CountedRows<NoInfer<Related>> | null>;
    /**
     * Counts the rows of all pages, for the row with that id. It is called only if the total did not come with the
     * page.
     */
    readonly total: (context: GraphContext, id: string, input: NoInfer<Input>) => Promise<Total>;
    /** Returns the page after another store was asked about its rows. Default: the page. */
    readonly reconcile?: (
      page: CountedRows<NoInfer<Related>>,
      context: GraphContext,
    ) => MaybePromise<CountedRows<NoInfer<Related>>>;
  },
) => FieldRef<Types, unknown, "PrismaObject">;

export type RowByKeyMethod<Types extends SchemaTypes, Parent> = <Row, Key>(
  options: {
    readonly type: ObjectRef<Types, Row>;
    readonly description: string;
    readonly key: (parent: Parent) => Key;
    readonly read: (services: Services) => BatchRead<NonNullable<Key>, NoInfer<Row> | null>;
  } & NullableOption<Key>,
) => FieldRef<Types, unknown, "Object">;

export type RootConnectionMethod<Types extends SchemaTypes> = <
  Row extends RowWithId,
  Input,
  Args extends InputFieldMap = InputFieldMap,
>(
  options: ConnectionOptions<Types, Row, Input, Args> & {
    /** Reads the page with what is selected of it and of its rows. */
    readonly read: (
      context: GraphContext,
      input: NoInfer<Input>,
      selection: PageSelection,
    ) => Promise<CountedRows<NoInfer<Row>>>;
    /** Counts the rows of all pages. It is called only if the total did not come with the page. */
    readonly total: (context: GraphContext, input: NoInfer<Input>) => Promise<Total>;
  },
) => FieldRef<Types, unknown, "Query">;

// This import comes first: the file replaces functions of the plugin.
import "@pothos/plugin-prisma";
import SchemaBuilder, {
  BasePlugin,
  FieldRef,
  type PothosOutputFieldConfig,
  PothosSchemaError,
  RootFieldBuilder,
  type SchemaTypes,
} from "@pothos/core";

/** The name by which builders find the plugin. */
export const refusedFieldsPlugin = "refusedFields";

declare global {
  export namespace PothosSchemaTypes {
    export interface Plugins<Types extends SchemaTypes> {
      refusedFields: RefusedFieldsPlugin<Types>;
    }
  }
}

/** What to write instead of each of the Prisma plugin's ways to define a field. */
const ways = {
  relation:
    "Define it by t.field with `extensions: toOne(entity, relation, …)`, and resolve it by context.row and a service (src/graphql/kit/field-options.ts).",
  relatedConnection:
    "Define it by t.connection with `extensions: toMany(relation, input, scope)`, and resolve it by context.page and a service (src/graphql/kit/field-options.ts).",
  prismaField: "Define it by t.field, and resolve it by a service that is given context.viewer and context.selected(info).",
  prismaConnection:
    "Define it by t.connection, and resolve it by a service that is given context.viewer and context.selectedPage(info, scope).",
};

/**
 * Refuses fields that have the Prisma plugin query by itself, since its queries go around the services and their policies:
 * building the schema throws a {@link PothosSchemaError} that names the field and what to do instead.
 */
class RefusedFieldsPlugin<Types extends SchemaTypes> extends BasePlugin<Types> {
  override onOutputFieldConfig(field: PothosOutputFieldConfig<Types>): PothosOutputFieldConfig<Types> {
    const { extensions, parentType, name } = field;
    if (!extensions || !("pothosPrismaRelationField" in extensions)) return field;
    // Only a connection has this extension.
    throw refusal(parentType, name, "pothosPrismaFallbackPlan" in extensions ? "relatedConnection" : "relation");
  }
}

SchemaBuilder.registerPlugin(refusedFieldsPlugin, RefusedFieldsPlugin);

// Fields of these two methods have no extension by which the plugin could find them.
for (const way of ["prismaField", "prismaConnection"] as const)
  Object.assign(RootFieldBuilder.prototype, {
    [way]: () =>
      new FieldRef("Object", (name, type) => {
        throw refusal(type.name, name, way);
      }),
  });

function refusal(type: string, field: string, way: keyof typeof ways): PothosSchemaError {
  return new PothosSchemaError(
    `${type}.${field} is defined by t.${way}, whose queries would go around the services and their policies. ${ways[way]}`,
  );
}

// The import of the Prisma plugin comes first: this file replaces methods of it.
import { ObjectFieldBuilder as PrismaObjectFieldBuilder } from "@pothos/plugin-prisma";
import SchemaBuilder, {
  BasePlugin,
  FieldRef,
  type PothosOutputFieldConfig,
  PothosSchemaError,
  type PothosTypeConfig,
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

/** What to write instead of each of the Prisma plugin's ways to define a field or a type. */
const ways = {
  "t.relation": "Define it by t.toOne, with a relation and the read of a service (src/graphql/kit/entity-field-types.ts).",
  "t.relatedConnection":
    "Define it by t.toMany, with a relation and the read of a service (src/graphql/kit/entity-field-types.ts).",
  "t.relationCount": "Define the rows by t.toMany: its connection has the field totalCount.",
  "t.variant": "Define the fields on the one type of the model: by t.computed if their values depend on the viewer.",
  "t.prismaField": "Define it by t.field, and resolve it by a service that is given context.viewer and context.selected(info).",
  "t.prismaConnection": "Define it by t.rootConnection, with the read of a service (src/graphql/kit/entity-field-types.ts).",
  "a select": "Define it by t.computed, with the columns that its resolver gets.",
  "a select or an include": "Leave it out: what is read of a row follows from the fields that an operation selects.",
  "builder.prismaNode": "Define it by builder.prismaObject, then builder.nodeRef with loadNode (src/graphql/kit/nodes.ts).",
};

/**
 * Refuses what has the Prisma plugin query by itself, since its queries go around the services and their policies:
 * building the schema throws a {@link PothosSchemaError} that names the field, or the type, and what to do instead.
 */
class RefusedFieldsPlugin<Types extends SchemaTypes> extends BasePlugin<Types> {
  override onTypeConfig(type: PothosTypeConfig): PothosTypeConfig {
    const { pothosPrismaSelect: select, pothosPrismaInclude: include } = type.extensions ?? {};
    if (select || include) throw refusal(type.name, "a select or an include");
    return type;
  }

  override onOutputFieldConfig(field: PothosOutputFieldConfig<Types>): PothosOutputFieldConfig<Types> {
    const { extensions, parentType, name, pothosOptions } = field;
    const path = `${parentType}.${name}`;
    if (extensions && "pothosPrismaRelationField" in extensions) {
      // Only a connection has this extension.
      throw refusal(path, "pothosPrismaFallbackPlan" in extensions ? "t.relatedConnection" : "t.relation");
    }
    if ("select" in pothosOptions) throw refusal(path, "a select");
    return field;
  }
}

SchemaBuilder.registerPlugin(refusedFieldsPlugin, RefusedFieldsPlugin);

// Fields of these methods have no extension by which the plugin could tell them apart.
refuseMethods(RootFieldBuilder, ["prismaField", "prismaConnection"]);
refuseMethods(PrismaObjectFieldBuilder, ["relationCount", "variant"]);

function refuseMethods(
  { prototype }: { readonly prototype: object },
  names: readonly ("prismaField" | "prismaConnection" | "relationCount" | "variant")[],
): void {
  for (const name of names) {
    const refuse = () =>
      new FieldRef("Object", (field, type) => {
        throw refusal(`${type.name}.${field}`, `t.${name}`);
      });
    Object.assign(prototype, { [name]: refuse });
  }
}

Object.assign(SchemaBuilder.prototype, {
  prismaNode: (model: string, { name = model }: { readonly name?: string }) => {
    throw refusal(name, "builder.prismaNode");
  },
});

function refusal(path: string, way: keyof typeof ways): PothosSchemaError {
  return new PothosSchemaError(
    `${path} is defined by ${way}, whose queries would go around the services and their policies. ${ways[way]}`,
  );
}

import {
  astFromValue,
  getNamedType,
  type GraphQLArgument,
  type GraphQLEnumValue,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLInputType,
  type GraphQLNamedType,
  type GraphQLOutputType,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isScalarType,
  isSpecifiedScalarType,
  isUnionType,
  print,
} from "graphql";
import { escapeHtml } from "../../../lib/text.ts";
import { codeBlock, renderDescription } from "./markdown.ts";
import { type SampleIds, operationExample } from "./operation-example.ts";

/** A page of the schema reference, and what the search finds of it. */
export interface SchemaPage {
  readonly name: string;
  /** The heading of the group in which it is listed. */
  readonly group: string;
  readonly summary: string;
  readonly html: string;
  /** The names and summaries of its fields or values. */
  readonly members: readonly { readonly name: string; readonly summary: string }[];
}

/** The headings of the groups of types, in their order. */
export const groups = [
  "Operations",
  "Objects",
  "Interfaces and unions",
  "Inputs",
  "Enums",
  "Scalars",
  "Pages and payloads",
] as const;

interface Context {
  readonly schema: GraphQLSchema;
  readonly ids: SampleIds;
  readonly prefix: string;
  readonly users: ReadonlyMap<string, readonly Use[]>;
}

/** A field that has a type, or takes it. */
interface Use {
  readonly type: string;
  readonly field: string;
}

export interface SchemaPagesOptions {
  readonly ids: SampleIds;
  readonly prefix: string;
  /** Resolves when the next page may be made: others are served before. */
  readonly oneATurn: () => Promise<void>;
}

/** Returns a page for each type of the schema, but for those of introspection and the built-in scalars. */
export async function schemaPages(schema: GraphQLSchema, { oneATurn, ...given }: SchemaPagesOptions): Promise<SchemaPage[]> {
  const types = Object.values(schema.getTypeMap()).filter((type) => !isIntrospectionType(type) && !isSpecifiedScalarType(type));
  const context = { schema, ...given, users: usersOf(types) };
  const pageOf = async (type: GraphQLNamedType) => {
    await oneATurn();
    return schemaPageOf(type, context);
  };
  return await Promise.all(types.map(pageOf));
}

function schemaPageOf(type: GraphQLNamedType, context: Context): SchemaPage {
  const kind = kindOf(type);
  const interfaces = isObjectType(type) || isInterfaceType(type) ? type.getInterfaces() : [];
  const html = [
    `<p class="kind">${kind}${interfaces.length > 0 ? ` of ${interfaces.map((one) => link(one, context)).join(" and ")}` : ""}</p>`,
    renderDescription(type.description),
    isScalarType(type) && type.specifiedByURL
      ? `<p>Specified by <a href="${escapeHtml(type.specifiedByURL)}">${escapeHtml(type.specifiedByURL)}</a>.</p>`
      : "",
    ...memberSections(type, context),
    usesOf(type, context),
  ];
  return {
    name: type.name,
    group: groupOf(type, context.schema),
    summary: firstSentence(type.description),
    html: html.filter((part) => part !== "").join("\n"),
    members: memberTexts(type),
  };
}

function kindOf(type: GraphQLNamedType): string {
  if (isObjectType(type)) return "Object";
  if (isInterfaceType(type)) return "Interface";
  if (isUnionType(type)) return "Union";
  if (isInputObjectType(type)) return type.isOneOf ? "Input with exactly one field" : "Input";
  return isEnumType(type) ? "Enum" : "Scalar";
}

function groupOf(type: GraphQLNamedType, schema: GraphQLSchema): (typeof groups)[number] {
  if ([schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()].some((root) => root === type))
    return "Operations";
  if (isObjectType(type)) return /(Connection|Edge|Payload)$/.test(type.name) ? "Pages and payloads" : "Objects";
  if (isUnionType(type)) return type.name.endsWith("Result") ? "Pages and payloads" : "Interfaces and unions";
  if (isInterfaceType(type)) return "Interfaces and unions";
  if (isInputObjectType(type)) return "Inputs";
  return isEnumType(type) ? "Enums" : "Scalars";
}

function memberSections(type: GraphQLNamedType, context: Context): string[] {
  if (isObjectType(type) || isInterfaceType(type)) {
    const fields = Object.values(type.getFields());
    const implementers = isInterfaceType(type) ? context.schema.getPossibleTypes(type) : [];
    return [...fields.map((field) => fieldSection(type, field, context)), listOfTypes("Types", implementers, context)];
  }
  if (isUnionType(type)) return [listOfTypes("One of", type.getTypes(), context)];
  if (isInputObjectType(type)) return Object.values(type.getFields()).map((field) => inputSection(field, context));
  if (isEnumType(type)) return type.getValues().map(valueSection);
  return [];
}

function memberTexts(type: GraphQLNamedType): SchemaPage["members"] {
  const members: readonly { name: string; description?: string | null | undefined }[] =
    isObjectType(type) || isInterfaceType(type) || isInputObjectType(type)
      ? Object.values(type.getFields())
      : isEnumType(type)
        ? type.getValues()
        : [];
  return members.map(({ name, description }) => ({ name, summary: firstSentence(description) }));
}

function fieldSection(type: GraphQLNamedType, field: GraphQLField<unknown, unknown>, context: Context): string {
  const args =
    field.args.length === 0 ? "" : `<dl class="arguments">${field.args.map((arg) => argument(arg, context)).join("")}</dl>`;
  return member(field.name, `: ${typeLink(field.type, context)}`, [
    deprecation(field),
    renderDescription(field.description),
    args,
    exampleOf(type, field, context),
  ]);
}

function argument(arg: GraphQLArgument, context: Context): string {
  return (
    `<dt><code>${arg.name}: ${typeLink(arg.type, context)}${defaultOf(arg)}</code></dt>` +
    `<dd>${deprecation(arg)}${renderDescription(arg.description)}</dd>`
  );
}

function inputSection(field: GraphQLInputField, context: Context): string {
  return member(field.name, `: ${typeLink(field.type, context)}${defaultOf(field)}`, [
    deprecation(field),
    renderDescription(field.description),
  ]);
}

function valueSection(value: GraphQLEnumValue): string {
  return member(value.name, "", [deprecation(value), renderDescription(value.description)]);
}

function member(name: string, signature: string, parts: readonly string[]): string {
  return `<section class="member" id="${name}">
<h2><a href="#${name}">${name}</a><code>${signature}</code></h2>
${parts.filter((part) => part !== "").join("\n")}
</section>`;
}

function deprecation({ deprecationReason }: { readonly deprecationReason?: string | null | undefined }): string {
  return deprecationReason
    ? `<div class="deprecated"><strong>Deprecated.</strong> ${renderDescription(deprecationReason)}</div>`
    : "";
}

function defaultOf({ defaultValue, type }: { readonly defaultValue?: unknown; readonly type: GraphQLInputType }): string {
  const node = defaultValue === undefined ? undefined : astFromValue(defaultValue, type);
  return node ? ` = ${escapeHtml(print(node))}` : "";
}

/** Returns the example of a root field, with a link that opens it in GraphiQL. */
function exampleOf(type: GraphQLNamedType, field: GraphQLField<unknown, unknown>, { schema, ids, prefix }: Context): string {
  const roots = {
    query: schema.getQueryType(),
    mutation: schema.getMutationType(),
    subscription: schema.getSubscriptionType(),
  };
  const root = (["query", "mutation", "subscription"] as const).find((name) => roots[name] === type);
  if (root === undefined) return "";
  const { query, variables } = operationExample(root, field, ids);
  const search = new URLSearchParams({ query, ...(variables !== undefined && { variables }) });
  return `<details class="example"><summary>Example of ${field.name}</summary>
${codeBlock(query)}${variables === undefined ? "" : `\n<p>Variables</p>\n${codeBlock(variables)}`}
<p><a href="${prefix}/graphql?${escapeHtml(search.toString())}">Open ${field.name} in GraphiQL</a></p>
</details>`;
}

function usesOf(type: GraphQLNamedType, { users, prefix }: Context): string {
  const uses = users.get(type.name) ?? [];
  if (uses.length === 0) return "";
  const links = uses.map(
    (use) => `<li><a href="${prefix}/docs/schema/${use.type}#${use.field}">${use.type}.${use.field}</a></li>`,
  );
  return `<section class="uses"><h2>Used by</h2><ul>${links.join("")}</ul></section>`;
}

function usersOf(types: readonly GraphQLNamedType[]): Map<string, Use[]> {
  const users = new Map<string, Use[]>();
  const add = (used: GraphQLInputType | GraphQLOutputType, type: string, field: string) => {
    const { name } = getNamedType(used);
    const known = users.get(name) ?? [];
    if (!known.some((use) => use.type === type && use.field === field)) users.set(name, [...known, { type, field }]);
  };
  for (const type of types) {
    if (isInputObjectType(type)) for (const field of Object.values(type.getFields())) add(field.type, type.name, field.name);
    if (!isObjectType(type) && !isInterfaceType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      add(field.type, type.name, field.name);
      for (const arg of field.args) add(arg.type, type.name, field.name);
    }
  }
  return users;
}

function listOfTypes(title: string, types: readonly GraphQLNamedType[], context: Context): string {
  if (types.length === 0) return "";
  return `<section class="uses"><h2>${title}</h2><ul>${types.map((type) => `<li>${link(type, context)}</li>`).join("")}</ul></section>`;
}

/** Returns a type as it is written, such as `[Note!]!`, with a link to the page of the type inside of it. */
function typeLink(type: GraphQLInputType | GraphQLOutputType, context: Context): string {
  const named = getNamedType(type);
  return String(type).replace(named.name, link(named, context));
}

function link(type: GraphQLNamedType, { prefix }: Pick<Context, "prefix">): string {
  return isSpecifiedScalarType(type) ? type.name : `<a href="${prefix}/docs/schema/${type.name}">${type.name}</a>`;
}

function firstSentence(text: string | null | undefined): string {
  return /^.*?[.!?](?=\s|$)/s.exec(text ?? "")?.[0].replaceAll(/\s+/g, " ") ?? (text ?? "").slice(0, 160);
}

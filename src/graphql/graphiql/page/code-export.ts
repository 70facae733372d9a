import {
  getNullableType,
  getOperationAST,
  GraphQLError,
  type GraphQLInputType,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isInputType,
  isListType,
  isNonNullType,
  isRequiredInputField,
  type NamedTypeNode,
  type OperationDefinitionNode,
  parse,
  typeFromAST,
} from "graphql";

/** An operation to write as code. */
export interface Exported {
  /** The address of the GraphQL endpoint. */
  readonly url: string;
  readonly query: string;
  /** The text of the variables editor. */
  readonly variables: string;
  readonly operationName: string;
}

export interface Language {
  readonly name: string;
  /** What must be set up before the code works. */
  readonly about: string;
  /** Returns the code. The schema says which classes the variables are made of. */
  readonly write: (operation: Exported, schema: GraphQLSchema | undefined) => string;
}

/** The languages in which the page writes an operation. None of them holds the key: it is read from the environment. */
export const languages: readonly Language[] = [
  { name: "curl", about: "Put the key into KEY: export KEY=…", write: asCurl },
  { name: "fetch", about: "For Node.js 20.19 or newer, and for browsers.", write: asFetch },
  { name: "Apollo Client", about: "npm install @apollo/client graphql", write: asApolloClient },
  { name: "Kotlin", about: "Apollo Kotlin 4. Its plugin generates the class of the operation.", write: asKotlin },
  { name: "Swift", about: "Apollo iOS. Its command generates the class of the operation.", write: asSwift },
];

const indented = (text: string, by: string) => text.trimEnd().replaceAll("\n", `\n${by}`);

/** Returns the variables as a value, or none if the text is not JSON. */
function variablesOf({ variables }: Exported): Readonly<Record<string, unknown>> {
  if (variables.trim() === "") return {};
  try {
    return JSON.parse(variables) as Record<string, unknown>;
  } catch (error) {
    // The editor takes comments and half-written text as well.
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}

function bodyOf(operation: Exported): object {
  const variables = variablesOf(operation);
  return { query: withoutComments(operation.query), ...(Object.keys(variables).length > 0 && { variables }) };
}

/** Takes out the lines that are comments only. */
function withoutComments(query: string): string {
  return query.replaceAll(/^[ \t]*#.*\n/gm, "").trim();
}

function asCurl(operation: Exported): string {
  const body = JSON.stringify(bodyOf(operation)).replaceAll("'", String.raw`'\''`);
  return `curl -s '${operation.url}' \\
  -H "X-API-Key: $KEY" \\
  -H 'Content-Type: application/json' \\
  -d '${body}'
`;
}

/** Writes a text as a template literal of JavaScript. */
const asTemplate = (text: string) => `\`${text.replaceAll(/[\\`]|\$\{/g, String.raw`\$&`)}\``;

function asFetch(operation: Exported): string {
  return `const query = ${asTemplate(withoutComments(operation.query))};
const variables = ${JSON.stringify(variablesOf(operation), null, 2)};

const response = await fetch(${JSON.stringify(operation.url)}, {
  method: "POST",
  headers: { "X-API-Key": process.env.KEY, "Content-Type": "application/json" },
  body: JSON.stringify({ query, variables }),
});
const { data, errors } = await response.json();
if (errors) throw new Error(errors[0].message);
console.log(data);
`;
}

function asApolloClient(operation: Exported): string {
  const isMutation = kindOf(operation) === "mutation";
  const [call, name] = isMutation ? (["mutate", "mutation"] as const) : (["query", "query"] as const);
  return `import { ApolloClient, gql, HttpLink, InMemoryCache } from "@apollo/client";

const client = new ApolloClient({
  link: new HttpLink({
    uri: ${JSON.stringify(operation.url)},
    headers: { "X-API-Key": process.env.KEY },
  }),
  cache: new InMemoryCache(),
});

const { data } = await client.${call}({
  ${name}: gql${asTemplate(withoutComments(operation.query))},
  variables: ${indented(JSON.stringify(variablesOf(operation), null, 2), "  ")},
});
console.log(data);
`;
}

/** Returns the definition of the operation that is exported, or undefined if the document has none. */
function definitionOf({ query, operationName }: Exported): OperationDefinitionNode | undefined {
  try {
    return getOperationAST(parse(query), operationName || null) ?? undefined;
  } catch (error) {
    // The editor may hold half a document.
    if (error instanceof GraphQLError) return undefined;
    throw error;
  }
}

const capitalized = (name: string) => `${name.charAt(0).toUpperCase()}${name.slice(1)}`;

function kindOf(operation: Exported): "query" | "mutation" | "subscription" {
  return definitionOf(operation)?.operation ?? "query";
}

/** Returns the name of the class that Apollo generates for the operation. */
function classOf(operation: Exported): string {
  return `${capitalized(operation.operationName || "Unnamed")}${capitalized(kindOf(operation))}`;
}

/** How a language writes values of the generated types. */
interface Notation {
  readonly object: (type: string, members: readonly string[]) => string;
  readonly list: (members: readonly string[]) => string;
  readonly enumValue: (type: string, value: string) => string;
  /** Writes an argument with its name. An optional one may be omitted, which is another thing than null. */
  readonly argument: (name: string, value: string, isOptional: boolean) => string;
}

const kotlin: Notation = {
  object: (type, members) => `${type}(${members.join(", ")})`,
  list: (members) => `listOf(${members.join(", ")})`,
  enumValue: (type, value) => `${type}.${value}`,
  argument: (name, value, isOptional) => `${name} = ${isOptional ? `Optional.present(${value})` : value}`,
};

const swift: Notation = {
  object: (type, members) => `${type}(${members.join(", ")})`,
  list: (members) => `[${members.join(", ")}]`,
  // Apollo iOS writes the cases of an enum in camel case.
  enumValue: (_type, value) =>
    `GraphQLEnum(.${value.toLowerCase().replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase())})`,
  argument: (name, value, isOptional) => `${name}: ${isOptional ? `.some(${value})` : value}`,
};

/** Writes a value of a variable as the class, enum or literal of its type. */
function written(value: unknown, type: GraphQLInputType, notation: Notation): string {
  const nullable = getNullableType(type);
  if (value === null) return notation === swift ? "nil" : "null";
  if (isListType(nullable)) {
    const members = Array.isArray(value) ? value : [value];
    return notation.list(members.map((member) => written(member, nullable.ofType, notation)));
  }
  if (isEnumType(nullable)) return notation.enumValue(nullable.name, typeof value === "string" ? value : "");
  if (!isInputObjectType(nullable) || typeof value !== "object") return JSON.stringify(value);
  const fields = nullable.getFields();
  const members = Object.entries(value).flatMap(([name, member]) => {
    const field = fields[name];
    return field ? [notation.argument(name, written(member, field.type, notation), !isRequiredInputField(field))] : [];
  });
  return notation.object(nullable.name, members);
}

/** Writes the arguments of the operation's class: the variables that are given. */
function argumentsOf(operation: Exported, schema: GraphQLSchema | undefined, notation: Notation): string {
  const given = variablesOf(operation);
  const variables = definitionOf(operation)?.variableDefinitions ?? [];
  return variables
    .flatMap(({ variable, type: node, defaultValue }) => {
      const name = variable.name.value;
      const type = schema && typeFromAST(schema, node as NamedTypeNode); // it takes wrapped types as well
      if (!isInputType(type) || !(name in given)) return [];
      const isOptional = !isNonNullType(type) || defaultValue !== undefined;
      return [notation.argument(name, written(given[name], type, notation), isOptional)];
    })
    .join(", ");
}

function asKotlin(operation: Exported, schema: GraphQLSchema | undefined): string {
  const call = kindOf(operation);
  return `/* src/main/graphql/${operation.operationName || "Unnamed"}.graphql
${withoutComments(operation.query)}
*/

val client = ApolloClient.Builder()
    .serverUrl(${JSON.stringify(operation.url)})
    .addHttpHeader("X-API-Key", System.getenv("KEY"))
    .build()

val operation = ${classOf(operation)}(${argumentsOf(operation, schema, kotlin)})
val response = client.${call}(operation).execute()
println(response.data ?: response.errors ?: response.exception)
`;
}

function asSwift(operation: Exported, schema: GraphQLSchema | undefined): string {
  const call = kindOf(operation) === "mutation" ? "perform(mutation: operation)" : "fetch(query: operation)";
  return `/* ${operation.operationName || "Unnamed"}.graphql
${withoutComments(operation.query)}
*/

let store = ApolloStore()
let transport = RequestChainNetworkTransport(
    urlSession: URLSession.shared,
    interceptorProvider: DefaultInterceptorProvider.shared,
    store: store,
    endpointURL: URL(string: ${JSON.stringify(operation.url)})!,
    additionalHeaders: ["X-API-Key": ProcessInfo.processInfo.environment["KEY"]!]
)
let client = ApolloClient(networkTransport: transport, store: store)

let operation = ${classOf(operation)}(${argumentsOf(operation, schema, swift)})
let response = try await client.${call}
print(response.data as Any, response.errors as Any)
`;
}

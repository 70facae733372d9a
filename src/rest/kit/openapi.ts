/** An OpenAPI document, or a part of one. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** What was really sent and answered: the examples of a published document. `npm run examples` writes them. */
export interface Examples {
  /** By the id of an operation. */
  readonly operations: Readonly<Record<string, OperationExample>>;
  /** The bodies of failures, by the name of the response in `components`. */
  readonly failures: Readonly<Record<string, unknown>>;
}

export interface OperationExample {
  /** The values of path and query parameters, by their names. */
  readonly parameters: JsonObject;
  /** The body of the request, if it has one. */
  readonly request?: unknown;
  readonly status: number;
  /** The body of the response, if it has one. */
  readonly response?: unknown;
}

/**
 * Returns an API's document as it is published: at the address of its server, with `examples` at the parameters and
 * bodies to which they belong. A parameter or a response that is shared by reference is copied to where it gets an
 * example, and components that nothing refers to any more are left out.
 */
export function publishDocument(document: JsonObject, server: string, examples: Examples): JsonObject {
  const paths = mapValues(objectIn(document, "paths"), (item) =>
    withExamplesToChoose(publishPath(document, asObject(item), examples)),
  );
  const components = objectIn(document, "components");
  const responses = mapValues(objectIn(components, "responses"), (response, name) =>
    name in examples.failures ? withBodyExample(asObject(response), examples.failures[name]) : response,
  );
  const requestBodies = mapValues(objectIn(components, "requestBodies"), (body, name) => {
    const example = requestExampleOf(document, `#/components/requestBodies/${name}`, examples);
    return example === undefined ? body : withBodyExample(asObject(body), example);
  });
  const parameters = withExamplesToChoose(objectIn(components, "parameters"));
  const withExamples = { ...components, parameters, responses, ...("requestBodies" in components && { requestBodies }) };
  const published = { ...document, servers: [{ url: server }], paths, components: withExamples };
  return { ...published, components: usedComponents(published) };
}

/** Returns what the first operation with that body sent. Operations with one body share its example. */
function requestExampleOf(document: JsonObject, reference: string, { operations }: Examples): unknown {
  const all = Object.values(objectIn(document, "paths")).flatMap((item) => Object.values(asObject(item)).map(asObject));
  const sender = all.find((operation) => objectIn(operation, "requestBody")["$ref"] === reference);
  return operations[String(sender?.["operationId"])]?.request;
}

/** Returns the components of a document to which it refers, and its security schemes, which it names otherwise. */
function usedComponents(document: { readonly components: JsonObject }): JsonObject {
  const text = JSON.stringify(document);
  const isUsed = (section: string, name: string) =>
    section === "securitySchemes" || text.includes(`"#/components/${section}/${name}"`);
  return mapValues(document.components, (section, sectionName) =>
    Object.fromEntries(Object.entries(asObject(section)).filter(([name]) => isUsed(sectionName, name))),
  );
}

/**
 * Returns `target` changed by a JSON Merge Patch (RFC 7396): objects are merged, null removes, anything else replaces.
 */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isDocumentPart(patch)) return patch;
  const base = isDocumentPart(target) ? target : {};
  const merged = mapValues(patch, (value, name) => mergePatch(base[name], value));
  return Object.fromEntries(Object.entries({ ...base, ...merged }).filter(([, value]) => value !== null));
}

const documentedMethods: ReadonlySet<string> = new Set(["get", "post", "put", "patch", "delete"]);

function publishPath(document: JsonObject, item: JsonObject, examples: Examples): JsonObject {
  const operations = Object.entries(item).filter(([name]) => documentedMethods.has(name));
  const ofOperations = operations.map(([, operation]) => examples.operations[String(asObject(operation)["operationId"])]);
  // The first operation's: it is a read, whose example exists in the demo data.
  const ofPath = Object.assign({}, ...ofOperations.toReversed().map((example) => example?.parameters)) as JsonObject;
  const published = operations.map(([method, operation], index): readonly [string, JsonObject] => [
    method,
    publishOperation(document, asObject(operation), ofOperations[index]),
  ]);
  return { ...withParameterExamples(document, item, ofPath), ...Object.fromEntries(published) };
}

function publishOperation(document: JsonObject, operation: JsonObject, example: OperationExample | undefined): JsonObject {
  if (example === undefined) return operation;
  const { parameters, request, status, response } = example;
  const body = operation["requestBody"];
  const responses = objectIn(operation, "responses");
  const answered = resolve(document, responses[status]);
  return {
    ...withParameterExamples(document, operation, parameters),
    ...(isDocumentPart(body) && !("$ref" in body) && request !== undefined && { requestBody: withBodyExample(body, request) }),
    responses: {
      ...responses,
      ...(isDocumentPart(answered) && response !== undefined && { [status]: withBodyExample(answered, response) }),
    },
  };
}

function withParameterExamples(document: JsonObject, holder: JsonObject, values: JsonObject): JsonObject {
  if (!Array.isArray(holder["parameters"])) return holder;
  const parameters = holder["parameters"].map((parameter: unknown) => ({
    parameter,
    resolved: asObject(resolve(document, parameter)),
  }));
  const nameOf = (parameter: JsonObject) => String(parameter["name"]);
  const inPath = new Set(parameters.flatMap(({ resolved }) => (resolved["in"] === "path" ? nameOf(resolved) : [])));
  // A filter may have the name of a parameter of the path, to which the value belongs.
  const isMeant = (parameter: JsonObject) =>
    nameOf(parameter) in values && (parameter["in"] === "path" || !inPath.has(nameOf(parameter))) && !explainsItself(parameter);
  const withExamples = parameters.map(({ parameter, resolved }) =>
    isMeant(resolved) ? { ...resolved, example: values[nameOf(resolved)] } : parameter,
  );
  return { ...holder, parameters: withExamples };
}

/**
 * Returns a part of a document in which each parameter that may be left out has its example in `examples`, with a mark
 * for Scalar that its form shall not send it until it is chosen: all filters of a list at once find nothing.
 */
function withExamplesToChoose(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(withExamplesToChoose);
  if (!isDocumentPart(part)) return part;
  if (!isParameter(part)) return mapValues(part, withExamplesToChoose);
  const { example: value, ...parameter } = part;
  if (value === undefined || parameter["required"] === true) return part;
  return { ...parameter, examples: { default: { value, "x-disabled": true } } };
}

/** Returns whether a part of a document is a parameter: a security scheme, which has both names too, has a type. */
function isParameter(part: JsonObject): boolean {
  return typeof part["in"] === "string" && typeof part["name"] === "string" && !("type" in part);
}

/** Returns whether a parameter has a value to start from without an example: a default, or one of a list. */
function explainsItself(parameter: JsonObject): boolean {
  const schema = objectIn(parameter, "schema");
  return "default" in schema || "enum" in schema;
}

function withBodyExample(holder: JsonObject, example: unknown): JsonObject {
  const content = mapValues(objectIn(holder, "content"), (media) => ({ ...asObject(media), example }));
  return { ...holder, content };
}

/** Returns the part of the document to which `part` refers, or `part` itself if it is no reference. */
function resolve(document: JsonObject, part: unknown): unknown {
  if (!isDocumentPart(part) || typeof part["$ref"] !== "string") return part;
  const names = part["$ref"].split("/").slice(1);
  return names.reduce<unknown>((found, name) => asObject(found)[name], document);
}

function mapValues(object: JsonObject, change: (value: unknown, name: string) => unknown): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, change(value, name)]));
}

function objectIn(holder: JsonObject, name: string): JsonObject {
  return asObject(holder[name]);
}

function asObject(value: unknown): JsonObject {
  return isDocumentPart(value) ? value : {};
}

function isDocumentPart(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

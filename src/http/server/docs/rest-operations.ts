/** An operation of an OpenAPI document. */
export interface RestOperation {
  /** Such as `GET`. */
  readonly method: string;
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
}

const restMethods: ReadonlySet<string> = new Set(["get", "post", "put", "patch", "delete"]);

/** Returns the operations of an OpenAPI document that have a summary and a tag, in its order. */
export function restOperations(document: object): RestOperation[] {
  const paths = "paths" in document ? namedParts(document.paths) : [];
  return paths.flatMap(([path, item]) =>
    namedParts(item)
      .filter(([method]) => restMethods.has(method))
      .flatMap(([method, operation]) => {
        const { summary, tags } = Object.fromEntries(namedParts(operation));
        const tag: unknown = Array.isArray(tags) ? tags[0] : undefined;
        return typeof summary === "string" && typeof tag === "string"
          ? [{ method: method.toUpperCase(), path, tag, summary }]
          : [];
      }),
  );
}

function namedParts(value: unknown): [string, unknown][] {
  return typeof value === "object" && value !== null ? Object.entries(value) : [];
}

/** What the page is told by the gateway. */
export interface Settings {
  /** The path of the GraphQL endpoint. */
  readonly endpoint: string;
  /** The base of the URLs that the gateway hands out. */
  readonly publicUrl: string;
  /** The path of the schema's introspection, a file that changes with the schema only. */
  readonly schema: string;
  /** The path of the demo data's keys. Null if this gateway does not offer them. */
  readonly demoKeys: string | null;
}

// The gateway writes it into the page: src/graphql/graphiql/graphiql.ts.
export const settings = JSON.parse(document.querySelector("#settings")?.textContent ?? "{}") as Settings;

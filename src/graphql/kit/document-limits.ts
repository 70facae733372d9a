/** The limits of a document. Fragments count at each place where they are spread. */
export interface DocumentLimits {
  /** Tokens of the text. A text with more is not parsed. */
  readonly tokens: number;
  /** Characters of a name: of a field, a type, a variable, a value of an enum. */
  readonly nameCharacters: number;
  /** Operations. One of them is performed. */
  readonly operations: number;
  /** Fragment definitions. */
  readonly fragments: number;
  /** Root fields of a mutation. */
  readonly mutations: number;
  /** Levels of nested fields. GraphiQL's introspection query has 13 to 15. */
  readonly depth: number;
  /** Fields of an operation. */
  readonly fields: number;
  /** Pairs of fields, and of fragments, that validation compares because they are in one place of the result. */
  readonly comparisons: number;
  /** Nodes of all pages if they were full: 100 tickets with 100 notes with 4 attachments each. */
  readonly nodes: number;
  /** Texts to render if all pages were full: one of each note on 40 pages of the default size. */
  readonly texts: number;
  /** Values of an introspection's result, and their characters. */
  readonly introspectedValues: number;
  readonly introspectedCharacters: number;
}

/** For requests with a credential. */
export const documentLimits: DocumentLimits = {
  tokens: 10_000,
  nameCharacters: 1_000,
  operations: 10,
  fragments: 250,
  mutations: 10,
  depth: 20,
  fields: 3_000,
  comparisons: 20_000,
  nodes: 50_000,
  texts: 1_000,
  introspectedValues: 50_000,
  introspectedCharacters: 1_000_000,
};

/** For requests without a credential: enough for the introspection queries of tools. */
export const anonymousLimits: DocumentLimits = {
  ...documentLimits,
  tokens: 1_500,
  fragments: 50,
  fields: 500,
  comparisons: 2_000,
  introspectedValues: 20_000,
  introspectedCharacters: 400_000,
};

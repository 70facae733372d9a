// Takes the place of monaco-graphql's workerManager.js. It runs the language service of GraphQL in the page: the schema
// is small enough to be checked between two key strokes, and a worker would load graphql-js and Monaco's core twice.
import { GraphQLWorker } from "monaco-graphql/esm/GraphQLWorker.js";
import type { MonacoGraphQLAPI } from "monaco-graphql/esm/api.js";
import { editor } from "./monaco.ts";

/** A class because monaco-graphql creates it with `new`. */
export class WorkerManager {
  readonly #api: MonacoGraphQLAPI;
  readonly #listener: { dispose(): void };
  #service: GraphQLWorker | undefined;

  constructor(api: MonacoGraphQLAPI) {
    this.#api = api;
    this.#listener = api.onDidChange(() => {
      this.#service = undefined;
    });
  }

  readonly getLanguageServiceWorker = async (): Promise<GraphQLWorker> => {
    this.#service ??= new GraphQLWorker(context, {
      languageId: this.#api.languageId,
      formattingOptions: this.#api.formattingOptions,
      diagnosticSettings: this.#api.diagnosticSettings,
      languageConfig: {
        schemas: [...(this.#api.schemas ?? [])],
        ...(this.#api.externalFragmentDefinitions && {
          externalFragmentDefinitions: this.#api.externalFragmentDefinitions,
        }),
        fillLeafsOnComplete: false,
      },
    });
    return this.#service;
  };

  dispose(): void {
    this.#listener.dispose();
  }
}

/** Of what a worker of Monaco is given, the service uses the texts alone: each has its URI and its value. */
const context = { getMirrorModels: () => editor.getModels() } as unknown as ConstructorParameters<typeof GraphQLWorker>[0];

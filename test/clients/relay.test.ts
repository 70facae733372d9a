import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import {
  type ConcreteRequest,
  commitMutation,
  createOperationDescriptor,
  Environment,
  fetchQuery,
  getSingularSelector,
  Network,
  type ReaderFragment,
  RecordSource,
  Store,
} from "relay-runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadManifests } from "../../src/graphql/server/load-manifests.ts";
import { noteCount, recordingFetch, type Served, serve } from "./support.ts";

let directory: string;
let served: Served;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "relay-"));
  compile();
  const manifests = await loadManifests(join(directory, "manifests"));
  // The gateway takes no document but Relay's.
  served = await serve({ manifests: () => manifests, persistedDocumentsOnly: true });
});
afterAll(async () => {
  await served.app.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Compiles the operations as an app does, with ids in the place of their texts. */
function compile(): void {
  mkdirSync(join(directory, "source"));
  mkdirSync(join(directory, "artifacts"));
  mkdirSync(join(directory, "manifests"));
  copyFileSync(new URL("relay/operations.ts", import.meta.url), join(directory, "source", "operations.ts"));
  copyFileSync(new URL("../../schema.graphql", import.meta.url), join(directory, "schema.graphql"));
  writeFileSync(join(directory, "manifests", "relay.json"), "{}");
  const config = {
    ...{ src: "source", schema: "schema.graphql", language: "typescript", artifactDirectory: "artifacts" },
    persistConfig: { file: "manifests/relay.json", algorithm: "SHA256" },
    eagerEsModules: true,
  };
  writeFileSync(join(directory, "relay.config.json"), JSON.stringify(config));
  // The package exports the path of its program, and has no types.
  execFileSync(createRequire(import.meta.url)("relay-compiler") as string, ["relay.config.json"], {
    cwd: directory,
    stdio: "pipe",
  });
}

async function artifact<Kind>(name: string): Promise<Kind> {
  const url = pathToFileURL(join(directory, "artifacts", `${name}.graphql.ts`)).href;
  return ((await import(/* @vite-ignore */ url)) as { default: Kind }).default; // as the compiler writes it
}

interface Notes {
  readonly notes: { readonly edges: readonly { readonly node: { readonly id: string; readonly text: string } }[] };
}

test("Relay with persisted ids pages, refetches and writes", async () => {
  const manifest = JSON.parse(readFileSync(join(directory, "manifests", "relay.json"), "utf8")) as Record<string, string>;
  expect(Object.keys(manifest).length).toBe(3);
  const recorder = recordingFetch();
  const environment = new Environment({
    store: new Store(new RecordSource()),
    network: Network.create(async ({ id }, variables) => {
      const response = await recorder.fetch(served.endpoint, {
        method: "POST",
        headers: { ...served.headers, "content-type": "application/json" },
        body: JSON.stringify({ doc_id: id, variables }),
      });
      return response.json() as never; // Relay takes what is answered
    }),
  });
  const [page, more, fragment, add] = [
    await artifact<ConcreteRequest>("operationsPageQuery"),
    await artifact<ConcreteRequest>("operationsNotesPaginationQuery"),
    await artifact<ReaderFragment>("operationsNotes"),
    await artifact<ConcreteRequest>("operationsAddMutation"),
  ];
  const variables = { id: served.ticket.id, count: 10 };
  const operation = createOperationDescriptor(page, variables);
  environment.retain(operation);

  /** Returns the notes of the ticket that the store has, with the cursor of the next page. */
  function stored(): { readonly id: string; readonly notes: Notes["notes"]; readonly next: string | undefined } {
    const { ticket } = environment.lookup(operation.fragment).data as { ticket: { id: string } };
    const selector = getSingularSelector(fragment, ticket);
    const { notes } = environment.lookup(selector).data as unknown as Notes & {
      notes: { pageInfo: { hasNextPage: boolean; endCursor: string } };
    };
    return { id: ticket.id, notes, next: notes.pageInfo.hasNextPage ? notes.pageInfo.endCursor : undefined };
  }

  await fetchQuery(environment, page, variables).toPromise();
  expect(stored().notes.edges.length).toBe(10);
  for (let { id, next } = stored(); next !== undefined; { id, next } = stored())
    await fetchQuery(environment, more, { id, count: 10, cursor: next }).toPromise();
  // The store has joined the pages.
  expect(new Set(stored().notes.edges.map(({ node }) => node.text)).size).toBe(noteCount);

  // A refetch from the start, after a write.
  await new Promise<void>((resolve, reject) => {
    const input = { ticketId: served.ticket.id, text: "by Relay" };
    commitMutation(environment, { mutation: add, variables: { input }, onCompleted: () => resolve(), onError: reject });
  });
  await fetchQuery(environment, more, { id: stored().id, count: 10 }).toPromise();
  expect(stored().notes.edges.some(({ node }) => node.text === "by Relay")).toBe(true);

  const sent = recorder.take();
  expect(sent.length).toBe(5);
  for (const { status, body } of sent) {
    expect(status).toBe(200);
    expect(body).not.toMatch(/edges|mutation/);
    const { doc_id: id } = JSON.parse(body) as { doc_id: string };
    expect(JSON.stringify({ doc_id: id }).length).toBeLessThanOrEqual(200);
  }
});

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { createGunzip } from "node:zlib";
import graphiqlPackage from "@graphql-yoga/render-graphiql/package.json" with { type: "json" };
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { exampleOperations, type ExampleIds } from "./graphiql-examples.ts";

const contentTypes = {
  "graphiql.css": "text/css; charset=utf-8",
  "graphiql.js": "text/javascript; charset=utf-8",
  "start.css": "text/css; charset=utf-8",
  "start.js": "text/javascript; charset=utf-8",
  "editor-worker.js": "text/javascript; charset=utf-8",
  "graphql-worker.js": "text/javascript; charset=utf-8",
  "json-worker.js": "text/javascript; charset=utf-8",
} as const;

export type GraphiqlAssetName = keyof typeof contentTypes;

interface CompressedAsset {
  readonly br: Uint8Array;
  readonly gzip: Uint8Array;
}

/** GraphiQL's files by name, as the worker sends them. */
export type CompressedAssets = ReadonlyMap<string, CompressedAsset>;

/** A hash that changes with the assets. Their URLs contain it, so that browsers may cache them permanently. */
const revision = createHash("sha256")
  .update(`${graphiqlPackage.name}@${graphiqlPackage.version}\n`)
  .update(readFileSync(new URL("./graphiql-start.css", import.meta.url)))
  .update(readFileSync(new URL("./graphiql-start.js", import.meta.url)))
  .digest("hex")
  .slice(0, 16);

const keyHeader = "X-API-Key";
const keyPlaceholder = "paste a key here";

const logo =
  '<svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="2.5" stroke-linecap="round">' +
  '<path stroke-linejoin="round" d="M6 5h20a2 2 0 0 1 2 2v5a4 4 0 0 0 0 8v5a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2v-5a4 4 0 0 0 0-8V7a2 2 0 0 1 2-2Z"/>' +
  '<path d="M12 12h8M12 16h8M12 20h5"/></svg>';

export interface GraphiqlPageOptions {
  /** The path of the GraphQL endpoint, such as `/graphql`. */
  readonly endpoint: string;
  /**
   * The base of the gateway's URLs, without a trailing slash. If it has a path, such as a proxy's prefix, that path
   * precedes every address.
   */
  readonly publicUrl: string;
  /** Ids for the variables of the example mutations, with which they can be run unchanged. */
  readonly examples?: ExampleIds;
}

/**
 * Returns the page for a browser's GET of the GraphQL endpoint: GraphiQL with a header editor for the key and an
 * example in every tab. It loads its files from the routes of {@link registerGraphiqlAssets}. Its
 * Content-Security-Policy allows requests to the gateway only.
 */
export function graphiqlPage({ endpoint, publicUrl, examples }: GraphiqlPageOptions): {
  html: string;
  headers: Record<string, string>;
} {
  const prefix = new URL(publicUrl).pathname.replace(/\/+$/, "");
  const asset = (name: GraphiqlAssetName) => `${prefix}${endpoint}/assets/${revision}/${name}`;
  const title = "Ticket notes";
  const options = {
    endpoint: prefix + endpoint,
    title,
    logo,
    keyHeader,
    keyPlaceholder,
    headers: JSON.stringify({ [keyHeader]: keyPlaceholder }, null, 2),
    tabs: exampleOperations(examples ?? {}),
    workers: {
      editorWorkerService: asset("editor-worker.js"),
      graphql: asset("graphql-worker.js"),
      json: asset("json-worker.js"),
    },
  };
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>GraphiQL · ${title}</title>
<link rel="icon" type="image/svg+xml" href="${prefix}/favicon.svg">
<link rel="stylesheet" href="${asset("graphiql.css")}">
<link rel="stylesheet" href="${asset("start.css")}">
<script type="application/json" id="graphiql-options">${JSON.stringify(options).replaceAll("<", "\\u003c")}</script>
<script defer src="${asset("graphiql.js")}"></script>
<script defer src="${asset("start.js")}"></script>
</head>
<body id="body" class="no-focus-outline">
<noscript>GraphiQL needs JavaScript. The endpoint itself does not: POST a query to this address.</noscript>
<div id="root"></div>
</body>
</html>
`;
  return {
    html,
    headers: {
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-cache",
      "content-security-policy": pagePolicy,
      "cross-origin-opener-policy": "same-origin",
      "referrer-policy": "no-referrer",
      // For a GraphQL client the response at the same address is JSON.
      vary: "accept",
      "x-content-type-options": "nosniff",
    },
  };
}

/**
 * The policy allows inline styles and data: URLs because the editor, Monaco, adds its styles to the page at run time
 * and has its fonts and icons as data: URLs.
 */
const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "worker-src 'self'",
  "connect-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "font-src 'self' data:",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/**
 * Serves GraphiQL's scripts, styles and workers below `endpoint`. They are compressed at the first request for one of
 * them and stay in memory. A Fastify plugin.
 */
export async function registerGraphiqlAssets(app: FastifyInstance, { endpoint }: { endpoint: string }): Promise<void> {
  const compressedAssets = createCompressedAssets();
  app.get<{ Params: { revision: string; name: string } }>(`${endpoint}/assets/:revision/:name`, async (request, reply) => {
    const { name } = request.params;
    if (request.params.revision !== revision || !isAssetName(name)) return reply.callNotFound();
    const asset = (await compressedAssets()).get(name);
    if (asset === undefined) return reply.callNotFound();
    return sendAsset(request, reply, name, asset);
  });
}

function isAssetName(name: string): name is GraphiqlAssetName {
  return Object.hasOwn(contentTypes, name);
}

function sendAsset(request: FastifyRequest, reply: FastifyReply, name: GraphiqlAssetName, asset: CompressedAsset) {
  const etag = `W/"${revision}-${name}"`;
  reply.headers({
    "content-type": contentTypes[name],
    "cache-control": "public, max-age=31536000, immutable",
    // A worker has the policy of its own response, not that of the page.
    "content-security-policy": "default-src 'none'",
    "cross-origin-resource-policy": "same-origin",
    etag,
    vary: "accept-encoding",
    "x-content-type-options": "nosniff",
  });
  if (request.headers["if-none-match"] === etag) return reply.code(304).send();
  const accepted = acceptedCodings(request.headers["accept-encoding"]);
  if (accepted.has("br")) return reply.header("content-encoding", "br").send(asset.br);
  if (accepted.has("gzip")) return reply.header("content-encoding", "gzip").send(asset.gzip);
  // Very few clients accept neither coding. Decompressing for them costs less than keeping all files a third time.
  const plain = createGunzip();
  plain.end(asset.gzip);
  return reply.send(plain);
}

function acceptedCodings(header: string | string[] | undefined): ReadonlySet<string> {
  const codings = (header ?? "").toString().toLowerCase().split(",");
  return new Set(
    codings.filter((coding) => !/;\s*q=0(\.0*)?\s*$/.test(coding)).map((coding) => coding.replace(/;.*/, "").trim()),
  );
}

/** Returns a function that compresses the files at its first call. After a failure the next call tries again. */
function createCompressedAssets(): () => Promise<CompressedAssets> {
  let compressing: Promise<CompressedAssets> | undefined;
  return () => {
    compressing ??= compressAssets().catch((error: unknown) => {
      compressing = undefined;
      throw error;
    });
    return compressing;
  };
}

function compressAssets(): Promise<CompressedAssets> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./graphiql-worker.ts", import.meta.url));
    worker.once("message", resolve);
    worker.once("error", reject);
    worker.once("exit", (code) => reject(new Error(`GraphiQL's files could not be prepared: the worker ended with ${code}`)));
  });
}

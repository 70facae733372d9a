import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants } from "node:zlib";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { type GraphQLSchema, introspectionFromSchema } from "graphql";
import { type CompressedBody, sendCompressed } from "../../http/kit/compressed-body.ts";

export interface GraphiqlOptions {
  /** The path of the GraphQL endpoint, such as `/graphql`. */
  readonly endpoint: string;
  /**
   * The base of the gateway's URLs, without a trailing slash. If it has a path, such as a proxy's prefix, that path
   * precedes every address.
   */
  readonly publicUrl: string;
  /** The schema that the editor completes and checks. */
  readonly schema: GraphQLSchema;
  /** The origin of the store to which files are uploaded, if it is not the gateway. */
  readonly uploadOrigin?: string | undefined;
  /** Whether {@link registerDemoKeys} serves keys for the page. */
  readonly hasDemoKeys: boolean;
}

/** A page and the headers of its response. */
interface GraphiqlPage {
  readonly html: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** The files that `npm run graphiql` has built, compressed by Brotli. Their sources are in the folder page. */
const builtFolder = new URL("./built/", import.meta.url);

/** What the build says about its files: build/build.ts. */
interface BuiltPage {
  readonly entry: string;
  readonly styles: readonly string[];
  readonly soon: readonly string[];
}

const contentTypes: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".woff2": "font/woff2",
};

/**
 * Serves GraphiQL's files below `endpoint`, and returns a function that returns its page, for a browser's GET of the
 * endpoint. A Content-Security-Policy allows the page requests to the gateway and to `uploadOrigin` only.
 */
export function registerGraphiql(app: FastifyInstance, options: GraphiqlOptions): () => GraphiqlPage {
  const { endpoint, schema } = options;
  const names = new Set(readdirSync(builtFolder).flatMap((name) => (name.endsWith(".br") ? [name.slice(0, -3)] : [])));
  const assets = new Map<string, Promise<CompressedBody>>();
  // The schema is a file like the others, made when the page is first asked for: most gateways never are.
  let introspection: { readonly name: string; readonly text: string } | undefined;
  const introspected = () => (introspection ??= introspectionFile(schema));
  let page: GraphiqlPage | undefined;

  async function readAsset(name: string): Promise<CompressedBody | undefined> {
    if (name === introspected().name) return { br: await compressed(introspected().text) };
    return names.has(name) ? { br: await readFile(new URL(`${name}.br`, builtFolder)) } : undefined;
  }

  app.get<{ Params: { name: string } }>(`${endpoint}/assets/:name`, async (request, reply) => {
    const { name } = request.params;
    if (!names.has(name) && name !== introspected().name) return reply.callNotFound();
    const asset = await cachedAsset(assets, name, readAsset);
    return asset ? sendAsset(request, reply, name, asset) : reply.callNotFound();
  });
  return () => (page ??= writtenPage(options, introspected().name));
}

/** Returns the asset of that name. What failed is tried again by the next request. */
async function cachedAsset(
  assets: Map<string, Promise<CompressedBody>>,
  name: string,
  read: (name: string) => Promise<CompressedBody | undefined>,
): Promise<CompressedBody | undefined> {
  const known = assets.get(name);
  if (known) return known;
  const asset = await read(name);
  if (asset) assets.set(name, Promise.resolve(asset));
  return asset;
}

function introspectionFile(schema: GraphQLSchema): { readonly name: string; readonly text: string } {
  const text = JSON.stringify({ data: introspectionFromSchema(schema, { descriptions: true }) });
  return { name: `schema-${createHash("sha256").update(text).digest("base64url").slice(0, 8)}.json`, text };
}

function compressed(text: string): Promise<Buffer> {
  return promisify(brotliCompress)(text, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: text.length } });
}

async function sendAsset(
  request: FastifyRequest,
  reply: FastifyReply,
  name: string,
  asset: CompressedBody,
): Promise<FastifyReply> {
  const etag = `W/"${name}"`;
  reply.headers({
    "content-type": contentTypes[extname(name)] ?? "application/octet-stream",
    // The name changes with the content.
    "cache-control": "public, max-age=31536000, immutable",
    // A worker has the policy of its own response, not that of the page: it loads the rest of its script.
    "content-security-policy": "default-src 'none'; script-src 'self'",
    "cross-origin-resource-policy": "same-origin",
    etag,
    "x-content-type-options": "nosniff",
  });
  if (request.headers["if-none-match"] === etag) return reply.code(304).send();
  return sendCompressed(request, reply, asset);
}

function writtenPage({ endpoint, publicUrl, uploadOrigin, hasDemoKeys }: GraphiqlOptions, schemaName: string): GraphiqlPage {
  const prefix = new URL(publicUrl).pathname.replace(/\/+$/, "");
  // As build/build.ts writes it.
  const built = JSON.parse(readFileSync(new URL("page.json", builtFolder), "utf8")) as BuiltPage;
  const asset = (name: string) => `${prefix}${endpoint}/assets/${name}`;
  const settings = {
    endpoint: prefix + endpoint,
    publicUrl,
    schema: asset(schemaName),
    demoKeys: hasDemoKeys ? `${prefix}${endpoint}/demo-keys` : null,
  };
  const soon = built.soon.map((name) =>
    name.endsWith(".css")
      ? `<link rel="preload" as="style" crossorigin href="${asset(name)}">`
      : `<link rel="modulepreload" href="${asset(name)}">`,
  );
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>GraphiQL · Ticket notes</title>
<link rel="icon" type="image/svg+xml" href="${prefix}/favicon.svg">
${built.styles.map((name) => `<link rel="stylesheet" href="${asset(name)}">`).join("\n")}
<script type="module" src="${asset(built.entry)}"></script>
${soon.join("\n")}
<link rel="preload" as="fetch" crossorigin href="${settings.schema}">
<script type="application/json" id="settings">${JSON.stringify(settings).replaceAll("<", "\\u003c")}</script>
</head>
<body>
<div id="root">${skeleton}</div>
<noscript>GraphiQL needs JavaScript. The endpoint itself does not: POST a query to this address.</noscript>
</body>
</html>
`;
  return { html, headers: graphiqlHeaders(uploadOrigin) };
}

/** What is seen while the scripts are loaded: the page without its controls. */
const skeleton =
  '<div class="page"><header class="bar"><h1>Ticket notes <span>GraphiQL</span></h1></header>' +
  '<nav class="panels" aria-label="Panels"></nav><main class="desk"><div class="session">' +
  '<div class="tabs"></div><div class="editors"><p class="loading">Loading the editor…</p></div></div></main></div>';

/**
 * The policy allows inline styles because the editor, Monaco, adds its styles to the page at run time, and data: URLs
 * for its images.
 */
const pagePolicy = (uploadOrigin: string | undefined) => [
  "default-src 'none'",
  "script-src 'self'",
  "worker-src 'self'",
  ["connect-src 'self'", ...(uploadOrigin === undefined ? [] : [uploadOrigin])].join(" "),
  "style-src 'self' 'unsafe-inline'",
  "font-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
];

const graphiqlHeaders = (uploadOrigin: string | undefined) => ({
  "content-type": "text/html; charset=utf-8",
  "cache-control": "no-cache",
  "content-security-policy": pagePolicy(uploadOrigin).join("; "),
  "cross-origin-opener-policy": "same-origin",
  "referrer-policy": "no-referrer",
  // For a GraphQL client the response at the same address is JSON.
  vary: "accept",
  "x-content-type-options": "nosniff",
});

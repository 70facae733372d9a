import { readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import packageJson from "../../../../package.json" with { type: "json" };
import { type CompressedBody, sendCompressed } from "../../kit/compressed-body.ts";
import { assetHeaders, constantBody, fixedResponse, revisionOf, sendFixed, serveAsset, wantsPage } from "../fixed-responses.ts";
import { bar, head, prefixOf, sitePageHeaders, siteStyle } from "../site.ts";

export interface ReferenceOptions {
  /** Base of the gateway's URLs, without a slash at its end. */
  readonly publicUrl: string;
}

const apis = [
  { path: "/v2", title: "REST, version 2", scheme: "apiKey" },
  { path: "/v1", title: "REST, version 1", scheme: "bearer" },
] as const;

/** The exact version of the package that has the script: this changes with the script. */
const scalarVersion = packageJson.dependencies["@scalar/fastify-api-reference"];

const readReferenceText = (file: URL) => readFileSync(file, "utf8");

/**
 * The policy allows inline styles, because Scalar adds its own to the page, and requests to the gateway only.
 */
const referencePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "connect-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "font-src 'self' data:",
  "img-src 'self' data: blob:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/**
 * Serves the documentation of the REST APIs at `/v1/docs` and `/v2/docs`: Scalar with the documents of the gateway.
 * Requests can be tried there, under the key that GraphiQL keeps for the session. A Fastify plugin.
 */
export async function restReference(app: FastifyInstance, { publicUrl }: ReferenceOptions): Promise<void> {
  const prefix = prefixOf(publicUrl);
  const compressed = createCompressedScript();
  const scalarPath = `/assets/${revisionOf(scalarVersion)}/scalar.js`;
  app.get(scalarPath, async (request, reply) => sendScript(request, reply, await compressed()));
  const before = serveAsset(app, "reference-before.js", readReferenceText(new URL("./reference-before.js", import.meta.url)));
  const start = serveAsset(app, "reference.js", readReferenceText(new URL("./reference-start.js", import.meta.url)));
  const style = serveAsset(app, "reference.css", siteStyle + readReferenceText(new URL("./reference.css", import.meta.url)));
  for (const { path, title, scheme } of apis) {
    const options = { document: `${prefix}${path}/openapi.json`, scheme };
    const page = `${head({
      title: `${title} · Ticket notes`,
      description: `The reference of ${path}: every operation with its parameters, answers and failures, to be tried here.`,
      icon: `${prefix}/favicon.svg`,
      rest: `<link rel="stylesheet" href="${prefix}${style}">
<script type="application/json" id="options">${JSON.stringify(options).replaceAll("<", "\\u003c")}</script>
<script defer src="${prefix}${before}"></script>
<script defer src="${prefix}${scalarPath}"></script>
<script defer src="${prefix}${start}"></script>`,
    })}
<body>
${bar(prefix, `${path}/docs`)}
<main id="reference">
<div class="wait">
<h1>${title}</h1>
<p>The reference is on its way. What it shows is also there as <a href="${options.document}">OpenAPI 3.1</a>.</p>
</div>
</main>
</body>
</html>
`;
    const response = fixedResponse(page, { ...sitePageHeaders, "content-security-policy": referencePolicy });
    app.get(`${path}/docs`, constantBody, async (request, reply) => sendFixed(request, reply, response));
  }
  // The root of /v1 answers clients itself; /v2 has none.
  app.get("/v2", async (request, reply) =>
    wantsPage(request) ? reply.header("vary", "accept").redirect(`${publicUrl}/v2/docs`) : reply.callNotFound(),
  );
}

function sendScript(request: FastifyRequest, reply: FastifyReply, script: CompressedBody): Promise<FastifyReply> {
  reply.headers({
    ...assetHeaders,
    "content-type": "text/javascript; charset=utf-8",
    "x-content-type-options": "nosniff",
  });
  return sendCompressed(request, reply, script);
}

/** Returns a function that compresses the script at its first call. After a failure the next call tries again. */
function createCompressedScript(): () => Promise<CompressedBody> {
  let compressing: Promise<CompressedBody> | undefined;
  return () => {
    compressing ??= compressScript().catch((error: unknown) => {
      compressing = undefined;
      throw error;
    });
    return compressing;
  };
}

function compressScript(): Promise<CompressedBody> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./scalar-worker.ts", import.meta.url));
    worker.once("message", resolve);
    worker.once("error", reject);
    worker.once("exit", (code) => reject(new Error(`Scalar's script could not be prepared: the worker ended with ${code}`)));
  });
}

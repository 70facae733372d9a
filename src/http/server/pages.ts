import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { FastifyInstance } from "fastify";
import { escapeHtml } from "../../lib/text.ts";
import { constantBody, fixedResponse, sendFixed, serveAsset, wantsPage } from "./fixed-responses.ts";
import { copyScript, favicon, figure, head, markSvg, sitePageHeaders, siteStyle, version } from "./site.ts";

export type ApiName = "graphql" | "v2" | "v1";

export interface PagesOptions {
  /** Base of the gateway's URLs, without a slash at its end. */
  readonly publicUrl: string;
  /** The APIs of this gateway, in the order in which the page shows them. */
  readonly apis: readonly ApiName[];
  /** The UUID of a ticket for the examples, which their reader must be able to see, such as one of the demo data. */
  readonly exampleTicketId?: string | undefined;
}

/**
 * Serves the landing page at `/`, as a page or, for clients such as curl, as a text; and its icon. A Fastify plugin.
 */
export async function pages(app: FastifyInstance, options: PagesOptions): Promise<void> {
  const script = serveAsset(app, "copy.js", copyScript);
  const page = fixedResponse(landingPage(options, script), {
    ...sitePageHeaders,
    "content-security-policy": landingPolicy,
    vary: "accept",
  });
  const text = fixedResponse(landingText(options), {
    "cache-control": sitePageHeaders["cache-control"],
    "content-type": "text/plain; charset=utf-8",
    vary: "accept",
  });
  app.get("/", constantBody, async (request, reply) => sendFixed(request, reply, wantsPage(request) ? page : text));
  const icon = fixedResponse(favicon, {
    "cache-control": sitePageHeaders["cache-control"],
    "content-security-policy": "default-src 'none'",
    "content-type": "image/svg+xml",
    "referrer-policy": "no-referrer",
  });
  app.get("/favicon.svg", constantBody, async (request, reply) => sendFixed(request, reply, icon));
  // Browsers request it for a page that names no icon, such as the OpenAPI documents.
  app.get("/favicon.ico", async (_request, reply) =>
    reply.header("cache-control", sitePageHeaders["cache-control"]).code(204).send(),
  );
}

const style = siteStyle + readFileSync(new URL("./pages/landing.css", import.meta.url), "utf8");

const landingPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  `style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'`,
  "img-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

interface ApiText {
  readonly name: string;
  readonly path: string;
  readonly about: string;
  readonly curl: (options: PagesOptions) => string;
  /** The documentation first. */
  readonly links: readonly { readonly href: string; readonly text: string }[];
}

const apiTexts: Record<ApiName, ApiText> = {
  graphql: {
    name: "GraphQL",
    path: "/graphql",
    about:
      "Tickets, notes, authors and attachments in one query, and every change as a mutation with typed errors. " +
      "Opened in a browser the same address is GraphiQL: the documented schema, and examples to run.",
    curl: ({ publicUrl }) =>
      `curl '${publicUrl}/graphql' \\\n` +
      `  -H "X-API-Key: $KEY" \\\n` +
      "  -H 'Content-Type: application/json' \\\n" +
      `  -d '{"query":"{ tickets(first: 3) { nodes { uuid subject } } }"}'`,
    links: [
      { href: "graphql", text: "Open GraphiQL" },
      { href: "docs/schema", text: "GraphQL schema" },
    ],
  },
  v2: {
    name: "REST, version 2",
    path: "/v2",
    about: "Notes of a ticket and their attachments: offset paging, RFC 9457 problems, signed URLs for the bytes.",
    curl: ({ publicUrl, exampleTicketId }) =>
      `TICKET='${exampleTicketId ?? "a uuid from the answer above"}'\n` +
      `curl "${publicUrl}/v2/tickets/notes?ticket_id=$TICKET&limit=3" \\\n` +
      `  -H "X-API-Key: $KEY"`,
    links: [
      { href: "v2/docs", text: "Reference of /v2" },
      { href: "v2/openapi.json", text: "OpenAPI document" },
    ],
  },
  v1: {
    name: "REST, version 1",
    path: "/v1",
    about:
      "Notes as the 4me, Xurrent and R-Service family serves them. A client of that family changes its host, token and account, and nothing else.",
    curl: ({ publicUrl }) => `curl '${publicUrl}/v1/notes?per_page=3' \\\n  -H "Authorization: Bearer $KEY"`,
    links: [
      { href: "v1/docs", text: "Reference of /v1" },
      { href: "v1/openapi.json", text: "OpenAPI document" },
    ],
  },
};

function landingPage(options: PagesOptions, script: string): string {
  const apis = options.apis.map((api) => apiTexts[api]);
  const links = [...apis.flatMap(({ links: [first] }) => first ?? []), { href: "docs", text: "Guides and schema" }];
  return `${head({
    title: "Ticket notes gateway",
    description: "A GraphQL gateway for the notes on service-desk tickets.",
    icon: "favicon.svg",
    rest: `<style>${style}</style>\n<script defer src="${script.slice(1)}"></script>`,
  })}
<body>
<header>
<p class="name">${markSvg}Ticket notes gateway</p>
</header>
<main>
<div class="hero">
<div>
<h1>Every note on every ticket, in one graph.</h1>
<p>A GraphQL gateway for service-desk tickets, their notes and attachments. ${olderApisSentence(options.apis)}</p>
<nav aria-label="Documentation">
${links.map(({ href, text }, index) => `<a${index === 0 ? ' class="button"' : ""} href="${href}">${escapeHtml(text)}</a>`).join("\n")}
</nav>
</div>
${figure(apis.map((api) => api.path))}
</div>
<section aria-labelledby="authenticate">
<h2 id="authenticate">Authenticate</h2>
<div class="body">
<p>Send an API key with every request, as <code>X-API-Key: $KEY</code> or as <code>Authorization: Bearer $KEY</code>.
It acts for one person in one account, and sees what that person may see.</p>
<pre><code>KEY='paste your key here'</code></pre>
<p>A gateway with demo data wrote four keys to <code>demo-keys.json</code> in its data directory. Anywhere else an
administrator makes them: <code>npm run keys -- create</code>.</p>
</div>
</section>
${apis.map((api) => apiSection(api, options)).join("\n")}
<section aria-labelledby="operators">
<h2 id="operators">For operators</h2>
<dl class="body">
<dt><a href="health">/health</a></dt><dd>The process is alive.</dd>
<dt><a href="ready">/ready</a></dt><dd>Its database and its file store answer.</dd>
<dt><a href="metrics">/metrics</a></dt><dd>What it has done so far, for Prometheus.</dd>
</dl>
</section>
</main>
<footer>
<p>What is written through one API is read through the others, under the same rules.</p>
<p>Version ${escapeHtml(version)}</p>
</footer>
</body>
</html>
`;
}

function apiSection(api: ApiText, options: PagesOptions): string {
  const id = api.path.slice(1);
  return `<section aria-labelledby="${id}">
<div>
<h2 id="${id}">${escapeHtml(api.name)}</h2>
<code>${api.path}</code>
</div>
<div class="body">
<p>${escapeHtml(api.about)}</p>
<pre><code>${escapeHtml(api.curl(options))}</code></pre>
<p class="links">${api.links.map(({ href, text }) => `<a href="${href}">${escapeHtml(text)}</a>`).join(" ")}</p>
</div>
</section>`;
}

/** Returns the sentence about the REST APIs, or an empty text if there are none. */
function olderApisSentence(apis: readonly ApiName[]): string {
  const older = apis.filter((api) => api !== "graphql").map((api) => `<code>${apiTexts[api].path}</code>`);
  if (older.length === 0) return "";
  const subject =
    older.length === 1 ? "stands the REST API that came before it" : "stand the two REST APIs that came before it";
  return `Beside it ${subject}, ${older.join(" and ")}, kept faithfully for the clients written against ${older.length === 1 ? "it" : "them"}.`;
}

/** Returns what the page says, for a terminal. */
function landingText(options: PagesOptions): string {
  const { publicUrl, apis } = options;
  const sections = apis.map((api) => {
    const { name, path, curl, links } = apiTexts[api];
    const documented = links.map(({ href, text }) => `${text}: ${publicUrl}/${href}`);
    return [`${name} (${path})`, "", ...curl(options).split("\n"), "", ...documented].join("\n");
  });
  return `Ticket notes gateway ${version}

Send an API key with every request, as X-API-Key: $KEY or as Authorization: Bearer $KEY.

  KEY='paste your key here'

${sections.join("\n\n")}

Guides and the GraphQL schema: ${publicUrl}/docs
For operators: ${publicUrl}/health ${publicUrl}/ready ${publicUrl}/metrics
`;
}

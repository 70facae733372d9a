import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { FastifyInstance } from "fastify";
import { escapeHtml } from "../../lib/text.ts";

export type ApiName = "graphql" | "v2" | "v1";

export interface PagesOptions {
  /** Base of the gateway's URLs, without a slash at its end. */
  readonly publicUrl: string;
  /** The APIs of this gateway, in the order in which the page shows them. */
  readonly apis: readonly ApiName[];
  /** The UUID of a ticket for the examples, which their reader must be able to see, such as one of the demo data. */
  readonly exampleTicketId?: string | undefined;
}

/** Serves the landing page at `/`, and its icon. A Fastify plugin. */
export async function pages(app: FastifyInstance, options: PagesOptions): Promise<void> {
  const html = landingPage(options);
  const headers = {
    "cache-control": "public, max-age=300",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
  };
  app.get("/", async (_request, reply) =>
    reply
      .headers({ ...headers, "content-security-policy": landingPolicy, "cross-origin-opener-policy": "same-origin" })
      .type("text/html; charset=utf-8")
      .send(html),
  );
  app.get("/favicon.svg", async (_request, reply) =>
    reply
      .headers({ ...headers, "content-security-policy": "default-src 'none'" })
      .type("image/svg+xml")
      .send(favicon),
  );
  // Browsers request it for a page that names no icon, such as the OpenAPI documents.
  app.get("/favicon.ico", async (_request, reply) => reply.headers(headers).code(204).send());
}

const style = readFileSync(new URL("./pages/landing.css", import.meta.url), "utf8");
const favicon = readFileSync(new URL("./pages/favicon.svg", import.meta.url), "utf8");

const landingPolicy = [
  "default-src 'none'",
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
  readonly link: { readonly href: string; readonly text: string };
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
    link: { href: "graphql", text: "Open GraphiQL" },
  },
  v2: {
    name: "REST, version 2",
    path: "/v2",
    about: "Notes of a ticket and their attachments: offset paging, RFC 9457 problems, signed URLs for the bytes.",
    curl: ({ publicUrl, exampleTicketId }) =>
      `TICKET='${exampleTicketId ?? "a uuid from the answer above"}'\n` +
      `curl "${publicUrl}/v2/tickets/notes?ticket_id=$TICKET&limit=3" \\\n` +
      `  -H "X-API-Key: $KEY"`,
    link: { href: "v2/openapi.json", text: "OpenAPI of /v2" },
  },
  v1: {
    name: "REST, version 1",
    path: "/v1",
    about:
      "Notes as the 4me, Xurrent and R-Service family serves them. A client of that family changes its host, token and account, and nothing else.",
    curl: ({ publicUrl }) => `curl '${publicUrl}/v1/notes?per_page=3' \\\n  -H "Authorization: Bearer $KEY"`,
    link: { href: "v1/openapi.json", text: "OpenAPI of /v1" },
  },
};

function landingPage(options: PagesOptions): string {
  const apis = options.apis.map((api) => apiTexts[api]);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="description" content="A GraphQL gateway for the notes on service-desk tickets.">
<title>Ticket notes gateway</title>
<link rel="icon" type="image/svg+xml" href="favicon.svg">
<style>${style}</style>
</head>
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
${apis.map(({ link }, index) => `<a${index === 0 ? ' class="button"' : ""} href="${link.href}">${escapeHtml(link.text)}</a>`).join("\n")}
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
<p><a href="${api.link.href}">${escapeHtml(api.link.text)}</a></p>
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

const ticketOutline = "M6 5h20a2 2 0 0 1 2 2v5a4 4 0 0 0 0 8v5a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2v-5a4 4 0 0 0 0-8V7a2 2 0 0 1 2-2Z";

const markSvg =
  '<svg class="mark draw" viewBox="0 0 32 32" stroke-width="2.5" aria-hidden="true">' +
  `<path d="${ticketOutline}"/><path d="M12 12h8M12 16h8M12 20h5"/></svg>`;

/** Returns a drawing of the paths on the left, each with a line to the one ticket on the right. */
function figure(paths: readonly string[]): string {
  const middle = 110;
  const gap = 64;
  const lines = paths.map((path, index) => {
    const y = middle + (index - (paths.length - 1) / 2) * gap;
    return (
      `<text x="0" y="${y + 5}">${path}</text>` +
      `<path class="draw" stroke-width="2" d="M96 ${y}C166 ${y} 150 ${middle} 232 ${middle}"/>` +
      `<circle class="draw" stroke-width="2" cx="92" cy="${y}" r="3.5"/>`
    );
  });
  return (
    '<svg class="figure" viewBox="0 0 384 220" aria-hidden="true">' +
    lines.join("") +
    '<g class="draw" transform="translate(194 22) scale(5.5)" stroke-width=".42">' +
    `<path d="${ticketOutline}"/><path class="faint" d="M11 11h10M11 14.5h10M11 18h10M11 21.5h6"/></g></svg>`
  );
}

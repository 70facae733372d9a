import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { extname } from "node:path";
import type { FastifyInstance } from "fastify";
import type { GraphQLSchema } from "graphql";
import { createOneATurn } from "../../../lib/one-a-turn.ts";
import { escapeHtml } from "../../../lib/text.ts";
import {
  assetHeaders,
  constantBody,
  type FixedResponse,
  fixedResponse,
  revisionOf,
  sendFixed,
  serveAsset,
} from "../fixed-responses.ts";
import { bar, copyScript, head, prefixOf, sitePageHeaders, siteStyle } from "../site.ts";
import { type Guide, picturesOfGuides, readGuides } from "./guides.ts";
import type { SampleIds } from "./operation-example.ts";
import { type RestOperation, restOperations } from "./rest-operations.ts";
import { groups, type SchemaPage, schemaPages } from "./schema-pages.ts";

export interface DocsOptions {
  /** Base of the gateway's URLs, without a slash at its end. */
  readonly publicUrl: string;
  readonly schema: GraphQLSchema;
  /** Ids for the examples, which their reader must be able to see. */
  readonly examples: SampleIds;
  /** The OpenAPI documents of the REST APIs, by the paths of these. */
  readonly documents: Readonly<Record<string, object>>;
}

/** The module of MiniSearch for browsers, which searches the index in the page. */
const searchLibrary = readFileSync(
  new URL("../es/index.js", `file://${createRequire(import.meta.url).resolve("minisearch")}`),
  "utf8",
);

const docsPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/**
 * Serves the documentation at `/docs`: the guides of the folder `docs`, and a page for each type of the schema. What
 * they show is read at the first request for one of them. A Fastify plugin.
 */
export async function docs(app: FastifyInstance, options: DocsOptions): Promise<void> {
  const prefix = prefixOf(options.publicUrl);
  const assets: Assets = {
    style: prefix + serveAsset(app, "docs.css", siteStyle + readFileSync(new URL("./docs.css", import.meta.url), "utf8")),
    copy: prefix + serveAsset(app, "docs-copy.js", copyScript),
    search: prefix + serveAsset(app, "search.js", readFileSync(new URL("./search.js", import.meta.url), "utf8")),
    library: prefix + serveAsset(app, "minisearch.js", searchLibrary),
  };
  let site: Promise<Site> | undefined;
  const siteNow = () => (site ??= createSite(options, prefix, assets));
  for (const path of ["/docs", "/docs/schema", "/docs/guides/:name", "/docs/schema/:name"]) {
    app.get<{ Params: { name?: string } }>(path, constantBody, async (request, reply) => {
      const { name = "" } = request.params;
      const page = (await siteNow()).pages.get(path.replace(":name", name));
      return page === undefined ? reply.callNotFound() : sendFixed(request, reply, page());
    });
  }
  app.get<{ Params: { revision: string } }>("/docs/search/:revision", constantBody, async (request, reply) => {
    const { index, indexRevision } = await siteNow();
    return request.params.revision === indexRevision ? sendFixed(request, reply, index) : reply.callNotFound();
  });
  const pictures = picturesOfGuides();
  app.get<{ Params: { name: string } }>("/docs/img/:name", async (request, reply) => {
    const file = pictures.get(request.params.name);
    if (file === undefined) return reply.callNotFound();
    return reply
      .headers({ ...assetHeaders, "cache-control": "public, max-age=300", "x-content-type-options": "nosniff" })
      .type(`image/${extname(file.pathname).slice(1)}`)
      .send(readFileSync(file));
  });
}

interface Assets {
  readonly style: string;
  readonly copy: string;
  readonly search: string;
  readonly library: string;
}

/** All pages of the documentation by their paths, and the index in which they are searched. */
interface Site {
  readonly pages: ReadonlyMap<string, () => FixedResponse>;
  readonly index: FixedResponse;
  readonly indexRevision: string;
}

interface SearchEntry {
  readonly title: string;
  /** What kind of thing it is, such as `Guide`. */
  readonly kind: string;
  readonly text: string;
  readonly href: string;
}

/** Makes the pages one after another, and lets requests be served in between. */
async function createSite({ schema, examples, documents }: DocsOptions, prefix: string, assets: Assets): Promise<Site> {
  const oneATurn = createOneATurn();
  const guides = await readGuides(prefix, oneATurn);
  const types = await schemaPages(schema, { ids: examples, prefix, oneATurn });
  const entries = [
    ...guides.flatMap((guide) => entriesOfGuide(guide, prefix)),
    ...types.flatMap((type) => entriesOfType(type, prefix)),
    ...Object.entries(documents).flatMap(([api, document]) =>
      restOperations(document).map((operation) => entryOfOperation(operation, api, prefix)),
    ),
  ];
  const text = JSON.stringify(entries);
  const indexRevision = revisionOf(text);
  const search = `<form class="search" role="search" data-index="${prefix}/docs/search/${indexRevision}" data-library="${assets.library}">
<input type="search" aria-label="Search the documentation" placeholder="Search  /" autocomplete="off" role="combobox" aria-expanded="false" aria-controls="found" aria-autocomplete="list">
<ul id="found" role="listbox" aria-label="Found" hidden></ul>
</form>
`;
  const page = (content: () => DocsPageContent) =>
    madeOnce(() => fixedResponse(docsPageOf(content(), { prefix, assets, search }), docsHeaders));
  const pages = new Map<string, () => FixedResponse>([
    ["/docs", page(() => ({ title: "Documentation", path: "/docs", aside: "", main: overview(guides, prefix) }))],
    [
      "/docs/schema",
      page(() => ({
        title: "GraphQL schema",
        path: "/docs/schema",
        aside: asideOfSchema(types, "", prefix),
        main: schemaOverview(types, prefix),
      })),
    ],
    ...guides.map((guide): [string, () => FixedResponse] => [
      `/docs/guides/${guide.name}`,
      page(() => ({ title: guide.title, path: "/docs/guides", aside: asideOfGuide(guide, guides, prefix), main: guide.html })),
    ]),
    ...types.map((type): [string, () => FixedResponse] => [
      `/docs/schema/${type.name}`,
      page(() => ({ title: type.name, path: "/docs/schema", aside: asideOfSchema(types, type.name, prefix), main: type.html })),
    ]),
  ]);
  const index = fixedResponse(text, { ...assetHeaders, "content-type": "application/json; charset=utf-8" });
  return { pages, index, indexRevision };
}

function madeOnce<Made extends object>(make: () => Made): () => Made {
  let made: Made | undefined;
  return () => (made ??= make());
}

const docsHeaders = { ...sitePageHeaders, "content-security-policy": docsPolicy };

interface DocsPageContent {
  readonly title: string;
  /** The place in the bar to which the page belongs. */
  readonly path: string;
  readonly aside: string;
  readonly main: string;
}

interface PageFrame {
  readonly prefix: string;
  readonly assets: Assets;
  readonly search: string;
}

function docsPageOf({ title, path, aside, main }: DocsPageContent, { prefix, assets, search }: PageFrame): string {
  return `${head({
    title: `${title} · Ticket notes`,
    description: `${title}: the documentation of the ticket notes gateway.`,
    icon: `${prefix}/favicon.svg`,
    rest: `<link rel="stylesheet" href="${assets.style}">
<script defer src="${assets.copy}"></script>
<script type="module" src="${assets.search}"></script>`,
  })}
<body>
<a class="skip" href="#main">Skip to the text</a>
${bar(prefix, path, search)}
<div class="page${aside === "" ? " single" : ""}">
<main id="main">
<h1>${escapeHtml(title)}</h1>
${main}
</main>
${aside === "" ? "" : `<nav class="aside" aria-label="In this part">${aside}</nav>\n`}</div>
</body>
</html>
`;
}

function overview(guides: readonly Guide[], prefix: string): string {
  const cards = (of: readonly Guide[]) =>
    of
      .map(
        ({ name, title, lead }) =>
          `<li><a href="${prefix}/docs/guides/${name}">${escapeHtml(title)}</a><p>${escapeHtml(leadOf(lead))}</p></li>`,
      )
      .join("\n");
  const [forUsers, forDevelopers] = [guides.filter((guide) => guide.isForUsers), guides.filter((guide) => !guide.isForUsers)];
  const section = (title: string, list: string) => (list === "" ? "" : `<h2>${title}</h2>\n<ul class="cards">\n${list}\n</ul>`);
  return `<p class="lead">One gateway for the notes on service-desk tickets. Three APIs read and write the same notes, under the same rules.</p>
${section("Guides", cards(forUsers))}
<h2>Reference</h2>
<ul class="cards">
<li><a href="${prefix}/docs/schema">GraphQL schema</a><p>Each type and field, with an example for each query and mutation that opens in GraphiQL.</p></li>
<li><a href="${prefix}/v2/docs">REST, version 2</a><p>Notes of a ticket and their files. Requests can be tried in the page.</p></li>
<li><a href="${prefix}/v1/docs">REST, version 1</a><p>The API of the 4me, Xurrent and R-Service family. Requests can be tried in the page.</p></li>
<li><a href="${prefix}/graphql">GraphiQL</a><p>Write queries and mutations with completion, and see what they answer.</p></li>
</ul>
${section("Running and changing the gateway", cards(forDevelopers))}`;
}

function leadOf(text: string): string {
  return text.length <= 180 ? text : `${text.slice(0, 180).replace(/\s+\S*$/, "")} …`;
}

function schemaOverview(types: readonly SchemaPage[], prefix: string): string {
  const lists = groups.map((group) => {
    const members = types.filter((type) => type.group === group);
    const rows = members.map(
      ({ name, summary }) => `<dt><a href="${prefix}/docs/schema/${name}">${name}</a></dt><dd>${escapeHtml(summary)}</dd>`,
    );
    return members.length === 0 ? "" : `<h2>${group}</h2>\n<dl class="types">${rows.join("\n")}</dl>`;
  });
  return `<p class="lead">Begin with <a href="${prefix}/docs/schema/Query">Query</a> and <a href="${prefix}/docs/schema/Mutation">Mutation</a>: each of their fields has an example. <kbd>/</kbd> searches all types and fields.</p>
${lists.join("\n")}`;
}

function asideOfSchema(types: readonly SchemaPage[], current: string, prefix: string): string {
  const currentGroup = types.find(({ name }) => name === current)?.group ?? "Operations";
  return groups
    .map((group) => {
      const links = types
        .filter((type) => type.group === group)
        .map(
          ({ name }) =>
            `<li><a href="${prefix}/docs/schema/${name}"${name === current ? ' aria-current="page"' : ""}>${name}</a></li>`,
        );
      const isOpen = group === currentGroup || group === "Operations";
      return links.length === 0
        ? ""
        : `<details${isOpen ? " open" : ""}><summary>${group}</summary><ul>${links.join("")}</ul></details>`;
    })
    .join("\n");
}

function asideOfGuide(guide: Guide, guides: readonly Guide[], prefix: string): string {
  const headings = guide.headings.map(({ id, text }) => `<li><a href="#${id}">${escapeHtml(text)}</a></li>`);
  const others = guides.map(
    ({ name, title }) =>
      `<li><a href="${prefix}/docs/guides/${name}"${name === guide.name ? ' aria-current="page"' : ""}>${escapeHtml(title)}</a></li>`,
  );
  const inPage = headings.length === 0 ? "" : `<p>In this guide</p><ul>${headings.join("")}</ul>`;
  return `${inPage}<p>All guides</p><ul>${others.join("")}</ul>`;
}

/** Returns an entry for each section, so that one which is found leads to where its words stand. */
function entriesOfGuide({ name, title, sections }: Guide, prefix: string): SearchEntry[] {
  const href = `${prefix}/docs/guides/${name}`;
  return sections.map(({ heading, text }) =>
    heading === undefined
      ? { title, kind: "Guide", text, href }
      : { title: heading.text, kind: title, text, href: `${href}#${heading.id}` },
  );
}

function entriesOfType({ name, group, summary, members }: SchemaPage, prefix: string): SearchEntry[] {
  const href = `${prefix}/docs/schema/${name}`;
  const type = { title: name, kind: group, text: summary, href };
  // The fields of pages and edges are the same everywhere.
  if (group === "Pages and payloads") return [type];
  const entries = members.map((member) => ({
    title: `${name}.${member.name}`,
    kind: group,
    text: member.summary,
    href: `${href}#${member.name}`,
  }));
  return [type, ...entries];
}

/** Leads to the operation in the reference, by the anchors that Scalar makes. */
function entryOfOperation({ method, path, tag, summary }: RestOperation, api: string, prefix: string): SearchEntry {
  // The paths of /v2 begin with it, those of /v1 are below its server.
  const address = path.startsWith(`${api}/`) ? path : api + path;
  return {
    title: summary,
    kind: `REST ${api}`,
    text: `${method} ${address}`,
    href: `${prefix}${api}/docs#tag/${tag}/${method}${path}`,
  };
}

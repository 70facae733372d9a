import { readFileSync } from "node:fs";
import packageJson from "../../../package.json" with { type: "json" };
import { escapeHtml } from "../../lib/text.ts";

/** The version of the gateway. */
export const version = packageJson.version;

const readSiteText = (file: URL) => readFileSync(file, "utf8");

/** The colours, fonts and elements that all pages share. */
export const siteStyle = readSiteText(new URL("./pages/site.css", import.meta.url));
export const favicon = readSiteText(new URL("./pages/favicon.svg", import.meta.url));
/** The script of the buttons that copy a block of code. */
export const copyScript = readSiteText(new URL("./pages/copy.js", import.meta.url));

const ticketOutline = "M6 5h20a2 2 0 0 1 2 2v5a4 4 0 0 0 0 8v5a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2v-5a4 4 0 0 0 0-8V7a2 2 0 0 1 2-2Z";

/** The mark of the gateway: a ticket with notes. */
export const markSvg =
  '<svg class="mark draw" viewBox="0 0 32 32" stroke-width="2.5" aria-hidden="true">' +
  `<path d="${ticketOutline}"/><path d="M12 12h8M12 16h8M12 20h5"/></svg>`;

/** Returns a drawing of the paths on the left, each with a line to the one ticket on the right. */
export function figure(paths: readonly string[]): string {
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

export interface HeadOptions {
  readonly title: string;
  readonly description: string;
  /** The address of the icon. */
  readonly icon: string;
  /** What else the head has: styles and scripts. */
  readonly rest: string;
}

/** Returns the beginning of a page, up to its body. */
export function head({ title, description, icon, rest }: HeadOptions): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="description" content="${escapeHtml(description)}">
<title>${escapeHtml(title)}</title>
<link rel="icon" type="image/svg+xml" href="${icon}">
${rest}
</head>`;
}

/** The path that a proxy puts before every address, without a slash at its end. Empty if there is none. */
export function prefixOf(publicUrl: string): string {
  return new URL(publicUrl).pathname.replace(/\/+$/, "");
}

/** Headers of all pages. */
export const sitePageHeaders = {
  "cache-control": "public, max-age=300",
  "content-type": "text/html; charset=utf-8",
  "cross-origin-opener-policy": "same-origin",
  "referrer-policy": "no-referrer",
} as const;

/** The pages to which the bar at the top leads. */
const places = [
  { path: "/docs", text: "Docs" },
  { path: "/docs/schema", text: "GraphQL schema" },
  { path: "/v2/docs", text: "REST v2" },
  { path: "/v1/docs", text: "REST v1" },
  { path: "/graphql", text: "GraphiQL" },
] as const;

/** Returns the bar at the top of a page of the documentation. `current` is the path of the page. */
export function bar(prefix: string, current: string, search = ""): string {
  const links = places.map(
    ({ path, text }) => `<a href="${prefix}${path}"${path === current ? ' aria-current="page"' : ""}>${text}</a>`,
  );
  return `<header class="bar">
<a class="name" href="${prefix}/">${markSvg}Ticket notes</a>
<nav aria-label="Documentation">${links.join("")}</nav>
${search}</header>`;
}

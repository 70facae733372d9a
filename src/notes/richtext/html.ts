import type { Token } from "markdown-it";
import { escapeHtml } from "../../lib/text.ts";
import { webAddress } from "./links.ts";
import type { ResolvedReferences, RichText } from "./model.ts";
import { recordLabel, recordReference, unresolvedText } from "./references.ts";
import { sanitize } from "./sanitize.ts";

const languageName = /^[a-z0-9][a-z0-9_+#.-]{0,31}$/;

interface Rendering {
  readonly resolved: ResolvedReferences;
  /** The URLs of the rendered images. The sanitiser allows no others. */
  readonly imageUrls: Set<string>;
}

/**
 * Returns a text as a well-formed HTML fragment that is safe in any page: it has no scripts, forms, embedded content or
 * images of other servers. Links open in a new tab. The classes `mention` and `record` are there to be styled; colours
 * of the text are `style` attributes.
 */
export function renderHtml(text: RichText, resolved: ResolvedReferences = {}): string {
  const rendering: Rendering = { resolved, imageUrls: new Set() };
  const html = text.tokens
    .map((token) => (token.children ?? [token]).map((part) => element(part, rendering)).join(""))
    .join("");
  return sanitize(html, rendering.imageUrls);
}

function element(token: Token, rendering: Rendering): string {
  switch (token.type) {
    case "text":
      return escapeHtml(token.content);
    case "softbreak":
    case "hardbreak":
      return "<br>\n";
    case "code_inline":
      return `<code>${escapeHtml(token.content)}</code>`;
    case "fence":
      return `<pre><code${attributes({ class: languageClass(token.info) })}>${escapeHtml(token.content)}</code></pre>\n`;
    case "image":
      return imageHtml(token, rendering);
    case "mention":
      return mentionHtml(token, rendering);
    case "record":
      return recordHtml(token, rendering);
    default:
      return tag(token);
  }
}

/** Returns the class of code whose first line names its language, as the HTML standard and highlighters have it. */
function languageClass(info: string): string | undefined {
  const language = /^\S+/.exec(info.trim())?.[0].toLowerCase();
  return language !== undefined && languageName.test(language) ? `language-${language}` : undefined;
}

function tag(token: Token): string {
  // The library hides the paragraphs of a list without blank lines.
  if (token.hidden) return "";
  const lineEnd = token.block && token.nesting <= 0 ? "\n" : "";
  if (token.nesting === -1) return `</${token.tag}>${lineEnd}`;
  return `<${token.tag}${attributes(Object.fromEntries(token.attrs ?? []))}>${lineEnd}`;
}

function imageHtml(token: Token, { resolved, imageUrls }: Rendering): string {
  const found = resolved.image?.(token.content);
  const url = found && webAddress(found.url);
  if (found === undefined || url === undefined) return escapeHtml(unresolvedText(token));
  imageUrls.add(url);
  return `<img${attributes({ src: url, alt: token.info || found.name, loading: "lazy" })}>`;
}

function mentionHtml(token: Token, { resolved }: Rendering): string {
  const person = resolved.person?.(Number(token.info));
  if (person === undefined) return escapeHtml(unresolvedText(token));
  return `<span class="mention">@${escapeHtml(person.name)}</span>`;
}

function recordHtml(token: Token, { resolved }: Rendering): string {
  const { kind, number } = recordReference(token);
  const found = resolved.record?.(kind, number);
  if (found === undefined) return escapeHtml(unresolvedText(token));
  const name = found.url === undefined ? "span" : "a";
  return `<${name}${attributes({ class: "record", href: found.url, title: found.subject })}>${escapeHtml(recordLabel(token))}</${name}>`;
}

function attributes(values: Readonly<Record<string, string | number | undefined>>): string {
  return Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}="${escapeHtml(String(value))}"`)
    .join("");
}

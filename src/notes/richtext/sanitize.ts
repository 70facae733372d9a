import sanitizeHtml, { type IOptions } from "sanitize-html";
import { webAddress } from "./links.ts";

const headings = ["h1", "h2", "h3", "h4", "h5", "h6"];
const blocks = ["p", "pre", "blockquote", "ul", "ol", "li", "hr", "details", "summary"];
const tables = ["table", "thead", "tbody", "tr", "th", "td"];
const inlines = ["a", "br", "code", "em", "img", "s", "span", "strong", "u"];
const sixDigitColour = [/^#[0-9a-f]{6}$/];
const alignment = { "text-align": [/^(?:left|center|right)$/] };

const sanitizeOptions: IOptions = {
  allowedTags: [...headings, ...blocks, ...tables, ...inlines],
  allowedAttributes: {
    a: ["href", { name: "rel", values: ["noopener noreferrer nofollow"] }, { name: "target", values: ["_blank"] }, "title"],
    details: ["open"],
    img: ["src", "alt", { name: "loading", values: ["lazy"] }],
    ol: ["start"],
    span: ["style", "title"],
    td: ["style"],
    th: ["style"],
  },
  allowedClasses: { a: ["record"], code: [/^language-[a-z0-9][a-z0-9_+#.-]{0,31}$/], span: ["mention", "record"] },
  allowedStyles: {
    span: { color: sixDigitColour, "background-color": sixDigitColour },
    td: alignment,
    th: alignment,
  },
  allowedSchemes: ["http", "https", "mailto"],
  allowedSchemesByTag: { img: ["http", "https"] },
  allowProtocolRelative: false,
  nestingLimit: 100,
};

/**
 * Returns `html` without everything that rich text must not contain. It keeps the few elements and attributes of rich
 * text, links to http, https and mailto without a referrer, and images with a URL of `imageUrls`. This is the last
 * check before HTML is sent.
 */
export function sanitize(html: string, imageUrls: ReadonlySet<string>): string {
  return sanitizeHtml(html, {
    ...sanitizeOptions,
    transformTags: {
      details: (tagName, { open }) => ({ tagName, attribs: open === undefined ? {} : { open: "" } }),
      a: (tagName, { href, ...others }) => {
        const address = webAddress(href ?? "");
        if (address === undefined) return { tagName, attribs: {} };
        return { tagName, attribs: { ...others, href: address, rel: "noopener noreferrer nofollow", target: "_blank" } };
      },
    },
    exclusiveFilter: (frame) => frame.tag === "img" && !imageUrls.has(frame.attribs["src"] ?? ""),
  });
}

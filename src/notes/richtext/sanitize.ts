import sanitizeHtml, { type IOptions } from "sanitize-html";
import { webAddress } from "./links.ts";

const headings = ["h1", "h2", "h3", "h4", "h5", "h6"];
const blocks = ["p", "pre", "blockquote", "ul", "ol", "li", "hr", "details", "summary"];
const inlines = ["a", "br", "code", "em", "img", "s", "span", "strong", "u"];
const sixDigitColour = [/^#[0-9a-f]{6}$/];

const sanitizeOptions: IOptions = {
  allowedTags: [...headings, ...blocks, ...inlines],
  allowedAttributes: {
    a: ["href", { name: "rel", values: ["noopener noreferrer nofollow"] }, { name: "target", values: ["_blank"] }, "title"],
    img: ["src", "alt", { name: "loading", values: ["lazy"] }],
    ol: ["start"],
    span: ["style", "title"],
  },
  allowedClasses: { a: ["record"], span: ["mention", "record"] },
  allowedStyles: { span: { color: sixDigitColour, "background-color": sixDigitColour } },
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
      a: (tagName, { href, ...others }) => {
        const address = webAddress(href ?? "");
        if (address === undefined) return { tagName, attribs: {} };
        return { tagName, attribs: { ...others, href: address, rel: "noopener noreferrer nofollow", target: "_blank" } };
      },
    },
    exclusiveFilter: (frame) => frame.tag === "img" && !imageUrls.has(frame.attribs["src"] ?? ""),
  });
}

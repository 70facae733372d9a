import { type DefaultTreeAdapterMap, parse, parseFragment, serialize } from "parse5";

type Node = DefaultTreeAdapterMap["childNode"];
type Parent = DefaultTreeAdapterMap["parentNode"];

/** An element of the tree that a browser would build, in any namespace. */
export interface FoundElement {
  readonly name: string;
  readonly namespace: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** The number of elements around it. */
  readonly depth: number;
}

/** The result of parsing a fragment. */
export interface ParsedHtml {
  readonly elements: readonly FoundElement[];
  /** The names of nodes that are neither elements nor text, such as comments and doctypes. */
  readonly strangers: readonly string[];
  /** The visible text. */
  readonly text: string;
  /** The parse errors, by their names in the HTML standard. */
  readonly errors: readonly string[];
  /** The tree serialized as HTML. */
  readonly serialized: string;
}

/** Parses a fragment as a browser does that inserts it into a page, with or without scripts. */
export function readHtml(html: string, scriptingEnabled = true): ParsedHtml {
  const errors: string[] = [];
  const fragment = parseFragment(html, { scriptingEnabled, onParseError: (error) => void errors.push(error.code) });
  return describe(fragment, errors);
}

/**
 * Parses a fragment as the body of an unclosed page. In it a fragment can change the most state of a document parser.
 */
export function readHtmlInPage(html: string): ParsedHtml {
  const document = parse(`<!doctype html><html><head></head><body><div>${html}`);
  const page = document.childNodes.find((node) => node.nodeName === "html");
  const body = page && "childNodes" in page ? page.childNodes.find((node) => node.nodeName === "body") : undefined;
  const container = body && "childNodes" in body ? body.childNodes[0] : undefined;
  if (container === undefined || !("childNodes" in container)) throw new Error("The page has lost its body.");
  return describe(container, []);
}

function describe(root: Parent, errors: readonly string[]): ParsedHtml {
  const elements: FoundElement[] = [];
  const strangers: string[] = [];
  let text = "";
  const pending: { node: Node; depth: number }[] = root.childNodes.map((node) => ({ node, depth: 0 })).toReversed();
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { node, depth } = next;
    if ("value" in node) {
      text += node.value;
    } else if ("tagName" in node) {
      const attributes = Object.fromEntries(node.attrs.map((attribute) => [attribute.name, attribute.value]));
      elements.push({ name: node.tagName, namespace: node.namespaceURI, attributes, depth });
      if (node.tagName === "br") text += "\n";
      for (const child of node.childNodes.toReversed()) pending.push({ node: child, depth: depth + 1 });
    } else {
      strangers.push(node.nodeName);
    }
  }
  return { elements, strangers, text, errors, serialized: serialize(root) };
}

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { renderMarkdown, type RenderedMarkdown } from "./markdown.ts";

/** The folder of documents, which a deployment may leave out. Its guides stand first. */
const folder = new URL("../../../../docs/", import.meta.url);

export interface Guide extends RenderedMarkdown {
  /** The name in its address. */
  readonly name: string;
  readonly title: string;
  /** Whether it is for people who use or run the gateway, rather than for those who change it. */
  readonly isForUsers: boolean;
}

/** Returns all documents of `docs/guides` and `docs`, rendered, by their titles. Links between them are kept. */
export async function readGuides(prefix: string, oneATurn: () => Promise<void>): Promise<readonly Guide[]> {
  const files = [...markdownIn("guides/"), ...markdownIn("")];
  const addresses = new Map(files.map((path) => [path, `${prefix}/docs/guides/${guideNameOf(path)}`]));
  const readGuide = async (path: string): Promise<Guide> => {
    await oneATurn();
    const text = readFileSync(new URL(path, folder), "utf8");
    const rendered = renderMarkdown(text, (address) => linkAddress(address, path, addresses, prefix));
    return {
      ...rendered,
      title: rendered.title ?? guideNameOf(path),
      name: guideNameOf(path),
      isForUsers: path.startsWith("guides/"),
    };
  };
  const guides = await Promise.all(files.map(readGuide));
  return guides.toSorted((one, other) => one.title.localeCompare(other.title, "en"));
}

/** Returns the pictures of the documents by their names, as the files in which they are. */
export function picturesOfGuides(): ReadonlyMap<string, URL> {
  return new Map(filesIn("img/", /\.(png|webp)$/).map((path) => [basename(path), new URL(path, folder)]));
}

function markdownIn(path: string): string[] {
  return filesIn(path, /^(?!README).*\.md$/);
}

function filesIn(path: string, pattern: RegExp): string[] {
  const directory = new URL(path, folder);
  if (!existsSync(directory)) return [];
  return readdirSync(fileURLToPath(directory))
    .filter((name) => pattern.test(name))
    .map((name) => path + name);
}

function guideNameOf(path: string): string {
  return basename(path, ".md");
}

/** Returns where a link in the document `path` leads, or undefined if that is not served. */
function linkAddress(address: string, path: string, guides: ReadonlyMap<string, string>, prefix: string): string | undefined {
  if (/^(https?:|#)/.test(address)) return address;
  if (address.startsWith("/")) return prefix + address;
  const { href, hash } = new URL(address, new URL(path, folder));
  const target = href.slice(0, href.length - hash.length);
  if (!target.startsWith(folder.href)) return undefined;
  const within = target.slice(folder.href.length);
  if (within.startsWith("img/")) return `${prefix}/docs/${within}`;
  const guide = guides.get(within);
  return guide === undefined ? undefined : guide + hash;
}

import { byteLength } from "../lib/text.ts";
import { extensionOf } from "./extensions.ts";

/**
 * Returns a distinct name for each of `filenames`, because the filenames of a note are unique. Later files with the
 * same name are numbered.
 */
export function distinctNames(filenames: readonly string[]): string[] {
  const taken = new Set<string>();
  return filenames.map((filename) => {
    let name = filename;
    for (let count = 2; taken.has(name); count += 1) name = numbered(filename, ` (${count})`);
    taken.add(name);
    return name;
  });
}

const maximumNameBytes = 255;

function numbered(filename: string, number: string): string {
  const extension = extensionOf(filename);
  const ending = extension === "" ? number : `${number}.${extension}`;
  const stem = [...(extension === "" ? filename : filename.slice(0, -extension.length - 1))];
  while (byteLength(stem.join("")) + byteLength(ending) > maximumNameBytes) stem.pop();
  return `${stem.join("")}${ending}`;
}

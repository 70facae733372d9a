import { appendFileSync, existsSync, readFileSync, statSync } from "node:fs";
import { z } from "zod";
import { jsonOrUndefined } from "../lib/json-shape.ts";
import { UnusableSource } from "./json-files.ts";

export type MappedKind = "person" | "ticket" | "note" | "attachment" | "inbound_email";

const entryShape = z.object({
  kind: z.enum(["person", "ticket", "note", "attachment", "inbound_email"]),
  /** The id and the integer id in the source, and here. */
  from: z.object({ id: z.string(), number: z.int().optional() }),
  to: z.object({ id: z.string(), number: z.int() }),
});

/** A record that has another id or number here than in its source. */
export type IdMapping = z.output<typeof entryShape>;

/** The records that have other ids here than in their source, kept in a file with one JSON object a line. */
export interface IdMap {
  /** Returns where the record of that id in the source is here. */
  get(kind: MappedKind, id: string): IdMapping["to"] | undefined;
  /** Keeps a mapping. The file has it before this returns. */
  add(mapping: IdMapping): void;
  readonly mappings: readonly IdMapping[];
}

/**
 * Returns the id map of a file, which need not exist. A dry run writes nothing into it. Throws {@link UnusableSource}
 * for a file that is no id map.
 */
export function openIdMap(path: string, { isDryRun = false } = {}): IdMap {
  const mappings = existsSync(path) ? readMappings(path) : [];
  const byId = new Map(mappings.map((mapping) => [`${mapping.kind} ${mapping.from.id}`, mapping.to]));
  return {
    mappings,
    get: (kind, id) => byId.get(`${kind} ${id}`),
    add(mapping) {
      const key = `${mapping.kind} ${mapping.from.id}`;
      if (byId.has(key)) return;
      byId.set(key, mapping.to);
      mappings.push(mapping);
      if (!isDryRun) appendFileSync(path, `${JSON.stringify(mapping)}\n`);
    },
  };
}

function readMappings(path: string): IdMapping[] {
  if (statSync(path).isDirectory()) throw new UnusableSource(`${path} is a folder, and no id map.`);
  const lines = readFileSync(path, "utf8").split("\n");
  // A process that was killed may have left a part of a line. The record is found again, because it has the same id.
  const whole = lines.slice(0, -1).filter((line) => line.trim() !== "");
  return whole.map((line, index) => {
    const parsed = entryShape.safeParse(jsonOrUndefined(line));
    if (!parsed.success) throw new UnusableSource(`${path}:${index + 1} is no line of an id map.`);
    return parsed.data;
  });
}

import { hash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { z } from "zod";
import { ConfigError } from "../../config.ts";
import { asError } from "../../errors.ts";
import type { Manifests } from "../documents/persisted-documents.ts";

/** The manifest of Apollo's `generate-persisted-query-manifest`. */
const apolloManifest = z
  .object({
    format: z.literal("apollo-persisted-query-manifest"),
    version: z.literal(1),
    operations: z.array(z.object({ id: z.string().min(1), body: z.string() })),
  })
  .transform(({ operations }) => operations.map(({ id, body }): readonly [string, string] => [id, body]));

/** The file of Relay's compiler and of the client preset of GraphQL Code Generator. */
const textsById = z.record(z.string().min(1), z.string()).transform((texts) => Object.entries(texts));

const manifest = z.union([apolloManifest, textsById]);

/**
 * Returns the documents of all manifests in `directory`: the files that end with `.json`. Throws a {@link ConfigError}
 * with every problem found.
 */
export async function loadManifests(directory: string): Promise<Manifests> {
  const path = resolve(directory);
  const names = await readdir(path).catch(asError);
  if (names instanceof Error)
    throw new ConfigError([`PERSISTED_DOCUMENTS must be a directory that can be read (${names.message})`]);
  const texts = new Map<string, string>();
  const trusted = new Set<string>();
  const problems: string[] = [];
  for (const name of names.filter((one) => one.endsWith(".json")).toSorted()) {
    const file = join(path, name);
    const entries = await readManifest(file);
    if (entries instanceof Error) problems.push(`PERSISTED_DOCUMENTS has ${file}, which cannot be used: ${entries.message}`);
    else
      for (const [id, text] of entries) {
        if ((texts.get(id) ?? text) !== text)
          problems.push(`PERSISTED_DOCUMENTS has ${file}, whose id ${id} is another document in another file`);
        texts.set(id, text).set(hash("sha256", text), text);
        trusted.add(text);
      }
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return { texts, trusted };
}

async function readManifest(file: string): Promise<readonly (readonly [id: string, text: string])[] | Error> {
  const json = await readFile(file, "utf8")
    .then((text): unknown => JSON.parse(text))
    .catch(asError);
  if (json instanceof Error) return json;
  const { data } = manifest.safeParse(json);
  return data ?? new TypeError("it is neither Apollo's manifest nor an object of documents by their ids");
}

/**
 * Returns a function for the documents of all manifests in `directory`, which are read again when the process gets
 * SIGHUP. If they then cannot be used, the log says why, and those from before stay.
 *
 * Throws a {@link ConfigError} if they cannot be used now.
 */
export async function followManifests(directory: string, log: ManifestsLog): Promise<() => Manifests> {
  let current = await loadManifests(directory);
  const reload = async () => {
    try {
      current = await loadManifests(directory);
      log.info({ documents: current.trusted.size }, "the manifests of documents were read again");
    } catch (error) {
      // A problem that the operator can mend, or a fault: both are in the log, and neither ends the process.
      log.error({ err: error }, "the manifests of documents cannot be used; those from before stay");
    }
  };
  // One after the other: the last signal is about the files as they are last.
  let reloading = Promise.resolve();
  process.on("SIGHUP", () => void (reloading = reloading.then(reload)));
  return () => current;
}

interface ManifestsLog {
  info(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

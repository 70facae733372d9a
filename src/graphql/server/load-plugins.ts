import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { ConfigError } from "../../config.ts";
import { asError } from "../../errors.ts";
import type { GraphqlPlugin } from "./plugins.ts";

/**
 * Returns the plugins that the module at `path` exports as `plugins`. Throws a {@link ConfigError} if it cannot be
 * used.
 */
export async function loadPlugins(path: string): Promise<readonly GraphqlPlugin[]> {
  const file = resolve(path);
  if (!existsSync(file)) throw new ConfigError([`GRAPHQL_PLUGINS names a file that is not there: ${file}`]);
  const loaded = await importModule(file).catch(asError);
  if (loaded instanceof Error) {
    const problem = `GRAPHQL_PLUGINS names ${file}, which cannot be loaded (${loaded.message}); \`node ${file}\` shows where`;
    throw new ConfigError([problem]);
  }
  const { plugins } = loaded;
  if (!Array.isArray(plugins)) {
    throw new ConfigError([`GRAPHQL_PLUGINS names ${file}, which must export an array called plugins`]);
  }
  const other = plugins.findIndex((plugin) => typeof plugin !== "object" || plugin === null);
  if (other === -1) return plugins as readonly GraphqlPlugin[]; // plugins have no type at runtime
  throw new ConfigError([`GRAPHQL_PLUGINS names ${file}, whose plugins[${other}] must be an object with hooks`]);
}

async function importModule(file: string): Promise<{ readonly plugins?: unknown }> {
  return (await import(pathToFileURL(file).href)) as { readonly plugins?: unknown }; // whatever it exports
}

import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { ConfigError } from "../../config.ts";
import type { GraphqlPlugin } from "./plugins.ts";

/**
 * Returns the plugins that the module at `path` exports as `plugins`.
 *
 * Throws a {@link ConfigError} if there is no such file or it exports none, and whatever the module throws.
 */
export async function loadPlugins(path: string): Promise<readonly GraphqlPlugin[]> {
  const file = resolve(path);
  if (!existsSync(file)) throw new ConfigError([`GRAPHQL_PLUGINS names a file that is not there: ${file}`]);
  const { plugins } = (await import(pathToFileURL(file).href)) as { readonly plugins?: unknown }; // whatever it exports
  if (isPlugins(plugins)) return plugins;
  throw new ConfigError([`GRAPHQL_PLUGINS names ${file}, which must export an array called plugins`]);
}

function isPlugins(plugins: unknown): plugins is readonly GraphqlPlugin[] {
  return Array.isArray(plugins) && plugins.every((plugin) => typeof plugin === "object" && plugin !== null);
}

import { attempt, InvalidInput } from "../errors.ts";
import { BadRequest, invalidParameter } from "../rest/v1/kit/errors.ts";
import type { Query } from "../rest/v1/kit/query.ts";
import { readSearchQuery, type SearchQuery } from "../search/input.ts";

/** The records that can be searched for, as the parameter `types` names them. */
const searchedTypes: ReadonlySet<string> = new Set(["note", "notes"]);

/** The parameters of a search besides those of every collection. */
export const searchParameters = ["q", "types"] as const;

/** Returns what the parameters search for. Throws {@link BadRequest} if one of them is not valid. */
export function readSearch(query: Query): SearchQuery {
  const types = query.last("types") ?? "note";
  if (!types.split(",").every((type) => searchedTypes.has(type.trim()))) throw invalidParameter("types", types);
  const read = attempt(() => readSearchQuery(query.last("q") ?? ""), InvalidInput);
  if (read instanceof InvalidInput) throw new BadRequest(`Parameter 'q' is not valid. ${read.message}`);
  return read;
}

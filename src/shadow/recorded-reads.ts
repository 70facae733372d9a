import { jsonOrUndefined } from "../lib/json-shape.ts";

/** A read that a client has sent to the legacy API. */
export interface RecordedRead {
  /** The line of the file. */
  readonly line: number;
  /** The path with its query, from /v1 or /v2 on. */
  readonly path: string;
}

const requestLine = /\bGET (?:https?:\/\/[^/\s]+)?(\/v[12](?:[/?][^\s"]*)?)/;

/**
 * Returns the reads in the text of a log: lines `GET /v1/notes`, an access log in the common or combined format, such
 * as nginx writes it, or JSON lines with a method and a URL, such as this gateway's own log. Other lines are left out.
 */
export function readsIn(text: string): RecordedRead[] {
  return text.split("\n").flatMap((content, index) => {
    const path = content.startsWith("{") ? pathInJson(content) : requestLine.exec(content)?.[1];
    return path === undefined ? [] : [{ line: index + 1, path }];
  });
}

function pathInJson(line: string): string | undefined {
  const entry = parsedObject(line);
  const request = entry && "req" in entry ? entry["req"] : entry;
  if (typeof request !== "object" || request === null) return undefined;
  const method = "method" in request ? request.method : undefined;
  // This gateway's own log has the path without its query.
  const url = "url" in request ? request.url : "path" in request ? request.path : undefined;
  return typeof method === "string" && typeof url === "string" ? requestLine.exec(`${method} ${url}`)?.[1] : undefined;
}

/** Returns the object of a line, or undefined if the line is cut off, or another program's. */
function parsedObject(line: string): Readonly<Record<string, unknown>> | undefined {
  const value = jsonOrUndefined(line);
  // Of its members nothing is said.
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
}

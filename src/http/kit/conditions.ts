/** Returns whether an If-None-Match header (RFC 9110, 13.1.2) names `tag`, by the weak comparison. */
export function isKnownTag(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  const opaque = (one: string) => one.trim().replace(/^W\//, "");
  return header.trim() === "*" || header.split(",").some((one) => opaque(one) === opaque(tag));
}

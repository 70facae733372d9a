import { hash } from "node:crypto";

/** How many characters of the hash of a body are in its entity tag: 96 bits. */
const hashLength = 16;

/**
 * Returns the strong entity tag (RFC 9110, 8.8.3) of `body`, which shows an object in that version. It differs if
 * anything in the body does, such as the name of another object.
 */
export function entityTag(version: number, body: string): string {
  return `"${version}-${hash("sha256", body, "base64url").slice(0, hashLength)}"`;
}

/**
 * Returns the versions of which an object must be in one, according to an If-Match header (RFC 9110, 13.1.1), or
 * undefined if any version will do. Only strong tags match, so a header without one returns no version.
 */
export function versionsIn(ifMatch: string | undefined): readonly number[] | undefined {
  if (ifMatch === undefined || ifMatch.trim() === "*") return undefined;
  return tagsIn(ifMatch).flatMap(({ isWeak, opaque }) => {
    const version = /^([1-9]\d{0,8})-/.exec(opaque)?.[1];
    return isWeak || version === undefined ? [] : [Number(version)];
  });
}

/** Returns whether an If-None-Match header (RFC 9110, 13.1.2) names `tag`, which is strong. Weak tags match too. */
export function isNamed(tag: string, ifNoneMatch: string | undefined): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.trim() === "*" || tagsIn(ifNoneMatch).some(({ opaque }) => `"${opaque}"` === tag);
}

function tagsIn(header: string): { readonly isWeak: boolean; readonly opaque: string }[] {
  return [...header.matchAll(/(W\/)?"([^"]*)"/g)].map(([, weak, opaque = ""]) => ({ isWeak: weak !== undefined, opaque }));
}
